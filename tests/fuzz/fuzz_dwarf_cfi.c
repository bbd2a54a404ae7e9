/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as .eh_frame or .debug_frame: what the index says lies inside of
 * them, and entries can be read again. Rows are libdwarf's, which is not under
 * test here and runs in workers.
 */
#include <stdint.h>
#include <stdlib.h>

#include "formats/dwarf_cfi_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct cfi *cfi)
{
	for (size_t i = 0; i < cfi->entries.len; i++) {
		const struct cfi_entry *e = &cfi->entries.at[i];
		struct cfi_fde fde = { .cie = { .end = 0 } };

		if (e->start >= e->end ||
		    (i > 0 && e->start < cfi->entries.at[i - 1].start))
			abort();
		if (!cfi_read_fde(cfi, e->at, &fde) || fde.pc != e->start ||
		    fde.start >= fde.end || fde.end > cfi->section.size ||
		    fde.id_at < fde.start || fde.id_at + 4 > fde.end ||
		    fde.cie.start >= fde.cie.end ||
		    fde.cie.end > cfi->section.size)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct cfi cfi;

	if (size == 0)
		return 0;
	if (!cfi_build(bytes_of(data + 1, size - 1), 0x1000, data[0] & 1,
		       &cfi, &err))
		return 0;
	check(&cfi);
	cfi_free(&cfi);
	return 0;
}
