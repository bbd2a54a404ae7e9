/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The type table and the variables as bytes: sections .holdfast.types and
 * .holdfast.vars of a snapshot, and what a module's worker sends back.
 *
 * Type table: u32 version (1), u32 types, u32 members, u32 args, u64 bytes of
 * strings; then the types (56 bytes each), the members (24), the arguments
 * (20) and the strings, every field in the order of formats/types.h.
 * Variables: u32 version (1), u32 variables, u64 bytes of strings; then for
 * each u64 addr, u64 size, u32 type, u32 module, u32 flags, u32 name (offset
 * in the strings); then the strings. Integers are little-endian.
 *
 * Readers trust nothing: counts are bounded by the bytes that are left, and
 * every index is checked before a table is handed out.
 */
#ifndef FORMATS_TYPES_IO_H
#define FORMATS_TYPES_IO_H

#include "base/bytes.h"
#include "formats/image.h"

/* Where bytes go. */
struct types_sink {
	bool (*put)(void *ctx, const void *bytes, size_t n, struct err *err);
	void *ctx;
};

bool types_write(const struct type_table *table, const struct types_sink *sink,
		 struct err *err) MUST_CHECK;

/**
 * Read a table from @b and check it.
 *
 * @param ret	Owned by the caller; release with types_free().
 */
bool types_read(struct bytes *b, struct type_table *ret, struct err *err)
	MUST_CHECK;

/**
 * As types_read(), but without the indexes: the table is for types_merge()
 * and types_free() only.
 */
bool types_read_raw(struct bytes *b, struct type_table *ret, struct err *err)
	MUST_CHECK;

bool vars_write(const struct variable *vars, size_t n,
		const struct types_sink *sink, struct err *err) MUST_CHECK;

/**
 * Append the variables in @b to image->vars, names in image->arena. Types must
 * be below @n_types or TYPE_NONE, modules below @n_modules.
 */
bool vars_read(struct bytes *b, size_t n_types, size_t n_modules,
	       struct image *image, struct err *err) MUST_CHECK;

#endif
