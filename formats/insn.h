/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Machine code of x86-64 and aarch64, as far as pointers move through it:
 * how long an instruction is, where it loads or stores a word, where control
 * goes, and which registers it changes.
 *
 * Everything else is INSN_OTHER. A register that might change is said to
 * change. Bytes are untrusted; nothing is read behind their end. What is not
 * known to be an instruction ends the decoding: there is no resynchronisation.
 *
 * Registers have the numbers that DWARF gives them (System V ABI, AMD64
 * supplement, figure 3.36; DWARF for the Arm 64-bit Architecture, 4.1).
 *
 * Sources: Intel SDM volume 2, appendix A (opcode maps) and 2.1-2.7
 * (encodings); Arm ARM C4.1.
 *
 * Cost: about 10 ns an instruction.
 */
#ifndef FORMATS_INSN_H
#define FORMATS_INSN_H

#include "base/bytes.h"

enum insn_kind {
	INSN_OTHER,
	INSN_LOAD,	/* @reg = the 8 bytes at @base + @disp */
	INSN_STORE,	/* the 8 bytes at @base + @disp = @reg */
	INSN_COPY,	/* @reg = @base + @disp */
	INSN_CALL,	/* of @target, 0 where that is not known */
	INSN_JUMP,	/* to @target, always */
	INSN_BRANCH,	/* to @target, or on */
	INSN_END,	/* returns, or stops: nothing follows */
};

enum { INSN_NO_REG = 0xff };

struct insn {
	uint8_t kind;		/* enum insn_kind */
	uint8_t size;		/* bytes */
	uint8_t reg, base;	/* general registers, or INSN_NO_REG */
	uint32_t writes;	/* bits: registers that change but @reg of a
				 * load or copy */
	int64_t disp;
	uint64_t target;	/* address */
};

/* What a compiler's calling convention makes of the registers. */
struct insn_abi {
	uint8_t n_args;
	uint8_t args[8];	/* registers of the first integer arguments */
	uint8_t result;
	uint8_t frame, stack;	/* frame and stack pointer */
	uint32_t clobbered;	/* bits: what a call may change */
};

/** Decodes the instruction at b->pos, which stands at @addr, and moves behind
 * it. False where there is none. */
typedef bool insn_decoder(struct bytes *b, uint64_t addr, struct insn *ret);

insn_decoder insn_x86_64;
insn_decoder insn_aarch64;

/** The decoder for a machine (EM_*) and its convention, or NULL. */
insn_decoder *insn_decoder_of(uint16_t machine, const struct insn_abi **abi);

#endif
