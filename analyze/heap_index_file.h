/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An index as bytes; for analyze/heap_index*.c and their tests.
 *
 * Columns, each from a multiple of 4 KiB on, as they lie in memory; the last
 * of them is the tables: roots, allocators, leak groups, types and the like,
 * one after the other (heap_index_tables.c, heap_index_summaries.c). Then XXH3-64 sums, one for each
 * MiB of each column, and the trailer:
 *
 *     u64 "HFINDEX1", u64 key[2], u64 counts[N_INDEX_COUNTS], u64 sum
 *
 * The counts say how large each column is, and so where it lies. The sum is
 * that of the sums and of the trailer before it. Integers are little-endian.
 *
 * Whoever may write the file could as well replace this program, so its
 * content is believed, once it is seen that it is what was written. Beyond
 * that, each number that serves as an index is compared with the size of what
 * it is an index into, in the pass that checks the sums: no file, however
 * made, makes a column be read outside of its bounds.
 */
#ifndef ANALYZE_HEAP_INDEX_FILE_H
#define ANALYZE_HEAP_INDEX_FILE_H

#include "analyze/facts.h"
#include "base/outfile.h"
#include "formats/snapshot_sections.h"

enum index_count {
	COUNT_BLOCKS, COUNT_ROOTS, COUNT_FREE,
	COUNT_REGIONS, COUNT_CELLS,	/* of the block index */
	COUNT_LARGE,			/* blocks */
	COUNT_REFS,
	COUNT_GROUPS, COUNT_MEMBERS,	/* of leaks */
	COUNT_ORDER,			/* ids in the dominator tree */
	COUNT_CYCLE_GROUPS,
	COUNT_CYCLE_NODES, COUNT_CYCLE_STEPS,
	COUNT_TYPES, COUNT_ALLOCATORS,
	COUNT_TABLES,			/* bytes */
	N_INDEX_COUNTS,
};

enum {
	N_INDEX_COLUMNS = 32,
	INDEX_SUM_BYTES = 1 << 20,	/* of a column for one sum */
	INDEX_TRAILER_BYTES = 8 * (1 + 2 + N_INDEX_COUNTS + 1),
};

/* What must hold for the elements of a column; @bound is of the column. */
enum index_rule {
	RULE_ANY,
	RULE_BELOW,		/* u8 or u32: smaller than the bound */
	RULE_BELOW_OR_NONE,	/* u32: that, or UINT32_MAX */
	RULE_ASCENDING,		/* u64: each larger than the one before */
	RULE_ROWS,		/* u32, u64: from 0 to the bound, never falling */
	RULE_CELLS,		/* u32: at most the bound, never falling */
	RULE_ENDS,		/* u32: behind its own index, to the bound */
};

struct index_column {
	void *place;		/* of the pointer to it, in struct facts */
	uint64_t n;		/* elements */
	uint32_t width;		/* bytes of one */
	enum index_rule rule;
	uint64_t bound;
};

struct index_key {
	uint64_t file, program;
};

/* Where everything lies in an index of given counts. */
struct index_layout {
	uint64_t counts[N_INDEX_COUNTS];
	struct index_column columns[N_INDEX_COLUMNS];
	uint64_t offsets[N_INDEX_COLUMNS];	/* of columns in the file */
	uint64_t n_sums, sums_offset;
	uint64_t size;		/* of the file */
};

/**
 * Lay out the columns of @facts; @tables is what the pointer to the last one
 * is kept in. False: the counts are more than any heap has.
 */
bool index_layout(struct facts *facts, void *tables,
		  const uint64_t counts[N_INDEX_COUNTS],
		  struct index_layout *ret);

/** The pointer to a column. */
const void *index_column_at(const struct index_column *column);
void index_column_set(const struct index_column *column, const void *at);

/** Does a chunk of @n bytes at @at, from byte @first of the column on, keep
 * its rule? @before is the element before it, if there is one. */
bool index_rule_holds(const struct index_column *column, const void *at,
		      uint64_t first, size_t n, const void *before);

/** Append all that is no column, and count. */
bool index_tables_write(const struct facts *facts, struct blob *tables,
			uint64_t counts[N_INDEX_COUNTS], struct err *err)
	MUST_CHECK;

/**
 * Read the tables into @facts, whose columns are in place; the types take the
 * place of those of its image. On failure the image is as it was.
 */
bool index_tables_read(struct bytes b, const uint64_t counts[N_INDEX_COUNTS],
		       struct facts *facts, struct err *err) MUST_CHECK;

/** Append the summaries of @facts, but for the columns of cycles. */
void index_summaries_write(const struct facts *facts, struct blob *tables);

/** Read them, behind what @b has read; columns of cycles are in place. */
bool index_summaries_read(struct bytes *b,
			  const uint64_t counts[N_INDEX_COUNTS],
			  struct facts *facts);

/** Write columns, sums and trailer; not committed. */
bool index_write(const struct index_layout *layout,
		 const struct index_key *key, struct outfile *of,
		 struct err *err) MUST_CHECK;

/* A file that was checked and mapped. */
struct index_mapping {
	const uint8_t *start;	/* NULL: none */
	size_t size;
};

/**
 * Check and map file @fd, and fill heap, leaks, dominators and summaries of
 * @facts, which are all-zero. False: damaged or of another key; then @facts is as it was.
 */
bool index_read(int fd, const struct index_key *key, struct facts *facts,
		struct index_mapping *ret, struct err *err) MUST_CHECK;

/** Make all pointers to columns of @facts null and unmap them. */
void index_unmap(struct facts *facts, struct index_mapping *mapping);

/** The key of @facts's image and this program; false: it has none. */
bool index_key_of(const struct image *image, struct index_key *ret,
		  struct err *err) MUST_CHECK;

#endif
