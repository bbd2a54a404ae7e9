/* SPDX-License-Identifier: MIT */
#include "formats/slot_walk.h"

#include <stdlib.h>

enum { KEPT = 16 };

/* A void pointer that was put into the frame. */
struct kept {
	int64_t at;
	struct walk_value value;
};

struct walk {
	struct slot_walker *w;
	const struct walk_function *f;
	uint64_t pc;
	uint32_t known;		/* bits: registers with a value */
	struct walk_value regs[WALK_REGISTERS];
	const struct walk_place *active[WALK_REGISTERS];	/* or NULL */
	size_t next_place;	/* of places.begins: did not begin */
	bool in_prologue, has_frame;
	int64_t stack, frame;	/* from the CFA; stack: in the prologue */
	struct kept kept[KEPT];
	unsigned n_kept;
	unsigned n_waiting;	/* in walker.waiting, the newest in a ring */
	uint32_t last_id;
	bool falls;		/* from the instruction before */
};

static const struct walk_value unknown;

void slot_walker_free(struct slot_walker *walker)
{
	slot_fields_free(&walker->fields);
	slot_flows_free(&walker->flows);
	vec_free(&walker->targets);
	vec_free(&walker->crossings);
	vec_free(&walker->code);
	slot_places_free(&walker->places);
}

static struct flow_end pointer_to(uint32_t pointee)
{
	return (struct flow_end){ FLOW_TYPE, pointee, 0 };
}

static void note(struct walk *k, const struct walk_value *from,
		 const struct flow_end *to)
{
	if (from->end.kind == FLOW_NONE || to->kind == FLOW_NONE ||
	    from->offset != 0)
		return;
	if (from->end.kind == FLOW_TYPE && to->kind == FLOW_TYPE)
		return;
	slot_flows_add(&k->w->flows, &from->end, to, 1);
}

/* The variable in @reg, where one is. */
static const struct walk_place *variable_in(const struct walk *k, unsigned reg)
{
	const struct walk_place *p;

	p = reg < WALK_REGISTERS ? k->active[reg] : NULL;
	return p && k->pc >= p->low && k->pc < p->high ? p : NULL;
}

static bool knows(const struct walk *k, unsigned reg)
{
	return reg < WALK_REGISTERS && k->known >> reg & 1;
}

/* What is in @reg: kept in the walk, or in @scratch. */
static const struct walk_value *value_of(const struct walk *k, unsigned reg,
					 struct walk_value *scratch)
{
	const struct walk_place *p = variable_in(k, reg);

	if (!p)
		return knows(k, reg) ? &k->regs[reg] : &unknown;
	scratch->end = pointer_to(p->pointee);
	scratch->offset = 0;
	scratch->id = 0;
	return scratch;
}

static void set_register(struct walk *k, unsigned reg, struct flow_end end,
			 int64_t offset, uint32_t id)
{
	struct walk_value *v = &k->regs[reg];

	if (reg >= WALK_REGISTERS)
		return;
	v->end = end;
	v->offset = offset;
	v->id = id;
	if (end.kind != FLOW_NONE || id)
		k->known |= UINT32_C(1) << reg;
	else
		k->known &= ~(UINT32_C(1) << reg);
}

/* --- the frame --- */

/* The place in the frame that an operand means, from the CFA. */
static bool frame_place(const struct walk *k, const struct insn *insn,
			int64_t *at)
{
	const struct insn_abi *abi = k->w->abi;

	*at = insn->disp;
	if (!k->has_frame)
		return false;
	if (insn->base == abi->frame)
		*at += k->frame;
	else if (insn->base == abi->stack)
		*at += k->stack;
	else
		return false;
	return true;
}

static const struct walk_value *kept_at(const struct walk *k, int64_t at)
{
	for (unsigned i = 0; i < k->n_kept; i++) {
		if (k->kept[i].at == at)
			return &k->kept[i].value;
	}
	return &unknown;
}

static void keep(struct walk *k, int64_t at, const struct walk_value *value)
{
	unsigned i = 0;

	while (i < k->n_kept && k->kept[i].at != at)
		i++;
	if (i == KEPT)
		return;
	k->kept[i] = (struct kept){ at, *value };
	if (i == k->n_kept)
		k->n_kept++;
}

/* --- instructions --- */

static struct flow_end field_of(struct walk *k, const struct walk_value *base,
				int64_t disp)
{
	int64_t at = base->offset + disp;
	const struct type_table *raw = k->w->fields.raw;
	uint32_t to;

	if (base->end.kind != FLOW_TYPE || at < 0)
		return unknown.end;
	/* What an array of pointers holds is the same everywhere. */
	to = slot_pointee(raw, base->end.type, NULL);
	if (to != TYPE_NONE)
		return at % 8 ? unknown.end : pointer_to(to);
	return slot_field(&k->w->fields, base->end.type, (uint64_t)at);
}

static void load(struct walk *k, const struct insn *insn)
{
	const struct walk_value *v;
	struct walk_value scratch;
	const struct walk_place *p;
	struct flow_end end;
	int64_t at;

	if (!frame_place(k, insn, &at)) {
		v = value_of(k, insn->base, &scratch);
		end = field_of(k, v, insn->disp);
		k->known &= ~insn->writes;
		set_register(k, insn->reg, end, 0, ++k->last_id);
		return;
	}
	p = slot_places_find(&k->w->places, at, k->pc);
	k->known &= ~insn->writes;
	if (p) {
		set_register(k, insn->reg, pointer_to(p->pointee), 0, 0);
	} else {
		v = kept_at(k, at);
		set_register(k, insn->reg, v->end, v->offset, v->id);
	}
}

static void store(struct walk *k, const struct insn *insn)
{
	struct walk_value scratch, other;
	const struct walk_value *base, *value = value_of(k, insn->reg, &scratch);
	const struct walk_place *p;
	struct flow_end field;
	int64_t at;

	if (frame_place(k, insn, &at)) {
		struct flow_end to = unknown.end;

		p = slot_places_find(&k->w->places, at, k->pc);
		if (p)
			to = pointer_to(p->pointee);
		note(k, value, &to);
		if (!p)
			keep(k, at, value);
		return;
	}
	if (value->end.kind == FLOW_NONE)
		return;
	base = value_of(k, insn->base, &other);
	field = field_of(k, base, insn->disp);
	if (field.kind == FLOW_FIELD)
		note(k, value, &field);
}

/* The prologue says where the frame is. */
static void follow_stack(struct walk *k, const struct insn *insn)
{
	const struct insn_abi *abi = k->w->abi;

	if (!k->in_prologue || insn->kind != INSN_COPY ||
	    insn->base != abi->stack)
		return;
	if (insn->reg == abi->stack) {
		k->stack += insn->disp;
		/* Where nothing is pushed later on, it is enough. */
		k->has_frame |= abi->stack == 31;
	} else if (insn->reg == abi->frame) {
		k->frame = k->stack + insn->disp;
		k->has_frame = true;
	}
}

static void copy(struct walk *k, const struct insn *insn)
{
	struct walk_value scratch;
	const struct walk_value *v = value_of(k, insn->base, &scratch);
	uint32_t id = insn->disp == 0 ? v->id : 0;

	follow_stack(k, insn);
	k->known &= ~insn->writes;
	if (v->end.kind == FLOW_TYPE)
		set_register(k, insn->reg, v->end, v->offset + insn->disp, id);
	else if (insn->disp == 0)
		set_register(k, insn->reg, v->end, v->offset, id);
	else
		set_register(k, insn->reg, unknown.end, 0, 0);
}

static void call(struct walk *k, uint64_t target)
{
	const struct insn_abi *abi = k->w->abi;

	for (unsigned i = 0; target && i < abi->n_args; i++) {
		struct walk_value scratch;
		const struct walk_value *v = value_of(k, abi->args[i], &scratch);
		struct flow_end to = { FLOW_PARAM, i, target };

		note(k, v, &to);
	}
}

static void returned(struct walk *k, uint64_t target)
{
	struct flow_end end = { FLOW_RESULT, 0, target };

	k->known &= ~k->w->abi->clobbered;
	if (target)
		set_register(k, k->w->abi->result, end, 0, ++k->last_id);
}

/* Control comes from elsewhere, too. */
static void forget_all(struct walk *k)
{
	k->known = 0;
	k->n_kept = 0;
	k->in_prologue = false;
}

/* Nothing goes on behind this instruction. */
static void stop(struct walk *k)
{
	forget_all(k);
	k->falls = false;
}

static bool is_inside(const struct walk_function *f, uint64_t addr)
{
	return addr >= f->low && addr - f->low < f->code.size;
}

static bool has_bit(const uint64_t *bits, uint64_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static void copy_registers(struct walk_value *to,
			   const struct walk_value *from, uint32_t known)
{
	for (; known; known &= known - 1) {
		int reg = __builtin_ctz(known);

		to[reg] = from[reg];
	}
}

/* A branch forward: what is known here is known there. */
static void branch(struct walk *k, uint64_t target)
{
	struct walk_waiting *w = &k->w->waiting[k->n_waiting % WALK_BRANCHES];

	if (!is_inside(k->f, target) || target <= k->pc)
		return;
	w->addr = target;
	w->known = k->known;
	copy_registers(w->regs, k->regs, k->known);
	k->n_waiting++;
}

/* Control comes here from one branch only, or from who knows where. */
static void arrive(struct walk *k)
{
	uint64_t at = k->pc - k->f->low;
	bool is_target = has_bit(k->w->targets.at, at);

	/* Where nothing comes from, as padding, nothing is known. */
	if (!is_target && (k->falls || !k->w->jumps_anywhere))
		return;
	forget_all(k);
	for (unsigned i = 0; i < WALK_BRANCHES && i < k->n_waiting && !k->falls &&
	     !k->w->jumps_anywhere && !has_bit(k->w->crossings.at, at); i++) {
		const struct walk_waiting *w = &k->w->waiting[i];

		if (w->addr != k->pc)
			continue;
		k->known = w->known;
		copy_registers(k->regs, w->regs, w->known);
	}
	k->falls = true;
}

static void leave(struct walk *k)
{
	struct walk_value scratch;
	const struct walk_value *v = value_of(k, k->w->abi->result, &scratch);
	struct flow_end to = { FLOW_RESULT, 0, k->f->entry };

	if (k->f->result.is_pointer && k->f->result.pointee == TYPE_NONE)
		note(k, v, &to);
}

static void run(struct walk *k, const struct insn *insn)
{
	switch (insn->kind) {
	case INSN_LOAD:
		load(k, insn);
		break;
	case INSN_STORE:
		store(k, insn);
		break;
	case INSN_COPY:
		copy(k, insn);
		break;
	case INSN_CALL:
		call(k, insn->target);
		returned(k, insn->target);
		k->in_prologue = false;
		break;
	case INSN_JUMP:
		if (!is_inside(k->f, insn->target))
			call(k, insn->target);
		branch(k, insn->target);
		break;
	case INSN_BRANCH:
		k->known &= ~insn->writes;
		branch(k, insn->target);
		k->in_prologue = false;
		break;
	case INSN_END:
		leave(k);
		break;
	default:
		k->known &= ~insn->writes;
		break;
	}
}

/* --- the function --- */

/* What a variable is, all copies of its value are. */
static void name_copies(struct walk *k, uint32_t id, uint32_t pointee)
{
	for (uint32_t known = id ? k->known : 0; known; known &= known - 1) {
		int reg = __builtin_ctz(known);

		if (k->regs[reg].id == id)
			set_register(k, (unsigned)reg, pointer_to(pointee), 0,
				     0);
	}
}

/* Variables that begin here: one that takes over what a slot held tells
 * what it was. */
static void begin_variables(struct walk *k)
{
	for (; k->next_place < k->w->places.begins.len; k->next_place++) {
		const struct walk_order *o = &k->w->places.begins.at[k->next_place];
		const struct walk_place *p = &k->f->places.at[o->place];
		struct flow_end to = pointer_to(p->pointee);

		if (o->key > k->pc)
			break;
		if (o->key == k->pc && knows(k, (unsigned)p->at)) {
			note(k, &k->regs[p->at], &to);
			name_copies(k, k->regs[p->at].id, p->pointee);
		}
		k->active[p->at] = p;
	}
}

/* Decode it, and see where control goes. False when memory is exhausted. */
static bool decode(struct slot_walker *w, const struct walk_function *f)
{
	size_t size = (f->code.size / 64 + 1) * sizeof(*w->targets.at);
	struct bytes b = f->code;

	memset(w->targets.at, 0, size);
	memset(w->crossings.at, 0, size);
	w->jumps_anywhere = false;
	w->code.len = 0;
	for (;;) {
		struct insn *insn;
		uint64_t to, bit;

		if (!vec_reserve(&w->code, w->code.len + 1))
			return false;
		insn = &w->code.at[w->code.len];
		if (!w->decode(&b, f->low + b.pos, insn))
			return true;
		w->code.len++;
		if (insn->kind != INSN_JUMP && insn->kind != INSN_BRANCH)
			continue;
		if (insn->target == 0)
			w->jumps_anywhere = true;
		if (!is_inside(f, insn->target))
			continue;
		to = insn->target - f->low;
		bit = UINT64_C(1) << to % 64;
		w->crossings.at[to / 64] |= w->targets.at[to / 64] & bit;
		w->targets.at[to / 64] |= bit;
	}
}

/* What the callers and the callee agree on. */
static void enter(struct walk *k)
{
	const struct insn_abi *abi = k->w->abi;
	struct flow_end result = { FLOW_RESULT, 0, k->f->entry };

	if (k->f->result.pointee != TYPE_NONE && k->f->result.is_pointer) {
		struct walk_value v = {
			.end = pointer_to(k->f->result.pointee),
		};

		note(k, &v, &result);
	}
	for (unsigned i = 0; i < k->f->params.len && i < abi->n_args; i++) {
		const struct walk_pointer *p = &k->f->params.at[i];
		struct flow_end end = { FLOW_PARAM, i, k->f->entry };
		struct walk_value v = { .end = end, .id = ++k->last_id };

		if (!p->is_pointer)
			continue;
		if (p->pointee != TYPE_NONE) {
			struct flow_end to = pointer_to(p->pointee);

			note(k, &v, &to);
			v = (struct walk_value){ .end = to };
		}
		set_register(k, abi->args[i], v.end, 0, v.id);
	}
}

/* --- the walk --- */

static void walk_code(struct walk *k)
{
	const struct slot_walker *w = k->w;

	for (size_t i = 0; i < w->code.len; i++) {
		const struct insn *insn = &w->code.at[i];

		arrive(k);
		begin_variables(k);
		run(k, insn);
		if (insn->kind == INSN_JUMP || insn->kind == INSN_END)
			stop(k);
		else if (w->jumps_anywhere)
			k->falls = true;
		k->pc += insn->size;
	}
}

void slot_walk(struct slot_walker *walker, const struct walk_function *function)
{
	struct walk k = {
		.w = walker, .f = function, .pc = function->low,
		.in_prologue = true, .falls = true,
		.stack = walker->abi->frame == 6 ? -8 : 0,
	};
	size_t words = function->code.size / 64 + 1;

	if (function->code.size > WALK_MAX_CODE)
		return;
	if (!vec_reserve(&walker->targets, words) ||
	    !vec_reserve(&walker->crossings, words) ||
	    !decode(walker, function) ||
	    !slot_places_order(&walker->places, function->places.at,
			       function->places.len, function->low,
			       function->low + function->code.size)) {
		slot_flows_drop(&walker->flows);
		return;
	}
	if (function->low == function->entry)
		enter(&k);
	walk_code(&k);
}
