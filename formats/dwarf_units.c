/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_units.h"

#include "base/sorted.h"
#include "formats/dwarf_lists.h"

enum { MAX_ROUNDS = 8 };	/* units that refer to units that ... */

/* --- by address --- */

struct search {
	struct dwarf_input *input;
	const uint64_t *addrs;
	size_t n;
	struct die_unit **found;
};

/* Addresses and lengths of one unit; @b is at the first pair. */
static void take_ranges(struct search *s, struct bytes *b, uint64_t header)
{
	struct die_unit *unit = dwarf_input_unit(s->input, header);

	while (unit && bytes_left(b) >= 16) {
		uint64_t low = bytes_u64(b), length = bytes_u64(b);

		for (size_t i = sorted_from(s->addrs, s->n, low);
		     i < s->n && s->addrs[i] - low < length; i++) {
			if (!s->found[i])
				s->found[i] = unit;
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
	struct bytes b = s->input->files.at[0]->aranges;

	while (bytes_left(&b) > 0 && take_set(s, &b))
		continue;
}

static bool is_complete(const struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!s->found[i])
			return false;
	}
	return true;
}

/* A unit, while its ranges are looked at. */
struct candidate {
	struct search *search;
	struct die_unit *unit;
};

static void take_hit(void *ctx, size_t i)
{
	const struct candidate *c = ctx;

	if (!c->search->found[i])
		c->search->found[i] = c->unit;
}

static void try_all_units(struct search *s)
{
	struct candidate c = { .search = s };
	const struct dwarf_search search = {
		.addrs = s->addrs, .n = s->n, .hit = take_hit, .ctx = &c,
	};

	for (size_t i = 0; i < s->input->units.len; i++) {
		struct die die;

		c.unit = s->input->units.at[i];
		if (dwarf_input_begin(s->input, c.unit) &&
		    die_of_unit(c.unit, &die))
			dwarf_cover(&die, &search);
	}
}

void dwarf_units_find(struct dwarf_input *input, const uint64_t *addrs,
		      size_t n, struct die_unit **ret)
{
	struct search s = { .input = input, .addrs = addrs, .n = n,
			    .found = ret };

	memset(ret, 0, n * sizeof(struct die_unit *));
	if (input->files.len == 0)
		return;
	take_aranges(&s);
	if (!is_complete(&s))
		try_all_units(&s);
}

/* --- by reference --- */

/* False when @unit was read already, or cannot be. */
static bool read_other(struct reader *r, struct map *read,
		       struct die_unit *unit)
{
	bool added;

	if (!map_slot(read, unit->key, &added) || !added ||
	    !dwarf_input_begin(r->input, unit))
		return false;
	dwarf_read_unit(r, unit);
	return true;
}

/*
 * gcc puts types into functions that are only declared, whose insides are
 * passed by. True when the DIE was a type.
 */
static bool read_one(struct reader *r, uint64_t key)
{
	struct die die;

	if (!dwarf_die_at(r, key, &die))
		return false;
	dwarf_read_die(r, &die);
	return !dwarf_is_missing(r, (uint32_t)map_get(&r->ids, key, 1) - 1);
}

static size_t read_mentioned(struct reader *r, struct map *read, size_t most)
{
	VEC(uint64_t) keys = {0};
	struct map_slot slot;
	size_t i = 0, n = 0;

	while (map_next(&r->ids, &i, &slot)) {
		if (slot.value && dwarf_is_missing(r, (uint32_t)slot.value - 1) &&
		    !vec_push(&keys, slot.key))
			r->no_memory = true;
	}
	for (i = 0; i < keys.len && n < most; i++) {
		struct die_unit *unit = dwarf_input_unit(r->input, keys.at[i]);

		/* Its unit may have been read for the one before. */
		if (!unit ||
		    !dwarf_is_missing(r, (uint32_t)map_get(&r->ids,
							 keys.at[i], 1) - 1))
			continue;
		n += read_other(r, read, unit) || read_one(r, keys.at[i]);
	}
	vec_free(&keys);
	return n;
}

static size_t read_signed(struct reader *r, struct map *read)
{
	VEC(uint64_t) signatures = {0};
	struct map_slot slot;
	size_t i = 0, n = 0;

	while (map_next(&r->signatures, &i, &slot)) {
		if (slot.value && dwarf_is_missing(r, (uint32_t)slot.value - 1) &&
		    !vec_push(&signatures, slot.key))
			r->no_memory = true;
	}
	for (i = 0; i < signatures.len; i++) {
		struct die_unit *unit = dwarf_input_type_unit(
			r->input, signatures.at[i]);

		n += unit && read_other(r, read, unit);
	}
	vec_free(&signatures);
	return n;
}

void dwarf_units_complete(struct reader *r, struct map *read, size_t most)
{
	for (int round = 0; round < MAX_ROUNDS && !r->no_memory; round++) {
		if (read_mentioned(r, read, most) + read_signed(r, read) == 0)
			return;
	}
}
