/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One CIE and one FDE of a section: what the two files that read call frame
 * information share. Offsets are into the section.
 */
#ifndef FORMATS_DWARF_CFI_ENTRY_H
#define FORMATS_DWARF_CFI_ENTRY_H

#include "formats/dwarf_cfi.h"

struct cfi_cie {
	size_t start, end;	/* end is 0 when there is none */
	uint64_t return_column;
	uint8_t encoding;	/* DW_EH_PE_* of addresses */
	bool is_signal;
};

struct cfi_fde {
	size_t start, end;
	size_t id_at;		/* of the pointer to its CIE */
	bool is_wide;		/* that pointer has 8 bytes */
	uint64_t cie_at;
	struct cfi_cie cie;	/* read anew when another one is wanted */
	uint64_t pc, pc_end;
};

bool cfi_read_cie(const struct cfi *cfi, uint64_t at, struct cfi_cie *ret);

/** ret->cie is input, too: of the FDE before, or all-zero. */
bool cfi_read_fde(const struct cfi *cfi, uint64_t at, struct cfi_fde *ret);

/** dwarf_cfi_row.c: run the instructions of @fde up to @pc. */
bool cfi_read_row(struct cfi *cfi, const struct cfi_fde *fde, uint64_t pc,
		  struct cfi_row *ret);

#endif
