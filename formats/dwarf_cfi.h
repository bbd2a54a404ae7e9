/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Call frame information: how to find the registers of a caller (DWARF 5,
 * 6.4; Linux Standard Base 5.0, 10.6 for .eh_frame).
 *
 * The entries of a section are indexed by a scan of their headers, which needs
 * no table beside it (.eh_frame_hdr may be absent, .debug_frame has none) and
 * costs about 10 ns an entry. Rows are made by libdwarf, from one CIE and one
 * FDE at a time: to list all entries of a large program through it takes
 * seconds, and one that is damaged would cost them all.
 *
 * Addresses are those of the file. Belongs to one thread.
 */
#ifndef FORMATS_DWARF_CFI_H
#define FORMATS_DWARF_CFI_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/vec.h"

enum { CFI_REGS = 17 };		/* as in unwind.h */

enum cfi_kind {
	CFI_UNSPECIFIED,	/* or explicitly unchanged */
	CFI_UNDEFINED,
	CFI_OFFSET,		/* in memory at CFA + number */
	CFI_VALUE,		/* is CFA + number */
	CFI_REGISTER,		/* is in register @reg; of the CFA: reg + number */
	CFI_EXPRESSION,		/* in memory at the address in @expr */
	CFI_VALUE_EXPRESSION,	/* is @expr; also of the CFA */
};

struct cfi_rule {
	enum cfi_kind kind;
	uint16_t reg;
	int64_t number;
	struct bytes expr;	/* lives as long as the cfi */
};

/* The rules at one pc. */
struct cfi_row {
	struct cfi_rule cfa;
	struct cfi_rule regs[CFI_REGS];
	uint16_t return_column;
	bool is_signal;		/* augmentation "S" */
	uint64_t start, end;	/* of the FDE */
};

struct cfi_entry {
	uint64_t start, end;
	uint64_t at;		/* of the FDE in the section */
};

struct cfi {
	struct bytes section;	/* borrowed */
	uint64_t addr;		/* of the section */
	bool is_eh;
	VEC(struct cfi_entry) entries;	/* sorted by start */
	struct arena arena;
};

/**
 * Index @section. What is damaged in it is left out.
 *
 * @param addr	Where it lies, for encodings relative to it.
 * @param is_eh	.eh_frame, not .debug_frame.
 * @param ret	Release with cfi_free(), which accepts a zeroed struct.
 */
bool cfi_build(struct bytes section, uint64_t addr, bool is_eh,
	       struct cfi *ret, struct err *err) MUST_CHECK;

void cfi_free(struct cfi *cfi);

/** The rules at @pc; false when there are none. */
bool cfi_find(struct cfi *cfi, uint64_t pc, struct cfi_row *ret);

#endif
