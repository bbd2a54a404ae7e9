/* SPDX-License-Identifier: MIT */
#include "formats/module_layout.h"

#include <elf.h>

enum { PAGE = 4096 };

static bool parse_phdrs(const uint8_t *bytes, size_t n, struct layout *l)
{
	struct bytes b = bytes_of(bytes, n * sizeof(Elf64_Phdr));

	for (l->n = 0; l->n < n; l->n++) {
		struct elf_segment *s = &l->at[l->n];

		s->type = bytes_u32(&b);
		s->flags = bytes_u32(&b);
		s->offset = bytes_u64(&b);
		s->vaddr = bytes_u64(&b);
		(void)bytes_u64(&b);
		s->filesz = bytes_u64(&b);
		s->memsz = bytes_u64(&b);
		s->align = bytes_u64(&b);
	}
	return !b.broken;
}

bool layout_in_memory(const struct image *image, uint64_t addr,
			     struct layout *l)
{
	uint8_t buf[MAX_PHDRS * sizeof(Elf64_Phdr)];
	Elf64_Ehdr h;

	if (!image_read(image, addr, &h, sizeof(h)) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (h.e_type != ET_EXEC && h.e_type != ET_DYN) ||
	    h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 ||
	    h.e_phnum > MAX_PHDRS || h.e_phoff > UINT64_MAX - addr ||
	    !image_read(image, addr + h.e_phoff, buf,
			h.e_phnum * sizeof(Elf64_Phdr)))
		return false;
	l->from_memory = true;
	return parse_phdrs(buf, h.e_phnum, l);
}

bool layout_in_file(const struct elf_file *file, struct layout *l)
{
	uint16_t type = elf_file_type(file);

	l->from_memory = false;
	l->n = 0;
	if (type != ET_EXEC && type != ET_DYN)
		return false;
	for (; l->n < elf_file_n_segments(file) && l->n < MAX_PHDRS; l->n++)
		l->at[l->n] = *elf_file_segment(file, l->n);
	return l->n > 0;
}

bool layout_is_that_of(const struct layout *l, const struct elf_file *file)
{
	if (elf_file_n_segments(file) != l->n)
		return false;
	for (size_t i = 0; i < l->n; i++) {
		const struct elf_segment *a = &l->at[i];
		const struct elf_segment *b = elf_file_segment(file, i);

		if (a->type != b->type || a->vaddr != b->vaddr ||
		    a->offset != b->offset || a->filesz != b->filesz ||
		    a->memsz != b->memsz)
			return false;
	}
	return true;
}

bool layout_is_load(const struct elf_segment *s)
{
	return s->type == PT_LOAD && s->memsz > 0 &&
	       s->vaddr <= UINT64_MAX - s->memsz;
}

bool layout_bias(const struct layout *l, const struct mapping *m,
		      uint64_t *ret)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct elf_segment *s = &l->at[i];

		if (layout_is_load(s) && s->offset / PAGE == m->offset / PAGE) {
			*ret = m->start - (s->vaddr & ~(uint64_t)(PAGE - 1));
			return true;
		}
	}
	return false;
}

uint64_t layout_end(const struct layout *l)
{
	uint64_t end = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct elf_segment *s = &l->at[i];

		if (layout_is_load(s) && s->vaddr + s->memsz > end)
			end = s->vaddr + s->memsz;
	}
	return end > UINT64_MAX - PAGE ? end :
		(end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}
