/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which Linux this is, where trying out would do harm or cost too much.
 */
#ifndef DUMP_KERNEL_VERSION_H
#define DUMP_KERNEL_VERSION_H

#include <stdbool.h>

/** False for an unknown one. */
bool kernel_at_least(unsigned long major, unsigned long minor);

#endif
