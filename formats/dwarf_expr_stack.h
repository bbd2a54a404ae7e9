/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The typed stack of the DWARF stack machine and its arithmetic (DWARF 5,
 * 2.5.1.3 to 2.5.1.6): what needs nothing from outside.
 *
 * A value without a type ("generic") has the size of an address and no sign
 * of its own: division, comparisons and the arithmetic shift take it as
 * signed, the remainder and the logical shift as unsigned.
 */
#ifndef FORMATS_DWARF_EXPR_STACK_H
#define FORMATS_DWARF_EXPR_STACK_H

#include "formats/dwarf_expr.h"

struct expr_item {
	uint64_t bits;		/* zero above the size of the type */
	struct expr_type type;	/* encoding 0: generic */
};

struct expr_stack {
	struct expr_item at[EXPR_MAX_STACK];
	size_t n;
	bool failed;		/* too deep, too shallow, or no such thing */
};

extern const struct expr_type expr_generic;

void expr_push(struct expr_stack *s, uint64_t value, struct expr_type type);
struct expr_item expr_pop(struct expr_stack *s);

/** Pop an address or count; a floating-point number fails. */
uint64_t expr_pop_integer(struct expr_stack *s);

/** The number in @item as 64 bits, sign extended if its type has a sign. */
int64_t expr_signed(struct expr_item item);

/** Change the type of the top: keep the number (@convert) or the bits. */
void expr_retype(struct expr_stack *s, struct expr_type type, bool convert);

/**
 * Do the operation @op when it is one on the stack alone (dup to swap, abs to
 * ne, without branches); @b stands behind the opcode. False when @op is
 * another one.
 */
bool expr_stack_op(struct expr_stack *s, uint8_t op, struct bytes *b);

#endif
