/* SPDX-License-Identifier: MIT */
/*
 * CPython's obmalloc by its table of arenas.
 *
 * `arenas` (in the module's data up to 3.11, in the state of the main
 * interpreter, which is module data too, from 3.12 on) points at a table of
 * 48-byte entries: address, pool_address, nfreepools, ntotalpools, freepools,
 * links. Each pool says at +32 which entry its arena has. Arenas have 1 MiB
 * and pools 16 KiB from 3.10 on, 256 KiB and 4 KiB before. Arenas of
 * sub-interpreters (3.12+) are found when their state lies in module data.
 * Layout: Objects/obmalloc.c, Include/internal/pycore_obmalloc.h.
 */
#include <stdlib.h>

#include "analyze/alloc_probe.h"

enum {
	ENTRY_WORDS = 6,
	FIRST_ENTRIES = 16,	/* the table starts with this many */
	ENTRIES_MAX = 1 << 22,
	COUNTS = 2,		/* word of an entry: pools, free and all */
	POOL_WORDS = 6,
	POOL_INDEX = 4,		/* word of a pool: entry, and size class */
	CLASSES_MAX = 64,
};

static const struct geometry {
	const char *version;
	uint64_t arena, pool;	/* bytes */
	bool tested;
} geometries[] = {
	{ "3.10+", UINT64_C(1) << 20, UINT64_C(16) << 10, true },
	{ "up to 3.9", UINT64_C(256) << 10, UINT64_C(4) << 10, false },
};

enum { N_GEOMETRIES = sizeof(geometries) / sizeof(geometries[0]) };

struct tables {
	struct probe_space *space;
	VEC(uint64_t) candidates;
	struct allocator_finding *ret;
	struct err *err;
};

/* Is this entry an arena of @g whose first pool names entry @index? */
static bool is_arena(struct probe_space *space, const uint64_t *entry,
		     uint64_t index, const struct geometry *g)
{
	uint64_t first = (entry[0] + g->pool - 1) & ~(g->pool - 1);
	uint64_t total = entry[2] >> 32, free = entry[2] & UINT32_MAX;
	uint64_t pool[POOL_WORDS];

	if (entry[0] == 0 || entry[0] % PAGE_SIZE_X86 != 0 ||
	    entry[1] < first || entry[1] > entry[0] + g->arena ||
	    entry[1] % g->pool != 0 || free > total ||
	    total != (entry[0] + g->arena - first) / g->pool ||
	    !probe_anon(space, entry[0]) ||
	    !probe_anon(space, entry[0] + g->arena - 1))
		return false;
	if (entry[1] == first)	/* no pool was carved off yet */
		return true;
	return probe_words(space, first, POOL_WORDS, pool) &&
	       (pool[4] & UINT32_MAX) == index && pool[4] >> 32 < CLASSES_MAX;
}

/* Claim the arena of the entry at @entry, with what counts its pools. */
static bool claim_arena(struct tables *t, uint64_t entry, uint64_t arena,
			const struct geometry *g)
{
	uint64_t first = (arena + g->pool - 1) & ~(g->pool - 1);

	return probe_claim(t->space, arena, arena + g->arena, t->ret, t->err) &&
	       probe_keep(entry + COUNTS * 8, entry + (COUNTS + 1) * 8, t->ret,
			  t->err) &&
	       probe_keep(first + POOL_INDEX * 8, first + (POOL_INDEX + 1) * 8,
			  t->ret, t->err);
}

/* Claim the arenas of the table at @table: entries to the first odd one. */
static bool claim_table(struct tables *t, uint64_t table,
			const struct geometry *g)
{
	uint64_t entry[ENTRY_WORDS];
	bool end_of_list = false;

	for (uint64_t i = 0; i < ENTRIES_MAX; i++) {
		if (!probe_words(t->space, table + i * sizeof(entry),
				 ENTRY_WORDS, entry))
			break;
		if (is_arena(t->space, entry, i, g)) {
			if (!claim_arena(t, table + i * sizeof(entry),
					 entry[0], g))
				return false;
			continue;
		}
		/* Unused entries are linked; one of them is the last. */
		if (entry[0] != 0 || (entry[4] == 0 && end_of_list) ||
		    (entry[4] != 0 && !probe_anon(t->space, entry[4])))
			break;
		end_of_list |= entry[4] == 0;
	}
	t->ret->found = true;
	t->ret->version = g->version;
	t->ret->tested = g->tested;
	return true;
}

/* Arenas among the first entries of a table at @table. */
static unsigned count_arenas(struct tables *t, uint64_t table,
			     const struct geometry *g)
{
	uint64_t entry[ENTRY_WORDS * FIRST_ENTRIES];
	unsigned n = 0;

	if (!probe_words(t->space, table, ENTRY_WORDS * FIRST_ENTRIES, entry))
		return 0;
	for (unsigned i = 0; i < FIRST_ENTRIES; i++) {
		const uint64_t *e = entry + (size_t)i * ENTRY_WORDS;

		if (is_arena(t->space, e, i, g))
			n++;
		else if (e[0] != 0)
			return 0;
	}
	return n;
}

static bool list_candidate(void *ctx, uint64_t at, uint64_t word)
{
	struct tables *t = ctx;

	(void)at;
	if (word % 16 != 0 || vec_push(&t->candidates, word))
		return false;
	err_nomem(t->err, "candidates of arena tables");
	return true;
}

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Candidates lie all over the heap, and snapshots are read in large pieces:
 * in address order each piece is read once.
 */
static bool try_candidates(struct tables *t)
{
	uint64_t last = 0;

	if (t->candidates.len > 1)
		qsort(t->candidates.at, t->candidates.len,
		      sizeof(*t->candidates.at), by_address);
	for (size_t i = 0; i < t->candidates.len; i++) {
		uint64_t table = t->candidates.at[i];

		for (int k = 0; table != last && k < N_GEOMETRIES; k++) {
			if (count_arenas(t, table, &geometries[k]) == 0)
				continue;
			if (!claim_table(t, table, &geometries[k]))
				return false;
			break;
		}
		last = table;
	}
	return true;
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	struct tables t = { .space = &space, .ret = ret, .err = err };
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err) &&
	     probe_data_pointers(&space, list_candidate, &t, err) &&
	     try_candidates(&t);
	vec_free(&t.candidates);
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_obmalloc = {
	.name = "CPython obmalloc",
	.probe = probe,
};
