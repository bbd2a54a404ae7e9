/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How much memory this process may use: that of the machine, or what its
 * memory cgroup and the parents that can be seen allow, versions 1 and 2.
 */
#ifndef DUMP_MEMORY_LIMIT_H
#define DUMP_MEMORY_LIMIT_H

#include <stdint.h>

/** Bytes. Takes about a millisecond. */
uint64_t memory_limit(void);

#endif
