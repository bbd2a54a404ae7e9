/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From the registers of a thread to those of its callers.
 *
 * Rules come from .eh_frame and .debug_frame of the module that holds the pc
 * (DWARF 5, 6.4; System V ABI for x86-64, 3.7), signal frames included; where
 * a module has none, from the frame pointer and from what calls look like.
 * Rows are read through libdwarf: run this where a crash does no harm
 * (worker_retry.h).
 */
#ifndef FORMATS_UNWIND_H
#define FORMATS_UNWIND_H

#include "formats/image.h"
#include "formats/module_files.h"

/* Registers of DWARF for x86-64: 0..15 general, 16 the return address. */
enum { UNWIND_REGS = 17, UNWIND_RBP = 6, UNWIND_RSP = 7, UNWIND_RA = 16 };

/* A stack of 8 MiB holds no more frames than half of this. */
enum { UNWIND_MAX_FRAMES = 1 << 20 };

struct unwind_regs {
	uint64_t at[UNWIND_REGS];
	/* Where in memory at[n] was saved; 0: it was not, or is computed. */
	uint64_t saved[UNWIND_REGS];
	uint32_t known;		/* bit n: at[n] is what the frame had there */
};

/* One physical frame. */
struct unwind_frame {
	struct unwind_regs regs;	/* at its pc; pc is at[UNWIND_RA] */
	/* The address to look up: pc, or the last byte of the call before it,
	 * which may be the last instruction of its function. */
	uint64_t place;
	uint64_t cfa;			/* 0 when unknown */
	uint32_t module;		/* index, or UINT32_MAX */
	/* enum frame_flags; GUESSED: how it was reached from its callee. */
	uint32_t flags;
};

/* Why a stack has no further frame. */
enum unwind_end {
	UNWIND_OUTERMOST,	/* the rules say so, or what looks like it */
	UNWIND_LOST,		/* no rules, and nothing like a call */
	UNWIND_ABSENT,		/* the stack is not in the image */
	UNWIND_NO_PROGRESS,	/* the caller would be this frame, or inside */
	UNWIND_TOO_DEEP,	/* UNWIND_MAX_FRAMES */
	UNWIND_STOPPED,		/* the visitor said so */
};

struct unwinder;

/**
 * @param files	Borrowed until unwinder_close(), and its image with it.
 * @param ret	Owned by the caller; belongs to one thread.
 */
bool unwinder_open(struct module_files *files, struct unwinder **ret,
		   struct err *err) MUST_CHECK;

void unwinder_close(struct unwinder *u);

/** Gets each frame, the innermost first, borrowed; false: no more. */
typedef bool unwind_visit(void *ctx, const struct unwind_frame *frame);

/**
 * Walk the stack of @t. Rows are kept: deep recursions and many threads in one
 * function cost about a microsecond a frame.
 */
enum unwind_end unwind_thread(struct unwinder *u, const struct thread *t,
			      unwind_visit *visit, void *ctx);

#endif
