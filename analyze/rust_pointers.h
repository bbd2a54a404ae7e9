/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Pointers of Rust's std whose declared type says less than their class.
 *
 * RawVec<T> and RawTable<T> keep their memory behind a u8 pointer; T is an
 * argument of the class only. Box<dyn Trait> is {pointer, vtable}, and the
 * vtable is a variable whose type names the concrete type. Box<[T]> and &str
 * are {data_ptr, length}. io::Error is a number with a tag, or a pointer plus
 * one. Names of classes: library/alloc, library/std and hashbrown, as rustc
 * 1.60 to 1.95 write them in DWARF.
 */
#ifndef ANALYZE_RUST_POINTERS_H
#define ANALYZE_RUST_POINTERS_H

#include "formats/types.h"

enum rust_what {
	RUST_DECLARED,		/* what it is declared to be */
	RUST_ROOM,		/* room for elements, nobody knows which live */
	RUST_VEC,		/* the first @number_at are alive */
	RUST_RING,		/* as many from @head_at on, wrapping around */
	RUST_TABLE,		/* behind the last element: hashbrown's ctrl */
	RUST_SLICE,		/* just @number_at elements */
	RUST_DYNAMIC,		/* @number_at: the address of a vtable */
	RUST_TAGGED,		/* one byte behind an @element */
};

/* Offsets are from the start of the outermost type. */
struct rust_pointer {
	uint8_t what;		/* enum rust_what */
	uint32_t element;	/* what it points at, or TYPE_NONE: as declared */
	uint64_t number_at;	/* TABLE: of bucket_mask; else see above */
	uint64_t capacity_at;	/* ROOM, VEC, RING; UINT64_MAX: not known */
	uint64_t head_at;	/* RING */
};

/** What is known of @leaf, a pointer. */
void rust_pointer_of(const struct type_table *types, const struct leaf *leaf,
		     struct rust_pointer *ret);

/* Elements behind a header, RcInner<[T]>: the record ends where they begin. */
struct rust_tail {
	uint32_t element;
	uint32_t member;	/* that is the first of them */
	uint64_t start;		/* bytes from the start of the record */
};

/** The elements at the end of @type, however deep; false when it has none. */
bool rust_tail_of(const struct type_table *types, uint32_t type,
		  struct rust_tail *ret);

#endif
