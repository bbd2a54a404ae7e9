/* SPDX-License-Identifier: MIT */
#include "analyze/facts.h"

#include <stdlib.h>

#include "formats/snapshot.h"

enum tier { TIER_NAMED, TIER_UNNAMED, TIER_WEAK, TIER_STALE, TIER_LEAKED,
	    N_TIERS };

static enum tier tier_of_root(const struct root *root)
{
	return root_is_named(root->kind) ? TIER_NAMED : TIER_UNNAMED;
}

static enum tier tier_of_group(const struct leak_group *group)
{
	switch (group->verdict) {
	case STATE_WEAK:
		return TIER_WEAK;
	case STATE_STALE:
		return TIER_STALE;
	default:
		return TIER_LEAKED;
	}
}

/* Roots by tier, then leak groups by tier, in one array. */
static uint32_t *make_entries(const struct facts *f,
			      struct dom_tier tiers[N_TIERS])
{
	const struct heap *heap = &f->heap;
	size_t total = (size_t)heap->n_roots + f->leaks.n_groups;
	uint32_t *entries = malloc((total + 1) * sizeof(*entries));
	uint32_t n = 0;

	for (enum tier t = 0; entries && t < N_TIERS; t++) {
		uint32_t first = n;

		for (uint32_t i = 0; t <= TIER_UNNAMED && i < heap->n_roots; i++) {
			if (heap->roots[i].kind != ROOT_DEAD_STACK &&
			    tier_of_root(&heap->roots[i]) == t)
				entries[n++] = heap->n_blocks + i;
		}
		for (uint32_t g = 0; t > TIER_UNNAMED && g < f->leaks.n_groups;
		     g++) {
			if (tier_of_group(&f->leaks.groups[g]) == t)
				entries[n++] = heap->n_nodes + 1 + g;
		}
		tiers[t] = (struct dom_tier){ entries + first, n - first };
	}
	return entries;
}

static bool build_tree(struct facts *f, struct err *err)
{
	struct dom_tier tiers[N_TIERS];
	uint32_t *entries = make_entries(f, tiers);
	struct dom_spec spec = {
		.graph = &f->heap.refs, .kinds = REF_HOLDING,
		.tiers = tiers, .n_tiers = N_TIERS,
		.n_groups = f->leaks.n_groups,
		.group_row = f->leaks.rows, .group_member = f->leaks.nodes,
		.bytes = f->heap.size, .n_bytes = f->heap.n_blocks,
	};
	bool ok = entries ? dom_build(&spec, &f->dom, err) :
			    err_nomem(err, "dominators");

	free(entries);
	return ok;
}

bool facts_open(const char *path, struct facts *ret, struct err *err)
{
	*ret = (struct facts){0};
	if (image_open(path, &ret->image, err) &&
	    heap_build(&ret->image, &ret->heap, err) &&
	    leaks_build(&ret->heap, &ret->leaks, err) && build_tree(ret, err))
		return true;
	facts_close(ret);
	return false;
}

void facts_close(struct facts *facts)
{
	dom_free(&facts->dom);
	leaks_free(&facts->leaks);
	heap_free(&facts->heap);
	image_close(&facts->image);
}
