/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the code of a unit keeps in void pointers (slot_walk.h): its functions
 * and their variables, from DWARF, and its instructions.
 *
 * Only units in C: other languages say in their types what a pointer is.
 * What does not fit, or is not understood, tells nothing. Where memory does not
 * suffice there are no flows at all (slot_flows.no_memory): some of them would
 * mislead.
 *
 * Cost: a second pass over the DIEs of functions, and one over their code:
 * about as much as reading the types.
 */
#ifndef FORMATS_DWARF_SLOTS_H
#define FORMATS_DWARF_SLOTS_H

#include "formats/dwarf_reader.h"
#include "formats/slot_walk.h"

/* The machine code of a module. */
struct code_part {
	uint64_t addr;		/* in the file */
	struct bytes bytes;	/* borrowed from the file */
};

struct dwarf_code {
	insn_decoder *decode;	/* NULL: nothing is known */
	const struct insn_abi *abi;
	VEC(struct code_part) parts;
	bool no_memory;		/* some parts are missing */
};

/** The code in @elf (may be NULL), which must outlive it. Release with
 * dwarf_code_close(). */
void dwarf_code_open(struct elf_file *elf, struct dwarf_code *ret);
void dwarf_code_close(struct dwarf_code *code);

struct slot_miner;

/** For what @r reads; both are borrowed. NULL when memory is exhausted. */
struct slot_miner *slot_miner_open(const struct dwarf_code *code,
				   struct reader *r);

/** Look at those functions that the reader has noted in @unit, whose types it
 * has read. */
void slot_miner_unit(struct slot_miner *miner, const struct die_unit *unit);

/** What was found, with raw ids. */
const struct slot_flows *slot_miner_flows(const struct slot_miner *miner);

void slot_miner_close(struct slot_miner *miner);

#endif
