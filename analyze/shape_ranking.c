/* SPDX-License-Identifier: MIT */
#include "analyze/shape_ranking.h"

#include "analyze/infer.h"
#include "analyze/type_prefix.h"
#include "analyze/words.h"

enum {
	MIN_KEPT = 25,		/* tenths, a block: pointers that lead right */
	MIN_KEPT_FOREIGN = 160,	/* ... and the type is that of a library */
	MIN_KEPT_ALONE = 40,	/* ... and all other types contradict */
	MIN_KEPT_SHAPE = 60,	/* where there is no field that leads to it */
	MANY = 4,		/* blocks that say something together */
	SOME = 10,		/* tenths, a block: more than no contradiction */
	MIN_MARGIN = 8,		/* tenths, a block: ahead of the next type */
	HOPELESS = -50,		/* ... as good as contradicted */
	MAX_DEPTH = 8,		/* headers that begin with headers */
	DOUBTED = -10,		/* ... something speaks against it */
	FAR_AHEAD = 60,		/* ... which is no rival then */
	KEPT_LINK = 20,		/* a pointer to what links a container's nodes */
	UNSIZED = 20,		/* what fits any size */
	POOLED = 20,		/* what is only seen inside of other blocks */
	MIN_UNSIZED = 20,	/* ... and must be kept of it */
	FIT_PERCENT = 98,
	SURE_SLOT = 85,
	SURE_MINED = 85,
	SURE_AHEAD = 70,	/* no pointer says so, but little else fits */
	SURE_SHAPE = 80,
};

/* A cluster that is judged. */
struct judged {
	struct ranker *ranker;
	const struct cluster *cluster;
	const struct seen_block *seen;	/* [cluster->n_sample] */
	const struct mined_slot *mined;	/* [n_mined] what the field holds */
	size_t n_mined;
	bool only_mined;	/* nothing else is a candidate */
	bool loose;		/* malloc may have given 16 bytes more */
};

/* What all that begin with one header have in common tells nothing. */
static void leave_out_header(const struct judged *j,
			     const struct seen_block *seen,
			     struct shape_score *score)
{
	struct ranker *ranker = j->ranker;
	uint32_t header = j->cluster->header;
	const struct shape *shape = header == TYPE_NONE ? NULL :
				    shape_of(ranker->cache, header);
	struct seen_block front;
	struct shape_score common;

	if (!shape || !shape_element(seen, 0, shape->n, &front))
		return;
	common = shape_compare(ranker->heap, ranker->weights, header, shape,
			       &front);
	score->sum -= common.sum;
	score->kept -= common.kept;
}

/*
 * Containers point at what their nodes begin with, lists at links. What is
 * lost has no types to say so, but blocks of just the size of such nodes.
 */
static bool add_links(const struct judged *j, uint32_t type,
		      const struct seen_block *seen, struct shape_score *score)
{
	struct chooser *chooser = j->ranker->chooser;
	const struct heap *heap = j->ranker->heap;
	const struct pointer_fields *fields =
		pointer_fields_of(&chooser->fields, type);

	for (size_t i = 0; fields && i < fields->n; i++) {
		const struct pointer_field *f = &fields->at[i];
		const struct seen_word *w = &seen->at[f->offset / 8];
		struct choice choice;

		if (f->offset / 8 >= seen->n || f->when ||
		    w->seen != SEEN_START || w->node == seen->node ||
		    heap->type[w->node] != TYPE_NONE ||
		    heap->content[w->node] == CONTENT_TEXT)
			continue;
		if (!choose_start(chooser, w->node, f->kind, &choice))
			return false;
		if (choice.type == TYPE_NONE || choice.is_array ||
		    choice.evidence != EVIDENCE_DERIVED)
			continue;
		score->sum += KEPT_LINK;
		score->kept += KEPT_LINK;
	}
	return fields != NULL;
}

/* Mean over the sample; false when too many blocks do not fit. */
static bool rate(const struct judged *j, uint32_t type, int *sum, int *kept)
{
	struct ranker *ranker = j->ranker;
	const struct shape *shape = shape_of(ranker->cache, type);
	uint32_t broken = 0, n = j->cluster->n_sample;
	long total = 0, right = 0;

	if (!shape) {
		ranker->no_memory = true;
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct seen_block *seen = &j->seen[i];
		struct seen_block front;
		struct shape_score one;

		/* What is behind it may be old: the code tells enough. */
		if (j->only_mined && !shape->tail &&
		    shape_element(seen, 0, shape->n, &front))
			seen = &front;
		one = shape_compare(ranker->heap, ranker->weights, type,
				    shape, seen);
		one.broken |= j->cluster->named &&
			      !shape_name_fits(&ranker->heap->image->types,
					       type, &j->seen[i]);
		leave_out_header(j, &j->seen[i], &one);
		if (!j->cluster->slot && !one.broken &&
		    !add_links(j, type, seen, &one)) {
			ranker->no_memory = true;
			return false;
		}
		broken += one.broken;
		total += one.broken ? 0 : one.sum;
		right += one.broken ? 0 : one.kept;
		if (broken * 100 > n * (100 - FIT_PERCENT))
			return false;
	}
	*sum = (int)(total / (long)n);
	*kept = (int)(right / (long)n);
	return true;
}

/* The best types of a cluster. */
struct ranking {
	uint32_t type;
	int best, next, kept;	/* tenths, a block */
	int evidence;		/* of the best without what is thought of it */
	int rival;		/* the same, of the best of the others */
	uint32_t n;		/* types that fit */
	bool sized;		/* the best one tells its size */
	bool open;		/* something that fits any size could be it */
	bool part;		/* ... and is only seen in others */
};

static bool is_proven(const struct judged *j, uint32_t type)
{
	return !j->cluster->slot && map_get(j->ranker->proven, type, 0) >= MANY;
}

/* C++ has containers for what is no block of its own: what others have as a
 * member is one of its own where some blocks are known to be. */
static bool is_part(const struct judged *j, const struct shape_candidate *one)
{
	const struct type_table *types = &j->ranker->heap->image->types;

	return one->embedded && !is_proven(j, one->type) &&
	       !types_language_is_c(types->types.at[one->type].language);
}

/* How likely it is that a block on its own is of that type: whether it is part
 * of others or not, when some are known to be. */
static int prior_of(const struct judged *j, const struct shape_candidate *one,
		    int least)
{
	const struct ranker *r = j->ranker;
	struct shape_candidate as = *one;

	as.embedded &= !is_proven(j, one->type);
	return shape_candidate_prior(&r->heap->image->types, &as) -
	       (least > 0 ? UNSIZED : 0) -
	       (r->pooled && bitset_has(r->pooled, one->type) ? POOLED : 0);
}

/* @least: what pointers and counts must say for a type that does not tell its
 * size. */
static void rank(const struct judged *j, const struct shape_candidate *one,
		 int least, struct ranking *r)
{
	int sum, kept, evidence;

	if (!rate(j, one->type, &sum, &kept) || sum < HOPELESS)
		return;
	r->open |= least > 0;
	if (kept < least)
		return;
	r->n++;
	evidence = sum;
	sum += prior_of(j, one, least);
	if (sum > r->best) {
		if (r->type != TYPE_NONE && r->evidence > r->rival)
			r->rival = r->evidence;
		r->next = r->best;
		r->best = sum;
		r->kept = kept;
		r->evidence = evidence;
		r->type = one->type;
		r->sized = least == 0;
		r->part = is_part(j, one);
		return;
	}
	if (sum > r->next)
		r->next = sum;
	if (evidence > r->rival)
		r->rival = evidence;
}

/* Where the first sample refers to itself: the least such place, or 0. */
static uint64_t payload_at(const struct judged *j)
{
	const struct seen_block *seen = &j->seen[0];
	uint64_t addr = j->ranker->heap->addr[seen->node], least = 0;

	for (uint32_t i = 0; i < seen->n; i++) {
		const struct seen_word *w = &seen->at[i];
		uint64_t at = pointer_decode(w->value) - addr;

		if (w->seen == SEEN_INSIDE && w->node == seen->node &&
		    at > i * 8 && (least == 0 || at < least))
			least = at;
	}
	return least;
}

/* A header stands for all that begin with it. */
static bool is_mined(const struct judged *j, uint32_t type)
{
	const struct type_table *types = &j->ranker->heap->image->types;

	for (size_t i = 0; i < j->n_mined; i++) {
		uint32_t target = j->mined[i].target;

		if (target == type || type_begins_with(types, type, target))
			return true;
	}
	return false;
}

/* Is candidate @one among those that are asked for? */
static bool is_of(const struct judged *j, const struct shape_candidate *one,
		  uint32_t module, bool others)
{
	const struct type_table *types = &j->ranker->heap->image->types;

	if (j->only_mined)
		return is_mined(j, one->type);
	return (types->types.at[one->type].module == module) != others &&
	       (j->cluster->header == TYPE_NONE ||
		type_begins_with(types, one->type, j->cluster->header));
}

/* Rank all records of @module, or of any but it, that have the size; that end
 * in an array of any length; that end where the block refers to itself. */
static struct ranking rank_all(const struct judged *j, uint32_t module,
			       bool others)
{
	const struct shape_candidates *all = j->ranker->candidates;
	const struct heap *heap = j->ranker->heap;
	uint32_t node = j->cluster->sample[0];
	uint64_t usable = heap_size(heap, node), payload = payload_at(j);
	int least = j->cluster->slot ? MIN_UNSIZED : MIN_KEPT_SHAPE;
	size_t i = shape_candidates_from(all, usable > 32 ? usable - 32 : 8);
	struct ranking r = {
		.type = TYPE_NONE, .best = INT32_MIN, .next = INT32_MIN,
		.rival = INT32_MIN,
	};

	for (; i < all->records.len && all->records.at[i].size <= usable; i++) {
		if (is_of(j, &all->records.at[i], module, others) &&
		    infer_fits(heap, node, all->records.at[i].size, j->loose))
			rank(j, &all->records.at[i], 0, &r);
	}
	for (i = 0; i < all->open.len; i++) {
		const struct shape_candidate *one = &all->open.at[i];

		if (is_of(j, one, module, others) &&
		    !infer_fits(heap, node, one->size, false) &&
		    infer_fits_tail(heap, node, one->type))
			rank(j, one, least, &r);
	}
	if (r.n > 0 && !j->cluster->slot)
		return r;
	i = payload ? shape_candidates_from(all, payload > 15 ? payload - 7 : 8) :
	    all->records.len;
	for (; i < all->records.len && all->records.at[i].size <= payload; i++) {
		const struct shape_candidate *one = &all->records.at[i];

		/* Who writes templates does not put two things in one. */
		if (is_of(j, one, module, others) &&
		    heap->image->types.types.at[one->type].n_args == 0 &&
		    !infer_fits(heap, node, one->size, false))
			rank(j, one, least, &r);
	}
	return r;
}

static bool is_clear(const struct ranking *r, int kept)
{
	return r->type != TYPE_NONE && r->kept >= kept && r->evidence > 0 &&
	       (r->n == 1 || r->best - r->next >= MIN_MARGIN);
}

/* Rust wraps the same words under many names: String, OsString, PathBuf. That
 * one of them is used more does not count then. */
static bool is_one_of_many(const struct judged *j, const struct ranking *r)
{
	const struct type_table *types = &j->ranker->heap->image->types;

	return r->n > 1 && types->types.at[r->type].language == TYPE_LANGUAGE_RUST &&
	       r->evidence - r->rival < MIN_MARGIN;
}

/* Of the few structs with that header and size the only one that nothing
 * speaks against, where the header says that all blocks are of one type. */
static bool is_left(const struct ranking *r, const struct cluster *c)
{
	return c->header != TYPE_NONE && c->tag != 0 && c->n >= MANY &&
	       r->n > 1 && !r->open &&
	       r->type != TYPE_NONE && r->evidence >= 0 && r->rival <= DOUBTED;
}

/* Many blocks, and none of them contradicts: others fit less well. */
static bool is_ahead(const struct ranking *r, const struct cluster *c)
{
	return r->type != TYPE_NONE && r->evidence >= SOME &&
	       (c->n >= MANY || c->header != TYPE_NONE) &&
	       (r->n == 1 || r->best - r->next >= MIN_MARGIN);
}

static void settle(const struct judged *j, struct cluster *c,
		   const struct ranking *r, int confidence)
{
	if (is_one_of_many(j, r))
		return;
	c->type = r->type;
	c->confidence = (uint8_t)confidence;
}

/* The only one that has the size needs no more than no doubt. */
static bool is_clear_mined(const struct ranking *r, bool is_exact)
{
	if (r->n == 1 && r->sized && is_exact)
		return r->evidence >= 0;
	return r->type != TYPE_NONE && r->evidence >= SOME &&
	       (r->n == 1 || r->best - r->next >= MIN_MARGIN);
}

/* The record that struct @id of a C program begins with, or TYPE_NONE. */
static uint32_t first_member(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];
	const struct member *m = &types->members.at[t->first_member];
	uint32_t inner;

	if (t->kind != TYPE_STRUCT || t->n_members == 0 || m->offset != 0 ||
	    !types_language_is_c(t->language))
		return TYPE_NONE;
	inner = types_strip(types, m->type);
	return types_is_record(types, inner) ? inner : TYPE_NONE;
}

/* Does another record of the size begin with @header? */
static bool has_kin(const struct judged *j, uint32_t type, uint32_t header)
{
	const struct shape_candidates *all = j->ranker->candidates;
	const struct heap *heap = j->ranker->heap;
	uint32_t node = j->cluster->sample[0];
	uint64_t usable = heap_size(heap, node);
	size_t i = shape_candidates_from(all, usable > 32 ? usable - 32 : 8);

	for (; i < all->records.len && all->records.at[i].size <= usable; i++) {
		const struct shape_candidate *one = &all->records.at[i];

		if (one->type != type &&
		    infer_fits(heap, node, one->size, false) &&
		    type_begins_with(&heap->image->types, one->type, header))
			return true;
	}
	return false;
}

/*
 * No field says so, but the best type begins with a header, and so do others
 * of the size: what that has is no evidence for any of them, and the cluster
 * may be mixed.
 */
static bool adopt_header(const struct judged *j, struct cluster *c,
			 const struct ranking *r)
{
	const struct type_table *types = &j->ranker->heap->image->types;
	uint32_t header = r->type;

	if (c->header != TYPE_NONE || c->inside > 0)
		return false;
	for (int depth = 0; header != TYPE_NONE && depth < MAX_DEPTH; depth++) {
		header = first_member(types, header);
		if (header == TYPE_NONE || !has_kin(j, r->type, header))
			continue;
		c->header = header;
		c->kin = true;
		return true;
	}
	return false;
}

/* One of the types that the code keeps there: the only one that fits, or the
 * one that has some evidence for it. False when none fits. */
static bool decide_mined(const struct judged *j, struct cluster *c)
{
	struct judged only = *j;
	struct ranking r;

	only.only_mined = true;
	r = rank_all(&only, UINT32_MAX, true);
	only.loose = r.n == 0;
	if (only.loose)
		r = rank_all(&only, UINT32_MAX, true);
	if (adopt_header(j, c, &r))
		r = rank_all(&only, UINT32_MAX, true);
	if (is_clear_mined(&r, !only.loose))
		settle(j, c, &r, SURE_MINED);
	return r.n > 0;
}

/* What a field refers to is of the field's module. */
static void decide_slot(const struct judged *j, struct cluster *c)
{
	bool is_known = j->n_mined > 0 && decide_mined(j, c);
	struct ranking r;

	if (c->type != TYPE_NONE)
		return;
	r = rank_all(j, c->module, false);
	if (adopt_header(j, c, &r))
		r = rank_all(j, c->module, false);
	if (is_clear(&r, MIN_KEPT))
		settle(j, c, &r, SURE_SLOT);
	else if (!is_known && !c->named &&
		 (is_ahead(&r, c) || (!j->ranker->late && is_left(&r, c))))
		settle(j, c, &r, SURE_AHEAD);
}

/* What pointers must say of lost blocks: less of a type without a rival, and
 * least where others are known to be of it. */
static int needed(const struct judged *j, const struct ranking *r)
{
	bool alone = r->n == 1 || r->best - (int64_t)r->next >= FAR_AHEAD;

	if (r->part)
		return MIN_KEPT_FOREIGN;
	if (!alone)
		return MIN_KEPT_SHAPE;
	if (j->cluster->n < MANY)
		return MIN_KEPT_ALONE;
	return is_proven(j, r->type) ? SOME : MIN_KEPT;
}

/* What is lost is of the program, most likely; what a library keeps to itself
 * needs better evidence. */
static void decide_lost(const struct judged *j, struct cluster *c)
{
	struct ranking r = rank_all(j, j->ranker->program, false);

	if (adopt_header(j, c, &r))
		r = rank_all(j, j->ranker->program, false);
	if (is_clear(&r, needed(j, &r))) {
		settle(j, c, &r, SURE_SHAPE);
		return;
	}
	if (r.type != TYPE_NONE && r.best > 0)
		return;
	r = rank_all(j, j->ranker->program, true);
	if (is_clear(&r, MIN_KEPT_FOREIGN))
		settle(j, c, &r, SURE_SHAPE);
}

void cluster_decide(struct ranker *ranker, struct cluster *cluster,
		    const struct seen_block *seen)
{
	struct judged j = { .ranker = ranker, .cluster = cluster, .seen = seen };

	/* The code was seen to keep pointers without a tag. */
	if (cluster->slot && cluster->header == TYPE_NONE &&
	    cluster->inside == 0)
		j.mined = mined_fields_find(ranker->mined, cluster->owner,
					    cluster->at, &j.n_mined);
	if (cluster->slot)
		decide_slot(&j, cluster);
	else
		decide_lost(&j, cluster);
}
