/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One function's code, instruction by instruction: what pointers of known
 * type are stored in slots, and what slots' contents are used as.
 *
 * Registers have types where DWARF says that a variable is in them. In
 * between, loads, copies and calls say what a register holds: behind
 * `mov rax, [rbx+8]`, where rbx is a `struct node *`, rax has what its field
 * at 8 holds, and where the next location list puts a `struct dict *` into
 * rax, that is what the field was. Where control comes from
 * several places, only variables are believed.
 *
 * Cost: about 15 ns an instruction; 40 bytes an instruction of a function.
 */
#ifndef FORMATS_SLOT_WALK_H
#define FORMATS_SLOT_WALK_H

#include "formats/insn.h"
#include "formats/slot_fields.h"
#include "formats/slot_places.h"

enum {
	WALK_REGISTERS = 32,
	WALK_MAX_CODE = 1 << 20,	/* bytes of a function */
	WALK_BRANCHES = 8,	/* whose targets are awaited */
};

/* A pointer that a function is called with, or returns. */
struct walk_pointer {
	bool is_pointer;
	uint32_t pointee;	/* raw id; TYPE_NONE: void */
};

struct walk_function {
	uint64_t entry;		/* of the function, of which this is a part */
	uint64_t low;
	struct bytes code;	/* from low on */
	VEC(struct walk_place) places;
	VEC(struct walk_pointer) params;	/* of those in registers */
	struct walk_pointer result;
};

/* What a register holds. */
struct walk_value {
	struct flow_end end;	/* FLOW_NONE: not known */
	int64_t offset;		/* FLOW_TYPE: from the start of what it is */
	uint32_t id;		/* the same in all copies; 0 for none */
};

/* What registers hold where a branch went. */
struct walk_waiting {
	uint64_t addr;
	uint32_t known;		/* bits: those with a value */
	struct walk_value regs[WALK_REGISTERS];
};

struct slot_walker {
	insn_decoder *decode;
	const struct insn_abi *abi;
	struct slot_fields fields;
	struct slot_flows flows;	/* raw ids */
	/* Bits: code that is jumped to, and from more than one place. */
	VEC(uint64_t) targets, crossings;
	bool jumps_anywhere;		/* by a table, say */
	VEC(struct insn) code;		/* of the function */
	struct slot_places places;
	struct walk_waiting waiting[WALK_BRANCHES];
};

void slot_walker_free(struct slot_walker *walker);

/** Add the flows in @function. */
void slot_walk(struct slot_walker *walker, const struct walk_function *function);

#endif
