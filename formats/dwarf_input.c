/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_input.h"

#include "base/sorted.h"

/* --- sections --- */

/* Is it section @name, under its name of today or of old? */
static bool is_called(const struct elf_section *s, const char *name,
		      enum input_kind kind)
{
	const char *at = s->name;
	size_t n = strlen(name);

	if (strncmp(at, ".debug_", 7) == 0)
		at += 7;
	else if (strncmp(at, ".zdebug_", 8) == 0)
		at += 8;
	else
		return false;
	return strncmp(at, name, n) == 0 &&
	       strcmp(at + n, kind == INPUT_SPLIT ? ".dwo" : "") == 0;
}

static bool section_data(struct dwarf_input *in, struct elf_file *elf,
			 size_t i, struct bytes *ret)
{
	struct err err = {0};

	if (elf_file_data(elf, i, ret, &err))
		return true;
	diag_add(in->diag, "debug information: %s", err.message);
	return false;
}

static struct bytes section(struct dwarf_input *in, const struct input_file *f,
			    const char *name)
{
	struct bytes b;

	for (size_t i = 1; i < elf_file_n_sections(f->elf); i++) {
		if (is_called(elf_file_section(f->elf, i), name, f->kind) &&
		    section_data(in, f->elf, i, &b))
			return b;
	}
	return bytes_of(NULL, 0);
}

/* Cut behind its last string, so that every offset in it is one's start. */
static struct bytes strings(struct dwarf_input *in, const struct input_file *f,
			    const char *name)
{
	struct bytes b = section(in, f, name);

	while (b.size > 0 && b.start[b.size - 1] != '\0')
		b.size--;
	return b;
}

static void find_sections(struct dwarf_input *in, struct input_file *f)
{
	struct die_sections *to = &f->sections;

	to->abbrev = section(in, f, "abbrev");
	to->str = strings(in, f, "str");
	to->line_str = strings(in, f, "line_str");
	to->str_offsets = section(in, f, "str_offsets");
	to->addr = section(in, f, "addr");
	to->ranges = section(in, f, "ranges");
	to->rnglists = section(in, f, "rnglists");
	if (in->also & INPUT_LINES) {
		f->aranges = section(in, f, "aranges");
		to->line = section(in, f, "line");
	}
	if (in->also & INPUT_PLACES) {
		to->loc = section(in, f, "loc");
		to->loclists = section(in, f, "loclists");
	}
}

/* --- units --- */

static uint64_t offset_from(struct bytes *b, const struct die_unit *u)
{
	return u->sizes.offset == 8 ? bytes_u64(b) : bytes_u32(b);
}

/* What stands behind length and version. */
static void read_rest(struct bytes *b, bool is_types, struct die_unit *u)
{
	u->kind = is_types ? DW_UT_type : DW_UT_compile;
	if (u->sizes.version >= 5) {
		u->kind = bytes_u8(b);
		u->sizes.address = bytes_u8(b);
		u->abbrev_at = offset_from(b, u);
	} else {
		u->abbrev_at = offset_from(b, u);
		u->sizes.address = bytes_u8(b);
	}
	switch (u->kind) {
	case DW_UT_type:
	case DW_UT_split_type:
		u->signature = bytes_u64(b);
		u->type_at = offset_from(b, u);
		break;
	case DW_UT_skeleton:
	case DW_UT_split_compile:
		u->signature = bytes_u64(b);
		break;
	default:
		break;
	}
}

/*
 * The header of the unit at b->pos, which moves behind the unit. False when
 * nothing behind it can be found.
 */
static bool read_header(struct bytes *b, bool is_types, struct die_unit *u)
{
	struct bytes body;
	uint64_t length;

	u->bytes = b->start;
	u->header = b->pos;
	u->sizes.offset = 4;
	length = bytes_u32(b);
	if (length == UINT32_MAX) {
		u->sizes.offset = 8;
		length = bytes_u64(b);
	}
	body = *b;
	if (!bytes_take(b, length))
		return false;
	body.size = u->end = b->pos;
	u->sizes.version = (uint8_t)bytes_u16(&body);
	read_rest(&body, is_types, u);
	u->first = body.pos;
	return !body.broken || u->end > u->header;
}

static bool is_readable(const struct die_unit *u)
{
	switch (u->sizes.address) {
	case 1:
	case 2:
	case 4:
	case 8:
		return u->sizes.version >= 2 && u->sizes.version <= 5 &&
		       u->first < u->end;
	default:
		return false;
	}
}

static bool add_unit(struct dwarf_input *in, const struct die_unit *from)
{
	struct die_unit *u = arena_alloc(&in->arena, sizeof(*u));
	uint64_t *slot;

	if (!u || !vec_push(&in->units, u))
		return false;
	*u = *from;
	if (u->kind != DW_UT_type && u->kind != DW_UT_split_type)
		return true;
	slot = map_slot(&in->signatures, u->signature, NULL);
	if (slot && *slot == 0)
		*slot = in->units.len;
	return slot != NULL;
}

/* All units of section @b of @file. False when memory is exhausted. */
static bool read_headers(struct dwarf_input *in, struct input_file *file,
			 struct bytes b, bool is_types)
{
	uint64_t key = in->next_key;

	in->next_key += b.size;
	if (is_types)
		file->types_key = key;
	else
		file->sections.info_key = key;
	while (bytes_left(&b) > 0) {
		struct die_unit u = {
			.file = &file->sections, .addr_file = &file->sections,
			.key = key + b.pos,
			.is_split = file->kind == INPUT_SPLIT,
		};

		if (!read_header(&b, is_types, &u)) {
			diag_add(in->diag, "a unit header in debug "
				 "information: damaged DWARF");
			break;
		}
		if (!is_readable(&u))
			diag_add(in->diag, "a unit header in debug "
				 "information: damaged DWARF");
		else if (!add_unit(in, &u))
			return false;
	}
	return true;
}

/* Object files have a section for each type unit. */
static bool read_sections(struct dwarf_input *in, struct input_file *file,
			  const char *name, bool is_types)
{
	for (size_t i = 1; i < elf_file_n_sections(file->elf); i++) {
		const struct elf_section *s = elf_file_section(file->elf, i);
		struct bytes b;

		if (is_called(s, name, file->kind) &&
		    section_data(in, file->elf, i, &b) &&
		    !read_headers(in, file, b, is_types))
			return false;
	}
	return true;
}

struct input_file *dwarf_input_add(struct dwarf_input *input,
				   struct elf_file *elf, enum input_kind kind)
{
	struct input_file *f = calloc(1, sizeof(*f));

	if (!f || !vec_push(&input->files, f)) {
		if (kind != INPUT_MAIN)
			elf_file_close(elf);
		free(f);
		return NULL;
	}
	f->elf = elf;
	f->kind = kind;
	find_sections(input, f);
	return read_sections(input, f, "info", false) &&
	       read_sections(input, f, "types", true) ? f : NULL;
}

/* False when memory is exhausted. */
static bool add_files(struct dwarf_input *in, struct elf_file *elf)
{
	struct input_file *main_file = dwarf_input_add(in, elf, INPUT_MAIN);
	struct input_file *alt;
	struct companion found;

	if (!main_file)
		return false;
	if (in->units.len == 0 || !companion_alt(elf, &in->places, &found))
		return true;
	if (!found.elf) {
		in->n_missing++;
		diag_add(in->diag, "the supplementary debug file (dwz) of a "
			 "module was not found");
		return true;
	}
	alt = dwarf_input_add(in, found.elf, INPUT_ALT);
	if (alt)
		main_file->sections.alt = &alt->sections;
	return alt != NULL;
}

bool dwarf_input_open(struct elf_file *elf, const struct dwarf_places *places,
		      unsigned also, struct diag *diag,
		      struct dwarf_input **ret, struct err *err)
{
	struct dwarf_input *in = calloc(1, sizeof(*in));

	*ret = NULL;
	if (!in)
		return err_nomem(err, "DWARF");
	in->diag = diag;
	in->also = also;
	if (places)
		in->places = *places;
	if (!add_files(in, elf)) {
		dwarf_input_close(in);
		return err_nomem(err, "DWARF");
	}
	*ret = in;
	return true;
}

static void free_file(struct input_file *f)
{
	struct map_slot slot;
	size_t i = 0;

	while (map_next(&f->abbrevs, &i, &slot)) {
		struct die_abbrevs *table;

		memcpy(&table, &slot.value, sizeof(table));
		if (table)
			die_abbrevs_free(table);
	}
	map_free(&f->abbrevs);
	if (f->kind != INPUT_MAIN)
		elf_file_close(f->elf);
	free(f);
}

void dwarf_input_close(struct dwarf_input *input)
{
	if (!input)
		return;
	for (size_t i = 0; i < input->files.len; i++)
		free_file(input->files.at[i]);
	vec_free(&input->files);
	vec_free(&input->units);
	map_free(&input->signatures);
	map_free(&input->splits);
	arena_free(&input->arena);
	free(input);
}

/* --- opening units --- */

static struct input_file *file_of(struct dwarf_input *in,
				  const struct die_unit *u)
{
	for (size_t i = 0; i < in->files.len; i++) {
		if (&in->files.at[i]->sections == u->file)
			return in->files.at[i];
	}
	return NULL;
}

/* Units that share a table and the sizes that its plan depends on. */
static uint64_t key_of_table(const struct die_unit *u)
{
	return u->abbrev_at << 8 | (uint64_t)u->sizes.address << 4 |
	       (u->sizes.version <= 2 ? 2u : 0u) | (u->sizes.offset == 8 ? 1u : 0u);
}

static bool find_abbrevs(struct dwarf_input *in, struct die_unit *u)
{
	struct input_file *f = file_of(in, u);
	uint64_t *slot = map_slot(&f->abbrevs, key_of_table(u), NULL);
	struct die_abbrevs *table;

	if (!slot)
		return false;
	if (*slot == 0) {
		table = arena_alloc(&in->arena, sizeof(*table));
		if (!table)
			return false;
		if (!die_abbrevs_read(f->sections.abbrev, u->abbrev_at,
				      &u->sizes, table))
			die_abbrevs_free(table);
		memcpy(slot, &table, sizeof(table));
	}
	memcpy(&table, slot, sizeof(table));
	u->abbrevs = table;
	return true;
}

/* Tables begin behind a header of length, version and sizes (DWARF 5, 7.26). */
static uint64_t behind_header(const struct die_unit *u, uint64_t rest)
{
	return (u->sizes.offset == 8 ? 12 : 4) + rest;
}

static void find_bases(struct die_unit *u, const struct die *die)
{
	uint64_t language = 0;

	if (!die_offset(die, DW_AT_str_offsets_base, &u->str_offsets_base) &&
	    u->is_split && u->sizes.version >= 5)
		u->str_offsets_base += behind_header(u, 4);
	if (!die_offset(die, DW_AT_addr_base, &u->addr_base))
		(void)die_offset(die, DW_AT_GNU_addr_base, &u->addr_base);
	if (!die_offset(die, DW_AT_rnglists_base, &u->ranges_base))
		u->ranges_base += behind_header(u, 8);
	if (!die_offset(die, DW_AT_loclists_base, &u->locations_base))
		u->locations_base += behind_header(u, 8);
	(void)die_address(die, DW_AT_low_pc, &u->base);
	(void)die_number(die, DW_AT_language, &language);
	u->language = (uint8_t)language;
}

bool dwarf_input_begin(struct dwarf_input *input, struct die_unit *unit)
{
	struct die die;

	if (unit->abbrevs || unit->is_broken)
		return !unit->is_broken;
	if (!find_abbrevs(input, unit) || !die_of_unit(unit, &die)) {
		diag_add(input->diag, "a unit of debug information: "
			 "damaged DWARF");
		unit->is_broken = true;
		return false;
	}
	find_bases(unit, &die);
	return true;
}

/* --- looking up --- */

struct die_unit *dwarf_input_unit(const struct dwarf_input *input,
				  uint64_t key)
{
	size_t i;

	sorted_skip(i, 0, input->units.len, input->units.at[i]->key <= key);
	if (i == 0)
		return NULL;
	return key - input->units.at[i - 1]->key <
	       input->units.at[i - 1]->end -
	       input->units.at[i - 1]->header ? input->units.at[i - 1]
						: NULL;
}

struct die_unit *dwarf_input_type_unit(const struct dwarf_input *input,
				       uint64_t signature)
{
	uint64_t i = map_get(&input->signatures, signature, 0);

	return i ? input->units.at[i - 1] : NULL;
}
