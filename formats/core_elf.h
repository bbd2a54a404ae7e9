/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The skeleton of an ELF core: segments and sections.
 *
 * Only 64-bit little-endian x86-64 cores are read; everything else is refused
 * with a message that says what it is. More than 65,534 segments are counted
 * in the first section header (PN_XNUM; gABI, chapter 4 and 5).
 */
#ifndef FORMATS_CORE_ELF_H
#define FORMATS_CORE_ELF_H

#include "base/diag.h"
#include "base/vec.h"
#include "formats/source.h"

struct core_segment {
	uint32_t type, flags;	/* PT_*, PF_* */
	uint64_t offset, addr, file_size, mem_size;
};

struct core_section {
	char name[32];		/* cut when longer */
	uint64_t offset, size;
};

struct core_elf {
	VEC(struct core_segment) segments;	/* in file order */
	VEC(struct core_section) sections;
};

/**
 * Read the skeleton of @source, the file called @path. Headers behind the end
 * of a cut file are counted in @diag.
 *
 * @param ret	Owned by the caller; release with core_elf_free().
 */
bool core_elf_read(struct source *source, const char *path, struct diag *diag,
		   struct core_elf *ret, struct err *err) MUST_CHECK;

void core_elf_free(struct core_elf *elf);

/**
 * Copy @n bytes at @offset into memory of their own; when fewer are there,
 * *@n says how many. NULL on no memory. Release with free().
 */
uint8_t *core_read_bytes(struct source *source, uint64_t offset, uint64_t *n);

#endif
