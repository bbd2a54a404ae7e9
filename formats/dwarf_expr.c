/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_expr.h"

#include <dwarf.h>

#include "formats/dwarf_expr_stack.h"
#include "formats/leb.h"

#ifndef DW_OP_GNU_variable_value
#define DW_OP_GNU_variable_value 0xfd
#endif

struct machine {
	const struct expr_env *env;
	struct bytes code[EXPR_MAX_CALLS];	/* the innermost call last */
	size_t depth;				/* of calls; >= 1 while running */
	struct expr_stack stack;
	struct expr_place place;	/* LOST until an operation names one */
	bool has_place;
	bool after_piece;		/* nothing since the last piece */
	struct expr_result *ret;
};

typedef void op_body(struct machine *m, uint8_t op, struct bytes *b);

static void fail(struct machine *m)
{
	m->stack.failed = true;
}

static void push(struct machine *m, uint64_t value)
{
	expr_push(&m->stack, value, expr_generic);
}

/* Push what the surroundings know, if they do. */
static void push_known(struct machine *m, bool known, uint64_t value)
{
	if (known)
		push(m, value);
	else
		fail(m);
}

static void set_place(struct machine *m, enum expr_kind kind, uint64_t value,
		      struct bytes bytes)
{
	m->has_place = true;
	m->place = (struct expr_place){ kind, value, bytes };
}

static struct expr_type type_at(struct machine *m, uint64_t offset)
{
	const struct expr_env *env = m->env;
	struct expr_type type = expr_generic;

	/* 0 names the generic type. */
	if (offset != 0 && (!env->ops->base_type ||
			    !env->ops->base_type(env->ctx, offset, &type)))
		fail(m);
	return type;
}

static void constant(struct machine *m, uint8_t op, struct bytes *b)
{
	switch (op) {
	case DW_OP_const1u: push(m, bytes_u8(b)); break;
	case DW_OP_const1s: push(m, (uint64_t)(int8_t)bytes_u8(b)); break;
	case DW_OP_const2u: push(m, bytes_u16(b)); break;
	case DW_OP_const2s: push(m, (uint64_t)(int16_t)bytes_u16(b)); break;
	case DW_OP_const4u: push(m, bytes_u32(b)); break;
	case DW_OP_const4s: push(m, (uint64_t)(int32_t)bytes_u32(b)); break;
	case DW_OP_constu:  push(m, leb_u64(b)); break;
	case DW_OP_consts:  push(m, (uint64_t)leb_i64(b)); break;
	default:            push(m, bytes_u64(b)); break;
	}
}

static void address(struct machine *m, uint8_t op, struct bytes *b)
{
	(void)op;
	push(m, bytes_u64(b) + m->env->bias);
}

static void indexed(struct machine *m, uint8_t op, struct bytes *b)
{
	const struct expr_env *env = m->env;
	uint64_t index = leb_u64(b), value = 0;
	bool known = env->ops->debug_addr &&
		     env->ops->debug_addr(env->ctx, index, &value);

	if (op == DW_OP_addrx || op == DW_OP_GNU_addr_index)
		value += env->bias;
	push_known(m, known, value);
}

static void relative_to_register(struct machine *m, uint8_t op,
				 struct bytes *b)
{
	uint64_t reg = op == DW_OP_bregx ? leb_u64(b)
					 : (uint64_t)(op - DW_OP_breg0);
	uint64_t value = 0, offset = (uint64_t)leb_i64(b);
	bool known = expr_env_reg(m->env, reg, &value);

	push_known(m, known, value + offset);
}

static void relative_to_frame(struct machine *m, uint8_t op, struct bytes *b)
{
	const struct expr_env *env = m->env;
	uint64_t value = 0, offset = 0;
	bool known;

	if (op == DW_OP_fbreg) {
		offset = (uint64_t)leb_i64(b);
		known = env->ops->frame_base &&
			env->ops->frame_base(env->ctx, &value);
	} else {
		known = env->ops->cfa && env->ops->cfa(env->ctx, &value);
	}
	push_known(m, known, value + offset);
}

static void in_register(struct machine *m, uint8_t op, struct bytes *b)
{
	uint64_t reg = op == DW_OP_regx ? leb_u64(b)
					: (uint64_t)(op - DW_OP_reg0);

	set_place(m, EXPR_REGISTER, reg, bytes_of(NULL, 0));
}

static void typed_register(struct machine *m, uint8_t op, struct bytes *b)
{
	uint64_t reg = leb_u64(b), value = 0;
	struct expr_type type = type_at(m, leb_u64(b));

	(void)op;
	if (!expr_env_reg(m->env, reg, &value))
		fail(m);
	expr_push(&m->stack, value, type);
}

/* The size of what is read stands behind some of the operations. */
static void dereference(struct machine *m, uint8_t op, struct bytes *b)
{
	uint8_t size = op == DW_OP_deref ? 8 : bytes_u8(b);
	struct expr_type type = expr_generic;
	uint64_t addr, value = 0;

	if (op == DW_OP_deref_type || op == DW_OP_GNU_deref_type)
		type = type_at(m, leb_u64(b));
	addr = expr_pop_integer(&m->stack);
	if (size == 0 || size > 8 || m->stack.failed ||
	    !expr_env_read(m->env, addr, &value, size)) {
		fail(m);
		return;
	}
	expr_push(&m->stack, value, type);
}

static void typed_constant(struct machine *m, uint8_t op, struct bytes *b)
{
	struct expr_type type = type_at(m, leb_u64(b));
	uint8_t size = bytes_u8(b);
	const uint8_t *at = bytes_take(b, size);
	uint64_t value = 0;

	(void)op;
	if (!at || size > sizeof(value)) {
		fail(m);
		return;
	}
	memcpy(&value, at, size);
	expr_push(&m->stack, value, type);
}

static void retype(struct machine *m, uint8_t op, struct bytes *b)
{
	struct expr_type type = type_at(m, leb_u64(b));

	expr_retype(&m->stack, type, op == DW_OP_convert ||
				     op == DW_OP_GNU_convert);
}

static void branch(struct machine *m, uint8_t op, struct bytes *b)
{
	int64_t by = (int16_t)bytes_u16(b), to = (int64_t)b->pos + by;

	if (op == DW_OP_bra && expr_pop_integer(&m->stack) == 0)
		return;
	if (b->broken || to < 0 || (uint64_t)to > b->size)
		fail(m);
	else
		b->pos = (size_t)to;
}

static void call(struct machine *m, uint8_t op, struct bytes *b)
{
	const struct expr_env *env = m->env;
	bool is_global = op == DW_OP_call_ref;
	struct bytes code = bytes_of(NULL, 0);
	uint64_t offset;

	if (op == DW_OP_call2)
		offset = bytes_u16(b);
	else if (is_global && env->offset_size == 8)
		offset = bytes_u64(b);
	else
		offset = bytes_u32(b);
	if (b->broken || m->depth == EXPR_MAX_CALLS ||
	    !env->ops->procedure ||
	    !env->ops->procedure(env->ctx, offset, is_global, &code))
		fail(m);
	else
		m->code[m->depth++] = code;
}

static void entry_value(struct machine *m, uint8_t op, struct bytes *b)
{
	const struct expr_env *env = m->env;
	struct bytes inner = bytes_sub(b, leb_u64(b));
	uint64_t value = 0;
	bool known = !b->broken && env->ops->entry_value &&
		     env->ops->entry_value(env->ctx, inner, &value);

	(void)op;
	push_known(m, known, value);
}

static void parameter(struct machine *m, uint8_t op, struct bytes *b)
{
	const struct expr_env *env = m->env;
	uint64_t offset = bytes_u32(b), value = 0;
	bool known = !b->broken && env->ops->parameter &&
		     env->ops->parameter(env->ctx, offset, &value);

	(void)op;
	push_known(m, known, value);
}

static void thread_local_address(struct machine *m, uint8_t op,
				 struct bytes *b)
{
	const struct expr_env *env = m->env;
	uint64_t offset = expr_pop_integer(&m->stack), value = 0;
	bool known = !m->stack.failed && env->ops->tls &&
		     env->ops->tls(env->ctx, offset, &value);

	(void)op;
	(void)b;
	push_known(m, known, value);
}

static void object_address(struct machine *m, uint8_t op, struct bytes *b)
{
	(void)op;
	(void)b;
	push_known(m, m->env->has_object, m->env->object);
}

static void computed_value(struct machine *m, uint8_t op, struct bytes *b)
{
	struct expr_item item = expr_pop(&m->stack);

	(void)op;
	(void)b;
	/* Floating-point numbers keep their bits. */
	set_place(m, EXPR_VALUE, (uint64_t)expr_signed(item),
		  bytes_of(NULL, 0));
}

static void implicit_value(struct machine *m, uint8_t op, struct bytes *b)
{
	struct bytes value = bytes_sub(b, leb_u64(b));

	(void)op;
	set_place(m, EXPR_BYTES, 0, value);
}

/* A pointer to a variable that has no address. */
static void implicit_pointer(struct machine *m, uint8_t op, struct bytes *b)
{
	const struct expr_env *env = m->env;
	bool is_wide = env->offset_size == 8 || env->version == 2;

	(void)op;
	(void)bytes_take(b, is_wide ? 8 : 4);
	(void)leb_i64(b);
	set_place(m, EXPR_LOST, 0, bytes_of(NULL, 0));
}

/* What was described until now: a place, an address, or nothing at all. */
static struct expr_place take_place(struct machine *m)
{
	struct expr_place place = { .kind = EXPR_LOST };

	if (m->has_place) {
		place = m->place;
	} else if (m->stack.n > 0) {
		place.kind = EXPR_MEMORY;
		place.value = expr_pop_integer(&m->stack);
	}
	m->has_place = false;
	return place;
}

static void piece(struct machine *m, uint8_t op, struct bytes *b)
{
	struct expr_result *r = m->ret;
	struct expr_piece p = { .bits = leb_u64(b) };

	if (op == DW_OP_bit_piece)
		p.bit_offset = leb_u64(b);
	else if (p.bits > UINT64_MAX / 8)
		fail(m);
	else
		p.bits *= 8;
	p.place = take_place(m);
	if (r->n_pieces == EXPR_MAX_PIECES)
		fail(m);
	else
		r->pieces[r->n_pieces++] = p;
	m->after_piece = true;
}

static void nothing(struct machine *m, uint8_t op, struct bytes *b)
{
	(void)m;
	(void)op;
	(void)b;
}

/* Operations on the stack alone are in none of the rows. */
static const struct { uint8_t first, last; op_body *body; } ops[] = {
	{ DW_OP_addr, DW_OP_addr, address },
	{ DW_OP_deref, DW_OP_deref, dereference },
	{ DW_OP_const1u, DW_OP_consts, constant },
	{ DW_OP_bra, DW_OP_bra, branch },
	{ DW_OP_skip, DW_OP_skip, branch },
	{ DW_OP_reg0, DW_OP_reg31, in_register },
	{ DW_OP_breg0, DW_OP_breg31, relative_to_register },
	{ DW_OP_regx, DW_OP_regx, in_register },
	{ DW_OP_fbreg, DW_OP_fbreg, relative_to_frame },
	{ DW_OP_bregx, DW_OP_bregx, relative_to_register },
	{ DW_OP_piece, DW_OP_piece, piece },
	{ DW_OP_deref_size, DW_OP_deref_size, dereference },
	{ DW_OP_nop, DW_OP_nop, nothing },
	{ DW_OP_push_object_address, DW_OP_push_object_address,
	  object_address },
	{ DW_OP_call2, DW_OP_call_ref, call },
	{ DW_OP_form_tls_address, DW_OP_form_tls_address,
	  thread_local_address },
	{ DW_OP_call_frame_cfa, DW_OP_call_frame_cfa, relative_to_frame },
	{ DW_OP_bit_piece, DW_OP_bit_piece, piece },
	{ DW_OP_implicit_value, DW_OP_implicit_value, implicit_value },
	{ DW_OP_stack_value, DW_OP_stack_value, computed_value },
	{ DW_OP_implicit_pointer, DW_OP_implicit_pointer, implicit_pointer },
	{ DW_OP_addrx, DW_OP_constx, indexed },
	{ DW_OP_entry_value, DW_OP_entry_value, entry_value },
	{ DW_OP_const_type, DW_OP_const_type, typed_constant },
	{ DW_OP_regval_type, DW_OP_regval_type, typed_register },
	{ DW_OP_deref_type, DW_OP_deref_type, dereference },
	{ DW_OP_convert, DW_OP_reinterpret, retype },
	{ DW_OP_GNU_push_tls_address, DW_OP_GNU_push_tls_address,
	  thread_local_address },
	{ DW_OP_GNU_uninit, DW_OP_GNU_uninit, nothing },
	{ DW_OP_GNU_implicit_pointer, DW_OP_GNU_implicit_pointer,
	  implicit_pointer },
	{ DW_OP_GNU_entry_value, DW_OP_GNU_entry_value, entry_value },
	{ DW_OP_GNU_const_type, DW_OP_GNU_const_type, typed_constant },
	{ DW_OP_GNU_regval_type, DW_OP_GNU_regval_type, typed_register },
	{ DW_OP_GNU_deref_type, DW_OP_GNU_deref_type, dereference },
	{ DW_OP_GNU_convert, DW_OP_GNU_convert, retype },
	{ DW_OP_GNU_reinterpret, DW_OP_GNU_reinterpret, retype },
	{ DW_OP_GNU_parameter_ref, DW_OP_GNU_parameter_ref, parameter },
	{ DW_OP_GNU_addr_index, DW_OP_GNU_const_index, indexed },
};

static op_body *body_of(uint8_t op)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (op >= ops[i].first && op <= ops[i].last)
			return ops[i].body;
	}
	return NULL;
}

static bool is_piece(uint8_t op)
{
	return op == DW_OP_piece || op == DW_OP_bit_piece;
}

static void step(struct machine *m, struct bytes *b)
{
	uint8_t op = bytes_u8(b);
	op_body *body;

	/* A place ends a description: a piece of it, or the end, follows. */
	if (m->has_place && !is_piece(op) && op != DW_OP_GNU_uninit &&
	    op != DW_OP_nop) {
		fail(m);
		return;
	}
	m->after_piece = false;
	if (op >= DW_OP_lit0 && op <= DW_OP_lit31) {
		push(m, (uint64_t)(op - DW_OP_lit0));
		return;
	}
	body = body_of(op);
	if (body)
		body(m, op, b);
	else if (!expr_stack_op(&m->stack, op, b))
		fail(m);
}

/* True when all went well. */
static bool run(struct machine *m, struct bytes expr)
{
	m->code[m->depth++] = expr;
	for (int steps = 0; m->depth > 0; steps++) {
		struct bytes *b = &m->code[m->depth - 1];

		if (bytes_left(b) == 0 && !b->broken) {
			m->depth--;
			continue;
		}
		if (steps == EXPR_MAX_STEPS)
			return false;
		step(m, b);
		if (m->stack.failed || b->broken)
			return false;
	}
	return true;
}

static void evaluate(const struct expr_env *env, struct bytes expr,
		     const uint64_t *first, struct expr_result *ret)
{
	struct machine m;

	m.env = env;
	m.ret = ret;
	m.depth = m.stack.n = 0;
	m.stack.failed = m.has_place = m.after_piece = false;
	*ret = (struct expr_result){ .n_pieces = 0 };
	if (first)
		push(&m, *first);
	if (!run(&m, expr)) {
		ret->n_pieces = 0;
		return;
	}
	if (ret->n_pieces == 0) {
		ret->place = take_place(&m);
	} else if (m.after_piece) {
		ret->place.kind = EXPR_PIECES;
	} else {
		ret->n_pieces = 0;
	}
	if (m.stack.failed)
		*ret = (struct expr_result){ .n_pieces = 0 };
}

void expr_locate(const struct expr_env *env, struct bytes expr,
		 struct expr_result *ret)
{
	evaluate(env, expr, NULL, ret);
}

bool expr_value(const struct expr_env *env, struct bytes expr,
		const uint64_t *first, uint64_t *ret)
{
	struct expr_result result;

	evaluate(env, expr, first, &result);
	*ret = result.place.value;
	switch (result.place.kind) {
	case EXPR_MEMORY:
	case EXPR_VALUE:
		return true;
	case EXPR_REGISTER:
		return expr_env_reg(env, result.place.value, ret);
	default:
		*ret = 0;
		return false;
	}
}
