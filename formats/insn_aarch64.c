/* SPDX-License-Identifier: MIT */
#include "formats/insn.h"

#include <elf.h>

enum { SP = 31 };	/* or the zero register, as the instruction has it */

#define BIT(reg) (UINT32_C(1) << (reg))

static unsigned field(uint32_t code, unsigned at, unsigned bits)
{
	return code >> at & ((1u << bits) - 1);
}

static int64_t signed_field(uint32_t code, unsigned at, unsigned bits)
{
	uint32_t up = code << (32 - at - bits);

	return (int32_t)up >> (32 - bits);
}

static unsigned rt(uint32_t code)
{
	return field(code, 0, 5);
}

static unsigned rn(uint32_t code)
{
	return field(code, 5, 5);
}

/* A number that means the zero register changes nothing. */
static uint32_t general(unsigned reg)
{
	return reg == SP ? 0 : BIT(reg);
}

static void make(struct insn *ret, enum insn_kind kind, unsigned reg,
		 unsigned base, int64_t disp)
{
	ret->kind = (uint8_t)kind;
	ret->reg = (uint8_t)reg;
	ret->base = (uint8_t)base;
	ret->disp = disp;
}

/* Whole words: ldr, str, ldur, stur, ldp, stp (Arm ARM C4.1.88). */
static bool is_word(uint32_t code, struct insn *ret)
{
	enum insn_kind kind = code & 0x400000 ? INSN_LOAD : INSN_STORE;

	if ((code & 0xff800000) == 0xf9000000) {
		make(ret, kind, rt(code), rn(code), field(code, 10, 12) * 8);
	} else if ((code & 0xffa00c00) == 0xf8000000) {
		make(ret, kind, rt(code), rn(code), signed_field(code, 12, 9));
	} else if ((code & 0xff800000) == 0xa9000000) {
		make(ret, kind, rt(code), rn(code),
		     signed_field(code, 15, 7) * 8);
		if (kind == INSN_LOAD)
			ret->writes = general(field(code, 10, 5));
	} else {
		return false;
	}
	if (rt(code) == SP)		/* xzr */
		make(ret, INSN_OTHER, INSN_NO_REG, INSN_NO_REG, 0);
	return true;
}

/* mov, add and sub of whole registers; the push of a prologue. */
static bool is_copy(uint32_t code, struct insn *ret)
{
	int64_t imm = (int64_t)field(code, 10, 12)
		      << (field(code, 22, 1) ? 12 : 0);

	if ((code & 0xffe0ffe0) == 0xaa0003e0 && rt(code) != SP &&
	    field(code, 16, 5) != SP)
		make(ret, INSN_COPY, rt(code), field(code, 16, 5), 0);
	else if ((code & 0xff800000) == 0x91000000)
		make(ret, INSN_COPY, rt(code), rn(code), imm);
	else if ((code & 0xff800000) == 0xd1000000)
		make(ret, INSN_COPY, rt(code), rn(code), -imm);
	else if ((code & 0xffc00000) == 0xa9800000)
		make(ret, INSN_COPY, rn(code), rn(code),
		     signed_field(code, 15, 7) * 8);
	else
		return false;
	return true;
}

static bool goes_to(struct insn *ret, enum insn_kind kind, uint64_t addr,
		    int64_t words)
{
	ret->kind = (uint8_t)kind;
	ret->target = addr + (uint64_t)words * 4;
	return true;
}

static bool is_control(uint32_t code, uint64_t addr, struct insn *ret)
{
	if ((code & 0xfc000000) == 0x94000000)
		return goes_to(ret, INSN_CALL, addr, signed_field(code, 0, 26));
	if ((code & 0xfc000000) == 0x14000000)
		return goes_to(ret, INSN_JUMP, addr, signed_field(code, 0, 26));
	if ((code & 0xff000000) == 0x54000000 ||
	    (code & 0x7e000000) == 0x34000000)
		return goes_to(ret, INSN_BRANCH, addr,
			       signed_field(code, 5, 19));
	if ((code & 0x7e000000) == 0x36000000)
		return goes_to(ret, INSN_BRANCH, addr,
			       signed_field(code, 5, 14));
	if ((code & 0xfe000000) == 0xd6000000) {
		unsigned what = field(code, 21, 2);

		ret->kind = what == 0 ? INSN_JUMP : what == 1 ? INSN_CALL :
			    INSN_END;
		return true;
	}
	if (code >> 16 == 0 || (code & 0xffe0001f) == 0xd4200000) {
		ret->kind = INSN_END;	/* udf, brk */
		return true;
	}
	return false;
}

/* Loads and stores that move less than a word, or by an index. */
static uint32_t changed_by_memory(uint32_t code)
{
	bool is_vector = code & BIT(26), is_load = code & 0x00c00000;
	bool is_simple = (code & 0x3b000000) == 0x39000000 ||
			 (code & 0x3b200c00) == 0x38000000 ||
			 (code & 0x3b200c00) == 0x38200800;
	uint32_t base = BIT(rn(code));

	if (is_simple)
		return is_load && !is_vector ? general(rt(code)) : 0;
	if (is_vector)
		return base;
	return general(rt(code)) | general(field(code, 10, 5)) |
	       general(field(code, 16, 5)) | base;
}

/* Those whose destination 31 is the stack pointer. */
static bool is_to_stack(uint32_t code)
{
	return (code & 0x1f200000) == 0x0b200000 ||
	       (code & 0x1f800000) == 0x12000000;
}

bool insn_aarch64(struct bytes *b, uint64_t addr, struct insn *ret)
{
	uint32_t code;

	*ret = (struct insn){
		.kind = INSN_OTHER, .size = 4, .reg = INSN_NO_REG,
		.base = INSN_NO_REG,
	};
	if (bytes_left(b) < 4)
		return false;
	code = bytes_u32(b);
	if (is_control(code, addr, ret) || is_word(code, ret) ||
	    is_copy(code, ret))
		return true;
	if ((code & 0x0a000000) == 0x08000000)
		ret->writes = changed_by_memory(code);
	else
		ret->writes = is_to_stack(code) ? BIT(rt(code))
						: general(rt(code));
	return true;
}

insn_decoder *insn_decoder_of(uint16_t machine, const struct insn_abi **abi)
{
	/* System V ABI, AMD64 supplement, 3.2; AAPCS64, 6. */
	static const struct insn_abi x86_64 = {
		.n_args = 6, .args = { 5, 4, 1, 2, 8, 9 }, .result = 0,
		.frame = 6, .stack = 7, .clobbered = 0x0f37,
	};
	static const struct insn_abi aarch64 = {
		.n_args = 8, .args = { 0, 1, 2, 3, 4, 5, 6, 7 }, .result = 0,
		.frame = 29, .stack = SP, .clobbered = 0x4007ffff,
	};

	switch (machine) {
	case EM_X86_64:
		*abi = &x86_64;
		return insn_x86_64;
	case EM_AARCH64:
		*abi = &aarch64;
		return insn_aarch64;
	default:
		*abi = NULL;
		return NULL;
	}
}
