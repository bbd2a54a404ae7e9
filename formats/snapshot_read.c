/* SPDX-License-Identifier: MIT */
#include "formats/snapshot_read.h"

#include "formats/snapshot_frames.h"
#include "formats/types_io.h"

struct reader {
	struct source *source;
	const struct core_elf *elf;
	struct image *image;
	/* The parts of our note; empty when there is none. */
	struct bytes note_meta, note_maps, note_modules;
};

typedef bool section_read(struct bytes b, struct image *image,
			  struct err *err);

bool snapshot_is(const struct core_elf *elf, const struct core_notes *notes)
{
	size_t n = strlen(SECTION_PREFIX);

	if (notes->holdfast)
		return true;
	for (size_t i = 0; i < elf->sections.len; i++) {
		if (strncmp(elf->sections.at[i].name, SECTION_PREFIX, n) == 0)
			return true;
	}
	return false;
}

/* u32 version, u32 0, u64 segments, u64 sizes of three parts, the parts. */
static void read_note(struct reader *r, const struct core_notes *notes)
{
	struct bytes b = bytes_of(notes->holdfast, notes->holdfast_size);
	uint64_t segments, meta, maps, modules;

	if (!notes->holdfast)
		return;
	if (bytes_u32(&b) != NOTE_VERSION) {
		diag_add(&r->image->diag,
			 "the note is of a version that is not known");
		return;
	}
	(void)bytes_u32(&b);
	segments = bytes_u64(&b);
	meta = bytes_u64(&b);
	maps = bytes_u64(&b);
	modules = bytes_u64(&b);
	r->note_meta = bytes_sub(&b, meta);
	r->note_maps = bytes_sub(&b, maps);
	r->note_modules = bytes_sub(&b, modules);
	if (b.broken)
		diag_add(&r->image->diag, "the note is cut off");
	else if (segments > r->elf->segments.len)
		diag_add_at(&r->image->diag, DIAG_NO_PLACE,
			    segments - r->elf->segments.len,
			    "segments are missing from the snapshot");
}

/* The bytes of section @name; NULL when it is lost. Release with free(). */
static uint8_t *load_section(struct reader *r, const char *name, size_t *n)
{
	for (size_t i = 0; i < r->elf->sections.len; i++) {
		const struct core_section *s = &r->elf->sections.at[i];
		uint64_t size = s->size;
		uint8_t *bytes;

		if (strcmp(s->name, name) != 0)
			continue;
		bytes = core_read_bytes(r->source, s->offset, &size);
		*n = (size_t)size;
		if (bytes && size == s->size)
			return bytes;
		free(bytes);
		break;
	}
	diag_add(&r->image->diag, "section %s is lost", name);
	return NULL;
}

/* Read section @name or, when that fails, the same from the note. */
static void read_section(struct reader *r, const char *name,
			 const struct bytes *note, section_read *read)
{
	struct err err = {0};
	size_t n;
	uint8_t *bytes = load_section(r, name, &n);
	bool ok = bytes && read(bytes_of(bytes, n), r->image, &err);

	if (bytes && !ok)
		diag_add(&r->image->diag, "%s", err.message);
	err_clear(&err);
	if (!ok && note && note->size > 0) {
		diag_add(&r->image->diag, "%s was taken from the note", name);
		if (!read(*note, r->image, &err))
			diag_add(&r->image->diag, "%s", err.message);
	}
	free(bytes);
}

static bool read_types(struct bytes b, struct image *image, struct err *err)
{
	struct type_table table;

	if (!types_read(&b, &table, err))
		return false;
	types_free(&image->types);
	image->types = table;
	return true;
}

static bool vars_in_order(const struct image *image)
{
	for (size_t i = 1; i < image->vars.len; i++) {
		const struct variable *a = &image->vars.at[i - 1];
		const struct variable *b = &image->vars.at[i];
		uint32_t a_tls = a->flags & VAR_TLS, b_tls = b->flags & VAR_TLS;

		if (a_tls > b_tls || (a_tls == b_tls && a->addr > b->addr))
			return false;
	}
	return true;
}

/* Where the types were lost, the variables keep their names. */
static bool read_vars(struct bytes b, struct image *image, struct err *err)
{
	size_t n_types = image->types.types.len;
	bool ok;

	ok = vars_read(&b, n_types > 0 ? n_types : TYPE_NONE,
		       image->modules.len, image, err) &&
	     (vars_in_order(image) ||
	      err_set(err, ERR_FORMAT, "variables are not sorted"));
	if (!ok)
		image->vars.len = 0;
	for (size_t i = 0; n_types == 0 && i < image->vars.len; i++)
		image->vars.at[i].type = TYPE_NONE;
	return ok;
}

/* Where the types were lost, there are no fields to speak of. */
static bool read_slots(struct bytes b, struct image *image, struct err *err)
{
	bool ok = image->types.types.len == 0 ||
		  slots_read(&b, image->types.types.len, &image->slots, err);

	if (!ok)
		image->slots.len = 0;
	slots_tidy(&image->slots);
	return ok;
}

/* Where the types were lost, the locals keep their names. */
static bool read_frames(struct bytes b, struct image *image, struct err *err)
{
	size_t n_types = image->types.types.len;
	bool ok = frames_read(b, n_types > 0 ? n_types : TYPE_NONE, image, err);

	for (size_t i = 0; n_types == 0 && i < image->locals.len; i++)
		image->locals.at[i].type = TYPE_NONE;
	return ok;
}

void snapshot_read(struct source *source, const struct core_elf *elf,
		   const struct core_notes *notes, struct image *image)
{
	struct reader r = { .source = source, .elf = elf, .image = image };

	read_note(&r, notes);
	read_section(&r, SECTION_META, &r.note_meta, meta_read);
	read_section(&r, SECTION_MAPS, &r.note_maps, maps_read);
	read_section(&r, SECTION_MODULES, &r.note_modules, modules_read);
	read_section(&r, SECTION_SYMBOLS, NULL, symbols_read);
	read_section(&r, SECTION_TYPES, NULL, read_types);
	read_section(&r, SECTION_VARS, NULL, read_vars);
	read_section(&r, SECTION_SLOTS, NULL, read_slots);
	read_section(&r, SECTION_FRAMES, NULL, read_frames);
	if (image->meta.pointers_only)
		read_section(&r, SECTION_REDACTED, NULL, redacted_read);
}

void snapshot_read_diag(struct source *source, const struct core_elf *elf,
			const struct core_notes *notes, struct diag *ret)
{
	struct image scratch = {0};
	struct reader r = { .source = source, .elf = elf, .image = &scratch };
	struct err err = {0};
	size_t n;
	uint8_t *bytes;
	bool ok;

	read_note(&r, notes);
	bytes = load_section(&r, SECTION_META, &n);
	diag_free(&scratch.diag);
	ok = bytes && meta_read(bytes_of(bytes, n), &scratch, &err);
	free(bytes);
	if (!ok) {
		diag_free(&scratch.diag);
		ok = r.note_meta.size > 0 &&
		     meta_read(r.note_meta, &scratch, &err);
	}
	if (ok)
		diag_merge(ret, &scratch.diag);
	image_close(&scratch);
}
