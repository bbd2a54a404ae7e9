/* SPDX-License-Identifier: MIT */
#include "formats/insn.h"

/* What follows an opcode, and what it changes. */
enum form {
	BAD = 0,
	OK = 1,			/* it is an instruction */
	MODRM = 2,
	IMM8 = 4,
	IMM16 = 8,
	IMMZ = 16,		/* 2 or 4 bytes */
	TO_REG = 32,		/* changes the register in ModRM.reg */
	TO_RM = 64,		/* ... that in ModRM.rm, if one is there */
	TO_A = 128,		/* rax */
	TO_D = 256,		/* rdx */
	TO_C = 512,		/* rcx */
	TO_SP = 1024,
	TO_STRING = 2048,	/* rsi, rdi, rcx, rax */
	TO_OPCODE = 4096,	/* the register in the opcode */
	GROUP = 8192,		/* ModRM.reg tells what it is */
	TO_SOME = TO_A | TO_D | TO_C | TO_SP | TO_STRING | TO_OPCODE,
};

#define M (OK | MODRM)
#define MG (M | TO_REG)
#define ME (M | TO_RM)
#define MB (M | TO_REG | TO_RM)
#define MI (M | IMM8)

/* SDM, table A-2. What is special is handled before. */
static const uint16_t one_byte[256] = {
#define ALU	ME, ME, MG, MG, OK | IMM8 | TO_A, OK | IMMZ | TO_A, BAD, BAD
	ALU, ALU, ALU, ALU, ALU, ALU, ALU,
	M, M, M, M, OK | IMM8, OK | IMMZ, BAD, BAD,		/* cmp */
#undef ALU
	[0x50] = OK | TO_SP, OK | TO_SP, OK | TO_SP, OK | TO_SP,
	OK | TO_SP, OK | TO_SP, OK | TO_SP, OK | TO_SP,
#define POP	OK | TO_SP | TO_OPCODE
	POP, POP, POP, POP, POP, POP, POP, POP,
#undef POP
	[0x63] = MG,
	[0x68] = OK | IMMZ | TO_SP, MG | IMMZ, OK | IMM8 | TO_SP, MG | IMM8,
	OK | TO_STRING, OK | TO_STRING, OK | TO_STRING, OK | TO_STRING,
	[0x80] = ME | IMM8 | GROUP, ME | IMMZ | GROUP, BAD, ME | IMM8 | GROUP,
	M, M, MB, MB, ME, ME, MG, MG, ME, MG, M, ME | TO_SP | GROUP,
#define XCHG	OK | TO_OPCODE | TO_A
	[0x90] = XCHG, XCHG, XCHG, XCHG, XCHG, XCHG, XCHG, XCHG,
#undef XCHG
	OK | TO_A, OK | TO_D, BAD, OK, OK | TO_SP, OK | TO_SP, OK, OK | TO_A,
	[0xa4] = OK | TO_STRING, OK | TO_STRING, OK | TO_STRING,
	OK | TO_STRING, OK | IMM8, OK | IMMZ,
	OK | TO_STRING, OK | TO_STRING, OK | TO_STRING, OK | TO_STRING,
	OK | TO_STRING, OK | TO_STRING,
#define MOV	OK | IMM8 | TO_OPCODE
	[0xb0] = MOV, MOV, MOV, MOV, MOV, MOV, MOV, MOV,
#undef MOV
	[0xc0] = ME | IMM8, ME | IMM8,
	[0xc6] = ME | IMM8 | GROUP, ME | IMMZ | GROUP,
	[0xcd] = OK | IMM8 | TO_A,
	[0xd0] = ME, ME, ME, ME,
	[0xd7] = OK | TO_A, M, M, M, M, M, M, M, M | GROUP,
	[0xe4] = OK | IMM8 | TO_A, OK | IMM8 | TO_A, OK | IMM8, OK | IMM8,
	[0xec] = OK | TO_A, OK | TO_A, OK, OK,
	[0xf5] = OK, ME | TO_A | TO_D | GROUP, ME | TO_A | TO_D | GROUP,
	OK, OK, OK, OK, OK, OK, ME | GROUP, ME | TO_SP | GROUP,
};

/* Table A-3: behind 0f. */
static const uint16_t two_byte[256] = {
	[0x00] = ME, MB | TO_A | TO_D | TO_C, MG, MG,
	[0x05] = OK | TO_A | TO_C, OK,
	[0x08] = OK, OK,
	[0x0d] = M, OK, MI,
	[0x10] = M, M, M, M, M, M, M, M, M, M, M, M, M, M, ME, M,
	[0x20] = ME, ME, ME, ME,
	[0x28] = M, M, M, M, MG, MG, M, M,
	OK, OK | TO_A | TO_D, OK | TO_A | TO_D, OK | TO_A | TO_D,
	[0x40] = MG, MG, MG, MG, MG, MG, MG, MG,
	MG, MG, MG, MG, MG, MG, MG, MG,
	[0x50] = MG, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	[0x60] = M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	[0x70] = MI, MI, MI, MI, M, M, M, OK, MB, MB, BAD, BAD, M, M, ME, M,
	[0x90] = ME, ME, ME, ME, ME, ME, ME, ME,
	ME, ME, ME, ME, ME, ME, ME, ME,
	[0xa0] = OK | TO_SP, OK | TO_SP, BAD, M, ME | IMM8, ME,
	[0xa8] = OK | TO_SP, OK | TO_SP, BAD, ME, ME | IMM8, ME, ME, MG,
	[0xb0] = ME | TO_A, ME | TO_A, MG, ME, MG, MG, MG, MG,
	MG, BAD, ME | IMM8, ME, MG, MG, MG, MG,
	[0xc0] = MB, MB, MI, M, MI, MG | IMM8, MI, ME | TO_A | TO_D,
#define BSWAP	OK | TO_OPCODE
	BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP, BSWAP,
#undef BSWAP
	[0xd0] = M, M, M, M, M, M, M, MG, M, M, M, M, M, M, M, M,
	[0xe0] = M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	[0xf0] = M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, BAD,
};

/* DWARF's numbers of the machine's registers. */
static const uint8_t dwarf_number[16] = {
	0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15,
};

enum { RAX = 0, RDX = 1, RCX = 2, RBX = 3, RSI = 4, RDI = 5, RBP = 6, RSP = 7 };

#define BIT(reg) (UINT32_C(1) << (reg))

enum {
	REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8,
	LONGEST = 15,
	TEXT = 48,	/* more than is read of anything, before it is seen that
			 * it does not end */
};

/* An instruction as far as it is read: from a copy of the next bytes, with
 * zeros behind them. Whether it ended among them is asked in the end. */
struct code {
	const uint8_t *text;	/* [TEXT] */
	unsigned pos;
	uint64_t addr;
	bool has_16, has_rep, has_segment, has_32;
	uint8_t rex;
	unsigned map;		/* 1: 0f, 2: 0f 38, 3: 0f 3a; 0: one byte */
	bool is_vector;		/* VEX or EVEX */
	uint8_t opcode, third;	/* third: register of VEX.vvvv */
	unsigned mod, reg, rm;	/* machine numbers, with REX */
	uint8_t base;		/* DWARF's, or INSN_NO_REG */
	bool is_plain;		/* base + displacement is the address */
	bool is_relative;	/* to the next instruction */
	int64_t disp, imm;
	struct insn *out;
};

static uint8_t read_byte(struct code *c)
{
	return c->text[c->pos++];
}

static int64_t read_signed(struct code *c, unsigned width)
{
	const uint8_t *at = c->text + c->pos;
	int16_t two;
	int32_t four;

	c->pos += width;
	switch (width) {
	case 1:
		return (int8_t)*at;
	case 2:
		memcpy(&two, at, sizeof(two));
		return two;
	default:
		memcpy(&four, at, sizeof(four));
		return four;
	}
}

static bool is_wide(const struct code *c)
{
	return c->rex & REX_W;
}

static unsigned width_z(const struct code *c)
{
	return c->has_16 && !is_wide(c) ? 2 : 4;
}

/* Prefixes of old; the byte behind them. */
static uint8_t read_prefixes(struct code *c)
{
	for (int i = 0; i < LONGEST; i++) {
		uint8_t byte = read_byte(c);

		switch (byte) {
		case 0x66:
			c->has_16 = true;
			break;
		case 0x67:
			c->has_32 = true;
			break;
		case 0xf2:
		case 0xf3:
			c->has_rep = true;
			break;
		case 0x64:
		case 0x65:
			c->has_segment = true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
			break;
		default:
			return byte;
		}
	}
	return 0x06;	/* no instruction */
}

/* VEX of two bytes and of three, EVEX of four (SDM 2.3.5, 2.7.1). */
static bool read_vector_prefix(struct code *c, uint8_t first)
{
	uint8_t p = read_byte(c);

	c->is_vector = true;
	c->rex = p & 0x80 ? 0 : REX_R;
	c->map = 1;
	if (first != 0xc5) {
		c->rex |= (uint8_t)((p & 0x40 ? 0 : REX_X) |
				    (p & 0x20 ? 0 : REX_B));
		c->map = first == 0x62 ? p & 7 : p & 0x1f;
		p = read_byte(c);
		c->rex |= p & 0x80 ? REX_W : 0;
	}
	c->third = ~p >> 3 & 15;
	if (first == 0x62)
		(void)read_byte(c);
	c->opcode = read_byte(c);
	return first == 0x62 ? c->map && c->map != 4 && c->map < 7
			     : c->map && c->map < 4;
}

static bool read_opcode(struct code *c)
{
	uint8_t byte = read_prefixes(c);

	if (byte == 0xc4 || byte == 0xc5 || byte == 0x62)
		return read_vector_prefix(c, byte);
	if ((byte & 0xf0) == 0x40) {
		c->rex = byte & 15;
		byte = read_byte(c);
	}
	c->opcode = byte;
	if (byte != 0x0f)
		return true;
	c->map = 1;
	c->opcode = read_byte(c);
	if (c->opcode == 0x38 || c->opcode == 0x3a) {
		c->map = c->opcode == 0x38 ? 2 : 3;
		c->opcode = read_byte(c);
	}
	return true;
}

/* Behind a ModRM that says so: scale, index and base. */
static void read_sib(struct code *c)
{
	uint8_t sib = read_byte(c);
	unsigned index = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);

	c->is_plain = index == 4;	/* none */
	if ((sib & 7) == 5 && c->mod == 0)
		c->disp = read_signed(c, 4);
	else
		c->base = dwarf_number[(sib & 7) | (c->rex & REX_B ? 8 : 0)];
}

static void read_modrm(struct code *c)
{
	uint8_t byte = read_byte(c);

	c->mod = byte >> 6;
	c->reg = (byte >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
	c->rm = (byte & 7) | (c->rex & REX_B ? 8 : 0);
	c->base = INSN_NO_REG;
	if (c->mod == 3)
		return;
	c->is_plain = true;
	if ((byte & 7) == 4) {
		read_sib(c);
	} else if ((byte & 7) == 5 && c->mod == 0) {
		c->is_relative = true;
		c->disp = read_signed(c, 4);
	} else {
		c->base = dwarf_number[c->rm];
	}
	if (c->mod == 1)
		c->disp = read_signed(c, 1);
	else if (c->mod == 2)
		c->disp = read_signed(c, 4);
	if (c->has_segment || c->has_32 || c->base == INSN_NO_REG)
		c->is_plain = false;
}

/* The second bytes of what is the same in VEX are, too. */
static unsigned form_of_vector(const struct code *c)
{
	unsigned form = M | TO_REG | TO_RM;

	if (c->map == 1) {
		if (c->opcode == 0x77)
			return OK;
		return form | (two_byte[c->opcode] & IMM8);
	}
	return c->map == 3 ? form | IMM8 : form;
}

static unsigned form_of(const struct code *c)
{
	if (c->is_vector)
		return form_of_vector(c);
	switch (c->map) {
	case 0:
		return one_byte[c->opcode];
	case 1:
		if (c->opcode == 0x78 && (c->has_16 || c->has_rep))
			return BAD;	/* AMD's SSE4a */
		return two_byte[c->opcode];
	case 2:
		return c->opcode >= 0xf0 ? MB : M;
	default:
		return ME | IMM8;
	}
}

/* Opcodes that stand for others, told apart by ModRM.reg. */
static unsigned form_of_group(const struct code *c, unsigned form)
{
	unsigned which = c->reg & 7;

	switch (c->opcode) {
	case 0x80:
	case 0x81:
	case 0x83:
		return which == 7 ? form & ~(unsigned)TO_RM : form;
	case 0x8f:
		return which == 0 ? form : BAD;
	case 0xc6:
	case 0xc7:
		if (which == 7 && c->mod == 3)	/* xabort, xbegin */
			return form | TO_A;
		return which == 0 ? form : BAD;
	case 0xf6:
		if (which < 2)
			return M | IMM8;
		return which < 4 ? ME : M | TO_A | TO_D;
	case 0xf7:
		if (which < 2)
			return M | IMMZ;
		return which < 4 ? ME : M | TO_A | TO_D;
	case 0xfe:
		return which < 2 ? ME : BAD;
	case 0xff:
		if (which < 2)
			return ME;
		return which == 6 ? M | TO_SP : which == 7 ? BAD : M;
	case 0xdf:
		return c->mod == 3 ? M | TO_A : M;	/* fnstsw ax */
	default:
		return form;
	}
}

static void note_writes(struct code *c, unsigned form)
{
	uint32_t w = 0;

	if (form & TO_REG)
		w |= BIT(dwarf_number[c->reg]);
	if (form & TO_RM && c->mod == 3)
		w |= BIT(dwarf_number[c->rm]);
	if (c->is_vector)
		w |= BIT(dwarf_number[c->third]);
	c->out->writes = w;
	if (!(form & TO_SOME))
		return;
	if (form & TO_A)
		w |= BIT(RAX);
	if (form & TO_D)
		w |= BIT(RDX);
	if (form & TO_C)
		w |= BIT(RCX);
	if (form & TO_SP)
		w |= BIT(RSP);
	if (form & TO_STRING)
		w |= BIT(RSI) | BIT(RDI) | BIT(RCX) | BIT(RAX);
	if (form & TO_OPCODE)
		w |= BIT(dwarf_number[(c->opcode & 7) |
				      (c->rex & REX_B ? 8 : 0)]);
	c->out->writes = w;
}

static uint64_t next_addr(const struct code *c)
{
	return c->addr + c->pos;
}

static bool goes_to(struct code *c, enum insn_kind kind, unsigned width)
{
	int64_t distance = read_signed(c, width);

	c->out->kind = (uint8_t)kind;
	c->out->target = next_addr(c) + (uint64_t)distance;
	return true;
}

/* Behind 0f. */
static bool read_control_two(struct code *c)
{
	switch (c->opcode) {
	case 0x0b:	/* ud2 */
		c->out->kind = INSN_END;
		return true;
	case 0xa2:	/* cpuid */
		c->out->writes = BIT(RAX) | BIT(RBX) | BIT(RCX) | BIT(RDX);
		return true;
	default:
		return (c->opcode & 0xf0) == 0x80 &&
		       goes_to(c, INSN_BRANCH, 4);
	}
}

/* Those whose operands are no ModRM. True when it was one. */
static bool read_control(struct code *c)
{
	if (c->map == 1)
		return read_control_two(c);
	if ((c->opcode & 0xf0) == 0x70)
		return goes_to(c, INSN_BRANCH, 1);
	switch (c->opcode) {
	case 0xa0:
	case 0xa1:
	case 0xa2:
	case 0xa3:
		c->pos += c->has_32 ? 4 : 8;
		c->out->writes = BIT(RAX);
		return true;
	case 0xb8: case 0xb9: case 0xba: case 0xbb:
	case 0xbc: case 0xbd: case 0xbe: case 0xbf:
		c->pos += is_wide(c) ? 8 : width_z(c);
		note_writes(c, TO_OPCODE);
		return true;
	case 0xc2:
		c->pos += 2;
		c->out->kind = INSN_END;
		return true;
	case 0xc8:	/* enter */
		c->pos += 3;
		c->out->writes = BIT(RSP) | BIT(RBP);
		return true;
	case 0xc9:	/* leave */
		c->out->writes = BIT(RSP) | BIT(RBP);
		return true;
	case 0xc3:
	case 0xcc:	/* int3 */
	case 0xf4:	/* hlt */
		c->out->kind = INSN_END;
		return true;
	case 0xe0:
	case 0xe1:
	case 0xe2:
	case 0xe3:
		c->out->writes = BIT(RCX);
		return goes_to(c, INSN_BRANCH, 1);
	case 0xe8:
		return goes_to(c, INSN_CALL, 4);
	case 0xe9:
		return goes_to(c, INSN_JUMP, 4);
	case 0xeb:
		return goes_to(c, INSN_JUMP, 1);
	default:
		return false;
	}
}

static void make(struct code *c, enum insn_kind kind, unsigned reg)
{
	c->out->kind = (uint8_t)kind;
	c->out->reg = dwarf_number[reg];
	c->out->base = c->base;
	c->out->disp = c->disp;
	c->out->writes = 0;
}

/* reg = other + @disp, of whole registers. */
static void make_copy(struct code *c, unsigned reg, unsigned other,
		      int64_t disp)
{
	make(c, INSN_COPY, reg);
	c->out->base = dwarf_number[other];
	c->out->disp = disp;
}

/* push and pop: the stack pointer moves. */
static bool make_push(struct code *c)
{
	bool is_pop = (c->opcode & 0xf8) == 0x58;

	if ((c->opcode & 0xf0) != 0x50 && c->opcode != 0x68 &&
	    c->opcode != 0x6a)
		return false;
	c->out->kind = INSN_COPY;
	c->out->reg = c->out->base = RSP;
	c->out->disp = is_pop ? 8 : -8;
	c->out->writes &= ~BIT(RSP);
	return true;
}

/* Whole words from and to memory, and between registers. */
static void make_move(struct code *c)
{
	bool between = c->mod == 3;

	switch (c->opcode) {
	case 0x89:
		if (between)
			make_copy(c, c->rm, c->reg, 0);
		else if (c->is_plain)
			make(c, INSN_STORE, c->reg);
		break;
	case 0x8b:
		if (between)
			make_copy(c, c->reg, c->rm, 0);
		else if (c->is_plain)
			make(c, INSN_LOAD, c->reg);
		break;
	case 0x8d:
		if (c->is_plain)
			make(c, INSN_COPY, c->reg);
		break;
	case 0x81:
	case 0x83:
		if (between && (c->reg & 7) == 0)
			make_copy(c, c->rm, c->rm, c->imm);
		else if (between && (c->reg & 7) == 5)
			make_copy(c, c->rm, c->rm, -c->imm);
		break;
	default:
		break;
	}
}

static bool read_operands(struct code *c)
{
	unsigned form = form_of(c);

	if (form == BAD)
		return read_control(c);
	if (form & MODRM)
		read_modrm(c);
	if (form & GROUP)
		form = form_of_group(c, form);
	if (!(form & OK))
		return false;
	if (form & IMM8)
		c->imm = read_signed(c, 1);
	if (form & IMMZ)
		c->imm = read_signed(c, width_z(c));
	note_writes(c, form);
	/* Vectors have another one. */
	if (c->map)
		return true;
	if (make_push(c))
		return true;
	if (c->opcode == 0xff && (c->reg & 7) >= 2 && (c->reg & 7) <= 5)
		c->out->kind = (c->reg & 7) < 4 ? INSN_CALL : INSN_JUMP;
	else if (is_wide(c))
		make_move(c);
	return true;
}

bool insn_x86_64(struct bytes *b, uint64_t addr, struct insn *ret)
{
	size_t left = bytes_left(b), n = left < LONGEST ? left : LONGEST;
	uint8_t text[TEXT] = {0};
	struct code c = {
		.text = text, .addr = addr, .out = ret, .base = INSN_NO_REG,
	};

	if (left > LONGEST)
		memcpy(text, b->start + b->pos, LONGEST + 1);
	else if (n > 0)
		memcpy(text, b->start + b->pos, n);
	*ret = (struct insn){
		.kind = INSN_OTHER, .reg = INSN_NO_REG, .base = INSN_NO_REG,
	};
	if (!read_opcode(&c) || !read_operands(&c) || c.pos > n)
		return false;
	(void)bytes_take(b, c.pos);
	ret->size = (uint8_t)c.pos;
	return true;
}
