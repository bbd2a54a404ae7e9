/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the owners of Rust's std promise about the words beside their pointer.
 *
 * A Vec's capacity is the size of the block that it refers to, a slice's
 * length is, a vtable knows the size of what is boxed, and a table's bucket
 * mask tells where in the block its pointer leads. That is hard to keep by
 * chance; and what is empty has a pointer that leads nowhere, but not null.
 * See rust_pointers.h.
 */
#ifndef ANALYZE_SHAPE_RUST_H
#define ANALYZE_SHAPE_RUST_H

#include "analyze/shapes.h"

/** Note in @word what @leaf, a pointer in no union and no variant, promises
 * beyond its declaration. */
void shape_rust_promise(const struct type_table *types,
			const struct leaf *leaf, struct shape_word *word);

enum rust_promise {
	RUST_BROKEN,
	RUST_EMPTY,		/* owns nothing, as it should look then */
	RUST_KEPT,
	RUST_OPEN,		/* could be, could be not */
};

/** Does word @i of @block keep @promise, which says more than "declared"? */
enum rust_promise shape_rust_check(const struct heap *heap,
				   const struct shape_word *promise,
				   const struct seen_block *block, uint32_t i);

#endif
