/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From the core of a dead process to a snapshot.
 *
 * Memory is copied as the core has it; modules, symbols and types come from
 * the files the core names, below --sysroot if given. A cut core gives what
 * it has.
 */
#ifndef DUMP_CORE_CONVERT_H
#define DUMP_CORE_CONVERT_H

#include "dump/capture.h"

/** Convert the core (or snapshot) @core; "-" is standard input, which is kept
 * in an unnamed file beside the snapshot meanwhile. */
bool core_convert(const char *core, const struct capture_options *options,
		  struct capture_result *ret, struct err *err) MUST_CHECK;

#endif
