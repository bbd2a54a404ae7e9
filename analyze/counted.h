/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reference counts as libraries keep them: what a control block looks like,
 * and which words of a type are handles that were counted.
 *
 * libstdc++ (bits/shared_ptr_base.h, since GCC 4.9): std::_Sp_counted_base is
 * a vtable pointer, int _M_use_count, int _M_weak_count; the latter counts
 * weak_ptrs, and one more while the former is not 0.
 * libc++ (include/__memory/shared_count.h): std::__1::__shared_weak_count is
 * a vtable pointer, long __shared_owners_, long __shared_weak_owners_, both
 * one less than what they count.
 * Rust (library/alloc, rc.rs and sync.rs): RcInner (before 1.77 RcBox) and
 * ArcInner are {strong, weak, value}, in this order; weak counts one more
 * while strong is not 0.
 */
#ifndef ANALYZE_COUNTED_H
#define ANALYZE_COUNTED_H

#include "base/arena.h"
#include "formats/image.h"

enum counted_library {
	COUNTED_NONE,
	COUNTED_LIBSTDCXX,
	COUNTED_LIBCXX,
	COUNTED_RUST,
};

/* What a control block counts. */
struct counted_value {
	int64_t strong;
	int64_t weak;		/* weak handles alone */
};

/** Whose control block type @id is. */
enum counted_library counted_type(const struct type_table *types, uint32_t id);

/** Read the counts of the control block at @addr; false when they are absent
 * or cannot be counts. */
bool counted_read(struct window *window, uint64_t addr,
		  enum counted_library library, struct counted_value *ret);

enum handle_kind { HANDLE_STRONG, HANDLE_WEAK };

struct handle_field {
	uint64_t offset;
	enum handle_kind kind;
};

/* The handles in one element of a type. */
struct handle_fields {
	uint64_t stride;
	size_t n;
	const struct handle_field *at;	/* [n] by offset */
};

/** The handles in @type, in @arena; NULL when memory is exhausted. */
const struct handle_fields *handle_fields_of(const struct type_table *types,
					     uint32_t type,
					     struct arena *arena);

/** The handle at @offset of an element, or NULL. O(log n). */
const struct handle_field *handle_at(const struct handle_fields *fields,
				     uint64_t offset);

#endif
