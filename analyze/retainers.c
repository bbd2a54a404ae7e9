/* SPDX-License-Identifier: MIT */
#include "analyze/retainers.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/reach.h"
#include "analyze/reach_one.h"
#include "analyze/ref_words.h"
#include "base/map.h"
#include "base/progress.h"

enum {
	LARGE = 512,		/* bytes; few structs are larger */
	SHORT = 100,		/* nodes of a path that are read in its order */
	TICK = 1 << 12,
};

/* One step of a merged path, behind the step of its parent. */
struct trail {
	uint32_t parent;	/* trail, 0 at a root */
	uint32_t length;	/* steps from the root, this one included */
	struct retainer_step step;
};

struct builder {
	const struct facts *facts;
	const struct heap *heap;
	struct window window;
	uint32_t *from;		/* [n_nodes] node before on the path, + 1 */
	struct bitset marked;	/* nodes on a path to a target */
	struct bitset sources;	/* nodes that one of them comes from */
	uint32_t *offset;	/* [n_nodes] of the word in from[], + 1 */
	bool has_offsets;
	uint32_t *trail;	/* [n_nodes] trail of the way there, + 1 */
	VEC(struct trail) trails;	/* [0] is no trail */
	VEC(uint32_t) stack;
	struct map trail_ids;	/* hash -> trail */
	struct retainers *ret;
};

/* Entries of one round of search, see find_paths(). */
enum round { ROUND_NAMED, ROUND_UNNAMED, ROUND_DEAD, ROUND_LOST, N_ROUNDS };

static enum round round_of(const struct root *root)
{
	return root->kind == ROOT_DEAD_STACK ? ROUND_DEAD :
	       root_is_named(root->kind) ? ROUND_NAMED : ROUND_UNNAMED;
}

static uint32_t *entries_of(const struct builder *b, enum round round,
			    size_t *n)
{
	const struct heap *heap = b->heap;
	const struct leaks *leaks = &b->facts->leaks;
	size_t total = (size_t)heap->n_roots + leaks->rows[leaks->n_groups];
	uint32_t *entries = malloc((total + 1) * sizeof(*entries));

	*n = 0;
	for (uint32_t i = 0; entries && i < heap->n_roots; i++) {
		if (round_of(&heap->roots[i]) == round)
			entries[(*n)++] = heap->n_blocks + i;
	}
	for (uint64_t i = 0; entries && round == ROUND_LOST &&
	     i < leaks->rows[leaks->n_groups]; i++)
		entries[(*n)++] = leaks->nodes[i];
	return entries;
}

/* What a round searches; returns its entries, which the caller frees. */
static uint32_t *spec_of(const struct builder *b, enum round round,
			 struct reach_spec *ret)
{
	uint32_t *entries;

	*ret = (struct reach_spec){
		.graph = &b->heap->refs, .kinds = REF_HOLDING,
	};
	if (round == ROUND_DEAD)
		ret->kinds |= 1 << REF_WEAK | 1 << REF_STALE;
	entries = entries_of(b, round, &ret->n_entries);
	ret->entry = entries;
	return entries;
}

/* One search over nodes in @left; those it reaches leave the set. */
static bool search(struct builder *b, enum round round, struct bitset *left,
		   struct err *err)
{
	struct reach_spec spec;
	struct reach_paths paths;
	uint32_t *entries = spec_of(b, round, &spec);
	bool ok;

	if (!entries)
		return err_nomem(err, "paths");
	ok = reach_paths_build(&spec, left, &paths, err);
	for (uint32_t i = 0; ok && i < b->heap->n_nodes; i++) {
		if (i % TICK == 0)
			progress_add(TICK);
		if (paths.depth[i] == NODE_NONE || !bitset_has(left, i))
			continue;
		b->from[i] = paths.from[i] + 1;
		bitset_remove(left, i);
	}
	if (ok)
		reach_paths_free(&paths);
	free(entries);
	return ok;
}

static bool is_any_left(const struct bitset *left, const uint32_t *targets,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bitset_has(left, targets[i]))
			return true;
	}
	return false;
}

static bool find_paths(struct builder *b, const uint32_t *targets, size_t n,
		       struct err *err)
{
	struct bitset left;
	bool ok = true;

	if (!bitset_init(&left, b->heap->n_nodes))
		return err_nomem(err, "paths");
	for (uint32_t i = 0; i < b->heap->n_nodes; i++)
		bitset_add(&left, i);
	for (enum round r = 0; ok && r < N_ROUNDS; r++)
		ok = !is_any_left(&left, targets, n) || search(b, r, &left, err);
	bitset_free(&left);
	return ok;
}

/* Is @node one that no round before that of the dead reaches? */
static bool is_left_for_dead(const void *ctx, uint32_t node)
{
	const struct heap *heap = ctx;

	return heap_is_root(heap, node) ?
	       heap_root(heap, node)->kind == ROOT_DEAD_STACK :
	       heap->state[node] != STATE_REACHABLE;
}

/* With @at_once, find the word: sooner than with those of other steps. */
static void take_step(struct builder *b, uint32_t from, uint32_t to,
		      bool at_once)
{
	uint64_t offset = at_once ? ref_offset(b->heap, &b->window, from, to) :
				    UINT64_MAX;

	b->from[to] = from + 1;
	if (offset < UINT32_MAX)
		b->offset[to] = (uint32_t)offset + 1;
}

/*
 * The same for one target. Of earlier rounds only that of the dead needs to
 * know: whatever leads to the target over the references of another round
 * was reached by none before, or so would the target have been.
 */
static bool search_one(struct builder *b, enum round round, uint32_t target,
		       bool *found, struct err *err)
{
	struct reach_spec spec;
	uint32_t *entries = spec_of(b, round, &spec);
	struct reach_one one;
	bool ok;

	if (!entries)
		return err_nomem(err, "paths");
	ok = reach_one_build(&spec, &b->heap->referrers, target,
			     round == ROUND_DEAD ? is_left_for_dead : NULL,
			     b->heap, &one, err);
	free(entries);
	if (!ok)
		return false;
	for (size_t i = 1; i < one.path.len; i++)
		take_step(b, one.path.at[i - 1], one.path.at[i],
			  one.path.len < SHORT);
	*found = one.path.len > 0;
	b->has_offsets = one.path.len < SHORT;
	reach_one_free(&one);
	return true;
}

static bool find_path(struct builder *b, uint32_t target, struct err *err)
{
	bool found = false, ok = true;

	for (enum round r = 0; ok && !found && r < N_ROUNDS; r++)
		ok = search_one(b, r, target, &found, err);
	return ok;
}

static uint32_t from_of(const struct builder *b, uint32_t node)
{
	return b->from[node] - 1;
}

/* Mark the targets and all that stands before them. */
static void mark(struct builder *b, const uint32_t *targets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t node = targets[i];

		if (i % TICK == 0)
			progress_add(TICK);
		while (bitset_insert(&b->marked, node) &&
		       from_of(b, node) != NODE_NONE) {
			node = from_of(b, node);
			bitset_add(&b->sources, node);
		}
	}
}

struct note_ctx {
	struct builder *b;
	uint32_t source;
	uint32_t n;		/* words so far */
};

static bool note_offset(void *ctx, const struct ref_word *word)
{
	struct note_ctx *c = ctx;
	struct builder *b = c->b;

	if (from_of(b, word->target) == c->source &&
	    bitset_has(&b->marked, word->target) &&
	    b->offset[word->target] == 0)
		b->offset[word->target] = word->offset < UINT32_MAX - 1 ?
					  (uint32_t)word->offset + 1 :
					  UINT32_MAX;
	if (++c->n % TICK != 0)
		return true;
	progress_add(TICK);
	return !progress_cancelled();
}

/* Each source is read once, however many targets it leads to. */
static bool find_offsets(struct builder *b, struct err *err)
{
	for (uint32_t i = 0; i < b->heap->n_nodes; i++) {
		struct note_ctx ctx = { .b = b, .source = i };

		if (i % TICK == 0) {
			progress_add(TICK);
			if (progress_cancelled())
				return err_set(err, ERR_CANCELLED, "cancelled");
		}
		if (bitset_has(&b->sources, i))
			ref_words(b->heap, &b->window, i, note_offset, &ctx);
	}
	return true;
}

static uint64_t step_key(const struct builder *b, uint32_t node)
{
	return heap_is_root(b->heap, node) ? node :
	       block_key(b->heap, node, false);
}

static bool same_step(const struct trail *t, uint64_t key, const char *field)
{
	return t->step.key == key && !strcmp(t->step.field, field);
}

/* The trail that leads from @parent over @source's @field; 0: no memory. */
static uint32_t extend(struct builder *b, uint32_t parent, uint32_t source,
		       const char *field)
{
	uint64_t key = step_key(b, source);
	struct trail trail = {
		.parent = parent, .length = b->trails.at[parent].length + 1,
		.step = { .node = source, .key = key },
	};
	uint64_t hash;

	if (parent && same_step(&b->trails.at[parent], key, field) &&
	    !heap_is_root(b->heap, source)) {
		b->trails.at[parent].step.repeats = true;
		return parent;
	}
	hash = hash_bytes(field, strlen(field), hash_u64(key) + parent);
	for (;; hash++) {
		bool added;
		uint64_t *slot = map_slot(&b->trail_ids, hash, &added);

		if (!slot)
			return 0;
		if (added) {
			trail.step.field = arena_text(&b->ret->arena, field,
						      strlen(field));
			*slot = b->trails.len;
			return trail.step.field && vec_push(&b->trails, trail) ?
			       (uint32_t)*slot : 0;
		}
		if (b->trails.at[*slot].parent == parent &&
		    same_step(&b->trails.at[*slot], key, field))
			return (uint32_t)*slot;
	}
}

/* In a large one without a type the offset says nothing: an array, a stack. */
static bool is_large_untyped(const struct heap *heap, uint32_t node)
{
	const struct root *root;

	if (!heap_is_root(heap, node))
		return heap->type[node] == TYPE_NONE &&
		       heap_size(heap, node) > LARGE;
	root = heap_root(heap, node);
	return root->type == TYPE_NONE && root->size > LARGE;
}

/* The field of the word by which @to was reached; "[]" in a large array. */
static void field_to(const struct builder *b, uint32_t to, char *buf,
		     size_t size)
{
	uint32_t source = from_of(b, to);

	buf[0] = '\0';
	if (b->offset[to] == 0)
		return;
	if (!is_large_untyped(b->heap, source))
		ref_field(b->heap, source, b->offset[to] - 1, buf, size);
	else if (!heap_is_root(b->heap, source))
		snprintf(buf, size, "[]");
}

/*
 * The trail of @node, and with it those of all nodes before it: the stack
 * holds the way back to the first node whose trail is known.
 */
static bool find_trail(struct builder *b, uint32_t node)
{
	b->stack.len = 0;
	for (; b->trail[node] == 0 && from_of(b, node) != NODE_NONE;
	     node = from_of(b, node)) {
		if (!vec_push(&b->stack, node))
			return false;
	}
	if (b->trail[node] == 0)
		b->trail[node] = 1;	/* an entry: the empty trail */
	while (b->stack.len > 0) {
		uint32_t to = vec_pop(&b->stack), source = from_of(b, to);
		char field[1024];
		uint32_t trail;

		field_to(b, to, field, sizeof(field));
		trail = extend(b, b->trail[source] - 1, source, field);
		if (trail == 0)
			return false;
		b->trail[to] = trail + 1;
	}
	return true;
}

static int by_count(const void *a, const void *b)
{
	const struct retainer_path *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->target > y->target) - (x->target < y->target);
}

static bool store_steps(struct builder *b, uint32_t trail,
			struct retainer_path *path)
{
	struct retainers *ret = b->ret;
	size_t length = b->trails.at[trail].length;

	path->first_step = ret->steps.len;
	path->n_steps = length;
	if (!vec_reserve(&ret->steps, ret->steps.len + length))
		return false;
	ret->steps.len += length;
	for (; trail; trail = b->trails.at[trail].parent)
		ret->steps.at[path->first_step + --length] =
			b->trails.at[trail].step;
	return true;
}

static bool merge(struct builder *b, const uint32_t *targets, size_t n,
		  struct err *err)
{
	struct map by_trail = {0};
	struct trail none = { .step = { .field = "" } };
	bool ok = vec_push(&b->trails, none);

	for (size_t i = 0; ok && i < n && !progress_cancelled(); i++) {
		struct retainer_path path = { .target = targets[i] };
		uint64_t *slot;
		bool added;

		if (i % TICK == 0)
			progress_add(TICK);
		ok = find_trail(b, targets[i]);
		slot = ok ? map_slot(&by_trail, b->trail[targets[i]], &added) :
			    NULL;
		if (!slot)
			ok = false;
		else if (!added)
			b->ret->paths.at[*slot].count++;
		else {
			*slot = b->ret->paths.len;
			path.count = 1;
			path.first_step = b->trail[targets[i]] - 1;
			ok = vec_push(&b->ret->paths, path);
		}
	}
	map_free(&by_trail);
	/* Steps last: whether one repeats is known only now. */
	for (size_t i = 0; ok && i < b->ret->paths.len; i++) {
		struct retainer_path *path = &b->ret->paths.at[i];

		ok = store_steps(b, (uint32_t)path->first_step, path);
	}
	if (b->ret->paths.len > 0)
		qsort(b->ret->paths.at, b->ret->paths.len,
		      sizeof(*b->ret->paths.at), by_count);
	if (ok && progress_cancelled())
		return err_set(err, ERR_CANCELLED, "cancelled");
	return ok || err_nomem(err, "paths");
}

static bool build(struct builder *b, const uint32_t *targets, size_t n,
		  struct err *err)
{
	size_t nodes = b->heap->n_nodes;

	/* Of one path few pages are touched. */
	b->from = calloc(nodes + 1, sizeof(*b->from));
	b->offset = calloc(nodes + 1, sizeof(*b->offset));
	b->trail = calloc(nodes + 1, sizeof(*b->trail));
	if (!b->from || !b->offset || !b->trail ||
	    !bitset_init(&b->marked, nodes) || !bitset_init(&b->sources, nodes))
		return err_nomem(err, "paths");
	if (!(n == 1 ? find_path(b, targets[0], err) :
		       find_paths(b, targets, n, err)))
		return false;
	mark(b, targets, n);
	return (b->has_offsets || find_offsets(b, err)) && merge(b, targets, n, err);
}

bool retainers_build(const struct facts *facts, const uint32_t *targets,
		     size_t n, struct retainers *ret, struct err *err)
{
	struct builder b = {
		.facts = facts, .heap = &facts->heap, .ret = ret,
		.window = window_of(&facts->image),
	};
	bool ok;

	*ret = (struct retainers){0};
	ok = build(&b, targets, n, err);
	window_close(&b.window);
	free(b.from);
	free(b.offset);
	free(b.trail);
	bitset_free(&b.marked);
	bitset_free(&b.sources);
	vec_free(&b.trails);
	vec_free(&b.stack);
	map_free(&b.trail_ids);
	if (!ok)
		retainers_free(ret);
	return ok;
}

void retainers_free(struct retainers *retainers)
{
	vec_free(&retainers->paths);
	vec_free(&retainers->steps);
	arena_free(&retainers->arena);
}
