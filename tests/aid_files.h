/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Files that tests write, read and count. What fails ends the program.
 */
#ifndef TESTS_AID_FILES_H
#define TESTS_AID_FILES_H

#include <stddef.h>
#include <stdint.h>

/** All @ret_n bytes of the file, and room for one more; release with free(). */
uint8_t *slurp(const char *path, size_t *ret_n);

/** Make the file these @n bytes. */
void spill(const char *path, const void *bytes, size_t n);

/** How many entries the folder has. */
unsigned count_files(const char *folder);

#endif
