/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From the registers of a thread to those of its callers.
 *
 * Rules come from .eh_frame and .debug_frame of the module that holds the pc
 * (DWARF 5, 6.4; System V ABI for x86-64, 3.7), signal frames included; where
 * a module has none, from the frame pointer and from what calls look like.
 */
#ifndef FORMATS_UNWIND_H
#define FORMATS_UNWIND_H

#include "formats/image.h"

/* Registers of DWARF for x86-64: 0..15 general, 16 the return address. */
enum { UNWIND_REGS = 17, UNWIND_RSP = 7, UNWIND_RA = 16 };

struct unwind_regs {
	uint64_t at[UNWIND_REGS];
	uint32_t known;		/* bit n: at[n] is what the frame had there */
};

/* One physical frame. */
struct unwind_frame {
	struct unwind_regs regs;	/* at its pc; pc is at[UNWIND_RA] */
	uint64_t cfa;			/* 0 when unknown */
	uint32_t module;		/* index, or UINT32_MAX */
	uint32_t flags;			/* enum frame_flags */
};

#endif
