/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The program headers of a module: what the loader did with the file.
 *
 * They are taken from the process where its memory is there, and from the
 * file otherwise. Both are untrusted: sums are checked before they are made.
 */
#ifndef FORMATS_MODULE_LAYOUT_H
#define FORMATS_MODULE_LAYOUT_H

#include "formats/elf_file.h"
#include "formats/image.h"

enum { MAX_PHDRS = 256 };

struct layout {
	struct elf_segment at[MAX_PHDRS];
	size_t n;
	bool from_memory;
};

/** The layout of the ELF file whose header lies at @addr of the process. */
bool layout_in_memory(const struct image *image, uint64_t addr,
		      struct layout *ret);

/** The layout of a program or library on disk. */
bool layout_in_file(const struct elf_file *file, struct layout *ret);

/** True when @file has the same segments. */
bool layout_is_that_of(const struct layout *layout,
		       const struct elf_file *file);

/** True for a PT_LOAD with memory. */
bool layout_is_load(const struct elf_segment *segment);

/**
 * Address in the process less address in the file, from the mapping of the
 * file's first page; false when no segment holds that page.
 */
bool layout_bias(const struct layout *layout, const struct mapping *mapping,
		 uint64_t *ret);

/** The page-aligned end of the last segment, as an address of the file. */
uint64_t layout_end(const struct layout *layout);

#endif
