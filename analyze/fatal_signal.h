/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The signal that ended a process, and the address that it is about.
 *
 * SIGSEGV and SIGBUS come with the address whose access failed (si_addr of
 * siginfo_t), unless kill() sent them or the processor does not tell: an
 * address that is not canonical makes a general protection fault without one.
 */
#ifndef ANALYZE_FATAL_SIGNAL_H
#define ANALYZE_FATAL_SIGNAL_H

#include "formats/image.h"

enum { FATAL_SIGNAL_MAX = 4200 };	/* bytes that hold any such text */

/** True for the thread that the signal came to which ended the process. */
bool thread_is_fatal(const struct image *image, uint32_t thread);

/** The address whose access ended the process; false: none is known. */
bool fault_address(const struct image *image, uint64_t *ret);

/**
 * "SIGSEGV at address 0x10 (unmapped)", "SIGBUS at address 0x7f0000001000 (in
 * /var/cache/index, r--)", "SIGABRT". NULL when no signal ended it. In @buf.
 */
const char *fatal_signal_text(const struct image *image,
			      char buf[FATAL_SIGNAL_MAX]);

#endif
