/* SPDX-License-Identifier: MIT */
/* Which mappings are ELF files, and where their parts lie in the process. */
#include "formats/modules.h"

#include <elf.h>

#include "formats/module_file.h"

enum { MAX_NOTES = 1 << 16 };

struct finder {
	struct image *image;
	const struct module_search *search;
	struct layout layout;
};

static void build_id_in_memory(const struct finder *f, struct module *m)
{
	for (size_t i = 0; i < f->layout.n && !m->build_id_size; i++) {
		const struct elf_segment *s = &f->layout.at[i];
		uint8_t *notes;

		if (s->type != PT_NOTE || s->memsz == 0 ||
		    s->memsz > MAX_NOTES)
			continue;
		notes = malloc((size_t)s->memsz);
		if (notes && image_read(f->image, m->bias + s->vaddr, notes,
					(size_t)s->memsz))
			m->build_id_size = (uint32_t)elf_note_build_id(
				bytes_of(notes, (size_t)s->memsz),
				m->build_id);
		free(notes);
	}
}

static bool add_section(struct finder *f, struct module *m, const char *name,
			uint64_t addr, uint64_t size, struct err *err)
{
	struct section s = { .start = m->bias + addr };

	if (size == 0 || size > m->end - m->start || s.start < m->start ||
	    s.start > m->end - size)
		return true;
	s.end = s.start + size;
	s.name = arena_text(&f->image->arena, name, strlen(name));
	if (!s.name || !vec_push(&f->image->sections, s))
		return err_nomem(err, "sections");
	m->n_sections++;
	return true;
}

static bool sections_of_file(struct finder *f, struct module *m,
			     const struct elf_file *file, struct err *err)
{
	for (size_t i = 1; i < elf_file_n_sections(file); i++) {
		const struct elf_section *s = elf_file_section(file, i);

		if ((s->flags & (SHF_ALLOC | SHF_WRITE | SHF_TLS)) ==
		    (SHF_ALLOC | SHF_WRITE) &&
		    !add_section(f, m, s->name, s->addr, s->size, err))
			return false;
	}
	return true;
}

/* Without the file, its segments say as much as is needed. */
static bool sections_of_layout(struct finder *f, struct module *m,
			       struct err *err)
{
	for (size_t i = 0; i < f->layout.n; i++) {
		const struct elf_segment *s = &f->layout.at[i];
		uint64_t filesz = s->filesz < s->memsz ? s->filesz : s->memsz;

		if (!layout_is_load(s) || !(s->flags & PF_W))
			continue;
		if (!add_section(f, m, ".data", s->vaddr, filesz, err) ||
		    !add_section(f, m, ".bss", s->vaddr + filesz,
				 s->memsz - filesz, err))
			return false;
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct section *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Sorted and without overlap, whatever a file may say. */
static void tidy_sections(struct image *image, struct module *m)
{
	struct section *at = image->sections.at + m->first_section;
	size_t kept = 0;

	if (m->n_sections > 1)
		qsort(at, m->n_sections, sizeof(*at), by_start);
	for (size_t i = 0; i < m->n_sections; i++) {
		if (kept == 0 || at[i].start >= at[kept - 1].end)
			at[kept++] = at[i];
	}
	image->sections.len -= m->n_sections - kept;
	m->n_sections = kept;
}

static void find_tls(const struct layout *l, struct module *m)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].type == PT_TLS) {
			m->tls_size = l->at[i].memsz;
			m->tls_align = l->at[i].align;
		}
	}
}

static bool fill_sections(struct finder *f, struct module *m,
			  struct elf_file *file, struct err *err)
{
	bool ok = true;

	m->first_section = f->image->sections.len;
	if (file)
		ok = sections_of_file(f, m, file, err);
	if (ok && m->n_sections == 0)
		ok = sections_of_layout(f, m, err);
	tidy_sections(f->image, m);
	return ok;
}

/*
 * Does mapping @i begin a module? Then f->layout is its layout, taken from
 * memory or, in a core without it, from the file, which then is in *@file.
 */
static bool begins_module(struct finder *f, size_t i, struct module *m,
			  struct elf_file **file)
{
	const struct mapping *map = &f->image->mappings.at[i];

	*file = NULL;
	*m = (struct module){
		.path = map->path, .start = map->start, .end = map->end,
		.hint = "", .debug_path = "",
	};
	if (map->path[0] != '/' || map->offset != 0)
		return false;
	if (layout_in_memory(f->image, map->start, &f->layout))
		return layout_bias(&f->layout, map, &m->bias);
	if (image_range(f->image, map->start) &&
	    image_range(f->image, map->start)->presence == PRESENCE_CAPTURED)
		return false;	/* captured, and no ELF header: a data file */
	*file = module_file(f->image, f->search, m, &f->image->diag);
	if (*file && layout_in_file(*file, &f->layout) &&
	    layout_bias(&f->layout, map, &m->bias))
		return true;
	elf_file_close(*file);
	*file = NULL;
	return false;
}

/* Where a module's mappings stop: the next one's may be of the same file. */
/*
 * gcore says nothing of memory that it leaves out, and that is the code: the
 * program header of the mapped piece tells what it is.
 */
static void learn_perms(const struct finder *f, struct mapping *map)
{
	const struct range *range = image_range(f->image, map->start);

	if (f->image->meta.kind != IMAGE_CORE ||
	    (range && range->presence != PRESENCE_ABSENT))
		return;
	for (size_t i = 0; i < f->layout.n; i++) {
		const struct elf_segment *s = &f->layout.at[i];

		if (!layout_is_load(s) || s->offset / PAGE_SIZE_X86 !=
					  map->offset / PAGE_SIZE_X86)
			continue;
		map->perms = (s->flags & PF_R ? PERM_READ : 0) |
			     (s->flags & PF_W ? PERM_WRITE : 0) |
			     (s->flags & PF_X ? PERM_EXEC : 0);
		return;
	}
}

static size_t module_mappings(const struct finder *f, size_t first,
			      const struct module *m, bool *executable)
{
	struct image *image = f->image;
	uint64_t end = m->bias + layout_end(&f->layout);
	size_t i = first;

	*executable = false;
	for (; i < image->mappings.len; i++) {
		struct mapping *map = &image->mappings.at[i];

		if (i > first && (map->start >= end || (map->path[0] == '/' &&
				  strcmp(map->path, m->path) != 0)))
			break;
		if (map->path[0] == '/')
			learn_perms(f, map);
		*executable |= (map->perms & PERM_EXEC) != 0;
	}
	return i;
}

static bool add_module(struct finder *f, size_t *i, struct module *m,
		       struct elf_file *file, struct err *err)
{
	struct image *image = f->image;
	uint64_t end = m->bias + layout_end(&f->layout);
	bool executable;
	size_t next = module_mappings(f, *i, m, &executable);

	/* Somebody may map an ELF file to read it; that is no module. */
	if (!executable) {
		elf_file_close(file);
		return true;
	}
	if (end > m->end)
		m->end = end;
	if (next < image->mappings.len &&
	    image->mappings.at[next].start < m->end)
		m->end = image->mappings.at[next].start;
	*i = next - 1;
	if (f->layout.from_memory)
		build_id_in_memory(f, m);
	if (!file)
		file = module_file(image, f->search, m, &image->diag);
	else
		m->build_id_size = (uint32_t)elf_file_build_id(file,
							       m->build_id);
	find_tls(&f->layout, m);
	if (!fill_sections(f, m, file, err)) {
		elf_file_close(file);
		return false;
	}
	elf_file_close(file);
	return vec_push(&image->modules, *m) || err_nomem(err, "modules");
}

bool modules_find(struct image *image, const struct module_search *search,
		  struct err *err)
{
	struct finder *f = malloc(sizeof(*f));
	bool ok = true;

	if (!f)
		return err_nomem(err, "modules");
	f->image = image;
	f->search = search;
	for (size_t i = 0; ok && i < image->mappings.len; i++) {
		struct elf_file *file;
		struct module m;

		if (!begins_module(f, i, &m, &file))
			continue;
		ok = add_module(f, &i, &m, file, err);
	}
	free(f);
	return ok;
}
