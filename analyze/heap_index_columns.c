/* SPDX-License-Identifier: MIT */
#include "analyze/heap_index_file.h"

#include "base/pool.h"

enum { PAGE = 4096 };

/*
 * A column that is not listed below would be lost, and what it holds differ
 * with and without an index: whoever adds one comes by here.
 */
_Static_assert(sizeof(struct heap) - sizeof(struct diag) -
	       sizeof(struct arena) == 448, "list the new column below");
_Static_assert(sizeof(struct leaks) - sizeof(struct signatures) == 96,
	       "list the new column below");
_Static_assert(sizeof(struct dominators) == 48, "list the new column below");
_Static_assert(sizeof(struct cycles) - sizeof(struct signatures) == 56,
	       "list the new column below");

const void *index_column_at(const struct index_column *column)
{
	const void *at;

	memcpy(&at, column->place, sizeof(at));
	return at;
}

void index_column_set(const struct index_column *column, const void *at)
{
	memcpy(column->place, &at, sizeof(at));
}

/* The rows of @graph, of one width or the other. */
static struct index_column column_of_rows(struct graph *graph, uint64_t nodes,
					  uint64_t edges)
{
	struct index_column ret = {
		&graph->narrow_row, nodes + 1, sizeof(*graph->narrow_row),
		RULE_ROWS, edges,
	};

	if (graph_is_wide(edges)) {
		ret.place = &graph->wide_row;
		ret.width = sizeof(*graph->wide_row);
	}
	return ret;
}

static void list_columns(struct facts *f, void *tables, const uint64_t *n,
			 struct index_column *ret)
{
	struct heap *h = &f->heap;
	struct dominators *d = &f->dom;
	uint64_t blocks = n[COUNT_BLOCKS], refs = n[COUNT_REFS];
	struct cycles *c = &f->summaries.cycles;
	uint64_t groups = n[COUNT_GROUPS], order = n[COUNT_ORDER];
	uint64_t nodes = blocks + n[COUNT_ROOTS], ids = nodes + 1 + groups;
	const struct index_column columns[N_INDEX_COLUMNS] = {
		{ &h->addr, blocks, 8, RULE_ASCENDING, 0 },
		{ &h->sizes.size, blocks, 2, RULE_ANY, 0 },
		{ &h->type, blocks, 4, RULE_BELOW_OR_NONE, n[COUNT_TYPES] },
		{ &h->sizes.count, blocks, 2, RULE_ANY, 0 },
		{ &h->sizes.large.at, n[COUNT_LARGE],
		  sizeof(*h->sizes.large.at), RULE_ANY, 0 },
		{ &h->why_node, blocks, 4, RULE_BELOW_OR_NONE, nodes },
		{ &h->why_offset, blocks, 4, RULE_ANY, 0 },
		{ &h->evidence, blocks, 1, RULE_BELOW, N_EVIDENCE },
		{ &h->confidence, blocks, 1, RULE_ANY, 0 },
		{ &h->state, blocks, 1, RULE_BELOW, N_STATES },
		{ &h->content, blocks, 1, RULE_BELOW, N_CONTENT_CLASSES },
		{ &h->owner, blocks, 1, RULE_BELOW, n[COUNT_ALLOCATORS] },
		{ &h->free, n[COUNT_FREE], sizeof(*h->free), RULE_ANY, 0 },
		{ &h->free_owner, n[COUNT_FREE], 1,
		  RULE_BELOW, n[COUNT_ALLOCATORS] },
		{ &h->index.regions, n[COUNT_REGIONS], sizeof(*h->index.regions),
		  RULE_ANY, 0 },
		{ &h->index.cells, n[COUNT_CELLS], 4, RULE_CELLS, blocks },
		column_of_rows(&h->refs, nodes, refs),
		{ &h->refs.target, refs, 4, RULE_BELOW, nodes },
		{ &h->refs.kind, refs, 1, RULE_BELOW, N_REF_KINDS },
		column_of_rows(&h->referrers, nodes, refs),
		{ &h->referrers.target, refs, 4, RULE_BELOW, nodes },
		{ &h->referrers.kind, refs, 1, RULE_BELOW, N_REF_KINDS },
		{ &f->leaks.rows, groups + 1, 8, RULE_ROWS, n[COUNT_MEMBERS] },
		{ &f->leaks.nodes, n[COUNT_MEMBERS], 4, RULE_BELOW, blocks },
		{ &d->position, ids, 4, RULE_BELOW_OR_NONE, order },
		{ &d->retained, ids, 8, RULE_ANY, 0 },
		{ &d->order, order, 4, RULE_BELOW, ids },
		{ &d->end, order, 4, RULE_ENDS, order },
		{ &c->row, n[COUNT_CYCLE_GROUPS] + 1, 8, RULE_ROWS,
		  n[COUNT_CYCLE_NODES] },
		{ &c->node, n[COUNT_CYCLE_NODES], 4, RULE_BELOW, blocks },
		{ &c->steps.at, n[COUNT_CYCLE_STEPS], 4, RULE_BELOW, blocks },
		{ tables, n[COUNT_TABLES], 1, RULE_ANY, 0 },
	};

	memcpy(ret, columns, sizeof(columns));
}

/* No sum or product below wraps. */
static bool counts_are_sane(const uint64_t counts[N_INDEX_COUNTS])
{
	for (int i = 0; i < N_INDEX_COUNTS; i++) {
		if (counts[i] >= UINT64_C(1) << 48)
			return false;
	}
	return counts[COUNT_BLOCKS] + counts[COUNT_ROOTS] +
	       counts[COUNT_GROUPS] + 1 < NODE_NONE &&
	       counts[COUNT_CYCLE_GROUPS] <= counts[COUNT_BLOCKS];
}

bool index_layout(struct facts *facts, void *tables,
		  const uint64_t counts[N_INDEX_COUNTS],
		  struct index_layout *ret)
{
	uint64_t at = 0;

	*ret = (struct index_layout){0};
	if (!counts_are_sane(counts))
		return false;
	memcpy(ret->counts, counts, sizeof(ret->counts));
	list_columns(facts, tables, counts, ret->columns);
	for (int i = 0; i < N_INDEX_COLUMNS; i++) {
		const struct index_column *c = &ret->columns[i];
		uint64_t bytes = c->n * c->width;

		ret->offsets[i] = at;
		at += bytes + (-bytes & (PAGE - 1));
		ret->n_sums += pool_chunks(bytes, INDEX_SUM_BYTES);
	}
	ret->sums_offset = at;
	ret->size = at + ret->n_sums * 8 + INDEX_TRAILER_BYTES;
	return true;
}

static bool bytes_below(const uint8_t *at, size_t n, uint64_t bound)
{
	uint8_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = at[i] > most ? at[i] : most;
	return n == 0 || most < bound;
}

/* With @none, UINT32_MAX counts as 0. */
static bool words_below(const uint32_t *at, size_t n, uint64_t bound,
			uint32_t none)
{
	uint32_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = at[i] + none > most ? at[i] + none : most;
	return n == 0 || most < bound + none;
}

static bool words_rise(const uint32_t *at, size_t n, uint32_t last,
		       uint64_t bound)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		ok &= at[i] >= last;
		last = at[i];
	}
	return ok && last <= bound;
}

static bool words_lie_behind(const uint32_t *at, size_t n, uint64_t first,
			     uint64_t bound)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok &= at[i] > first + i && at[i] <= bound;
	return ok;
}

static bool longs_rise(const uint64_t *at, size_t n, uint64_t last,
		       uint64_t step)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		ok &= at[i] >= last && at[i] - last >= step;
		last = at[i];
	}
	return ok;
}

static bool rows_hold(const struct index_column *c, const void *at,
		      uint64_t first, size_t n, uint64_t last)
{
	const uint64_t *wide = at;
	const uint32_t *narrow = at;
	bool is_wide = c->width == sizeof(*wide);
	uint64_t least = is_wide ? wide[0] : narrow[0];
	uint64_t most = is_wide ? wide[n - 1] : narrow[n - 1];

	if (is_wide ? !longs_rise(wide, n, last, 0) :
		      !words_rise(narrow, n, (uint32_t)last, UINT32_MAX))
		return false;
	return (first > 0 || least == 0) &&
	       (first + n < c->n ? most <= c->bound : most == c->bound);
}

bool index_rule_holds(const struct index_column *c, const void *at,
		      uint64_t first, size_t bytes, const void *before)
{
	size_t n = bytes / c->width;
	uint64_t last = 0;

	first /= c->width;
	if (before)
		memcpy(&last, before, c->width <= 8 ? c->width : 0);
	if (n == 0)
		return true;
	switch (c->rule) {
	case RULE_ANY:
		return true;
	case RULE_BELOW:
		return c->width == 1 ? bytes_below(at, n, c->bound) :
				       words_below(at, n, c->bound, 0);
	case RULE_BELOW_OR_NONE:
		return words_below(at, n, c->bound, 1);
	case RULE_ASCENDING:
		return before ? longs_rise(at, n, last, 1) :
		       longs_rise((const uint64_t *)at + 1, n - 1,
				  *(const uint64_t *)at, 1);
	case RULE_ROWS:
		return rows_hold(c, at, first, n, last);
	case RULE_CELLS:
		return words_rise(at, n, (uint32_t)last, c->bound);
	case RULE_ENDS:
		return words_lie_behind(at, n, first, c->bound);
	}
	return false;
}
