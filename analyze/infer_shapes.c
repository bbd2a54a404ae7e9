/* SPDX-License-Identifier: MIT */
/*
 * Types for what no typed pointer reaches: payloads behind void *, and blocks
 * that were lost. Blocks that are alike form a cluster: those that one void *
 * field of one type refers to, or those that nothing typed refers to; of one
 * size and with pointers at the same places. All records that fit the size
 * are compared with some of its blocks (shapes.h). One is accepted when it
 * fits nearly all, has pointers that lead where they should, and is clearly
 * better than the next.
 */
#include "analyze/infer_state.h"

#include <math.h>
#include <stdlib.h>

#include "analyze/shapes.h"
#include "base/progress.h"

enum {
	SAMPLE = 16,		/* blocks of a cluster that are looked at */
	MAX_CLUSTERS = 1 << 16,
	MAX_DECIDED = 2048,	/* of these, in one round: the largest */
	MAX_SIGNATURE = 16,	/* places of pointers that tell blocks apart */
	MIN_KEPT = 25,		/* tenths, a block: pointers that lead right */
	MIN_KEPT_FOREIGN = 160,	/* ... and the type is that of a library */
	MIN_KEPT_ALONE = 40,	/* ... and all other types contradict */
	MIN_KEPT_SHAPE = 60,	/* where there is no field that leads to it */
	MANY = 4,		/* blocks that say something together */
	SOME = 10,		/* tenths, a block: more than no contradiction */
	EMBEDDED = 20,		/* what parts of others are behind */
	MIN_MARGIN = 8,	/* tenths, a block: ahead of the next type */
	FIT_PERCENT = 98,
	SURE_SLOT = 85,
	SURE_AHEAD = 70,	/* no pointer says so, but little else fits */
	SURE_SHAPE = 80,
	SURE_TEXT = 85,
};

/* Blocks that are alike. */
struct cluster {
	uint32_t sample[SAMPLE];	/* every @step-th, from the first on */
	uint32_t n_sample;
	uint64_t n, step;
	uint32_t module;	/* that has the field, or UINT32_MAX */
	uint32_t type;		/* what they are, or TYPE_NONE */
	bool slot;		/* a field refers to them */
	bool text;
	uint8_t confidence;
};

/* A block that gets the type of its cluster, if it fits. */
struct pending {
	uint32_t node, cluster, why, offset;
};

struct by_size {
	uint64_t size;
	uint32_t type;
	bool embedded;		/* is a member of others */
};

struct shapes {
	struct infer *infer;
	struct heap *heap;
	const struct size_weights *weights;
	struct shape_cache cache;
	VEC(struct by_size) records;	/* candidates, by size */
	VEC(struct cluster) clusters;
	struct map by_key;	/* -> 1 + index in clusters */
	uint64_t *reached;	/* bit: a typed word refers to the block */
	uint32_t letter;	/* the type char, or TYPE_NONE */
	struct seen_block *seen;	/* [MAX_DECIDED * SAMPLE] */
	const struct seen_block *sample;	/* those of one cluster */
	VEC(struct pending) pending;	/* second pass: to be looked at */
	uint32_t module;	/* of the field that is being looked at */
	uint32_t program;	/* the module of the program itself */
	bool apply;		/* second pass: clusters have their types */
	bool no_memory;
};

static int by_size_then_id(const void *a, const void *b)
{
	const struct by_size *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

/* What others are derived from is rarely allocated alone, and what others
 * have as a member not so often. */
static bool find_parts(const struct type_table *types, uint64_t **bases,
		       uint64_t **members)
{
	size_t words = types->types.len / 64 + 1;

	*bases = calloc(words, sizeof(**bases));
	*members = calloc(words, sizeof(**members));
	if (!*bases || !*members)
		return false;
	for (uint32_t i = 0; i < types->members.len; i++) {
		const struct member *m = &types->members.at[i];
		uint32_t id = types_strip(types, m->type);
		uint64_t *set = m->flags & MEMBER_BASE ? *bases : *members;

		if (id != TYPE_NONE)
			set[id / 64] |= UINT64_C(1) << id % 64;
	}
	return true;
}

static bool has_bit(const uint64_t *set, uint32_t i)
{
	return set[i / 64] >> i % 64 & 1;
}

/* Records that blocks may be of: defined, and something points at them. */
static bool find_records(struct shapes *s)
{
	const struct type_table *types = &s->heap->image->types;
	uint64_t *bases = NULL, *members = NULL;
	bool ok = find_parts(types, &bases, &members);

	for (uint32_t i = 0; ok && i < types->types.len; i++) {
		const struct type *t = &types->types.at[i];
		struct by_size one = { t->size, i, has_bit(members, i) };

		if (t->kind == TYPE_CHAR && t->size == 1 &&
		    strcmp(types_text(types, t->name), "char") == 0)
			s->letter = i;
		if (t->size >= 8 && shape_is_record(t) && !has_bit(bases, i))
			ok = vec_push(&s->records, one);
	}
	free(bases);
	free(members);
	if (s->records.len > 0)
		qsort(s->records.at, s->records.len, sizeof(*s->records.at),
		      by_size_then_id);
	return ok;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return hash_u64(hash ^ value) + 0x9e3779b97f4a7c15;
}

/* Where the block has pointers to blocks, and its size. */
static uint64_t signature(const struct shapes *s, uint32_t node)
{
	const struct raw_refs *raw = s->infer->raw;
	uint64_t hash = mix(s->heap->owner[node], s->heap->size[node]);
	uint64_t first = raw->row[node], last = raw->row[node + 1];

	if (last - first > MAX_SIGNATURE)
		last = first + MAX_SIGNATURE;
	for (uint64_t e = first; e < last; e++)
		hash = mix(hash, raw->where[e]);
	return hash;
}

static struct cluster *cluster_of(struct shapes *s, uint64_t key)
{
	const struct cluster fresh = {
		.type = TYPE_NONE, .module = UINT32_MAX, .step = 1,
	};
	uint64_t *slot;
	bool added;

	if (s->apply || s->clusters.len >= MAX_CLUSTERS) {
		const uint64_t *found = map_find(&s->by_key, key);

		return found ? &s->clusters.at[*found - 1] : NULL;
	}
	slot = map_slot(&s->by_key, key, &added);
	if (!slot || (added && !vec_push(&s->clusters, fresh))) {
		s->no_memory = true;
		return NULL;
	}
	if (added)
		*slot = s->clusters.len;
	return &s->clusters.at[*slot - 1];
}

/* What is true of nearly all blocks of a cluster need not be of this one. */
static bool fits_one(struct shapes *s, const struct cluster *c, uint32_t node)
{
	const struct shape *shape;

	if (c->text)
		return s->heap->content[node] == CONTENT_TEXT;
	shape = shape_of(&s->cache, c->type);
	if (!shape) {
		s->no_memory = true;
		return false;
	}
	shape_look(s->heap, &s->infer->window, node, &s->seen[0]);
	return !shape_compare(s->heap, s->weights, c->type, shape,
			      &s->seen[0]).broken;
}

static bool claim(struct shapes *s, const struct pending *p)
{
	const struct cluster *c = &s->clusters.at[p->cluster];
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
	if (c->text)
		claim.count = s->heap->size[p->node] > UINT32_MAX ? UINT32_MAX :
			      (uint32_t)s->heap->size[p->node];
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

/* First pass: @node belongs to @c. Second: it gets the cluster's type. */
static void meet(struct shapes *s, uint64_t key, uint32_t node, uint32_t why,
		 uint64_t offset)
{
	struct cluster *c = cluster_of(s, key);

	if (!c)
		return;
	if (s->apply) {
		struct pending p = {
			node, (uint32_t)(c - s->clusters.at), why,
			offset > UINT32_MAX ? 0 : (uint32_t)offset,
		};

		if (c->type != TYPE_NONE && !vec_push(&s->pending, p))
			s->no_memory = true;
		return;
	}
	c->slot = why != NODE_NONE;
	if (c->slot)
		c->module = s->module;
	if (c->n++ % c->step != 0)
		return;
	if (c->n_sample == SAMPLE) {
		for (uint32_t i = 0; i < SAMPLE / 2; i++)
			c->sample[i] = c->sample[i * 2];
		c->n_sample = SAMPLE / 2;
		c->step *= 2;
		if ((c->n - 1) % c->step != 0)
			return;
	}
	c->sample[c->n_sample++] = node;
}

static bool is_candidate(const struct heap *heap, uint32_t node)
{
	return heap->type[node] == TYPE_NONE && heap->size[node] >= 8;
}

static uint32_t type_of(const struct heap *heap, uint32_t node)
{
	return types_strip(&heap->image->types, heap_is_root(heap, node) ?
			   heap_root(heap, node)->type : heap->type[node]);
}

/* Words of a typed node that say nothing about what they refer to. */
static bool says_nothing(uint8_t kind)
{
	return kind == SHAPE_VOID || kind == SHAPE_WIDE || kind == SHAPE_ANY;
}

/* The low bits with which a word refers to the start of @to; false when it
 * refers to the middle. */
static bool tag_of(struct shapes *s, uint32_t node, uint64_t offset,
		   uint32_t where, uint32_t to, uint32_t *tag)
{
	const struct heap *heap = s->heap;
	uint64_t addr = heap_is_root(heap, node) ?
			heap_root(heap, node)->addr : heap->addr[node], word;

	*tag = 0;
	if (raw_is_start(where))
		return true;
	if (!window_u64(&s->infer->window, addr + offset, &word) ||
	    word - heap->addr[to] >= 8)
		return false;
	*tag = (uint32_t)(word - heap->addr[to]);
	return true;
}

/* Words that could have told what they refer to: if they did not, the type is
 * in doubt. (What stands in padding or among numbers is old.) */
static bool is_typed_pointer(uint8_t kind)
{
	return kind == SHAPE_RECORD || kind == SHAPE_TEXT ||
	       kind == SHAPE_POINTERS || kind == SHAPE_NUMBERS;
}

/* The module that a typed node belongs to. */
static uint32_t module_of(const struct heap *heap, uint32_t node, uint32_t type)
{
	const struct image *image = heap->image;
	const struct module *m;

	if (!heap_is_root(heap, node))
		return image->types.types.at[type].module;
	m = image_module(image, heap_root(heap, node)->addr);
	return m ? (uint32_t)(m - image->modules.at) :
		   image->types.types.at[type].module;
}

/* The references of @node, of a known @type, as slots. */
static bool visit_slots(struct shapes *s, uint32_t node, uint32_t type)
{
	const struct raw_refs *raw = s->infer->raw;
	const struct shape *shape = shape_of(&s->cache, type);
	uint64_t stride = s->heap->image->types.types.at[type].size;

	if (!shape)
		return false;
	for (uint64_t e = raw->row[node]; stride && e < raw->row[node + 1]; e++) {
		uint64_t offset = raw_offset(raw->where[e]), at = offset % stride;
		uint32_t to = raw->target[e], tag;

		if (at / 8 >= shape->n || offset == UINT64_MAX)
			continue;
		if (is_typed_pointer(shape->at[at / 8].kind))
			s->reached[to / 64] |= UINT64_C(1) << to % 64;
		if (!says_nothing(shape->at[at / 8].kind))
			continue;
		if (!is_candidate(s->heap, to) ||
		    !tag_of(s, node, offset, raw->where[e], to, &tag))
			continue;
		s->module = module_of(s->heap, node, type);
		meet(s, mix(mix(mix(signature(s, to), type), at), tag), to,
		     node, offset);
	}
	return true;
}

static bool visit_all(struct shapes *s)
{
	struct heap *heap = s->heap;

	for (uint32_t i = 0; i < heap->n_nodes; i++) {
		uint32_t type = type_of(heap, i);

		if (type != TYPE_NONE && !visit_slots(s, i, type))
			return false;
	}
	for (uint32_t i = 0; i < heap->n_blocks && !s->no_memory; i++) {
		if (is_candidate(heap, i) && heap->content[i] != CONTENT_TEXT &&
		    heap->content[i] != CONTENT_ZERO &&
		    !(s->reached[i / 64] >> i % 64 & 1))
			meet(s, signature(s, i), i, NODE_NONE, 0);
	}
	return !s->no_memory;
}

/* Mean over the sample; false when too many blocks do not fit. */
static bool rate(struct shapes *s, const struct cluster *c, uint32_t type,
		 int *sum, int *kept)
{
	const struct shape *shape = shape_of(&s->cache, type);
	uint32_t broken = 0;
	long total = 0, right = 0;

	if (!shape) {
		s->no_memory = true;
		return false;
	}
	for (uint32_t i = 0; i < c->n_sample; i++) {
		struct shape_score one =
			shape_compare(s->heap, s->weights, type, shape,
				      &s->sample[i]);

		broken += one.broken;
		total += one.broken ? 0 : one.sum;
		right += one.broken ? 0 : one.kept;
		if (broken * 100 > c->n_sample * (100 - FIT_PERCENT))
			return false;
	}
	*sum = (int)(total / (long)c->n_sample);
	*kept = (int)(right / (long)c->n_sample);
	return true;
}

/* Types that programs handle much are likelier: a quarter of ln(1 + uses). */
static int prior(const struct type *t)
{
	return (int)(2.5 * log1p(t->popularity));
}

/* The best types of a cluster. */
struct ranking {
	uint32_t type;
	int best, next, kept;	/* tenths, a block */
	int evidence;		/* of the best without what is thought of it */
	uint32_t n;		/* types that fit */
};

static void rank(struct shapes *s, const struct cluster *c,
		 const struct by_size *one, struct ranking *r)
{
	const struct type *t = &s->heap->image->types.types.at[one->type];
	int sum, kept, evidence;

	if (!infer_fits(s->heap, c->sample[0], t->size, false) ||
	    !rate(s, c, one->type, &sum, &kept))
		return;
	r->n++;
	evidence = sum;
	sum += prior(t) - (one->embedded ? EMBEDDED : 0);
	if (sum > r->best) {
		r->next = r->best;
		r->best = sum;
		r->kept = kept;
		r->evidence = evidence;
		r->type = one->type;
	} else if (sum > r->next) {
		r->next = sum;
	}
}

/* Index of the first record that is not smaller than @size. */
static size_t first_record(const struct shapes *s, uint64_t size)
{
	size_t low = 0, high = s->records.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->records.at[middle].size < size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Rank all records of @module, or of any but it, that have the size. */
static void rank_all(struct shapes *s, const struct cluster *c, uint32_t module,
		     bool others, struct ranking *r)
{
	const struct type_table *types = &s->heap->image->types;
	uint64_t usable = s->heap->size[c->sample[0]];
	size_t i = first_record(s, usable > 32 ? usable - 32 : 8);

	*r = (struct ranking){
		.type = TYPE_NONE, .best = INT32_MIN, .next = INT32_MIN,
	};
	for (; i < s->records.len && s->records.at[i].size <= usable; i++) {
		uint32_t type = s->records.at[i].type;

		if ((types->types.at[type].module == module) != others)
			rank(s, c, &s->records.at[i], r);
	}
}

static bool is_clear(const struct ranking *r, int kept)
{
	return r->type != TYPE_NONE && r->kept >= kept &&
	       (r->n == 1 || r->best - r->next >= MIN_MARGIN);
}

/* Many blocks, and none of them contradicts: others fit less well. */
static bool is_ahead(const struct ranking *r, const struct cluster *c)
{
	return r->type != TYPE_NONE && r->evidence >= SOME && c->n >= MANY &&
	       (r->n == 1 || r->best - r->next >= MIN_MARGIN);
}

static void settle(struct cluster *c, const struct ranking *r, int confidence)
{
	c->type = r->type;
	c->confidence = (uint8_t)confidence;
}

/* What a field refers to is of the field's module. */
static void decide_slot(struct shapes *s, struct cluster *c)
{
	struct ranking r;

	rank_all(s, c, c->module, false, &r);
	if (is_clear(&r, MIN_KEPT))
		settle(c, &r, SURE_SLOT);
	else if (is_ahead(&r, c))
		settle(c, &r, SURE_AHEAD);
}

/* What is lost is of the program, most likely; what a library keeps to itself
 * needs better evidence. */
static void decide_lost(struct shapes *s, struct cluster *c)
{
	struct ranking r;

	rank_all(s, c, s->program, false, &r);
	if (is_clear(&r, r.n > 1 ? MIN_KEPT_SHAPE :
		     c->n >= MANY ? MIN_KEPT : MIN_KEPT_ALONE)) {
		settle(c, &r, SURE_SHAPE);
		return;
	}
	if (r.type != TYPE_NONE && r.best > 0)
		return;
	rank_all(s, c, s->program, true, &r);
	if (is_clear(&r, MIN_KEPT_FOREIGN))
		settle(c, &r, SURE_SHAPE);
}

static bool is_text(const struct shapes *s, const struct cluster *c)
{
	for (uint32_t i = 0; i < c->n_sample; i++) {
		if (s->heap->content[c->sample[i]] != CONTENT_TEXT)
			return false;
	}
	return c->slot && s->letter != TYPE_NONE;
}

/* A block that stands for its cluster. */
struct sample {
	uint32_t node, place;	/* in shapes.seen */
};

static int sample_by_node(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

struct rank_of_cluster {
	uint64_t n;
	uint32_t cluster;
};

static int larger_first(const void *a, const void *b)
{
	const struct rank_of_cluster *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

/* The clusters that are not text, the largest first; *@n of them. */
static struct rank_of_cluster *choose_clusters(struct shapes *s, size_t *n)
{
	struct rank_of_cluster *order = calloc(s->clusters.len + 1,
					       sizeof(*order));

	*n = 0;
	for (size_t i = 0; order && i < s->clusters.len; i++) {
		struct cluster *c = &s->clusters.at[i];

		if (is_text(s, c)) {
			c->text = true;
			c->type = s->letter;
			c->confidence = SURE_TEXT;
			continue;
		}
		order[*n].n = c->n;
		order[(*n)++].cluster = (uint32_t)i;
	}
	if (*n > 1)
		qsort(order, *n, sizeof(*order), larger_first);
	if (*n > MAX_DECIDED)
		*n = MAX_DECIDED;
	return order;
}

/* Read the samples of the chosen clusters, in the order of the file. */
static bool look_at_samples(struct shapes *s,
			    const struct rank_of_cluster *order, size_t n)
{
	VEC(struct sample) all = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		const struct cluster *c = &s->clusters.at[order[i].cluster];

		for (uint32_t k = 0; ok && k < c->n_sample; k++) {
			struct sample one = { c->sample[k],
					      (uint32_t)i * SAMPLE + k };

			ok = vec_push(&all, one);
		}
	}
	if (ok && all.len > 1)
		qsort(all.at, all.len, sizeof(*all.at), sample_by_node);
	for (size_t i = 0; ok && i < all.len; i++)
		shape_look(s->heap, &s->infer->window, all.at[i].node,
			   &s->seen[all.at[i].place]);
	vec_free(&all);
	return ok;
}

static bool decide_all(struct shapes *s)
{
	size_t n;
	struct rank_of_cluster *order = choose_clusters(s, &n);
	bool ok = order && look_at_samples(s, order, n);

	for (size_t i = 0; ok && i < n; i++) {
		struct cluster *c = &s->clusters.at[order[i].cluster];

		s->sample = &s->seen[i * SAMPLE];
		if (c->slot)
			decide_slot(s, c);
		else
			decide_lost(s, c);
		ok = !s->no_memory;
	}
	free(order);
	return ok;
}

static bool is_any_decided(const struct shapes *s)
{
	for (size_t i = 0; i < s->clusters.len; i++) {
		if (s->clusters.at[i].type != TYPE_NONE)
			return true;
	}
	return false;
}

bool infer_shapes(struct infer *infer, const struct size_weights *weights,
		  struct err *err)
{
	struct heap *heap = infer->heap;
	struct shapes *s = calloc(1, sizeof(*s));
	bool ok = s != NULL;

	if (s) {
		s->infer = infer;
		s->heap = heap;
		s->weights = weights;
		s->program = image_program(heap->image);
		s->cache.types = &heap->image->types;
		s->letter = TYPE_NONE;
		s->reached = calloc(heap->n_blocks / 64 + 1,
				    sizeof(*s->reached));
		ok = s->reached && find_records(s);
	}
	/* Where numbers and text were left out, contents say little. */
	if (ok && s->records.len > 0 && heap->image->redacted.spans.len == 0) {
		s->seen = calloc(MAX_DECIDED * SAMPLE, sizeof(*s->seen));
		ok = s->seen && visit_all(s) && decide_all(s);
		s->apply = true;
		if (ok && is_any_decided(s))
			ok = visit_all(s) && claim_all(s);
	}
	if (s) {
		shape_cache_free(&s->cache);
		vec_free(&s->records);
		vec_free(&s->pending);
		free(s->seen);
		vec_free(&s->clusters);
		map_free(&s->by_key);
		free(s->reached);
	}
	free(s);
	return ok || err_nomem(err, "types of blocks");
}
