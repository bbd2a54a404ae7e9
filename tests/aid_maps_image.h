/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The least image of a process: its mappings and its memory, read when asked
 * for. Costs nothing for a process with terabytes of address space, such as
 * one under a sanitizer. Released with image_close().
 */
#ifndef TESTS_AID_MAPS_IMAGE_H
#define TESTS_AID_MAPS_IMAGE_H

#include <sys/types.h>

#include "formats/image.h"

bool maps_image_open(pid_t pid, struct image *ret);

#endif
