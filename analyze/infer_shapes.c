/* SPDX-License-Identifier: MIT */
/*
 * Types for what no typed pointer reaches: payloads behind void *, and blocks
 * that were lost. Blocks that are alike form a cluster: those that one void *
 * field of one type refers to, or those that nothing typed refers to; of one
 * size and with pointers at the same places (shape_clusters.h). Each gets the
 * record that its samples are most like, if one is clear (shape_ranking.h);
 * then each block of it does that keeps what the record promises.
 */
#include "analyze/infer_state.h"

#include <stdlib.h>

#include "analyze/infer_choose.h"
#include "analyze/shape_pooled.h"
#include "analyze/shape_ranking.h"
#include "analyze/shape_slots.h"
#include "analyze/shape_splits.h"
#include "analyze/shape_tags.h"
#include "base/bitset.h"

enum {
	SURE = 90,		/* percent: no guess */
	SURE_TEXT = 85,
	SURE_TEXT_INSIDE = 75,
	SURE_AGREED = 70,
	WORST = -60,		/* tenths of a kept promise, of one block */
	MIN_LETTERS = 4,
	MANY_WORDS = 4,
	MAX_REACHES = 64,	/* kinds of things in a list, one by one */
};

/* A block that gets the type of its cluster, if it fits. */
struct pending {
	uint32_t node, cluster, why, offset;
};

struct shapes {
	struct infer *infer;
	struct heap *heap;
	const struct size_weights *weights;
	struct chooser *chooser;
	struct shape_cache cache;
	struct shape_candidates candidates;
	struct clusters clusters;
	struct mined_fields mined;
	struct discriminators tags;
	struct block_heads heads;	/* of candidate_blocks */
	struct shape_splits splits;
	struct bitset pooled;	/* types: see shape_pooled.h */
	/* Of the blocks: without a type, and of those which a typed word refers
	 * to. Most are no candidates, and then nothing else is looked up. */
	struct bitset candidate_blocks, reached;
	VEC(struct pending) pending;	/* second pass: to be looked at */
	VEC(struct pending) waiting;	/* ... of clusters without a type yet */
	bool apply;		/* second pass: clusters have their types */
	bool reaching;		/* ... and what gets one leads on */
	bool no_memory;
};

/* What is true of nearly all blocks of a cluster need not be of this one. */
static bool fits_one(struct shapes *s, const struct cluster *c, uint32_t node)
{
	const struct shape *shape;
	struct shape_score score;
	struct seen_block seen;

	if (c->text && c->inside == 0 &&
	    s->heap->content[node] == CONTENT_TEXT)
		return true;
	if (c->text) {
		shape_look(s->heap, &s->infer->window, node, &seen);
		return shape_text_at(&seen, c->inside) > 0;
	}
	shape = shape_of(&s->cache, c->type);
	if (!shape) {
		s->no_memory = true;
		return false;
	}
	shape_look(s->heap, &s->infer->window, node, &seen);
	score = shape_compare(s->heap, s->weights, c->type, shape, &seen);
	if (c->named && !shape_name_fits(s->cache.types, c->type, &seen))
		return false;
	return !score.broken && score.sum >= WORST;
}

static bool claim(struct shapes *s, const struct pending *p)
{
	const struct cluster *c = &s->clusters.all.at[p->cluster];
	struct claim claim = {
		.node = p->node, .type = c->type, .count = 1,
		.evidence = c->slot ? EVIDENCE_SLOT : EVIDENCE_SHAPE,
		.confidence = c->confidence, .why_node = p->why,
		.why_offset = p->offset,
	};

	if (!fits_one(s, c, p->node))
		return !s->no_memory;
	/* No claim is surer than the place that it comes from. */
	if (p->why != NODE_NONE && !heap_is_root(s->heap, p->why) &&
	    s->heap->confidence[p->why] < claim.confidence)
		claim.confidence = s->heap->confidence[p->why];
	if (c->type == s->candidates.letter)
		claim.count = heap_size(s->heap, p->node) > UINT32_MAX ?
			      UINT32_MAX :
			      (uint32_t)heap_size(s->heap, p->node);
	return infer_claim(s->infer, &claim);
}

static int by_node(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->why != y->why)
		return x->why < y->why ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* In the order in which the blocks lie in the file. */
static bool claim_all(struct shapes *s)
{
	if (s->pending.len > 1)
		qsort(s->pending.at, s->pending.len, sizeof(*s->pending.at),
		      by_node);
	for (size_t i = 0; i < s->pending.len; i++) {
		if (!claim(s, &s->pending.at[i]))
			return false;
	}
	return true;
}

static void join(struct cluster *c, uint32_t node, const struct slot *slot)
{
	c->slot = slot != NULL;
	if (slot) {
		c->module = slot->module;
		c->field = slot->field;
		c->owner = slot->type;
		c->at = slot->at;
		c->header = slot->header;
		c->tag = slot->tag;
		c->inside = slot->inside;
	}
	cluster_add(c, node);
}

/*
 * First pass: @node belongs to the cluster with @key. Second: it gets the
 * cluster's type. What begins with a header, and is led to only now, may make
 * a cluster even then.
 */
static void meet(struct shapes *s, uint64_t key, uint32_t node, uint32_t why,
		 uint64_t offset, const struct slot *slot)
{
	bool late = s->reaching && slot && slot->header != TYPE_NONE;
	struct split_place place = { .key = key };
	struct cluster *c;
	struct pending p = {
		.node = node, .why = why,
		.offset = offset > UINT32_MAX ? 0 : (uint32_t)offset,
	};

	if (!shape_splits_place(&s->splits, &s->tags, &s->heads, node, &place))
		s->no_memory = true;
	if (s->no_memory || place.skip)
		return;
	s->clusters.closed = s->apply && !late;
	c = clusters_get(&s->clusters, place.key);
	if (!c)
		return;
	p.cluster = (uint32_t)(c - s->clusters.all.at);
	if (!s->apply || (late && c->type == TYPE_NONE))
		join(c, node, slot);
	if (place.header != TYPE_NONE) {
		c->header = place.header;
		c->tag = place.tag;
		c->kin = true;
	}
	if (s->apply && c->type != TYPE_NONE)
		s->no_memory |= !vec_push(&s->pending, p);
	else if (late)
		s->no_memory |= !vec_push(&s->waiting, p);
}

/* Blocks without a type; *@any: there are some. */
static bool find_candidates(struct shapes *s, bool *any)
{
	const struct heap *heap = s->heap;

	*any = false;
	if (!bitset_init(&s->candidate_blocks, heap->n_blocks) ||
	    !bitset_init(&s->reached, heap->n_blocks))
		return false;
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (heap->type[i] == TYPE_NONE && heap_size(heap, i) >= 8) {
			bitset_add(&s->candidate_blocks, i);
			*any = true;
		}
	}
	return true;
}

/* Reference @e out of @node, of a known @type, as a slot. */
static void visit_slot(struct shapes *s, uint32_t node, uint32_t type,
		       const struct shape *shape, uint64_t e)
{
	const struct raw_refs *raw = s->infer->raw;
	uint32_t to = raw->target[e];
	struct slot slot;

	if (!bitset_has(&s->candidate_blocks, to) ||
	    raw_offset(raw->where[e]) == UINT64_MAX)
		return;
	if (slot_of(s->infer, &s->chooser->beginnings, node, type, shape, e,
		    &slot)) {
		s->no_memory |= !slot_read_tag(&s->tags, &s->heads, to, &slot);
		meet(s, slot_key(cluster_signature(s->infer, to), &slot), to,
		     node, raw_offset(raw->where[e]), &slot);
	}
	if (slot.told)
		bitset_add(&s->reached, to);
}

static bool visit_slots(struct shapes *s, uint32_t node, uint32_t type)
{
	const struct raw_refs *raw = s->infer->raw;
	const struct shape *shape = shape_of(&s->cache, type);

	if (!shape)
		return false;
	for (uint64_t e = raw->row[node]; e < raw->row[node + 1]; e++)
		visit_slot(s, node, type, shape, e);
	return true;
}

static bool refers_to_candidate(const struct shapes *s, uint32_t node)
{
	const struct raw_refs *raw = s->infer->raw;

	for (uint64_t e = raw->row[node]; e < raw->row[node + 1]; e++) {
		if (bitset_has(&s->candidate_blocks, raw->target[e]))
			return true;
	}
	return false;
}

static bool visit_fields(struct shapes *s)
{
	const struct heap *heap = s->heap;

	for (uint32_t i = 0; i < heap->n_nodes; i++) {
		uint32_t type;

		if (!refers_to_candidate(s, i))
			continue;
		type = slot_node_type(heap, i);
		if (type != TYPE_NONE && !visit_slots(s, i, type))
			return false;
	}
	return !s->no_memory && !s->clusters.no_memory;
}

/* Blocks to which no typed pointer refers. */
static bool visit_lost(struct shapes *s)
{
	const struct heap *heap = s->heap;

	for (uint32_t i = 0; i < heap->n_blocks && !s->no_memory; i++) {
		if (bitset_has(&s->candidate_blocks, i) &&
		    heap->content[i] != CONTENT_TEXT &&
		    heap->content[i] != CONTENT_ZERO &&
		    !bitset_has(&s->reached, i))
			meet(s, cluster_key(cluster_signature(s->infer, i),
					    cluster_texts(s->infer, i)), i,
			     NODE_NONE, 0, NULL);
	}
	return !s->no_memory && !s->clusters.no_memory;
}

static bool is_text(const struct shapes *s, const struct cluster *c)
{
	for (uint32_t i = 0; i < c->n_sample; i++) {
		if (s->heap->content[c->sample[i]] != CONTENT_TEXT)
			return false;
	}
	return c->slot && c->inside == 0 && s->candidates.letter != TYPE_NONE;
}

/* Is there a record of just that size that begins with letters? */
static bool may_be_named(const struct shapes *s, const struct cluster *c)
{
	const struct shape_candidates *all = &s->candidates;
	uint32_t node = c->sample[0];
	uint64_t usable = heap_size(s->heap, node);
	size_t i = shape_candidates_from(all, usable > 32 ? usable - 32 : 8);

	for (; i < all->records.len && all->records.at[i].size <= usable; i++) {
		if (infer_fits(s->heap, node, all->records.at[i].size, false) &&
		    shape_name_bytes(s->cache.types, all->records.at[i].type))
			return true;
	}
	return false;
}

/* Text, if it is not the name at the start of a record. */
static void decide_texts(struct shapes *s)
{
	for (size_t i = 0; i < s->clusters.all.len; i++) {
		struct cluster *c = &s->clusters.all.at[i];

		if (c->type != TYPE_NONE || !is_text(s, c))
			continue;
		if (!c->named && may_be_named(s, c)) {
			c->named = true;
			continue;
		}
		c->named = false;
		c->text = true;
		c->type = s->candidates.letter;
		c->confidence = SURE_TEXT;
	}
}

/* Was the code seen to keep letters in the field? */
static bool is_for_text(struct shapes *s, const struct cluster *c)
{
	const struct type_table *types = &s->heap->image->types;
	size_t n;
	const struct mined_slot *all =
		mined_fields_find(&s->mined, c->owner, c->at, &n);

	for (size_t i = 0; i < n; i++) {
		if (types->types.at[all[i].target].kind == TYPE_CHAR)
			return true;
	}
	return false;
}

/* A string with something before it: the one struct that looks like that, or
 * just letters. */
static void decide_inside(struct shapes *s, struct cluster *c,
			  const struct seen_block *seen)
{
	struct choice choice;
	uint64_t longest = 0;
	uint32_t others = 0;

	for (uint32_t i = 0; i < c->n_sample; i++) {
		uint64_t n = shape_text_at(&seen[i], c->inside);

		others += n == 0;
		longest = n > longest ? n : longest;
	}
	/* Each block of it is looked at again. */
	if ((others > 0 || longest < MIN_LETTERS) &&
	    (others > c->n_sample / 2 || longest == 0 || !is_for_text(s, c)))
		return;
	choose_text_tail(s->chooser, c->inside, &choice);
	c->text = true;
	c->type = choice.type != TYPE_NONE ? choice.type : s->candidates.letter;
	c->confidence = SURE_TEXT_INSIDE;
}

/* Keys of a few letters each: the blocks are too small to read as text, but
 * all of them end in a NUL, and one is longer than numbers are by chance. */
static void decide_words(struct shapes *s, struct cluster *c,
			 const struct seen_block *seen)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < c->n_sample; i++) {
		uint64_t n = shape_text_at(&seen[i], 0);

		if (n == 0)
			return;
		longest = n > longest ? n : longest;
	}
	if (longest < MIN_LETTERS || c->n < MANY_WORDS ||
	    s->candidates.letter == TYPE_NONE)
		return;
	c->text = true;
	c->type = s->candidates.letter;
	c->confidence = SURE_TEXT_INSIDE;
}

/* A pointer's tag is less than this; what is farther is inside a block. */
enum { MAX_TAG = 8 };

static void decide(struct shapes *s, struct ranker *ranker, struct cluster *c,
		   const struct seen_block *seen)
{
	if (c->named && is_for_text(s, c))
		return;
	if (c->inside > 0)
		decide_inside(s, c, seen);
	if (c->type == TYPE_NONE && c->inside < MAX_TAG)
		cluster_decide(ranker, c, seen);
	if (c->type == TYPE_NONE && c->slot && c->inside == 0 &&
	    c->header == TYPE_NONE)
		decide_words(s, c, seen);
}

/* Of how many blocks each type is that is known for sure. */
static bool count_types(const struct heap *heap, struct map *ret)
{
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		uint64_t *n;

		if (heap->type[i] == TYPE_NONE || heap_count(heap, i) != 1 ||
		    heap->confidence[i] < SURE)
			continue;
		n = map_slot(ret, heap->type[i], NULL);
		if (!n)
			return false;
		++*n;
	}
	return true;
}

static bool decide_all(struct shapes *s, bool slots)
{
	struct map proven = {0};
	struct ranker ranker = {
		.heap = s->heap, .weights = s->weights,
		.candidates = &s->candidates, .cache = &s->cache,
		.mined = &s->mined, .chooser = s->chooser,
		.pooled = slots ? NULL : &s->pooled, .proven = &proven,
		.program = image_program(s->heap->image),
		.late = s->reaching,
	};
	struct cluster_samples samples = {0};
	bool ok = slots || count_types(s->heap, &proven);

	decide_texts(s);
	ok = ok && cluster_samples_read(&s->clusters, slots, s->infer, &samples);
	for (size_t i = 0; ok && i < samples.n; i++) {
		struct cluster *c = &s->clusters.all.at[samples.cluster[i]];

		c->grown = false;
		decide(s, &ranker, c, &samples.seen[i * CLUSTER_SAMPLE]);
		ok = !ranker.no_memory;
	}
	cluster_samples_free(&samples);
	map_free(&proven);
	if (ok && !s->reaching)
		ok = shape_tags_apply(s->infer, &s->tags, &s->clusters,
				      SURE_AGREED);
	if (ok && slots && !s->reaching)
		ok = clusters_agree(&s->clusters, SURE_AGREED);
	decide_texts(s);	/* no name of a record, after all */
	return ok;
}

static bool is_any_decided(const struct shapes *s)
{
	for (size_t i = 0; i < s->clusters.all.len; i++) {
		if (s->clusters.all.at[i].type != TYPE_NONE)
			return true;
	}
	return false;
}

static void shapes_free(struct shapes *s)
{
	shape_cache_free(&s->cache);
	shape_candidates_free(&s->candidates);
	clusters_free(&s->clusters);
	discriminators_free(&s->tags);
	block_heads_free(&s->heads);
	mined_fields_free(&s->mined);
	vec_free(&s->pending);
	vec_free(&s->waiting);
	bitset_free(&s->candidate_blocks);
	bitset_free(&s->reached);
	bitset_free(&s->pooled);
}

/*
 * What just got its type refers to more of the same: a tree whose nodes refer
 * to each other by words that say nothing would take a round for each level.
 */
static bool claim_on(struct shapes *s)
{
	VEC(uint32_t) found = {0};
	bool ok = true;

	while (ok && s->pending.len > 0) {
		found.len = 0;
		for (size_t i = 0; ok && i < s->pending.len; i++) {
			uint32_t node = s->pending.at[i].node;

			if (s->heap->type[node] == TYPE_NONE ||
			    !bitset_has(&s->candidate_blocks, node))
				continue;
			bitset_remove(&s->candidate_blocks, node);
			ok = vec_push(&found, node);
		}
		s->pending.len = 0;
		for (size_t i = 0; ok && i < found.len; i++)
			ok = visit_slots(s, found.at[i],
					 slot_node_type(s->heap, found.at[i]));
		ok = ok && claim_all(s);
	}
	vec_free(&found);
	return ok;
}

/* What waits for a cluster that has its type now. */
static bool claim_waiting(struct shapes *s)
{
	bool ok = true;

	for (size_t i = 0; ok && i < s->waiting.len; i++) {
		struct pending p = s->waiting.at[i];

		if (s->clusters.all.at[p.cluster].type != TYPE_NONE)
			ok = vec_push(&s->pending, p);
	}
	s->waiting.len = 0;
	return ok && claim_all(s);
}

/*
 * Then from there: a list of various things that begin with one header leads
 * to each kind of them over another one. As many kinds as are met in a row are
 * decided one after the other; from then on the list is followed at once.
 */
static bool reach_on(struct shapes *s)
{
	bool ok;

	s->reaching = true;
	ok = claim_on(s);
	for (int i = 0; ok && s->waiting.len > 0 && i < MAX_REACHES; i++)
		ok = decide_all(s, true) && claim_waiting(s) && claim_on(s);
	s->waiting.len = 0;
	s->reaching = false;
	return ok && !s->no_memory && !s->clusters.no_memory;
}

static bool find_clusters(struct shapes *s, bool (*visit)(struct shapes *s),
			  bool slots)
{
	bool ok = visit(s) && decide_all(s, slots) &&
		  shape_splits_note(&s->splits, &s->clusters, &s->tags);

	s->splits.again = ok && s->splits.header.len > 0;
	if (s->splits.again)
		ok = visit(s) && decide_all(s, slots);
	s->splits.again = false;
	return ok;
}

/* One pass finds clusters, a second one gives their blocks types. */
static bool try_clusters(struct shapes *s,
			 bool (*visit)(struct shapes *s), bool slots)
{
	bool ok = find_clusters(s, visit, slots);

	s->apply = true;
	if (ok && is_any_decided(s))
		ok = visit(s) && claim_all(s) && (!slots || reach_on(s));
	s->apply = false;
	s->pending.len = 0;
	clusters_free(&s->clusters);
	s->clusters = (struct clusters){0};
	map_free(&s->splits.header);
	s->splits = (struct shape_splits){0};
	return ok;
}

bool infer_shapes(struct infer *infer, const struct size_weights *weights,
		  struct chooser *chooser, struct err *err)
{
	struct heap *heap = infer->heap;
	struct shapes s = {
		.infer = infer, .heap = heap, .weights = weights,
		.chooser = chooser,
		.cache.types = &heap->image->types,
		.tags.types = &heap->image->types,
		.heads = { .heap = heap, .window = &infer->window,
			   .blocks = &s.candidate_blocks },
		.mined = mined_fields_of(heap->image),
	};
	uint64_t n = infer->n_claims;
	bool any, ok = find_candidates(&s, &any);

	/* Where numbers and text were left out, contents say little. */
	any = any && heap->image->redacted.spans.len == 0;
	if (ok && any)
		ok = shape_candidates_build(&heap->image->types, &s.candidates);
	if (ok && s.candidates.records.len > 0) {
		ok = try_clusters(&s, visit_fields, true);
		/* By looks alone only what no field can tell about. */
		if (ok && infer->n_claims == n)
			ok = find_pooled(infer, &s.cache, &s.pooled) &&
			     try_clusters(&s, visit_lost, false);
	}
	shapes_free(&s);
	return ok || err_nomem(err, "types of blocks");
}
