/* SPDX-License-Identifier: MIT */
#include "analyze/facts.h"

#include <stdlib.h>
#include <time.h>

#include "analyze/heap_index.h"
#include "analyze/refs.h"
#include "base/progress.h"
#include "formats/frames.h"
#include "formats/module_fill.h"
#include "formats/snapshot.h"

static enum facts_tier tier_of_root(const struct root *root)
{
	return root->kind == ROOT_LOCAL ? TIER_LOCAL + root->rank :
	       root_is_named(root->kind) ? TIER_NAMED :
	       root->kind == ROOT_REGISTERS ? TIER_REGISTERS : TIER_UNNAMED;
}

static enum facts_tier tier_of_group(const struct leak_group *group)
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
static bool make_tiers(struct facts *f, struct err *err)
{
	const struct heap *heap = &f->heap;
	size_t total = (size_t)heap->n_roots + f->leaks.n_groups;
	uint32_t n = 0;

	f->entries = reallocarray(NULL, total + 1, sizeof(*f->entries));
	if (!f->entries)
		return err_nomem(err, "dominators");
	for (enum facts_tier t = 0; t < N_FACTS_TIERS; t++) {
		uint32_t first = n;

		for (uint32_t i = 0; t < TIER_WEAK && i < heap->n_roots; i++) {
			if (heap->roots[i].kind != ROOT_DEAD_STACK &&
			    tier_of_root(&heap->roots[i]) == t)
				f->entries[n++] = heap->n_blocks + i;
		}
		for (uint32_t g = 0; t >= TIER_WEAK && g < f->leaks.n_groups;
		     g++) {
			if (tier_of_group(&f->leaks.groups[g]) == t)
				f->entries[n++] = heap->n_nodes + 1 + g;
		}
		f->tiers[t] = (struct dom_tier){ f->entries + first,
						 n - first };
	}
	return true;
}

/* What the dominator tree is made from. */
static bool make_spec(struct facts *f, struct err *err)
{
	f->spec = (struct dom_spec){
		.graph = &f->heap.refs, .kinds = REF_HOLDING,
		.tiers = f->tiers, .n_tiers = N_FACTS_TIERS,
		.n_groups = f->leaks.n_groups,
		.group_row = f->leaks.rows, .group_member = f->leaks.nodes,
		.sizes = &f->heap.sizes, .n_bytes = f->heap.n_blocks,
	};
	return make_tiers(f, err);
}

static bool find_dominators(struct facts *facts, struct err *err)
{
	return leaks_build(&facts->heap, &facts->leaks, err) &&
	       make_spec(facts, err) &&
	       dom_build(&facts->spec, &facts->dom, err);
}

static bool reverse(struct facts *facts, struct err *err)
{
	if (!refs_reverse(&facts->heap, err))
		return false;
	leaks_find_holders(&facts->heap, &facts->leaks);
	return true;
}

bool facts_conclude(struct facts *facts, struct err *err)
{
	return find_dominators(facts, err) && reverse(facts, err);
}

/* A core says what was mapped; the files that it names tell the rest. */
static bool complete_core(struct image *image, struct err *err)
{
	const struct module_search search = {0};

	return image->meta.kind != IMAGE_CORE || image->modules.len > 0 ||
	       (modules_find(image, &search, err) &&
		module_fill(image, &search, err) &&
		modules_load(image, &search, err) &&
		frames_build(image, &search, err));
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* How much is known of damage to the file. */
static uint64_t count_findings(const struct diag *diag)
{
	uint64_t n = diag->len;

	for (size_t i = 0; i < diag->len; i++)
		n += diag->at[i].count;
	return n;
}

static bool analyse(struct facts *facts, struct err *err)
{
	uint64_t start = now_ns();
	uint64_t findings = count_findings(&facts->image.diag);

	/* The reversed references come last: nothing before needs them, and
	 * what does needs memory of its own. */
	if (!heap_build(&facts->image, &facts->heap, err) ||
	    !find_dominators(facts, err) ||
	    (heap_index_is_wanted(facts, now_ns() - start) &&
	     !summaries_build(facts, err)) ||
	    !reverse(facts, err))
		return false;
	/* Damage that was met on the way must be met again next time. */
	if (summaries_are_complete(&facts->summaries) &&
	    count_findings(&facts->image.diag) == findings)
		heap_index_keep(facts);
	return true;
}

bool facts_open(const char *path, enum index_use use, struct facts *ret,
		struct err *err)
{
	bool ok;

	*ret = (struct facts){0};
	progress_begin("opening the file", 0);
	ok = image_open(path, &ret->image, err) &&
	     complete_core(&ret->image, err);
	progress_end();
	if (ok && use == INDEX_MAY && heap_index_load(ret))
		ok = make_spec(ret, err);
	else
		ok = ok && analyse(ret, err);
	if (!ok)
		facts_close(ret);
	return ok;
}

void facts_close(struct facts *facts)
{
	heap_index_close(facts);
	summaries_free(&facts->summaries);
	dom_free(&facts->dom);
	free(facts->entries);
	facts->entries = NULL;
	leaks_free(&facts->leaks);
	heap_free(&facts->heap);
	image_close(&facts->image);
}
