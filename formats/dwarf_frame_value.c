/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_frame_value.h"

#include "base/sorted.h"
#include "formats/dwarf_expr_fetch.h"
#include "formats/dwarf_lists.h"
#include "formats/leb.h"

enum {
	MAX_CALLERS = 8,	/* whose values depend on those of the next */
	WORD = 8,
	/* xmm0 in DWARF (System V ABI, 3.6.2), and where FXSAVE puts it. */
	FIRST_XMM = 17, N_XMM = 16, XMM_OFFSET = 160, XMM_SIZE = 16,
};

/* One frame while an expression is evaluated in it. */
struct eval {
	const struct frame_values *v;
	size_t frame;
	const struct scope *scope;
	int depth;		/* calls between it and where we began */
	bool in_base;		/* the frame base may not ask for itself */
};

static const struct expr_ops ops;

static const struct die_unit *unit_of(const struct eval *e)
{
	return e->scope->unit;
}

static const struct unwind_frame *frame_of(const struct eval *e)
{
	return &e->v->job->frames[e->frame].at;
}

static uint64_t bias_of(const struct frame_values *v)
{
	return v->job->image->modules.at[v->job->module].bias;
}

static struct expr_env env_of(struct eval *e)
{
	const struct die_unit *unit = unit_of(e);

	return (struct expr_env){
		.ops = &ops, .ctx = e, .bias = bias_of(e->v),
		.version = unit->sizes.version,
		.offset_size = unit->sizes.offset,
	};
}

const struct scope *frame_scope(const struct frame_values *v, size_t i)
{
	const struct scopes *s = v->scopes;
	uint64_t addr = v->job->frames[i].at.place - bias_of(v);
	size_t found;

	if (v->job->frames[i].at.module != v->job->module)
		return NULL;
	sorted_skip(found, 0, s->at.len, s->at.at[found].addr < addr);
	return found < s->at.len && s->at.at[found].addr == addr ?
	       &s->at.at[found] : NULL;
}

/* --- what expressions ask for --- */

static bool read_memory(void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct eval *e = ctx;

	return image_read(e->v->job->image, addr, buf, n);
}

/* Vector registers are those of the thread: nobody saves them. */
static bool vector_register(const struct eval *e, uint64_t n, uint64_t *ret)
{
	const struct stack_frame *f = &e->v->job->frames[e->frame];
	const struct thread *t = &e->v->job->image->threads.at[f->thread];
	size_t at = XMM_OFFSET + (size_t)n * XMM_SIZE;

	if (!f->is_innermost || t->fpregs_size < at + WORD)
		return false;
	memcpy(ret, t->fpregs + at, WORD);
	return true;
}

static bool get_register(void *ctx, uint64_t reg, uint64_t *ret)
{
	const struct eval *e = ctx;
	const struct unwind_regs *regs = &frame_of(e)->regs;

	if (reg >= FIRST_XMM && reg < FIRST_XMM + N_XMM)
		return vector_register(e, reg - FIRST_XMM, ret);
	if (reg >= UNWIND_REGS || !(regs->known >> reg & 1))
		return false;
	*ret = regs->at[reg];
	return true;
}

static bool get_frame_base(void *ctx, uint64_t *ret)
{
	struct eval *e = ctx;
	struct eval base = *e;
	struct expr_env env = env_of(&base);

	base.in_base = true;
	return !e->in_base && e->scope->frame_base.size > 0 &&
	       expr_value(&env, e->scope->frame_base, NULL, ret);
}

static bool get_cfa(void *ctx, uint64_t *ret)
{
	const struct eval *e = ctx;

	*ret = frame_of(e)->cfa;
	return *ret != 0;
}

static bool get_debug_addr(void *ctx, uint64_t index, uint64_t *ret)
{
	return die_indexed_address(unit_of(ctx), index, ret);
}

static bool get_base_type(void *ctx, uint64_t offset, struct expr_type *ret)
{
	const struct eval *e = ctx;
	struct reader *r = e->v->scopes->reader;
	uint64_t encoding, size;
	struct die die;

	if (!dwarf_die_at(r, unit_of(e)->key + offset, &die) ||
	    !die_number(&die, DW_AT_encoding, &encoding) ||
	    !die_number(&die, DW_AT_byte_size, &size) ||
	    encoding > UINT8_MAX || size > UINT8_MAX)
		return false;
	*ret = (struct expr_type){ (uint8_t)encoding, (uint8_t)size };
	return true;
}

static bool get_procedure(void *ctx, uint64_t offset, bool is_global,
			  struct bytes *ret)
{
	const struct eval *e = ctx;
	const struct die_unit *unit = unit_of(e);
	uint64_t start = is_global ? unit->file->info_key : unit->key;
	struct die die;

	if (!dwarf_die_at(e->v->scopes->reader, start + offset, &die))
		return false;
	if (!dwarf_location_at(&die, DW_AT_location, e->scope->addr, ret,
			       NULL))
		*ret = bytes_of(NULL, 0);
	return true;
}

/* --- what the caller passed --- */

/* Did the call in @caller lead to the function of @e? */
static bool is_called(const struct eval *e, struct eval *caller)
{
	const struct scope_callee *self = &e->scope->self;
	const struct scope *call = caller->scope;
	struct expr_env env = env_of(caller);
	uint64_t target;

	if (call->callee_at.size > 0)
		return self->entry &&
		       expr_value(&env, call->callee_at, NULL, &target) &&
		       target == self->entry + bias_of(e->v);
	if (call->callee.entry && self->entry)
		return call->callee.entry == self->entry;
	return call->callee.linkage && call->callee.linkage == self->linkage;
}

/* The frame that called @e, if its call is known. */
static bool open_caller(const struct eval *e, struct eval *ret)
{
	const struct frame_values *v = e->v;

	*ret = (struct eval){
		.v = v, .frame = e->frame + 1, .depth = e->depth + 1,
	};
	if (ret->depth > MAX_CALLERS || !v->job->frames[e->frame].has_caller ||
	    v->job->frames[e->frame + 1].at.flags & FRAME_GUESSED)
		return false;
	ret->scope = frame_scope(v, ret->frame);
	return ret->scope && ret->scope->n_parameters > 0 && is_called(e, ret);
}

/* The register that an expression is, whatever type it is read as. */
static uint64_t register_of(struct bytes b)
{
	uint8_t op = bytes_u8(&b);
	uint64_t reg = UINT64_MAX;

	if (op >= DW_OP_reg0 && op <= DW_OP_reg31) {
		reg = op - DW_OP_reg0;
	} else if (op == DW_OP_regx) {
		reg = leb_u64(&b);
	} else if (op == DW_OP_regval_type || op == DW_OP_GNU_regval_type) {
		reg = leb_u64(&b);
		(void)leb_u64(&b);
	}
	return b.broken || bytes_left(&b) ? UINT64_MAX : reg;
}

static bool same_place(struct bytes a, struct bytes b)
{
	uint64_t reg = register_of(a);

	if (reg != UINT64_MAX)
		return register_of(b) == reg;
	return a.size == b.size && a.size > 0 &&
	       memcmp(a.start, b.start, a.size) == 0;
}

/* The value of the parameter that is at @location, or whose DIE has @key. */
static bool passed(const struct eval *e, struct bytes location, uint64_t key,
		   uint64_t *ret)
{
	struct eval caller;
	struct expr_env env;

	if (!open_caller(e, &caller))
		return false;
	env = env_of(&caller);
	for (size_t i = 0; i < caller.scope->n_parameters; i++) {
		const struct scope_parameter *p = &e->v->scopes->parameters.at[
			caller.scope->first_parameter + i];

		if ((key && p->key == key) || same_place(p->location, location))
			return expr_value(&env, p->value, NULL, ret);
	}
	return false;
}

static bool get_entry_value(void *ctx, struct bytes expr, uint64_t *ret)
{
	return passed(ctx, expr, 0, ret);
}

static bool get_parameter(void *ctx, uint64_t offset, uint64_t *ret)
{
	const struct eval *e = ctx;

	return passed(e, bytes_of(NULL, 0), unit_of(e)->key + offset, ret);
}

static const struct expr_ops ops = {
	.read = read_memory,
	.reg = get_register,
	.frame_base = get_frame_base,
	.cfa = get_cfa,
	.entry_value = get_entry_value,
	.debug_addr = get_debug_addr,
	.base_type = get_base_type,
	.procedure = get_procedure,
	.parameter = get_parameter,
};

/* --- variables --- */

static void set_value(struct local *l, uint32_t flag, uint64_t value)
{
	l->flags |= flag;
	l->value = l->size == 0 || l->size >= WORD ? value :
		   value & ((UINT64_C(1) << l->size * 8) - 1);
}

/* The first bytes of what is no larger than a word. */
static void set_bytes(struct local *l, struct bytes b)
{
	uint64_t value = 0;

	if (l->size > WORD || l->size > b.size) {
		l->flags |= LOCAL_LOST;
		return;
	}
	memcpy(&value, b.start, (size_t)l->size);
	set_value(l, LOCAL_VALUE, value);
}

static void set_register(struct eval *e, uint64_t reg, struct local *l)
{
	const struct unwind_regs *regs = &frame_of(e)->regs;
	uint64_t value;

	if (!get_register(e, reg, &value)) {
		l->flags |= LOCAL_LOST;
	} else if (reg < UNWIND_REGS && regs->saved[reg]) {
		l->addr = regs->saved[reg];
	} else {
		l->addr = reg;
		set_value(l, LOCAL_REGISTER, value);
	}
}

static void set_place(struct eval *e, const struct expr_result *result,
		      struct local *l)
{
	struct expr_env env = env_of(e);
	uint64_t value = 0;

	switch (result->place.kind) {
	case EXPR_MEMORY:
		l->addr = result->place.value;
		break;
	case EXPR_REGISTER:
		set_register(e, result->place.value, l);
		break;
	case EXPR_VALUE:
		set_value(l, LOCAL_VALUE, result->place.value);
		break;
	case EXPR_BYTES:
		set_bytes(l, result->place.bytes);
		break;
	case EXPR_PIECES:
		if (l->size > 0 && l->size <= WORD &&
		    expr_fetch(&env, result, &value, (size_t)l->size))
			set_value(l, LOCAL_VALUE, value);
		else
			l->flags |= LOCAL_LOST;
		break;
	default:
		l->flags |= LOCAL_LOST;
		break;
	}
}

void frame_value(const struct frame_values *v, size_t i,
		 const struct scope *scope, const struct scope_var *var,
		 struct local *local)
{
	struct eval e = { .v = v, .frame = i, .scope = scope };
	struct expr_env env = env_of(&e);
	struct expr_result result;

	if (var->has_value && var->expr.size > 0) {
		set_bytes(local, var->expr);
	} else if (var->has_value) {
		set_value(local, LOCAL_VALUE, var->value);
	} else if (var->expr.size == 0) {
		local->flags |= LOCAL_LOST;
	} else {
		expr_locate(&env, var->expr, &result);
		set_place(&e, &result, local);
	}
}
