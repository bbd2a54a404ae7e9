/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_units.h"

#include <stdio.h>

#include "formats/dwarf_lists.h"

enum {
	MAX_ROUNDS = 8,		/* units that refer to units that ... */
	MAX_MORE = 4096,	/* units and types read for others, in a round */
};

static void forget(struct reader *r, Dwarf_Error error)
{
	if (error)
		dwarf_dealloc_error(r->dbg, error);
}

/* --- by address --- */

struct search {
	struct reader *reader;
	const uint64_t *addrs;
	size_t n;
	uint64_t *found;
};

/* Index of the first address from @low on. */
static size_t first_from(const struct search *s, uint64_t low)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (s->addrs[middle] < low)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The whole of a section, under its name of today or of old. */
static bool section(struct reader *r, const char *name, struct bytes *ret)
{
	struct err ignored = {0};
	char text[32];
	size_t i;

	snprintf(text, sizeof(text), ".%s", name);
	i = elf_file_find(r->elf, text);
	if (i == 0) {
		snprintf(text, sizeof(text), ".z%s", name);
		i = elf_file_find(r->elf, text);
	}
	return i > 0 && elf_file_data(r->elf, i, ret, &ignored);
}

/*
 * Where the DIE of the unit is whose header is at @header (DWARF 5, 7.5.1);
 * 0 on damage. (libdwarf 20210528 crashes when asked before it has read a
 * header itself.)
 */
static uint64_t die_of_unit(struct reader *r, bool is_info, uint64_t header)
{
	struct bytes b;
	uint8_t kind = 0;
	uint16_t version;
	size_t width = 4;

	if (!section(r, is_info ? "debug_info" : "debug_types", &b))
		return 0;
	(void)bytes_take(&b, header);
	if (bytes_u32(&b) == UINT32_MAX) {
		width = 8;
		(void)bytes_u64(&b);
	}
	version = bytes_u16(&b);
	if (version >= 5)
		kind = bytes_u8(&b);
	/* Offset of the abbreviations, size of addresses. */
	(void)bytes_take(&b, width + 1);
	if (kind == DW_UT_skeleton || kind == DW_UT_split_compile)
		(void)bytes_u64(&b);
	if (kind == DW_UT_type || kind == DW_UT_split_type || !is_info)
		(void)bytes_take(&b, 8 + width);
	return b.broken ? 0 : b.pos;
}

/* Addresses and lengths of one unit; @b is at the first pair. */
static void take_ranges(struct search *s, struct bytes *b, uint64_t header)
{
	uint64_t die = 0;

	while (bytes_left(b) >= 16) {
		uint64_t low = bytes_u64(b), length = bytes_u64(b);

		for (size_t i = first_from(s, low);
		     i < s->n && s->addrs[i] - low < length; i++) {
			if (die == 0)
				die = die_of_unit(s->reader, true, header);
			if (s->found[i] == 0)
				s->found[i] = die;
		}
	}
}

/* One set of .debug_aranges; false at the end. */
static bool take_set(struct search *s, struct bytes *all)
{
	uint64_t length = bytes_u32(all), header;
	bool is_wide = length == UINT32_MAX;
	struct bytes b;

	if (is_wide)
		length = bytes_u64(all);
	b = bytes_sub(all, length);
	if (all->broken)
		return false;
	if (bytes_u16(&b) != 2)
		return true;
	header = is_wide ? bytes_u64(&b) : bytes_u32(&b);
	/* Addresses of 8 bytes without a segment; others are not ours. */
	if (bytes_u8(&b) != 8 || bytes_u8(&b) != 0)
		return true;
	/* Pairs are aligned to their size from the start of the set. */
	(void)bytes_take(&b, is_wide ? 8 : 4);
	take_ranges(s, &b, header);
	return true;
}

static void take_aranges(struct search *s)
{
	struct bytes b;

	if (!section(s->reader, "debug_aranges", &b))
		return;
	while (bytes_left(&b) > 0 && take_set(s, &b))
		continue;
}

static bool is_complete(const struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->found[i] == 0)
			return false;
	}
	return true;
}

/* A unit, while its ranges are looked at. */
struct candidate {
	struct search *search;
	uint64_t offset;
};

static void take_hit(void *ctx, size_t i)
{
	const struct candidate *c = ctx;

	if (c->search->found[i] == 0)
		c->search->found[i] = c->offset;
}

static void try_unit(struct search *s, Dwarf_Die die)
{
	struct candidate c = { .search = s };
	const struct dwarf_search search = {
		.addrs = s->addrs, .n = s->n, .hit = take_hit, .ctx = &c,
	};
	struct reader *r = s->reader;
	struct dwarf_unit unit;
	struct err ignored = {0};
	Dwarf_Error error = NULL;
	Dwarf_Off offset = 0;

	if (!dwarf_unit_open(r, die, &unit, &ignored))
		return;
	if (dwarf_dieoffset(unit.die, &offset, &error) != DW_DLV_OK)
		forget(r, error);
	c.offset = offset;
	if (offset)
		dwarf_cover(r, &unit, unit.die, &search);
	dwarf_unit_close(&unit);
}

static void try_all_units(struct search *s)
{
	struct reader *r = s->reader;

	for (;;) {
		Dwarf_Unsigned length, next, type_offset;
		Dwarf_Half version, address, offset, extension, kind;
		Dwarf_Off abbrev;
		Dwarf_Sig8 signature;
		Dwarf_Error error = NULL;
		Dwarf_Die die = NULL;
		int result;

		result = dwarf_next_cu_header_d(r->dbg, true, &length,
			&version, &abbrev, &address, &offset, &extension,
			&signature, &type_offset, &next, &kind, &error);
		if (result == DW_DLV_ERROR)
			dwarf_drop(r, error, "a unit header in debug "
				   "information");
		if (result != DW_DLV_OK)
			return;
		if (dwarf_siblingof_b(r->dbg, NULL, true, &die, &error) ==
		    DW_DLV_OK)
			try_unit(s, die);
		else
			dwarf_drop(r, error, "a unit of debug information");
	}
}

void dwarf_units_find(struct reader *r, const uint64_t *addrs, size_t n,
		      uint64_t *ret)
{
	struct search s = { .reader = r, .addrs = addrs, .n = n, .found = ret };

	memset(ret, 0, n * sizeof(*ret));
	r->is_info = true;
	take_aranges(&s);
	if (!is_complete(&s))
		try_all_units(&s);
}

/* --- by reference --- */

static bool header_of(struct reader *r, Dwarf_Die die, uint64_t *ret)
{
	Dwarf_Error error = NULL;
	Dwarf_Off start = 0, length = 0;

	if (dwarf_die_CU_offset_range(die, &start, &length, &error) !=
	    DW_DLV_OK) {
		forget(r, error);
		return false;
	}
	*ret = start;
	return true;
}

bool dwarf_unit_of_key(struct reader *r, uint64_t key, uint64_t *ret)
{
	Dwarf_Die die = dwarf_die_at(r, key);
	bool ok = die && header_of(r, die, ret);

	if (die)
		dwarf_dealloc_die(die);
	return ok;
}

/* Mentioned, but its DIE has not come by. */
static bool is_missing(const struct reader *r, uint64_t id)
{
	const struct type *t = &r->raw.types.at[id];

	return t->kind == TYPE_VOID && t->name == 0;
}

/* The unit at @header; false when it was read already. */
static bool read_other(struct reader *r, struct map *read, uint64_t header)
{
	Dwarf_Error error = NULL;
	Dwarf_Die die = NULL;
	uint64_t offset;
	bool added;

	if (!map_slot(read, header, &added) || !added)
		return false;
	offset = die_of_unit(r, true, header);
	if (offset == 0 || dwarf_offdie_b(r->dbg, offset, true, &die,
					  &error) != DW_DLV_OK) {
		forget(r, error);
		return false;
	}
	r->is_info = true;
	dwarf_read_unit(r, die, NULL, 0);
	dwarf_dealloc_die(die);
	return true;
}

/*
 * gcc puts types into functions that are only declared, whose insides are
 * passed by. True when the DIE was a type.
 */
static bool read_one(struct reader *r, uint64_t key)
{
	Dwarf_Die die = dwarf_die_at(r, key);

	if (!die)
		return false;
	r->is_info = true;
	dwarf_read_die(r, die);
	return !is_missing(r, map_get(&r->ids, key, 1) - 1);
}

static size_t read_mentioned(struct reader *r, struct map *read)
{
	VEC(uint64_t) keys = {0};
	struct map_slot slot;
	size_t i = 0, n = 0;

	while (map_next(&r->ids, &i, &slot)) {
		if (slot.value && is_missing(r, slot.value - 1) &&
		    !(slot.key >> 63) && !vec_push(&keys, slot.key))
			r->no_memory = true;
	}
	for (i = 0; i < keys.len && n < MAX_MORE; i++) {
		uint64_t header;

		/* Its unit may have been read for the one before. */
		if (!is_missing(r, map_get(&r->ids, keys.at[i], 1) - 1) ||
		    !dwarf_unit_of_key(r, keys.at[i], &header))
			continue;
		n += read_other(r, read, header) || read_one(r, keys.at[i]);
	}
	vec_free(&keys);
	return n;
}

/* The type unit with @signature. */
static bool read_type_unit(struct reader *r, const Dwarf_Sig8 *signature)
{
	Dwarf_Error error = NULL;
	Dwarf_Die type = NULL, unit = NULL;
	Dwarf_Bool is_info = 0;
	Dwarf_Sig8 copy = *signature;
	Dwarf_Off at = 0;
	uint64_t header = 0, offset = 0;
	bool ok;

	ok = dwarf_find_die_given_sig8(r->dbg, &copy, &type, &is_info,
				       &error) == DW_DLV_OK &&
	     dwarf_dieoffset(type, &at, &error) == DW_DLV_OK &&
	     header_of(r, type, &header) &&
	     (offset = die_of_unit(r, is_info, header)) != 0 &&
	     dwarf_offdie_b(r->dbg, offset, is_info, &unit, &error) ==
	     DW_DLV_OK && at > header;
	forget(r, error);
	if (ok) {
		r->is_info = is_info;
		dwarf_read_unit(r, unit, signature, at - header);
		r->is_info = true;
	}
	if (type)
		dwarf_dealloc_die(type);
	if (unit)
		dwarf_dealloc_die(unit);
	return ok;
}

static size_t read_signed(struct reader *r)
{
	VEC(uint64_t) signatures = {0};
	struct map_slot slot;
	size_t i = 0, n = 0;

	while (map_next(&r->signatures, &i, &slot)) {
		if (slot.value && is_missing(r, slot.value - 1) &&
		    !vec_push(&signatures, slot.key))
			r->no_memory = true;
	}
	for (i = 0; i < signatures.len; i++) {
		Dwarf_Sig8 signature = {{0}};

		memcpy(signature.signature, &signatures.at[i],
		       sizeof(signature.signature));
		n += read_type_unit(r, &signature);
	}
	vec_free(&signatures);
	return n;
}

void dwarf_units_complete(struct reader *r, struct map *read)
{
	for (int round = 0; round < MAX_ROUNDS && !r->no_memory; round++) {
		if (read_mentioned(r, read) + read_signed(r) == 0)
			return;
	}
}
