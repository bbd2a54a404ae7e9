/* SPDX-License-Identifier: MIT */
#include "analyze/leaks.h"

#include <stdlib.h>

#include "analyze/ref_words.h"
#include "analyze/scc.h"
#include "base/bitset.h"
#include "base/progress.h"

/* A leak root before it has its group. */
struct instance {
	uint32_t component;
	uint32_t first;		/* block with the lowest address */
	uint32_t group;
};

struct builder {
	const struct heap *heap;
	struct leaks *leaks;
	struct bitset members;	/* unreachable blocks */
	struct scc scc;
	struct bitset held;	/* components that are no leak roots */
	uint32_t *start;	/* [n_components + 1] rows of blocks[] */
	uint32_t *blocks;	/* by component, ascending within */
	VEC(struct leak_group) groups;
	VEC(struct instance) instances;
};

static bool is_lost(const struct heap *heap, uint32_t node)
{
	return !heap_is_root(heap, node) &&
	       heap->state[node] != STATE_REACHABLE;
}

/* Mark the unreachable and sum them up. */
static bool find_members(struct builder *b, struct err *err)
{
	const struct heap *heap = b->heap;

	if (!bitset_init(&b->members, heap->n_nodes))
		return err_nomem(err, "leaks");
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		unsigned state = heap->state[i];

		b->leaks->total[state].blocks++;
		b->leaks->total[state].bytes += heap_size(heap, i);
		if (state != STATE_REACHABLE)
			bitset_add(&b->members, i);
	}
	return true;
}

/* Blocks in rows by their component. */
static bool sort_components(struct builder *b, struct err *err)
{
	const struct heap *heap = b->heap;
	size_t n = b->scc.n_components, total = 0;

	b->start = calloc(n + 2, sizeof(*b->start));
	b->blocks = malloc((bitset_count(&b->members) + 1) *
			   sizeof(*b->blocks));
	if (!b->start || !b->blocks)
		return err_nomem(err, "leaks");
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (is_lost(heap, i))
			b->start[b->scc.component[i] + 2]++;
	}
	for (size_t i = 1; i <= n + 1; i++) {
		total += b->start[i];
		b->start[i] = (uint32_t)total;
	}
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (is_lost(heap, i))
			b->blocks[b->start[b->scc.component[i] + 1]++] = i;
	}
	return true;
}

/* Mark the components that another unreachable block of the same verdict
 * refers to: they are no leak roots. */
static bool find_held(struct builder *b, struct err *err)
{
	const struct heap *heap = b->heap;
	const struct graph *g = &heap->refs;

	if (!bitset_init(&b->held, b->scc.n_components))
		return err_nomem(err, "leaks");
	for (uint32_t from = 0; from < heap->n_blocks; from++) {
		uint64_t end = graph_row(g, from + 1);

		if (!is_lost(heap, from))
			continue;
		for (uint64_t e = graph_row(g, from); e < end; e++) {
			uint32_t to = g->target[e];

			if (ref_holds(g->kind[e]) && is_lost(heap, to) &&
			    heap->state[from] == heap->state[to] &&
			    b->scc.component[from] != b->scc.component[to])
				bitset_add(&b->held, b->scc.component[to]);
		}
	}
	return true;
}

static bool refers_to_itself(const struct graph *g, uint32_t node)
{
	for (uint64_t e = graph_row(g, node),
	     end = graph_row(g, node + 1); e < end; e++) {
		if (g->target[e] == node && ref_holds(g->kind[e]))
			return true;
	}
	return false;
}

static bool take_instance(struct builder *b, uint32_t component,
			  struct err *err)
{
	const uint32_t *blocks = b->blocks + b->start[component];
	uint32_t n = b->start[component + 1] - b->start[component];
	struct instance instance = { .component = component };
	enum state verdict = b->heap->state[blocks[0]];
	bool cycle = n > 1 || refers_to_itself(&b->heap->refs, blocks[0]);
	struct leak_group *group;

	if (!signature_of(&b->leaks->signatures, b->heap, blocks, n,
			  (uint64_t)verdict << 1 | cycle, &instance.group, err))
		return false;
	if (instance.group == b->groups.len) {
		struct leak_group new = {
			.verdict = verdict, .cycle = cycle,
			.held_by = NODE_NONE,
			.key = signature_largest(&b->leaks->signatures,
						 instance.group),
		};

		if (!vec_push(&b->groups, new))
			return err_nomem(err, "leaks");
	}
	group = &b->groups.at[instance.group];
	group->count++;
	group->blocks += n;
	for (uint32_t i = 0; i < n; i++)
		group->bytes += heap_size(b->heap, blocks[i]);
	return vec_push(&b->instances, instance) || err_nomem(err, "leaks");
}

static int by_first(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Instances in address order, so that groups number alike on every run. */
static bool find_instances(struct builder *b, struct err *err)
{
	VEC(struct instance) roots = {0};
	bool ok = true;

	for (uint32_t c = 0; ok && c < b->scc.n_components; c++) {
		struct instance i = { .component = c };

		if (b->start[c] == b->start[c + 1] ||
		    bitset_has(&b->held, c))
			continue;
		i.first = b->blocks[b->start[c]];
		ok = vec_push(&roots, i);
	}
	if (roots.len > 0)
		qsort(roots.at, roots.len, sizeof(*roots.at), by_first);
	if (!ok)
		err_nomem(err, "leaks");
	for (size_t i = 0; ok && i < roots.len; i++)
		ok = take_instance(b, roots.at[i].component, err);
	vec_free(&roots);
	return ok;
}

/* The blocks of each group in a row of its own. */
static bool store_nodes(struct builder *b, struct err *err)
{
	struct leaks *leaks = b->leaks;
	size_t n = b->groups.len;
	uint64_t total = 0;

	leaks->rows = calloc(n + 2, sizeof(*leaks->rows));
	for (size_t g = 0; g < n; g++)
		total += b->groups.at[g].blocks;
	leaks->nodes = malloc((total + 1) * sizeof(*leaks->nodes));
	if (!leaks->rows || !leaks->nodes)
		return err_nomem(err, "leaks");
	for (size_t g = 0; g < n; g++)
		leaks->rows[g + 2] = leaks->rows[g + 1] +
				     b->groups.at[g].blocks;
	for (size_t i = 0; i < b->instances.len; i++) {
		const struct instance *inst = &b->instances.at[i];

		for (uint32_t k = b->start[inst->component];
		     k < b->start[inst->component + 1]; k++)
			leaks->nodes[leaks->rows[inst->group + 1]++] =
				b->blocks[k];
	}
	return true;
}

/* For what is held by a word that does not count: who has the word. */
static void find_holder(const struct heap *heap, const struct leaks *leaks,
			uint32_t group, struct window *window,
			struct leak_group *ret)
{
	const struct graph *g = &heap->referrers;

	for (uint64_t i = leaks->rows[group]; i < leaks->rows[group + 1]; i++) {
		uint32_t node = leaks->nodes[i];

		for (uint64_t e = graph_row(g, node),
		     end = graph_row(g, node + 1); e < end; e++) {
			uint32_t from = g->target[e];

			if (ref_holds(g->kind[e]) ||
			    (!heap_is_root(heap, from) &&
			     heap->state[from] == STATE_LEAKED))
				continue;
			ret->held_by = from;
			ret->held_offset = ref_offset(heap, window, from, node);
			return;
		}
	}
}

static bool build(struct builder *b, struct err *err)
{
	if (!find_members(b, err) ||
	    !scc_build(&b->heap->refs, REF_HOLDING, &b->members, &b->scc,
		       err) ||
	    !sort_components(b, err) || !find_held(b, err) ||
	    !find_instances(b, err) || !store_nodes(b, err))
		return false;
	b->leaks->groups = b->groups.at;
	b->leaks->n_groups = (uint32_t)b->groups.len;
	b->groups.at = NULL;
	return true;
}

void leaks_find_holders(const struct heap *heap, struct leaks *leaks)
{
	struct window window = window_of(heap->image);

	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		if (leaks->groups[g].verdict != STATE_LEAKED)
			find_holder(heap, leaks, g, &window,
				    &leaks->groups[g]);
	}
	window_close(&window);
}

bool leaks_build(const struct heap *heap, struct leaks *ret, struct err *err)
{
	struct builder b = { .heap = heap, .leaks = ret };
	bool ok;

	*ret = (struct leaks){0};
	progress_begin("grouping leaks", 0);
	ok = build(&b, err);
	progress_end();
	bitset_free(&b.members);
	bitset_free(&b.held);
	scc_free(&b.scc);
	free(b.start);
	free(b.blocks);
	free(b.groups.at);
	vec_free(&b.instances);
	if (!ok)
		leaks_free(ret);
	return ok;
}

void leaks_free(struct leaks *leaks)
{
	free(leaks->groups);
	signatures_free(&leaks->signatures);
	free(leaks->rows);
	free(leaks->nodes);
	*leaks = (struct leaks){0};
}

struct loss leaks_direct(const struct heap *heap, const struct leaks *leaks,
			 uint32_t g)
{
	const struct leak_group *group = &leaks->groups[g];
	const uint32_t *nodes = leaks->nodes + leaks->rows[g];
	uint64_t each = group->blocks / group->count;
	struct loss sum = { .blocks = group->count };

	for (uint64_t i = 0; i < group->count; i++)
		sum.bytes += heap_size(heap, nodes[i * each]);
	return sum;
}

struct loss leaks_all_direct(const struct heap *heap, const struct leaks *leaks,
			     enum state verdict)
{
	struct loss sum = {0};

	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		struct loss one;

		if (leaks->groups[g].verdict != verdict)
			continue;
		one = leaks_direct(heap, leaks, g);
		sum.blocks += one.blocks;
		sum.bytes += one.bytes;
	}
	return sum;
}
