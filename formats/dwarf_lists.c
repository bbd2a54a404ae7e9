/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_lists.h"

#include <stdio.h>

#include "formats/leb.h"

/* DW_LLE_* and DW_RLE_*, which differ from the sixth on. */
enum entry_kind {
	ENTRY_END, ENTRY_BASE_X, ENTRY_START_X_END_X, ENTRY_START_X_LENGTH,
	ENTRY_OFFSETS, ENTRY_DEFAULT, ENTRY_BASE, ENTRY_START_END,
	ENTRY_START_LENGTH, ENTRY_VIEWS,	/* GNU's */
};

struct list {
	struct reader *reader;
	const struct dwarf_unit *unit;
	struct bytes at;
	uint64_t base;
	bool has_locations;
};

struct entry {
	uint64_t low, high;
	struct bytes expr;
};

/* --- the unit --- */

static void forget(struct reader *r, Dwarf_Error error)
{
	if (error)
		dwarf_dealloc_error(r->dbg, error);
}

/* Without the attribute, lists begin behind the first header of the section. */
static uint64_t lists_base(struct reader *r, const struct dwarf_unit *u,
			   Dwarf_Half which)
{
	uint64_t base;

	if (!dwarf_number(r, u->die, which, &base) &&
	    !dwarf_offset(r, u->die, which, &base))
		base = u->offset_size == 8 ? 20 : 12;
	return base;
}

bool dwarf_unit_open(struct reader *r, Dwarf_Die die, struct dwarf_unit *ret,
		     struct err *err)
{
	Dwarf_Error error = NULL;
	Dwarf_Off start = 0, length = 0;
	Dwarf_Half version = 0, offset_size = 0;

	*ret = (struct dwarf_unit){ .die = die };
	if (dwarf_get_version_of_die(die, &version, &offset_size) !=
	    DW_DLV_OK ||
	    dwarf_die_CU_offset_range(die, &start, &length, &error) !=
	    DW_DLV_OK) {
		dwarf_unit_close(ret);
		return dwarf_failed(r->dbg, error, "a unit", err);
	}
	ret->header = start;
	ret->version = (uint8_t)version;
	ret->offset_size = offset_size == 8 ? 8 : 4;
	(void)dwarf_address(r, die, DW_AT_low_pc, &ret->base);
	if (version >= 5) {
		ret->ranges_base = lists_base(r, ret, DW_AT_rnglists_base);
		ret->locations_base = lists_base(r, ret, DW_AT_loclists_base);
	}
	return true;
}

void dwarf_unit_close(struct dwarf_unit *unit)
{
	if (unit->die)
		dwarf_dealloc_die(unit->die);
	*unit = (struct dwarf_unit){ .die = NULL };
}

/* --- lists --- */

/* Section @name from @offset on; "debug_loc" may be compressed as of old. */
static bool section_at(struct reader *r, const char *name, uint64_t offset,
		       struct bytes *ret)
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
	if (i == 0 || !elf_file_data(r->elf, i, ret, &ignored))
		return false;
	(void)bytes_take(ret, offset);
	return !ret->broken;
}

/* DW_FORM_loclistx and rnglistx: entry @index of the table at @base. */
static bool indexed_offset(struct reader *r, const struct dwarf_unit *u,
			   const char *name, uint64_t base, uint64_t index,
			   uint64_t *ret)
{
	struct bytes table;

	if (!section_at(r, name, base, &table) ||
	    index > bytes_left(&table) / u->offset_size)
		return false;
	(void)bytes_take(&table, index * u->offset_size);
	*ret = base + (u->offset_size == 8 ? bytes_u64(&table)
					   : bytes_u32(&table));
	return !table.broken;
}

static bool open_list(struct reader *r, const struct dwarf_unit *u,
		      Dwarf_Die die, Dwarf_Half which, struct list *ret)
{
	bool locations = which != DW_AT_ranges;
	const char *name = u->version >= 5 ?
		(locations ? "debug_loclists" : "debug_rnglists") :
		(locations ? "debug_loc" : "debug_ranges");
	uint64_t offset, index;

	*ret = (struct list){
		.reader = r, .unit = u, .base = u->base,
		.has_locations = locations,
	};
	if (dwarf_list_index(r, die, which, &index)) {
		uint64_t base = locations ? u->locations_base : u->ranges_base;

		if (!indexed_offset(r, u, name, base, index, &offset))
			return false;
	} else if (!dwarf_offset(r, die, which, &offset)) {
		return false;
	}
	return section_at(r, name, offset, &ret->at);
}

static uint64_t indexed_address(struct list *l)
{
	uint64_t index = leb_u64(&l->at);
	Dwarf_Error error = NULL;
	Dwarf_Addr addr = 0;

	if (dwarf_debug_addr_index_to_addr(l->unit->die, index, &addr,
					   &error) != DW_DLV_OK) {
		forget(l->reader, error);
		l->at.broken = true;
	}
	return addr;
}

/* DWARF 2 to 4: pairs of addresses. False at the end. */
static bool next_old(struct list *l, struct entry *e)
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
		e->expr = bytes_sub(&l->at, bytes_u16(&l->at));
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
static bool read_entry(struct list *l, struct entry *e, bool *is_one)
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
		e->expr = bytes_sub(&l->at, leb_u64(&l->at));
	return !l->at.broken;
}

static bool next_entry(struct list *l, struct entry *e)
{
	bool is_one;

	e->expr = bytes_of(NULL, 0);
	if (l->unit->version < 5)
		return next_old(l, e);
	do {
		if (!read_entry(l, e, &is_one))
			return false;
	} while (!is_one);
	return true;
}

/* The first that holds @addr. */
static bool find_entry(struct list *l, uint64_t addr, struct entry *e)
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
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (s->addrs[middle] < low)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < s->n && s->addrs[from] < high; from++)
		s->hit(s->ctx, from);
}

static void cover_range(struct reader *r, Dwarf_Die die,
			const struct dwarf_search *search)
{
	Dwarf_Error error = NULL;
	enum Dwarf_Form_Class class;
	Dwarf_Addr high = 0;
	Dwarf_Half form = 0;
	uint64_t low;

	if (!dwarf_address(r, die, DW_AT_low_pc, &low))
		return;
	if (dwarf_highpc_b(die, &high, &form, &class, &error) != DW_DLV_OK) {
		forget(r, error);
		return;
	}
	if (class == DW_FORM_CLASS_CONSTANT)
		high += low;
	tell(search, low, high);
}

void dwarf_cover(struct reader *r, const struct dwarf_unit *unit,
		 Dwarf_Die die, const struct dwarf_search *search)
{
	struct list list;
	struct entry e;

	if (!dwarf_has(r, die, DW_AT_ranges)) {
		cover_range(r, die, search);
	} else if (open_list(r, unit, die, DW_AT_ranges, &list)) {
		while (next_entry(&list, &e))
			tell(search, e.low, e.high);
	}
}

/* The DIE of the unit that @die is in; owned by the caller, or NULL. */
static Dwarf_Die unit_of(struct reader *r, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	Dwarf_Off offset = 0;
	Dwarf_Die unit = NULL;

	if (dwarf_CU_dieoffset_given_die(die, &offset, &error) != DW_DLV_OK ||
	    dwarf_offdie_b(r->dbg, offset, r->is_info, &unit, &error) !=
	    DW_DLV_OK) {
		forget(r, error);
		return NULL;
	}
	return unit;
}

bool dwarf_entry(struct reader *r, Dwarf_Die die, uint64_t *ret)
{
	struct dwarf_unit unit;
	struct err err = {0};
	Dwarf_Die unit_die;
	struct list list;
	struct entry e;
	bool ok;

	if (!dwarf_has(r, die, DW_AT_ranges))
		return dwarf_address(r, die, DW_AT_low_pc, ret);
	unit_die = unit_of(r, die);
	if (!unit_die || !dwarf_unit_open(r, unit_die, &unit, &err))
		return false;
	ok = open_list(r, &unit, die, DW_AT_ranges, &list) &&
	     next_entry(&list, &e);
	if (ok)
		*ret = e.low;
	dwarf_unit_close(&unit);
	return ok;
}

static void note_hit(void *ctx, size_t i)
{
	bool *hit = ctx;

	(void)i;
	*hit = true;
}

bool dwarf_covers(struct reader *r, const struct dwarf_unit *unit,
		  Dwarf_Die die, uint64_t addr)
{
	bool hit = false;
	struct dwarf_search search = {
		.addrs = &addr, .n = 1, .hit = note_hit, .ctx = &hit,
	};

	dwarf_cover(r, unit, die, &search);
	return hit;
}

bool dwarf_location_at(struct reader *r, const struct dwarf_unit *unit,
		       Dwarf_Die die, Dwarf_Half which, uint64_t addr,
		       struct bytes *ret, bool *is_list)
{
	struct list list;
	struct entry e;

	if (is_list)
		*is_list = false;
	if (dwarf_expression(r, die, which, ret))
		return ret->size > 0;
	if (!open_list(r, unit, die, which, &list) ||
	    !find_entry(&list, addr, &e) || e.expr.size == 0)
		return false;
	if (is_list)
		*is_list = true;
	*ret = e.expr;
	return true;
}
