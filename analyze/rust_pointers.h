/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Pointers of Rust's std whose declared type says less than their class.
 *
 * RawVec<T> and RawTable<T> keep their memory behind a u8 pointer; T is an
 * argument of the class only. Box<dyn Trait> is {pointer, vtable}, and the
 * vtable is a variable whose type names the concrete type. Names of classes:
 * library/alloc and hashbrown, as rustc 1.60 to 1.95 write them in DWARF.
 */
#ifndef ANALYZE_RUST_POINTERS_H
#define ANALYZE_RUST_POINTERS_H

#include "formats/types.h"

struct rust_pointer {
	uint32_t element;	/* what it points at, or TYPE_NONE: as declared */
	bool is_table;		/* behind the last element: hashbrown's ctrl */
	uint64_t size_at;	/* table: offset of bucket_mask; else of len, or 0 */
	uint64_t vtable_at;	/* offset of the vtable's address, or 0 */
};

/** What is known of @leaf, a pointer; all unknown when it is not Rust's. */
void rust_pointer_of(const struct type_table *types, const struct leaf *leaf,
		     struct rust_pointer *ret);

#endif
