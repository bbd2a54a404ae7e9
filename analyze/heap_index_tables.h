/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How lists and texts stand in the tables of an index; for
 * analyze/heap_index_*.c.
 *
 * Each list is a u64 length and its elements, a text a u32 length and its
 * bytes. What is taken is compared with what is left before anything is
 * allocated; what is not there breaks the cursor.
 */
#ifndef ANALYZE_HEAP_INDEX_TABLES_H
#define ANALYZE_HEAP_INDEX_TABLES_H

#include "analyze/signatures.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "formats/snapshot_sections.h"

/** Elements without padding, as they lie in memory. */
void index_put_array(struct blob *b, const void *at, size_t n, size_t size);

void index_put_signatures(struct blob *b, const struct signatures *s);

/** A text, in @arena. */
const char *index_take_text(struct bytes *b, struct arena *arena);

/** A length, of elements of at least @size bytes; 0 when there are fewer. */
uint64_t index_take_length(struct bytes *b, size_t size);

/** What index_put_array() wrote; *@ret is owned by the caller. */
bool index_take_array(struct bytes *b, void *ret, size_t *ret_n, size_t size);

/** Signatures, of at least @n_groups groups, that name types below @n_types.
 * Release with signatures_free() in any case. */
bool index_take_signatures(struct bytes *b, uint64_t n_types,
			   uint64_t n_groups, struct signatures *ret);

#endif
