/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An ELF file on disk: sections, segments, symbols, build-id.
 *
 * ELF64 little-endian only (System V ABI, "ELF-64 Object File Format"). The
 * file is untrusted: libelf checks the headers, and every index, offset and
 * string that leaves this module was checked here. Section contents are read
 * (not mapped: a file that is cut while we look must not kill us) when they
 * are first asked for, decompressed, and kept until the file is closed.
 */
#ifndef FORMATS_ELF_FILE_H
#define FORMATS_ELF_FILE_H

#include "base/bytes.h"

enum { BUILD_ID_MAX = 32 };

struct elf_section {
	const char *name;	/* borrowed; lives as long as the file */
	uint32_t type;		/* SHT_* */
	uint32_t link, info;
	uint64_t flags;		/* SHF_* */
	uint64_t addr, entsize;
	uint64_t size;		/* in the file; plain once it was read */
};

struct elf_segment {
	uint32_t type, flags;	/* PT_*, PF_* */
	uint64_t offset, vaddr, filesz, memsz, align;
};

struct elf_symbol {
	const char *name;	/* borrowed; lives as long as the file */
	uint64_t value, size;
	uint8_t type;		/* STT_* */
	uint8_t bind;		/* STB_* */
	uint32_t section;	/* index into the sections */
};

struct elf_file;

/**
 * Open the ELF file in @fd, which stays the caller's and may be closed after
 * the call: the file keeps a descriptor of its own.
 *
 * @param ret	Owned by the caller; release with elf_file_close().
 */
bool elf_file_open(int fd, struct elf_file **ret, struct err *err) MUST_CHECK;

void elf_file_close(struct elf_file *file);

/** A descriptor of the file, owned by the caller; or -1. */
int elf_file_dup(const struct elf_file *file);

/** Machine (EM_*) and type (ET_*). */
uint16_t elf_file_machine(const struct elf_file *file);
uint16_t elf_file_type(const struct elf_file *file);

/** Size in bytes and time of the last change in ns since 1970; or false. */
bool elf_file_stat(const struct elf_file *file, uint64_t *size,
		   uint64_t *changed);

/** Number of sections, number 0 (which is none) included. */
size_t elf_file_n_sections(const struct elf_file *file);
const struct elf_section *elf_file_section(const struct elf_file *file,
					   size_t i);

/** Index of the first section called @name, or 0. */
size_t elf_file_find(const struct elf_file *file, const char *name);

/**
 * The plain bytes of section @i; empty for one without bytes in the file.
 *
 * @param ret	Borrowed; lives as long as the file.
 */
bool elf_file_data(struct elf_file *file, size_t i, struct bytes *ret,
		   struct err *err) MUST_CHECK;

size_t elf_file_n_segments(const struct elf_file *file);
const struct elf_segment *elf_file_segment(const struct elf_file *file,
					   size_t i);

/** The GNU build-id: its size, 0 when there is none. */
size_t elf_file_build_id(const struct elf_file *file,
			 uint8_t ret[BUILD_ID_MAX]);

/** Find the build-id in the bytes of a note segment; its size or 0. */
size_t elf_note_build_id(struct bytes notes, uint8_t ret[BUILD_ID_MAX]);

/** Name and CRC in .gnu_debuglink; NULL when there is none. */
const char *elf_file_debuglink(struct elf_file *file, uint32_t *crc);

/**
 * Visit the defined symbols of the symbol table, or of the dynamic one when
 * @dynamic; those of files and sections left out. Returns how many there were.
 */
size_t elf_file_symbols(struct elf_file *file, bool dynamic,
			void (*visit)(void *ctx, const struct elf_symbol *s),
			void *ctx);

#endif
