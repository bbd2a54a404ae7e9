/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_lists.h"

#include "base/sorted.h"
#include "formats/leb.h"

/* DW_LLE_* and DW_RLE_*, which differ from the sixth on. */
enum entry_kind {
	ENTRY_END, ENTRY_BASE_X, ENTRY_START_X_END_X, ENTRY_START_X_LENGTH,
	ENTRY_OFFSETS, ENTRY_DEFAULT, ENTRY_BASE, ENTRY_START_END,
	ENTRY_START_LENGTH, ENTRY_VIEWS,	/* GNU's */
};

struct list {
	const struct die_unit *unit;
	struct bytes at;
	uint64_t base;
	bool has_locations;
};

/* --- lists --- */

/* DW_FORM_loclistx and rnglistx: entry @index of the table at @base. */
static bool indexed_offset(const struct die_unit *u, struct bytes section,
			   uint64_t base, uint64_t index, uint64_t *ret)
{
	size_t width = u->sizes.offset;

	(void)bytes_take(&section, base);
	if (index > bytes_left(&section) / width)
		return false;
	(void)bytes_take(&section, index * width);
	*ret = base + (width == 8 ? bytes_u64(&section)
				  : bytes_u32(&section));
	return !section.broken;
}

/* Where lists of @u are, and what offsets of old ones are counted from. */
static struct bytes section_of(const struct die_unit *u, bool locations)
{
	if (u->sizes.version >= 5)
		return locations ? u->file->loclists : u->file->rnglists;
	/* Before DWARF 5 ranges stay in the main file. */
	return locations ? u->file->loc : u->addr_file->ranges;
}

static bool open_list(const struct die *die, unsigned which, struct list *ret)
{
	const struct die_unit *u = die->unit;
	bool locations = which != DW_AT_ranges;
	struct bytes section = section_of(u, locations);
	uint64_t base = locations ? u->locations_base : u->ranges_base;
	uint64_t offset, index;

	*ret = (struct list){
		.unit = u, .base = u->base, .has_locations = locations,
		.at = section,
	};
	if (die_list_index(die, which, &index)) {
		if (!indexed_offset(u, section, base, index, &offset))
			return false;
	} else if (!die_offset(die, which, &offset)) {
		return false;
	} else if (u->sizes.version < 5) {
		offset += locations ? u->old_locations : u->old_ranges;
	}
	(void)bytes_take(&ret->at, offset);
	return !ret->at.broken;
}

static uint64_t indexed_address(struct list *l)
{
	uint64_t addr = 0;

	if (!die_indexed_address(l->unit, leb_u64(&l->at), &addr))
		l->at.broken = true;
	return addr;
}

/* DWARF 2 to 4: pairs of addresses. False at the end. */
static bool next_old(struct list *l, struct dwarf_extent *e)
{
	do {
		e->low = bytes_u64(&l->at);
		e->high = bytes_u64(&l->at);
		if (l->at.broken || (e->low == 0 && e->high == 0))
			return false;
		if (e->low == UINT64_MAX)
			l->base = e->high;
	} while (e->low == UINT64_MAX);
	e->low += l->base;
	e->high += l->base;
	if (l->has_locations)
		bytes_cut(&l->at, bytes_u16(&l->at), &e->expr);
	return !l->at.broken;
}

/* GNU's split DWARF of version 4: kinds as in 5, lengths as before it. */
static bool next_split(struct list *l, struct dwarf_extent *e)
{
	enum { START_LENGTH = 3, OFFSETS = 4 };
	uint8_t kind = bytes_u8(&l->at);

	while (kind == ENTRY_BASE_X) {
		l->base = indexed_address(l);
		kind = bytes_u8(&l->at);
	}
	switch (kind) {
	case ENTRY_START_X_END_X:
		e->low = indexed_address(l);
		e->high = indexed_address(l);
		break;
	case START_LENGTH:
		e->low = indexed_address(l);
		e->high = e->low + bytes_u32(&l->at);
		break;
	case OFFSETS:
		e->low = l->base + bytes_u32(&l->at);
		e->high = l->base + bytes_u32(&l->at);
		break;
	default:
		return false;
	}
	bytes_cut(&l->at, bytes_u16(&l->at), &e->expr);
	return !l->at.broken;
}

static enum entry_kind kind_of(const struct list *l, uint8_t byte)
{
	if (byte > ENTRY_VIEWS)
		return ENTRY_END;
	/* Range lists have no default location. */
	if (!l->has_locations && byte >= ENTRY_DEFAULT)
		byte++;
	return (enum entry_kind)byte;
}

/* One entry of DWARF 5; *@is_one says whether it has a range. */
static bool read_entry(struct list *l, struct dwarf_extent *e, bool *is_one)
{
	enum entry_kind kind = kind_of(l, bytes_u8(&l->at));

	*is_one = true;
	switch (kind) {
	case ENTRY_START_X_END_X:
		e->low = indexed_address(l);
		e->high = indexed_address(l);
		break;
	case ENTRY_START_X_LENGTH:
		e->low = indexed_address(l);
		e->high = e->low + leb_u64(&l->at);
		break;
	case ENTRY_OFFSETS:
		e->low = l->base + leb_u64(&l->at);
		e->high = l->base + leb_u64(&l->at);
		break;
	case ENTRY_DEFAULT:
		e->low = 0;
		e->high = UINT64_MAX;
		break;
	case ENTRY_START_END:
		e->low = bytes_u64(&l->at);
		e->high = bytes_u64(&l->at);
		break;
	case ENTRY_START_LENGTH:
		e->low = bytes_u64(&l->at);
		e->high = e->low + leb_u64(&l->at);
		break;
	case ENTRY_BASE_X:
	case ENTRY_BASE:
		*is_one = false;
		l->base = kind == ENTRY_BASE ? bytes_u64(&l->at)
					     : indexed_address(l);
		return !l->at.broken;
	case ENTRY_VIEWS:
		*is_one = false;
		(void)leb_u64(&l->at);
		(void)leb_u64(&l->at);
		return !l->at.broken;
	default:
		return false;
	}
	if (l->has_locations)
		bytes_cut(&l->at, leb_u64(&l->at), &e->expr);
	return !l->at.broken;
}

static bool next_entry(struct list *l, struct dwarf_extent *e)
{
	bool is_one;

	e->expr = bytes_of(NULL, 0);
	if (l->unit->sizes.version < 5)
		return l->unit->is_split && l->has_locations ?
		       next_split(l, e) : next_old(l, e);
	do {
		if (!read_entry(l, e, &is_one))
			return false;
	} while (!is_one);
	return true;
}

/* The first that holds @addr. */
static bool find_entry(struct list *l, uint64_t addr, struct dwarf_extent *e)
{
	while (next_entry(l, e)) {
		if (addr >= e->low && addr < e->high)
			return true;
	}
	return false;
}

/* --- DIEs --- */

static void tell(const struct dwarf_search *s, uint64_t low, uint64_t high)
{
	for (size_t i = sorted_from(s->addrs, s->n, low);
	     i < s->n && s->addrs[i] < high; i++)
		s->hit(s->ctx, i);
}

/* From low to high pc. */
static bool one_range(const struct die *die, struct dwarf_extent *ret)
{
	*ret = (struct dwarf_extent){ .low = 0 };
	if (!die_address(die, DW_AT_low_pc, &ret->low))
		return false;
	if (die_address(die, DW_AT_high_pc, &ret->high))
		return true;
	if (!die_number(die, DW_AT_high_pc, &ret->high))
		return false;
	ret->high += ret->low;
	return true;
}

void dwarf_extents(const struct die *die, unsigned which,
		   void (*visit)(void *ctx, const struct dwarf_extent *extent),
		   void *ctx)
{
	struct dwarf_extent e = { .high = UINT64_MAX };
	struct list list;

	if (which == DW_AT_ranges && !die_has(die, which)) {
		if (one_range(die, &e))
			visit(ctx, &e);
	} else if (which != DW_AT_ranges &&
		   die_expression(die, which, &e.expr)) {
		visit(ctx, &e);
	} else if (open_list(die, which, &list)) {
		while (next_entry(&list, &e))
			visit(ctx, &e);
	}
}

static void tell_extent(void *ctx, const struct dwarf_extent *e)
{
	tell(ctx, e->low, e->high);
}

void dwarf_cover(const struct die *die, const struct dwarf_search *search)
{
	struct dwarf_search copy = *search;

	dwarf_extents(die, DW_AT_ranges, tell_extent, &copy);
}

bool dwarf_entry(const struct die *die, uint64_t *ret)
{
	struct list list;
	struct dwarf_extent e;

	if (!die_has(die, DW_AT_ranges))
		return die_address(die, DW_AT_low_pc, ret);
	if (!open_list(die, DW_AT_ranges, &list) || !next_entry(&list, &e))
		return false;
	*ret = e.low;
	return true;
}

static void note_hit(void *ctx, size_t i)
{
	bool *hit = ctx;

	(void)i;
	*hit = true;
}

bool dwarf_covers(const struct die *die, uint64_t addr)
{
	bool hit = false;
	struct dwarf_search search = {
		.addrs = &addr, .n = 1, .hit = note_hit, .ctx = &hit,
	};

	dwarf_cover(die, &search);
	return hit;
}

bool dwarf_location_at(const struct die *die, unsigned which, uint64_t addr,
		       struct bytes *ret, bool *is_list)
{
	struct list list;
	struct dwarf_extent e;

	if (is_list)
		*is_list = false;
	if (die_expression(die, which, ret))
		return ret->size > 0;
	if (!open_list(die, which, &list) || !find_entry(&list, addr, &e) ||
	    e.expr.size == 0)
		return false;
	if (is_list)
		*is_list = true;
	*ret = e.expr;
	return true;
}
