/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Evaluation of DWARF expressions: where a variable is, or what it was
 * (DWARF 5, sections 2.5 and 2.6; DWARF 2-4 and the GNU operations that
 * became DWARF 5 are subsets).
 *
 * Works on the bytes alone; whatever an expression asks of its surroundings it
 * gets through `struct expr_env`. Expressions are untrusted: steps, stack and
 * nested calls are bounded. An expression that is damaged, or asks for what is
 * not known, is LOST and never an error: that is what a variable without a
 * place looks like, too. Arithmetic is that of 64-bit integers and of integer
 * base types up to 8 bytes; floating-point numbers are moved, not calculated.
 */
#ifndef FORMATS_DWARF_EXPR_H
#define FORMATS_DWARF_EXPR_H

#include "base/bytes.h"

enum {
	EXPR_MAX_STEPS = 10000,
	EXPR_MAX_STACK = 256,
	EXPR_MAX_CALLS = 16,
	EXPR_MAX_PIECES = 32,
};

/* A base type; encoding is one of DW_ATE_*, size in bytes. */
struct expr_type {
	uint8_t encoding;
	uint8_t size;
};

/* What an expression may ask for. A member that is NULL, or returns false,
 * does not know. Addresses are those of the process. */
struct expr_ops {
	bool (*read)(void *ctx, uint64_t addr, void *buf, size_t n);
	/** DWARF register @reg of the frame. */
	bool (*reg)(void *ctx, uint64_t reg, uint64_t *ret);
	/** What DW_AT_frame_base of the function says, as a value. */
	bool (*frame_base)(void *ctx, uint64_t *ret);
	bool (*cfa)(void *ctx, uint64_t *ret);
	/** The address of @offset in the module's TLS block of the thread. */
	bool (*tls)(void *ctx, uint64_t offset, uint64_t *ret);
	/** What @expr (a register, or an expression) gave when the function
	 * was entered: from the call site in the caller. */
	bool (*entry_value)(void *ctx, struct bytes expr, uint64_t *ret);
	/** Entry @index of the unit's part of .debug_addr, as in the file. */
	bool (*debug_addr)(void *ctx, uint64_t index, uint64_t *ret);
	/** The DW_TAG_base_type at @offset in the unit. */
	bool (*base_type)(void *ctx, uint64_t offset, struct expr_type *ret);
	/** DW_AT_location of the DIE at @offset in the unit, or in the section
	 * when @is_global; empty when it has none. */
	bool (*procedure)(void *ctx, uint64_t offset, bool is_global,
			  struct bytes *ret);
	/** DW_OP_GNU_parameter_ref: the value that the caller passed for the
	 * parameter at @offset in the unit. */
	bool (*parameter)(void *ctx, uint64_t offset, uint64_t *ret);
};

struct expr_env {
	const struct expr_ops *ops;	/* borrowed */
	void *ctx;
	uint64_t bias;			/* process address - file address */
	uint8_t version;		/* of the unit's DWARF; 0 is 5 */
	uint8_t offset_size;		/* 4, or 8 in 64-bit DWARF; 0 is 4 */
	bool has_object;		/* for DW_OP_push_object_address */
	uint64_t object;
};

enum expr_kind {
	EXPR_LOST,
	EXPR_MEMORY,		/* at address @value */
	EXPR_REGISTER,		/* in DWARF register @value */
	EXPR_VALUE,		/* has no place; it is @value */
	EXPR_BYTES,		/* has no place; it is @bytes */
	EXPR_PIECES,
};

struct expr_place {
	enum expr_kind kind;	/* of a piece: anything but PIECES */
	uint64_t value;
	struct bytes bytes;	/* borrowed from the expression */
};

struct expr_piece {
	struct expr_place place;
	uint64_t bits, bit_offset;	/* size; where in its place it begins */
};

struct expr_result {
	struct expr_place place;
	size_t n_pieces;		/* 0 unless the kind is PIECES */
	struct expr_piece pieces[EXPR_MAX_PIECES];
};

/** Evaluate @expr as a location: of a variable, or of a frame base. */
void expr_locate(const struct expr_env *env, struct bytes expr,
		 struct expr_result *ret);

/**
 * Evaluate @expr as a value, with *@first on the stack at the start when it is
 * not NULL: rules of call frames, DW_AT_call_value, entry values. A register
 * is its content. False when it is lost.
 */
bool expr_value(const struct expr_env *env, struct bytes expr,
		const uint64_t *first, uint64_t *ret);

/** Ask for a register or for memory. False when nobody knows. */
static inline bool expr_env_reg(const struct expr_env *env, uint64_t reg,
				uint64_t *ret)
{
	return env->ops->reg && env->ops->reg(env->ctx, reg, ret);
}

static inline bool expr_env_read(const struct expr_env *env, uint64_t addr,
				 void *buf, size_t n)
{
	return env->ops->read && env->ops->read(env->ctx, addr, buf, n);
}

#endif
