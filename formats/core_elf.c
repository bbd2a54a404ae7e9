/* SPDX-License-Identifier: MIT */
#include "formats/core_elf.h"

#include <elf.h>
#include <stdio.h>

#include "base/bytes.h"
#include "formats/image.h"

enum {
	EHDR_SIZE = sizeof(Elf64_Ehdr),
	PHDR_SIZE = sizeof(Elf64_Phdr),
	SHDR_SIZE = sizeof(Elf64_Shdr),
	READ_STEP = 1 << 20,
	SECTIONS_MAX = 4096,	/* ours has 8, others none */
	NAMES_MAX = 1 << 20,
};

/* The fields of an ELF header that matter here. */
struct header {
	uint64_t phoff, shoff;
	uint32_t phnum, shnum, shstrndx;
};

/* Grows with what is there, so that a size that lies costs nothing. */
uint8_t *core_read_bytes(struct source *source, uint64_t offset, uint64_t *n)
{
	VEC(uint8_t) bytes = {0};
	uint64_t want = *n;

	if (!vec_reserve(&bytes, 1))
		return NULL;
	while (bytes.len < want) {
		size_t step = want - bytes.len < READ_STEP ?
			      (size_t)(want - bytes.len) : READ_STEP;
		size_t got;

		if (offset > UINT64_MAX - bytes.len)
			break;
		if (!vec_reserve(&bytes, bytes.len + step)) {
			vec_free(&bytes);
			return NULL;
		}
		got = source_read(source, offset + bytes.len,
				  bytes.at + bytes.len, step);
		bytes.len += got;
		if (got < step)
			break;
	}
	*n = bytes.len;
	return bytes.at;
}

static bool is_text(const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] < ' ' && (at[i] < '\t' || at[i] > '\r'))
			return false;
	}
	return true;
}

/* Say what a file without ELF magic looks like. */
static bool refuse_other(const uint8_t *at, size_t n, const char *path,
			 struct err *err)
{
	static const uint8_t lz4[] = { 0x04, 0x22, 0x4d, 0x18 };
	const char *what = "data of an unknown kind";

	if (n >= sizeof(lz4) && memcmp(at, lz4, sizeof(lz4)) == 0)
		return err_set(err, ERR_UNSUPPORTED, "%s: compressed by lz4, "
			       "which is not read: unpack it first (lz4 -d, "
			       "coredumpctl dump)", path);
	if (n == 0)
		what = "an empty file";
	else if (is_text(at, n))
		what = "text";
	return err_set(err, ERR_FORMAT,
		       "%s: not a core file or snapshot, but %s", path, what);
}

static const char *machine_name(uint16_t machine, char *buf, size_t size)
{
	static const struct { uint16_t id; const char *name; } names[] = {
		{ EM_386, "i386" }, { EM_X86_64, "x86-64" },
		{ EM_AARCH64, "aarch64" }, { EM_ARM, "arm" },
		{ EM_RISCV, "riscv" }, { EM_PPC64, "ppc64" },
		{ EM_PPC, "ppc" }, { EM_S390, "s390" }, { EM_MIPS, "mips" },
		{ EM_SPARCV9, "sparc64" }, { EM_LOONGARCH, "loongarch" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].id == machine)
			return names[i].name;
	}
	snprintf(buf, size, "machine %u", machine);
	return buf;
}

/* Refuse what is ELF, but no core that we read. */
static bool check_kind(const uint8_t *ident, uint16_t type, uint16_t machine,
		       const char *path, struct err *err)
{
	static const char *const types[] = {
		[ET_NONE] = "file of no type", [ET_REL] = "object file",
		[ET_EXEC] = "executable",
		[ET_DYN] = "executable or shared library",
	};
	int bits = ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	bool big = ident[EI_DATA] == ELFDATA2MSB;
	char buf[32];

	if (big) {
		type = (uint16_t)(type >> 8 | type << 8);
		machine = (uint16_t)(machine >> 8 | machine << 8);
	}
	if (type != ET_CORE)
		return err_set(err, ERR_FORMAT,
			       "%s: expected a core file, found %s", path,
			       type < sizeof(types) / sizeof(types[0]) ?
			       types[type] : "an ELF file of unknown type");
	if (bits == 64 && !big && machine == EM_X86_64)
		return true;
	return err_set(err, ERR_UNSUPPORTED,
		       "%s: %d-bit %sendian core of %s; only 64-bit "
		       "little-endian x86-64 cores are read", path, bits,
		       big ? "big-" : "little-",
		       machine_name(machine, buf, sizeof(buf)));
}

static bool read_header(struct source *source, const char *path,
			struct header *ret, struct err *err)
{
	uint8_t bytes[EHDR_SIZE] = {0};
	size_t n = source_read(source, 0, bytes, sizeof(bytes));
	struct bytes b = bytes_of(bytes, n);
	uint16_t type, machine;

	if (n < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0) {
		if (n == 0 && source_size(source) > 0)
			return err_set(err, ERR_FORMAT,
				       "%s: the first bytes are damaged", path);
		return refuse_other(bytes, n, path, err);
	}
	if (n < sizeof(bytes))
		return err_at(err, ERR_FORMAT, n,
			      "%s: cut off inside the ELF header", path);
	(void)bytes_take(&b, EI_NIDENT);
	type = bytes_u16(&b);
	machine = bytes_u16(&b);
	if (!check_kind(bytes, type, machine, path, err))
		return false;
	(void)bytes_take(&b, 4 + 8);	/* version, entry */
	ret->phoff = bytes_u64(&b);
	ret->shoff = bytes_u64(&b);
	(void)bytes_take(&b, 4 + 2 + 2);	/* flags, sizes of header, phdr */
	ret->phnum = bytes_u16(&b);
	(void)bytes_take(&b, 2);
	ret->shnum = bytes_u16(&b);
	ret->shstrndx = bytes_u16(&b);
	return true;
}

/* Headers that the file has no room for, @size bytes each. */
static uint64_t fit(struct source *source, uint64_t offset, uint64_t n,
		    size_t size)
{
	uint64_t total = source_size(source);
	uint64_t room = offset < total ? (total - offset) / size : 0;

	return n < room ? n : room;
}

/* A count too large for 16 bits stands in section header 0. */
static void read_extended(struct source *source, struct header *h)
{
	uint8_t bytes[SHDR_SIZE];
	struct bytes b = bytes_of(bytes, sizeof(bytes));
	uint64_t size;
	uint32_t link, info;

	if (h->shoff == 0 || source_read(source, h->shoff, bytes,
					 sizeof(bytes)) != sizeof(bytes))
		return;
	(void)bytes_take(&b, offsetof(Elf64_Shdr, sh_size));
	size = bytes_u64(&b);
	link = bytes_u32(&b);
	info = bytes_u32(&b);
	if (h->phnum == PN_XNUM && info > 0)
		h->phnum = info;
	if (h->shnum == 0 && size < UINT32_MAX)
		h->shnum = (uint32_t)size;
	if (h->shstrndx == SHN_XINDEX)
		h->shstrndx = link;
}

/*
 * The file was cut before the section header with the number of segments.
 * Segments end where the first one's bytes begin.
 */
static void guess_segments(struct source *source, struct header *h)
{
	uint8_t bytes[PHDR_SIZE];
	struct bytes b = bytes_of(bytes, sizeof(bytes));
	uint64_t first;

	if (source_read(source, h->phoff, bytes, sizeof(bytes)) !=
	    sizeof(bytes))
		return;
	(void)bytes_take(&b, offsetof(Elf64_Phdr, p_offset));
	first = bytes_u64(&b);
	if (first > h->phoff && (first - h->phoff) / PHDR_SIZE < UINT32_MAX &&
	    (first - h->phoff) / PHDR_SIZE > h->phnum)
		h->phnum = (uint32_t)((first - h->phoff) / PHDR_SIZE);
}

static bool clip(uint64_t addr, uint64_t *size)
{
	uint64_t room = image_room(addr);
	bool fits = *size <= room;

	if (!fits)
		*size = room;
	return fits;
}

static bool clip_segment(struct core_segment *s)
{
	bool in_file = clip(s->addr, &s->file_size);
	bool in_memory = clip(s->addr, &s->mem_size);

	return in_file && in_memory;
}

static bool read_segments(struct source *source, const struct header *h,
			  struct diag *diag, struct core_elf *elf,
			  struct err *err)
{
	uint64_t n = fit(source, h->phoff, h->phnum, PHDR_SIZE);
	uint64_t size = n * PHDR_SIZE;
	uint8_t *bytes = core_read_bytes(source, h->phoff, &size);
	struct bytes b = bytes_of(bytes, bytes ? (size_t)size : 0);
	bool ok = bytes && vec_reserve(&elf->segments, (size_t)n);

	n = size / PHDR_SIZE;
	if (ok && n < h->phnum)
		diag_add_at(diag, h->phoff + size, h->phnum - n,
			    "program headers are missing from the core");
	for (uint64_t i = 0; ok && i < n; i++) {
		struct core_segment s = {0};

		s.type = bytes_u32(&b);
		s.flags = bytes_u32(&b);
		s.offset = bytes_u64(&b);
		s.addr = bytes_u64(&b);
		(void)bytes_take(&b, 8);	/* physical address */
		s.file_size = bytes_u64(&b);
		s.mem_size = bytes_u64(&b);
		(void)bytes_take(&b, 8);	/* alignment */
		if (s.type == PT_LOAD && !clip_segment(&s))
			diag_add_at(diag, s.addr, 1, "segments are larger "
				    "than the address space of a process");
		ok = vec_push(&elf->segments, s);
	}
	free(bytes);
	return ok || err_nomem(err, "the program headers");
}

/* Copy the name at @offset of the string table, cut to fit. */
static void copy_name(char *to, size_t room, const uint8_t *names,
		      uint64_t size, uint32_t offset)
{
	size_t i = 0;

	for (; i + 1 < room && offset + i < size && names[offset + i]; i++)
		to[i] = (char)names[offset + i];
	to[i] = '\0';
}

/* Sections are optional: what cannot be read is left out. */
static bool read_sections(struct source *source, const struct header *h,
			  struct diag *diag, struct core_elf *elf,
			  struct err *err)
{
	uint64_t n = fit(source, h->shoff, h->shnum, SHDR_SIZE);
	uint64_t size, names_size = 0;
	uint8_t *bytes, *names = NULL;
	VEC(uint32_t) name_at = {0};
	struct bytes b;
	bool ok;

	if (h->shoff == 0 || h->shnum == 0)
		return true;
	if (n > SECTIONS_MAX)
		n = SECTIONS_MAX;
	size = n * SHDR_SIZE;
	bytes = core_read_bytes(source, h->shoff, &size);
	b = bytes_of(bytes, bytes ? (size_t)size : 0);
	ok = bytes != NULL;
	n = size / SHDR_SIZE;
	if (n < h->shnum)
		diag_add_at(diag, h->shoff, h->shnum - n,
			    "section headers are missing from the core");
	for (uint64_t i = 0; ok && i < n; i++) {
		struct core_section s = {0};

		ok = vec_push(&name_at, bytes_u32(&b));
		(void)bytes_take(&b, 4 + 8 + 8);	/* type, flags, addr */
		s.offset = bytes_u64(&b);
		s.size = bytes_u64(&b);
		(void)bytes_take(&b, 4 + 4 + 8 + 8);
		ok = ok && vec_push(&elf->sections, s);
	}
	if (ok && h->shstrndx < n) {
		names_size = elf->sections.at[h->shstrndx].size;
		if (names_size > NAMES_MAX)
			names_size = NAMES_MAX;
		names = core_read_bytes(source,
					elf->sections.at[h->shstrndx].offset,
					&names_size);
	}
	for (size_t i = 0; ok && names && i < elf->sections.len; i++)
		copy_name(elf->sections.at[i].name,
			  sizeof(elf->sections.at[i].name), names, names_size,
			  name_at.at[i]);
	vec_free(&name_at);
	free(names);
	free(bytes);
	return ok || err_nomem(err, "the section headers");
}

bool core_elf_read(struct source *source, const char *path, struct diag *diag,
		   struct core_elf *ret, struct err *err)
{
	struct header h = {0};
	struct core_elf elf = {0};

	*ret = elf;
	if (!read_header(source, path, &h, err))
		return false;
	if (h.phnum == PN_XNUM || h.shnum == 0 || h.shstrndx == SHN_XINDEX)
		read_extended(source, &h);
	if (h.phnum == PN_XNUM)
		guess_segments(source, &h);
	if (!read_segments(source, &h, diag, &elf, err) ||
	    !read_sections(source, &h, diag, &elf, err)) {
		core_elf_free(&elf);
		return false;
	}
	*ret = elf;
	return true;
}

void core_elf_free(struct core_elf *elf)
{
	vec_free(&elf->segments);
	vec_free(&elf->sections);
}
