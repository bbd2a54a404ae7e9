/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The stacks of all threads, kept for unwinding when the process runs again.
 *
 * Of each thread: from the red zone below its stack pointer to the end of the
 * mapping, STACK_MAX at most; on a signal stack of its own also the top of
 * the stack that the signal came upon. And the vdso, which is in no file.
 */
#ifndef DUMP_STACK_MEMORY_H
#define DUMP_STACK_MEMORY_H

#include "formats/image.h"

enum { STACK_MAX = 1 << 20, STACK_BELOW_SIGNAL = 256 << 10,
       STACKS_MAX = 64 << 20 };	/* bytes; of all threads */

struct stack_memory;

/**
 * Copy them. What cannot be read is left out; what goes beyond STACKS_MAX is
 * counted in @diag. NULL when memory is exhausted. Release with
 * stack_memory_free(), or hand over by stack_memory_install().
 */
struct stack_memory *stack_memory_take(const struct image *image,
				       struct diag *diag);
void stack_memory_free(struct stack_memory *stacks);

/** Make them all the memory that @image has; it owns them from then on. */
void stack_memory_install(struct stack_memory *stacks, struct image *image);

#endif
