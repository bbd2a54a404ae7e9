/* SPDX-License-Identifier: MIT */
#include "formats/core_mappings.h"

#include <elf.h>

#include "base/sorted.h"

static uint32_t perms_of(uint32_t flags)
{
	return (flags & PF_R ? PERM_READ : 0u) |
	       (flags & PF_W ? PERM_WRITE : 0u) |
	       (flags & PF_X ? PERM_EXEC : 0u);
}

/* The file mapped at @addr, or NULL. */
static const struct core_file *file_at(const struct core_notes *notes,
				       uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, notes->files.len, notes->files.at[i].start <= addr);
	return i > 0 && addr < notes->files.at[i - 1].end ?
	       &notes->files.at[i - 1] : NULL;
}

static bool push_mapping(struct image *image, uint64_t start, uint64_t end,
			 uint32_t perms, const struct core_file *file)
{
	struct mapping mapping = {
		.start = start, .end = end, .perms = perms,
		.path = file ? file->path : "", .vm_flags = "",
		.offset = file ? file->offset + (start - file->start) : 0,
	};

	return start >= end || end - start > image_room(start) ||
	       vec_push(&image->mappings, mapping);
}

static int by_start(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static void sort_mappings(struct image *image)
{
	size_t kept = 0;
	uint64_t end = 0;

	if (image->mappings.len > 1)
		qsort(image->mappings.at, image->mappings.len,
		      sizeof(*image->mappings.at), by_start);
	for (size_t i = 0; i < image->mappings.len; i++) {
		struct mapping mapping = image->mappings.at[i];

		if (mapping.end <= end)
			continue;
		if (mapping.start < end) {
			mapping.offset += end - mapping.start;
			mapping.start = end;
		}
		end = mapping.end;
		image->mappings.at[kept++] = mapping;
	}
	image->mappings.len = kept;
}

static bool add_segments(const struct core_elf *elf,
			 const struct core_notes *notes, struct image *image)
{
	for (size_t i = 0; i < elf->segments.len; i++) {
		const struct core_segment *s = &elf->segments.at[i];
		uint64_t size = s->mem_size > s->file_size ? s->mem_size :
				s->file_size;

		if (s->type != PT_LOAD || size > UINT64_MAX - s->addr)
			continue;
		if (!push_mapping(image, s->addr, s->addr + size,
				  perms_of(s->flags),
				  file_at(notes, s->addr)))
			return false;
	}
	sort_mappings(image);
	return true;
}

/* Files that no segment covers. */
static bool add_files(const struct core_notes *notes, struct image *image)
{
	size_t n = image->mappings.len, m = 0;

	for (size_t i = 0; i < notes->files.len; i++) {
		const struct core_file *file = &notes->files.at[i];
		uint64_t at = file->start;

		while (m < n && image->mappings.at[m].end <= at)
			m++;
		for (size_t k = m; k < n; k++) {
			uint64_t start = image->mappings.at[k].start;
			uint64_t end = image->mappings.at[k].end;

			if (start >= file->end)
				break;
			if (start > at &&
			    !push_mapping(image, at, start, PERM_READ, file))
				return false;
			at = end;
		}
		if (!push_mapping(image, at, file->end, PERM_READ, file))
			return false;
	}
	sort_mappings(image);
	return true;
}

static bool auxv_find(const struct image *image, uint64_t type, uint64_t *ret)
{
	for (size_t i = 0; i + 1 < image->auxv.len; i += 2) {
		if (image->auxv.at[i] == type) {
			*ret = image->auxv.at[i + 1];
			return true;
		}
	}
	return false;
}

/* What the auxiliary vector tells: the vdso, and the program's own file. */
static void name_by_auxv(struct image *image)
{
	const struct mapping *found;
	uint64_t addr;

	if (auxv_find(image, AT_SYSINFO_EHDR, &addr) &&
	    (found = image_mapping(image, addr)) != NULL &&
	    found->path[0] == '\0')
		image->mappings.at[found - image->mappings.at].path = "[vdso]";
	if (auxv_find(image, AT_PHDR, &addr) &&
	    (found = image_mapping(image, addr)) != NULL &&
	    found->path[0] != '\0')
		image->meta.exe = found->path;
}

bool core_mappings_build(const struct core_elf *elf,
			 const struct core_notes *notes, struct image *image,
			 struct err *err)
{
	if (!add_segments(elf, notes, image) || !add_files(notes, image))
		return err_nomem(err, "the mappings");
	name_by_auxv(image);
	return true;
}
