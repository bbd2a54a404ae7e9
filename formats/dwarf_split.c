/* SPDX-License-Identifier: MIT */
/*
 * Split DWARF: units whose content is in a .dwo file each, or in a .dwp file
 * together (DWARF 5, 7.3.2 and 7.3.5; before that GNU's, "DebugFission" and
 * "DebugFissionDWP" in the wiki of gcc).
 */
#include "formats/dwarf_input.h"

/* --- packages --- */

/* Columns of an index; 8 is .debug_macro in GNU's version, 2. */
enum column {
	COLUMN_INFO = 1, COLUMN_TYPES = 2, COLUMN_ABBREV = 3, COLUMN_LISTS = 5,
	COLUMN_STR_OFFSETS = 6, COLUMN_RNGLISTS = 8, COLUMN_END,
};

/* What sections of a package hold, by columns and rows. */
struct index {
	uint32_t version, n_columns, n_units, n_slots;
	struct bytes signatures, rows, columns, offsets;
};

static bool read_index(struct bytes b, struct index *ret)
{
	ret->version = bytes_u32(&b);
	/* In DWARF 5 the number has two bytes, and two more are empty. */
	if (ret->version != 2 && ret->version != 5)
		return false;
	ret->n_columns = bytes_u32(&b);
	ret->n_units = bytes_u32(&b);
	ret->n_slots = bytes_u32(&b);
	ret->signatures = bytes_sub(&b, (uint64_t)ret->n_slots * 8);
	ret->rows = bytes_sub(&b, (uint64_t)ret->n_slots * 4);
	ret->columns = bytes_sub(&b, (uint64_t)ret->n_columns * 4);
	ret->offsets = bytes_sub(&b, (uint64_t)ret->n_units *
				     ret->n_columns * 4);
	return !b.broken && ret->n_columns <= bytes_left(&ret->columns);
}

/* Offsets in row @row, by column. */
static void read_row(const struct index *index, uint32_t row,
		     uint32_t ret[COLUMN_END])
{
	struct bytes columns = index->columns, offsets = index->offsets;

	memset(ret, 0, COLUMN_END * sizeof(*ret));
	(void)bytes_take(&offsets, (uint64_t)row * index->n_columns * 4);
	for (uint32_t i = 0; i < index->n_columns; i++) {
		uint32_t column = bytes_u32(&columns);
		uint32_t offset = bytes_u32(&offsets);

		if (column < COLUMN_END)
			ret[column] = offset;
	}
}

static void contribute(struct die_unit *u, const struct index *index,
		       const uint32_t at[COLUMN_END])
{
	u->abbrev_at += at[COLUMN_ABBREV];
	u->str_offsets_base += at[COLUMN_STR_OFFSETS];
	if (index->version == 2) {
		u->old_locations += at[COLUMN_LISTS];
	} else {
		u->locations_base += at[COLUMN_LISTS];
		u->ranges_base += at[COLUMN_RNGLISTS];
	}
}

/* Tell the units of a package, whose section begins at key @start, what of
 * the other sections is theirs. */
static void apply_index(struct dwarf_input *in, struct bytes section,
			uint64_t start, enum column column)
{
	struct index index;

	if (section.size == 0 || !read_index(section, &index))
		return;
	for (uint32_t i = 0; i < index.n_slots; i++) {
		uint64_t signature = bytes_u64(&index.signatures), key;
		uint32_t row = bytes_u32(&index.rows), at[COLUMN_END];
		struct die_unit *u;

		if (row == 0 || row > index.n_units)
			continue;
		read_row(&index, row - 1, at);
		key = start + at[column];
		u = dwarf_input_unit(in, key);
		if (!u || u->key != key || u->is_indexed)
			continue;
		u->is_indexed = true;
		u->signature = signature;
		contribute(u, &index, at);
	}
}

static void apply_indexes(struct dwarf_input *in, const struct input_file *f)
{
	struct bytes cu = bytes_of(NULL, 0), tu = cu;
	size_t i = elf_file_find(f->elf, ".debug_cu_index");
	size_t k = elf_file_find(f->elf, ".debug_tu_index");
	struct err ignored = {0};
	uint64_t info = f->sections.info_key;

	if (i && elf_file_data(f->elf, i, &cu, &ignored))
		apply_index(in, cu, info, COLUMN_INFO);
	if (!k || !elf_file_data(f->elf, k, &tu, &ignored))
		return;
	/* Before DWARF 5 type units have a section of their own. */
	if (bytes_u32(&tu) == 2)
		apply_index(in, bytes_of(tu.start, tu.size), f->types_key,
			    COLUMN_TYPES);
	else
		apply_index(in, bytes_of(tu.start, tu.size), info,
			    COLUMN_INFO);
}

/* --- units --- */

/* What connects a skeleton with its unit; false where it is none. */
static bool id_of(struct dwarf_input *in, struct die_unit *u, uint64_t *ret)
{
	struct die die;

	*ret = u->signature;
	if (u->is_indexed || u->sizes.version >= 5)
		return u->is_indexed || u->kind == DW_UT_skeleton ||
		       u->kind == DW_UT_split_compile;
	return dwarf_input_begin(in, u) && die_of_unit(u, &die) &&
	       die_number(&die, DW_AT_GNU_dwo_id, ret);
}

/* The units of @elf, which is taken, become known by their ids. */
static void add_file(struct dwarf_input *in, struct elf_file *elf)
{
	size_t first = in->units.len;
	struct input_file *f = dwarf_input_add(in, elf, INPUT_SPLIT);

	if (!f)
		return;
	apply_indexes(in, f);
	for (size_t i = first; i < in->units.len; i++) {
		struct die_unit *u = in->units.at[i];
		uint64_t id, *slot;

		if (u->kind == DW_UT_type || u->kind == DW_UT_split_type ||
		    !id_of(in, u, &id))
			continue;
		slot = map_slot(&in->splits, id, NULL);
		if (slot && *slot == 0)
			*slot = i + 1;
	}
}

static struct die_unit *find(const struct dwarf_input *in, uint64_t id)
{
	uint64_t i = map_get(&in->splits, id, 0);

	return i ? in->units.at[i - 1] : NULL;
}

/* Addresses are those of the skeleton. */
static void connect(struct die_unit *split, const struct die_unit *skeleton,
		    const struct die *die)
{
	split->addr_file = skeleton->file;
	split->addr_base = skeleton->addr_base;
	split->base = skeleton->base;
	(void)die_offset(die, DW_AT_GNU_ranges_base, &split->old_ranges);
}

static struct die_unit *load(struct dwarf_input *in, const struct die *die,
			     const char *name, uint64_t id)
{
	const char *folder = die_text(die, DW_AT_comp_dir);
	struct die_unit *found = find(in, id);
	struct companion file;

	if (!found && !in->has_package) {
		in->has_package = true;
		companion_package(&in->places, &file);
		if (file.elf)
			add_file(in, file.elf);
		found = find(in, id);
	}
	if (found)
		return found;
	companion_dwo(&in->places, folder ? folder : "", name, &file);
	if (file.elf)
		add_file(in, file.elf);
	return find(in, id);
}

struct die_unit *dwarf_input_split(struct dwarf_input *input,
				   struct die_unit *unit)
{
	struct die_unit *split;
	const char *name;
	struct die die;
	uint64_t id;

	if (unit->is_split || !die_of_unit(unit, &die))
		return unit;
	name = die_text(&die, DW_AT_dwo_name);
	if (!name)
		name = die_text(&die, DW_AT_GNU_dwo_name);
	if (!name || !id_of(input, unit, &id))
		return unit;
	split = load(input, &die, name, id);
	if (!split) {
		input->n_missing++;
		diag_add(input->diag, "units whose types are in .dwo or .dwp "
			 "files that were not found");
		return NULL;
	}
	connect(split, unit, &die);
	return dwarf_input_begin(input, split) ? split : NULL;
}
