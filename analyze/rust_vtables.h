/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Whose a Rust vtable is.
 *
 * rustc describes a vtable as a variable whose type names the type that it
 * belongs to, but only in code that was compiled with full debug information:
 * those in std itself have no name. One that has the size, the alignment and
 * the first two methods of a known vtable belongs to the same type, since no
 * two types share two methods: unless the linker merged equal code, so this
 * is worth less.
 *
 * Cost: one pass over the variables, when the first unknown vtable is met.
 */
#ifndef ANALYZE_RUST_VTABLES_H
#define ANALYZE_RUST_VTABLES_H

#include "base/map.h"
#include "formats/image.h"

struct rust_vtables {
	struct map by_methods;	/* hash -> type + 1, 0: of several types */
	bool is_built;
};

/**
 * The type that the vtable at @addr belongs to, in *@type, or TYPE_NONE;
 * *@sure when it says so itself. False when memory is exhausted. @vtables:
 * zeroed at first; release with rust_vtables_free().
 */
bool rust_vtables_find(struct rust_vtables *vtables, const struct image *image,
		       uint64_t addr, uint32_t *type, bool *sure);

void rust_vtables_free(struct rust_vtables *vtables);

#endif
