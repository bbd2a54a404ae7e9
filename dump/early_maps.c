/* SPDX-License-Identifier: MIT */
#include "dump/early_maps.h"

#include <string.h>

#include "dump/kernel_version.h"
#include "dump/proc_file.h"
#include "dump/proc_maps.h"

enum { SCAN_MAJOR = 6, SCAN_MINOR = 7 };

void early_maps_read(struct early_maps *ret, uint32_t pid)
{
	struct err ignored = {0};

	*ret = (struct early_maps){0};
	if (!kernel_at_least(SCAN_MAJOR, SCAN_MINOR) ||
	    !proc_maps_read(pid, &ret->image, &ignored))
		return;
	ret->usable = ret->image.mappings.len > 0 &&
		      ret->image.mappings.at[0].has_smaps;
}

void early_maps_free(struct early_maps *early)
{
	vec_free(&early->image.mappings);
	diag_free(&early->image.diag);
	arena_free(&early->image.arena);
	*early = (struct early_maps){0};
}

/** True when @now may be @then, grown or cut. */
static bool is_same(const struct mapping *now, const struct mapping *then)
{
	return now->start < then->end && then->start < now->end &&
	       now->perms == then->perms && now->inode == then->inode &&
	       now->dev_major == then->dev_major &&
	       now->dev_minor == then->dev_minor &&
	       (now->inode == 0 ||
		now->offset - now->start == then->offset - then->start) &&
	       strcmp(now->path, then->path) == 0;
}

/** Give @now what was known of @then. */
static bool take_figures(struct image *image, struct mapping *now,
			 const struct mapping *then)
{
	struct mapping m = *then;

	m.start = now->start;
	m.end = now->end;
	m.offset = now->offset;
	m.path = now->path;
	m.vm_flags = arena_text(&image->arena, then->vm_flags,
				strlen(then->vm_flags));
	if (!m.vm_flags)
		return false;
	*now = m;
	return true;
}

/** False when one was not there before, or is no longer in one piece, or
 * when memory is exhausted. */
static bool join(struct image *image, const struct image *early)
{
	size_t k = 0;

	for (size_t i = 0; i < image->mappings.len; i++) {
		struct mapping *now = &image->mappings.at[i];

		while (k < early->mappings.len &&
		       early->mappings.at[k].end <= now->start)
			k++;
		if (k == early->mappings.len ||
		    !is_same(now, &early->mappings.at[k]) ||
		    !take_figures(image, now, &early->mappings.at[k]))
			return false;
		k++;
		if (k < early->mappings.len &&
		    early->mappings.at[k].start < now->end)
			return false;
	}
	return image->mappings.len > 0;
}

static bool read_maps(const struct early_maps *early, uint32_t pid,
		      struct image *image)
{
	struct proc_text text;
	struct err ignored = {0};
	bool ok;

	if (!early->usable || !proc_read(pid, "maps", &text, &ignored))
		return false;
	ok = proc_maps_parse(&text, image, &ignored) &&
	     join(image, &early->image);
	proc_text_free(&text);
	return ok;
}

bool early_maps_finish(const struct early_maps *early, uint32_t pid,
		       struct image *image, bool *stale, struct err *err)
{
	*stale = read_maps(early, pid, image);
	if (*stale)
		return true;
	image->mappings.len = 0;
	return proc_maps_read(pid, image, err);
}
