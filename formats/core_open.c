/* SPDX-License-Identifier: MIT */
#include "formats/core_mappings.h"
#include "formats/core_memory.h"
#include "formats/core_notes.h"
#include "formats/snapshot.h"
#include "formats/snapshot_read.h"

static void meta_init(struct image_meta *meta)
{
	*meta = (struct image_meta){
		.kind = IMAGE_CORE, .exe = "", .command = "",
		.captured_at = "", .kernel = "", .options = "", .status = "",
		.limits = "", .cgroup = "", .page_size = PAGE_SIZE_X86,
	};
}

/* Everything but the memory itself, from the open @source. */
static bool read_image(struct source *source, const char *path,
		       struct image *image, struct err *err)
{
	struct core_elf elf = {0};
	struct core_notes notes = {0};
	bool ok, snapshot = false;

	ok = core_elf_read(source, path, &image->diag, &elf, err) &&
	     core_notes_read(source, &elf, image, &notes, err);
	if (ok)
		snapshot = snapshot_is(&elf, &notes);
	ok = ok && core_ranges_build(&elf, source, snapshot, image, err);
	if (ok && snapshot) {
		image->meta.kind = IMAGE_SNAPSHOT;
		snapshot_read(source, &elf, &notes, image);
	}
	/* A snapshot that lost its mappings is as good as any core. */
	if (ok && image->mappings.len == 0)
		ok = core_mappings_build(&elf, &notes, image, err);
	ok = ok && core_ranges_fill(image, err);
	core_notes_free(&notes);
	core_elf_free(&elf);
	return ok;
}

bool image_open(const char *path, struct image *ret, struct err *err)
{
	struct source *source = NULL;
	bool ok;

	*ret = (struct image){0};
	meta_init(&ret->meta);
	ok = types_init(&ret->types, err) &&
	     source_open(path, &ret->diag, &source, err) &&
	     read_image(source, path, ret, err);
	if (ok)
		ret->identity = source_identity(source);
	if (ok)
		ok = core_memory_open(source, ret, err);
	else
		source_close(source);
	if (!ok)
		image_close(ret);
	return ok;
}
