/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An image of another process, read from /proc as it stands there.
 *
 * A test's own eyes: mappings from smaps, pages from pagemap, memory through
 * /proc/PID/mem, no modules and no symbols. The process must not run while
 * it is looked at; the image must be closed with live_image_close().
 */
#ifndef TESTS_AID_LIVE_IMAGE_H
#define TESTS_AID_LIVE_IMAGE_H

#include <sys/types.h>

#include "formats/image.h"

bool live_image_open(pid_t pid, struct image *ret);
void live_image_close(struct image *image);

#endif
