/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_slots.h"

#include <elf.h>

#include "base/sorted.h"
#include "formats/dwarf_lists.h"
#include "formats/elf_file.h"
#include "formats/leb.h"

enum {
	MAX_HOPS = 8, MAX_PLACES = 1 << 16,
	/* Work for each byte of a unit, in bytes of code: damaged DWARF can
	 * name one piece of code, or one list of places, over and over. Real
	 * units have less than two bytes of code for one of their own. */
	WORK_PER_BYTE = 64,
	WORK_PER_PLACE = 16,
};

struct slot_miner {
	const struct dwarf_code *code;
	struct reader *r;
	struct slot_walker walker;
	struct walk_function f;
	struct map types;	/* key of a variable -> raw id of its type + 1 */
	/* The variable whose places are being noted. */
	uint32_t pointee;
	bool has_frame_base, from_cfa;
	uint64_t work;		/* left for this unit */
};

void dwarf_code_open(struct elf_file *elf, struct dwarf_code *ret)
{
	*ret = (struct dwarf_code){ .decode = NULL };
	if (elf)
		ret->decode = insn_decoder_of(elf_file_machine(elf),
					      &ret->abi);
	for (size_t i = 1; ret->decode && i < elf_file_n_sections(elf); i++) {
		const struct elf_section *s = elf_file_section(elf, i);
		struct code_part part = { .addr = s->addr };
		struct err err = {0};

		if (!(s->flags & SHF_EXECINSTR) || s->type == SHT_NOBITS ||
		    !elf_file_data(elf, i, &part.bytes, &err))
			continue;
		if (!vec_push(&ret->parts, part)) {
			ret->no_memory = true;
			break;
		}
	}
}

void dwarf_code_close(struct dwarf_code *code)
{
	vec_free(&code->parts);
}

struct slot_miner *slot_miner_open(const struct dwarf_code *code,
				   struct reader *r)
{
	struct slot_miner *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->code = code;
	m->r = r;
	m->walker.decode = code->decode;
	m->walker.abi = code->abi;
	m->walker.fields.raw = &r->raw;
	return m;
}

void slot_miner_close(struct slot_miner *miner)
{
	if (!miner)
		return;
	slot_walker_free(&miner->walker);
	vec_free(&miner->f.places);
	vec_free(&miner->f.params);
	map_free(&miner->types);
	free(miner);
}

const struct slot_flows *slot_miner_flows(const struct slot_miner *miner)
{
	return &miner->walker.flows;
}

/* Memory is exhausted: what types need of it is worth more. */
static void give_up(struct slot_miner *m)
{
	slot_flows_drop(&m->walker.flows);
}

/* False when the unit has had its share. */
static bool take_work(struct slot_miner *m, uint64_t work)
{
	bool ok = work <= m->work;

	m->work = ok ? m->work - work : 0;
	return ok;
}

/* The type of a variable or function, as far as another DIE says it. */
static uint32_t type_of(struct slot_miner *m, const struct die *die)
{
	struct die at = *die;
	uint64_t first = 0;

	for (int hop = 0; hop < MAX_HOPS; hop++) {
		uint32_t id = dwarf_type_of(m->r, &at, DW_AT_type);
		uint64_t key;
		const uint64_t *known;

		if (id != TYPE_NONE) {
			if (first && !map_set(&m->types, first,
					      (uint64_t)id + 1))
				give_up(m);
			return id;
		}
		key = dwarf_reference(m->r, &at, DW_AT_abstract_origin);
		if (!key)
			key = dwarf_reference(m->r, &at, DW_AT_specification);
		known = key ? map_find(&m->types, key) : NULL;
		if (known)
			return (uint32_t)(*known - 1);
		if (!first)
			first = key;
		if (!key || !dwarf_die_at(m->r, key, &at))
			return TYPE_NONE;
	}
	return TYPE_NONE;
}

static struct walk_pointer pointer_of(struct slot_miner *m, uint32_t type)
{
	struct walk_pointer p;

	p.pointee = slot_pointee(&m->r->raw, type, &p.is_pointer);
	return p;
}

/* --- places of variables --- */

static bool parse_place(const struct slot_miner *m, const struct bytes *expr,
			struct walk_place *ret)
{
	const struct insn_abi *abi = m->code->abi;
	struct bytes b = *expr;
	uint8_t op;

	/* Most are registers: without a copy. */
	if (expr->size == 1 && expr->start[0] >= DW_OP_reg0 &&
	    expr->start[0] <= DW_OP_reg31) {
		ret->where = WALK_REGISTER;
		ret->at = expr->start[0] - DW_OP_reg0;
		return ret->at < WALK_REGISTERS;
	}
	op = bytes_u8(&b);

	ret->where = WALK_REGISTER;
	if (op == DW_OP_regx) {
		ret->at = (int64_t)leb_u64(&b);
	} else if (op == DW_OP_fbreg && m->has_frame_base) {
		ret->where = m->from_cfa ? WALK_CFA : WALK_FRAME;
		ret->at = leb_i64(&b);
	} else if (op == DW_OP_breg0 + abi->frame) {
		ret->where = WALK_FRAME;
		ret->at = leb_i64(&b);
	} else {
		return false;
	}
	if (b.broken || bytes_left(&b) > 0)
		return false;
	return ret->where == WALK_REGISTER ?
	       ret->at >= 0 && ret->at < WALK_REGISTERS :
	       ret->at > INT32_MIN && ret->at < INT32_MAX;
}

static void note_place(void *ctx, const struct dwarf_extent *e)
{
	struct slot_miner *m = ctx;
	struct walk_place *place;

	if (!take_work(m, WORK_PER_PLACE) || m->f.places.len >= MAX_PLACES)
		return;
	if (!vec_reserve(&m->f.places, m->f.places.len + 1)) {
		give_up(m);
		return;
	}
	place = &m->f.places.at[m->f.places.len];
	place->low = e->low;
	place->high = e->high;
	place->pointee = m->pointee;
	m->f.places.len += parse_place(m, &e->expr, place);
}

static void add_variable(struct slot_miner *m, const struct die *die)
{
	struct walk_pointer p;

	if (m->work == 0 || !die_has(die, DW_AT_location))
		return;
	p = pointer_of(m, type_of(m, die));
	if (p.pointee == TYPE_NONE)
		return;
	m->pointee = p.pointee;
	dwarf_extents(die, DW_AT_location, note_place, m);
}

/* Parameters in general registers, until one may take several. */
static bool add_param(struct slot_miner *m, const struct die *die)
{
	uint32_t type = types_strip(&m->r->raw, type_of(m, die));
	const struct type *t = type < m->r->raw.types.len ?
			       &m->r->raw.types.at[type] : NULL;
	struct walk_pointer p = pointer_of(m, type);

	if (!t)
		return false;
	switch (t->kind) {
	case TYPE_FLOAT:
		return t->size <= 8;
	case TYPE_BOOL:
	case TYPE_CHAR:
	case TYPE_INT:
	case TYPE_ENUM:
	case TYPE_POINTER:
		if (t->size > 8)
			return false;
		if (!vec_push(&m->f.params, p))
			give_up(m);
		return true;
	default:
		return false;
	}
}

/* --- functions --- */

static void find_frame_base(struct slot_miner *m, const struct die *die)
{
	struct bytes b;
	uint8_t op;

	m->has_frame_base = false;
	if (!die_expression(die, DW_AT_frame_base, &b))
		return;
	op = bytes_u8(&b);
	if (b.broken || bytes_left(&b) > 0)
		return;
	m->from_cfa = op == DW_OP_call_frame_cfa;
	m->has_frame_base = m->from_cfa ||
			    op == DW_OP_reg0 + m->code->abi->frame;
}

/* All that is declared in @die, at any depth, inlined functions included. */
static void read_function(struct slot_miner *m, const struct die *die)
{
	const struct die_unit *unit = die->unit;
	bool more_params = true;
	size_t at = die->end;
	int depth = 1;

	m->f.places.len = m->f.params.len = 0;
	m->f.result = pointer_of(m, type_of(m, die));
	find_frame_base(m, die);
	while (depth > 0 && !m->walker.flows.no_memory) {
		struct die child;

		switch (die_read(unit, at, &child)) {
		case DIE_ONE:
			break;
		case DIE_NONE:
			depth--;
			at = child.end;
			continue;
		default:
			return;
		}
		at = child.end;
		switch (die_tag(&child)) {
		case DW_TAG_formal_parameter:
			if (depth == 1)
				more_params = more_params &&
					      add_param(m, &child);
			add_variable(m, &child);
			break;
		case DW_TAG_variable:
			add_variable(m, &child);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_inlined_subroutine:
			depth += child.abbrev->has_children;
			continue;
		default:
			break;
		}
		if (child.abbrev->has_children)
			at = die_after(&child);
	}
}

static void walk_part(void *ctx, const struct dwarf_extent *e)
{
	struct slot_miner *m = ctx;

	for (size_t i = 0; i < m->code->parts.len && e->high > e->low; i++) {
		struct code_part part = m->code->parts.at[i];
		uint64_t skip = e->low - part.addr;

		if (e->low < part.addr || skip >= part.bytes.size ||
		    e->high - e->low > part.bytes.size - skip)
			continue;
		if (!take_work(m, e->high - e->low))
			return;
		(void)bytes_take(&part.bytes, skip);
		m->f.low = e->low;
		m->f.code = bytes_sub(&part.bytes, e->high - e->low);
		slot_walk(&m->walker, &m->f);
		return;
	}
}

static void mine_function(struct slot_miner *m, const struct die *die)
{
	if (!die->abbrev->has_children || !dwarf_entry(die, &m->f.entry))
		return;
	read_function(m, die);
	dwarf_extents(die, DW_AT_ranges, walk_part, m);
	if (m->walker.flows.no_memory || m->walker.fields.no_memory ||
	    m->r->no_memory)
		give_up(m);
	/* The types are as they were. */
	m->r->no_memory = false;
}

void slot_miner_unit(struct slot_miner *miner, const struct die_unit *unit)
{
	const struct reader *r = miner->r;
	uint64_t end = unit->key + (unit->end - unit->header);
	size_t i;

	miner->work = (uint64_t)(unit->end - unit->header) * WORK_PER_BYTE;
	sorted_skip(i, 0, r->functions.len, r->functions.at[i] < unit->key);
	for (; i < r->functions.len && r->functions.at[i] < end &&
	     miner->work > 0 && !miner->walker.flows.no_memory; i++) {
		size_t at = unit->header + (r->functions.at[i] - unit->key);
		struct die die;

		if (die_read(unit, at, &die) == DIE_ONE)
			mine_function(miner, &die);
	}
}
