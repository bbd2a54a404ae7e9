/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_expr_stack.h"

#include <dwarf.h>

#include "formats/leb.h"

const struct expr_type expr_generic = { .encoding = 0, .size = 8 };

static bool is_float(struct expr_type t)
{
	return t.encoding == DW_ATE_float || t.encoding == DW_ATE_complex_float;
}

static bool is_signed(struct expr_type t)
{
	return t.encoding == 0 || t.encoding == DW_ATE_signed ||
	       t.encoding == DW_ATE_signed_char;
}

static bool is_same(struct expr_type a, struct expr_type b)
{
	return a.size == b.size && a.encoding == b.encoding;
}

static uint64_t cut(uint64_t bits, uint8_t size)
{
	return size >= 8 ? bits : bits & ((UINT64_C(1) << size * 8) - 1);
}

void expr_push(struct expr_stack *s, uint64_t value, struct expr_type type)
{
	if (s->n == EXPR_MAX_STACK || type.size == 0 || type.size > 8) {
		s->failed = true;
		return;
	}
	s->at[s->n++] = (struct expr_item){ cut(value, type.size), type };
}

struct expr_item expr_pop(struct expr_stack *s)
{
	if (s->n == 0) {
		s->failed = true;
		return (struct expr_item){ 0, expr_generic };
	}
	return s->at[--s->n];
}

/* gcc and clang shift signed numbers arithmetically. */
static int64_t sign_extended(struct expr_item item)
{
	unsigned unused = 64 - item.type.size * 8U;

	return (int64_t)(item.bits << unused) >> unused;
}

int64_t expr_signed(struct expr_item item)
{
	return is_signed(item.type) ? sign_extended(item)
				    : (int64_t)item.bits;
}

uint64_t expr_pop_integer(struct expr_stack *s)
{
	struct expr_item item = expr_pop(s);

	if (is_float(item.type))
		s->failed = true;
	return (uint64_t)expr_signed(item);
}

void expr_retype(struct expr_stack *s, struct expr_type type, bool convert)
{
	struct expr_item item = expr_pop(s);

	if (is_same(item.type, type)) {
		expr_push(s, item.bits, type);
	} else if (!convert) {
		s->failed |= item.type.size != type.size;
		expr_push(s, item.bits, type);
	} else {
		s->failed |= is_float(type) || is_float(item.type);
		expr_push(s, (uint64_t)expr_signed(item), type);
	}
}

static uint64_t divide(struct expr_stack *s, struct expr_item a,
		       struct expr_item b)
{
	if (b.bits == 0) {
		s->failed = true;
		return 0;
	}
	if (!is_signed(a.type))
		return a.bits / b.bits;
	/* The one quotient that does not fit. */
	if (expr_signed(b) == -1)
		return 0 - a.bits;
	return (uint64_t)(expr_signed(a) / expr_signed(b));
}

static uint64_t remainder_of(struct expr_stack *s, struct expr_item a,
			     struct expr_item b)
{
	if (b.bits == 0) {
		s->failed = true;
		return 0;
	}
	if (a.type.encoding == 0 || !is_signed(a.type))
		return a.bits % b.bits;
	if (expr_signed(b) == -1)
		return 0;
	return (uint64_t)(expr_signed(a) % expr_signed(b));
}

static uint64_t shift(uint8_t op, struct expr_item a, struct expr_item count)
{
	uint64_t n = count.bits, width = a.type.size * 8U;

	if (op == DW_OP_shra)
		return (uint64_t)(sign_extended(a) >> (n < 63 ? n : 63));
	if (n >= width)
		return 0;
	return op == DW_OP_shl ? a.bits << n : a.bits >> n;
}

static bool compare(uint8_t op, struct expr_item a, struct expr_item b)
{
	int64_t x = expr_signed(a), y = expr_signed(b);
	int order = is_signed(a.type) ? (x > y) - (x < y) :
		    (a.bits > b.bits) - (a.bits < b.bits);

	switch (op) {
	case DW_OP_eq: return order == 0;
	case DW_OP_ge: return order >= 0;
	case DW_OP_gt: return order > 0;
	case DW_OP_le: return order <= 0;
	case DW_OP_lt: return order < 0;
	default:       return order != 0;
	}
}

static bool is_comparison(uint8_t op)
{
	return op == DW_OP_eq || op == DW_OP_ge || op == DW_OP_gt ||
	       op == DW_OP_le || op == DW_OP_lt || op == DW_OP_ne;
}

static bool is_shift(uint8_t op)
{
	return op == DW_OP_shl || op == DW_OP_shr || op == DW_OP_shra;
}

static uint64_t calculate(struct expr_stack *s, uint8_t op,
			  struct expr_item a, struct expr_item b)
{
	switch (op) {
	case DW_OP_and:   return a.bits & b.bits;
	case DW_OP_or:    return a.bits | b.bits;
	case DW_OP_xor:   return a.bits ^ b.bits;
	case DW_OP_plus:  return a.bits + b.bits;
	case DW_OP_minus: return a.bits - b.bits;
	case DW_OP_mul:   return a.bits * b.bits;
	case DW_OP_div:   return divide(s, a, b);
	case DW_OP_mod:   return remainder_of(s, a, b);
	default:          return shift(op, a, b);
	}
}

static bool is_binary(uint8_t op)
{
	return op == DW_OP_and || op == DW_OP_or || op == DW_OP_xor ||
	       op == DW_OP_plus || op == DW_OP_minus || op == DW_OP_mul ||
	       op == DW_OP_div || op == DW_OP_mod || is_shift(op) ||
	       is_comparison(op);
}

static void binary(struct expr_stack *s, uint8_t op)
{
	struct expr_item b = expr_pop(s), a = expr_pop(s);

	if (is_float(a.type) || is_float(b.type) ||
	    (!is_same(a.type, b.type) && !is_shift(op))) {
		s->failed = true;
		return;
	}
	if (is_comparison(op))
		expr_push(s, compare(op, a, b), expr_generic);
	else
		expr_push(s, calculate(s, op, a, b), a.type);
}

static bool unary(struct expr_stack *s, uint8_t op, struct bytes *b)
{
	struct expr_item a;
	uint64_t value;

	if (op != DW_OP_abs && op != DW_OP_neg && op != DW_OP_not &&
	    op != DW_OP_plus_uconst)
		return false;
	a = expr_pop(s);
	s->failed |= is_float(a.type);
	value = (uint64_t)expr_signed(a);
	if (op == DW_OP_neg || (op == DW_OP_abs && expr_signed(a) < 0))
		value = 0 - value;
	else if (op == DW_OP_not)
		value = ~value;
	else if (op == DW_OP_plus_uconst)
		value += leb_u64(b);
	expr_push(s, value, a.type);
	return true;
}

/* Push again what lies @depth below the top. */
static void pick(struct expr_stack *s, size_t depth)
{
	if (depth >= s->n) {
		s->failed = true;
		return;
	}
	expr_push(s, s->at[s->n - 1 - depth].bits,
		  s->at[s->n - 1 - depth].type);
}

/* The topmost @n change places: the top goes below the others. */
static void rotate(struct expr_stack *s, size_t n)
{
	struct expr_item top;

	if (n > s->n) {
		s->failed = true;
		return;
	}
	top = s->at[s->n - 1];
	for (size_t i = s->n - 1; i > s->n - n; i--)
		s->at[i] = s->at[i - 1];
	s->at[s->n - n] = top;
}

bool expr_stack_op(struct expr_stack *s, uint8_t op, struct bytes *b)
{
	if (is_binary(op)) {
		binary(s, op);
		return true;
	}
	switch (op) {
	case DW_OP_dup:
		pick(s, 0);
		return true;
	case DW_OP_over:
		pick(s, 1);
		return true;
	case DW_OP_pick:
		pick(s, bytes_u8(b));
		return true;
	case DW_OP_drop:
		(void)expr_pop(s);
		return true;
	case DW_OP_swap:
		rotate(s, 2);
		return true;
	case DW_OP_rot:
		rotate(s, 3);
		return true;
	default:
		return unary(s, op, b);
	}
}
