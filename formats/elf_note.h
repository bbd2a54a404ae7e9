/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Notes of ELF files: a row of (owner, type, bytes).
 *
 * Layout (gABI, chapter 5, "Note Section"): u32 size of the owner's name with
 * its NUL, u32 size of the bytes, u32 type, name, bytes. Linux and gdb pad
 * name and bytes to 4, also in 64-bit files, where the gABI asks for 8.
 */
#ifndef FORMATS_ELF_NOTE_H
#define FORMATS_ELF_NOTE_H

#include "base/bytes.h"

struct elf_note {
	uint32_t type;
	const char *name;	/* [name_size], perhaps without NUL; borrowed */
	uint32_t name_size;
	struct bytes desc;	/* borrowed from the segment */
};

/**
 * Read the note at @segment and step behind it. False at the end, and when
 * what is left is no whole note: then bytes_left(@segment) is not 0.
 */
bool elf_note_next(struct bytes *segment, struct elf_note *ret);

/** True when the note's owner is @name. */
bool elf_note_is(const struct elf_note *note, const char *name);

#endif
