/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reading at a place in a file, in spite of signals and short reads.
 */
#ifndef BASE_FILE_READ_H
#define BASE_FILE_READ_H

#include <stddef.h>
#include <stdint.h>

/** Read @n bytes at @offset; returns how many came before end or error. */
size_t file_read_at(int fd, void *to, size_t n, uint64_t offset);

#endif
