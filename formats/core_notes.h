/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The standard notes of a Linux core: threads, process, mapped files.
 *
 * Layouts of x86-64: struct elf_prstatus and elf_prpsinfo of
 * include/linux/elfcore.h, siginfo_t, the auxiliary vector, and NT_FILE as
 * fill_files_note() of fs/binfmt_elf.c writes it. gdb's gcore writes the same.
 */
#ifndef FORMATS_CORE_NOTES_H
#define FORMATS_CORE_NOTES_H

#include "formats/core_elf.h"
#include "formats/image.h"

/* A line of NT_FILE. */
struct core_file {
	uint64_t start, end;	/* addresses */
	uint64_t offset;	/* bytes, in the file */
	const char *path;	/* in the image's arena */
};

struct core_notes {
	VEC(struct core_file) files;	/* sorted by start */
	uint8_t *holdfast;	/* bytes of our own note, owned; or NULL */
	size_t holdfast_size;
};

/* Type of our note; no type that any system uses, whoever owns it. */
enum { NOTE_HOLDFAST = 0x48460001 };

#define NOTE_HOLDFAST_OWNER "HOLDFAST"

/**
 * Read all notes of @elf: threads, auxv and meta go to @image, the rest to
 * @ret. Damage is counted in image->diag.
 *
 * @param ret	Owned by the caller; release with core_notes_free().
 */
bool core_notes_read(struct source *source, const struct core_elf *elf,
		     struct image *image, struct core_notes *ret,
		     struct err *err) MUST_CHECK;

void core_notes_free(struct core_notes *notes);

#endif
