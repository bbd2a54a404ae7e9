/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Frames where there are no rules: from what code and stacks look like.
 *
 * In this order: a call to nowhere, whose return address is on top of the
 * stack; the first and last instructions of a function; the frame pointer,
 * where the function sets it up or its address is unknown; the first word on
 * the stack that looks like a return address. Whatever is taken for a return
 * address must stand behind a call instruction.
 */
#ifndef FORMATS_UNWIND_GUESS_H
#define FORMATS_UNWIND_GUESS_H

#include "formats/unwind.h"

/** True when the kernel returns from a signal handler to @pc. */
bool unwind_is_restorer(struct module_files *files, uint64_t pc);

/** The registers that the kernel saved for the handler that returned to
 * @frame: struct rt_sigframe lies at its stack pointer. */
bool unwind_signal_context(struct window *w, const struct unwind_frame *frame,
			   struct unwind_frame *ret);

/**
 * The caller of @frame.
 *
 * @param is_exact	@frame was interrupted, it is not in a call.
 */
enum unwind_end unwind_guess(struct module_files *files, struct window *w,
			     const struct unwind_frame *frame, bool is_exact,
			     struct unwind_frame *ret);

#endif
