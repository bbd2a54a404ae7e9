/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Registers and names of stopped threads.
 */
#ifndef DUMP_REGISTERS_H
#define DUMP_REGISTERS_H

#include "dump/stop.h"
#include "formats/image.h"

/**
 * Fill image->threads: the main thread first, then by number. Called by the
 * thread that stopped the process.
 *
 * Of a thread that did not stop only what /proc/PID/syscall tells is known:
 * rip, rsp, the number and the arguments of the system call it waits in.
 */
bool registers_read(const struct stopped *stopped, struct image *image,
		    struct err *err) MUST_CHECK;

#endif
