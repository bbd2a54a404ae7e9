/* SPDX-License-Identifier: MIT */
/*
 * Tagged unions as people write them: struct value { enum kind kind; union {
 * char *text; struct list *list; ... }; }. Which number beside the union tells
 * what is in it, and what its values mean, is learned from all blocks that
 * such unions lead to. Those under one value are of one kind: one of the
 * union's pointers fits all of them, and no other does, or does so well. The
 * number under whose values that is true most often is the tag.
 *
 * What one block looks like decides only where no number is a tag.
 */
#include "analyze/infer_follow.h"

#include <limits.h>
#include <stdlib.h>

#include "analyze/union_tags.h"

enum {
	ALTERNATIVES = 8,	/* of a union; of one with more none is told */
	MOST_VALUES = 64,	/* of a tag */
	MOST_WAITING = 1 << 16,
	FEW = 4,		/* blocks under a value that say little */
	AHEAD = 8,		/* tenths, a block: ahead of the next */
	AHEAD_FEW = 20,
	FIT_PERCENT = 90,
	UNFIT = -100,
	TAG_PERCENT = 80,	/* of blocks that are told by their tag */
};

#define NO_VALUE UINT16_MAX

/* A reference out of a union. */
struct waiting {
	uint32_t node;
	uint32_t why_node, why_offset;
	uint32_t type, offset;	/* where the union's pointers are */
	uint32_t record, at;	/* ... in the record that has the union */
	uint32_t place_why, place_why_offset;
	uint8_t confidence, evidence;
	bool done;
	uint16_t value[UNION_TAGS];
	struct union_rating rating[ALTERNATIVES];
};

/* What the values of a number beside one union mean. */
struct meaning {
	struct union_tag tag;
	unsigned index;		/* of the tag among those of the union */
	unsigned n;
	uint16_t value[MOST_VALUES];
	int8_t alternative[MOST_VALUES];	/* -1: not known */
};

struct tag_state {
	VEC(struct waiting) waiting;
	VEC(struct meaning) meanings;
	struct map by_union;	/* record, at -> 1 + index in meanings */
	bool more;		/* some were added since it was looked at */
};

static uint64_t union_key(uint32_t record, uint32_t at)
{
	return (uint64_t)record << 32 | at;
}

static uint16_t read_tag(struct follow *f, const struct union_tag *tag,
			 uint64_t record)
{
	uint64_t number;

	if (!follow_number(f, record + tag->offset, tag->bytes, &number))
		return NO_VALUE;
	number = number >> tag->shift & ((UINT64_C(1) << tag->bits) - 1);
	return number < NO_VALUE ? (uint16_t)number : NO_VALUE;
}

/* The alternative that the tag tells; -1 when it is not known. */
static int told_by(const struct meaning *m, uint16_t value)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (m->value[i] == value)
			return m->alternative[i];
	}
	return -1;
}

static void wait(struct follow *f, const struct place *from,
		 const struct pointer_field *at, uint64_t element,
		 const struct claim *claim, struct waiting *w)
{
	struct union_tags tags;

	*w = (struct waiting){
		.node = claim->node, .why_node = claim->why_node,
		.why_offset = claim->why_offset, .type = from->type,
		.offset = (uint32_t)at->offset, .record = at->record,
		.at = (uint32_t)at->offset - at->record_at,
		.place_why = from->why_node,
		.place_why_offset = from->why_offset,
		.confidence = from->confidence, .evidence = claim->evidence,
	};
	union_tags_of(&f->heap->image->types, at->record, w->at, &tags);
	for (unsigned i = 0; i < UNION_TAGS; i++)
		w->value[i] = i >= tags.n ? NO_VALUE :
			      read_tag(f, &tags.at[i], element + at->record_at);
}

/* Do all of @at[@n] lie in one union? */
static bool is_one_union(const struct pointer_field *at, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (at[i].record == TYPE_NONE ||
		    at[i].record != at->record ||
		    at[i].record_at != at->record_at)
			return false;
	}
	return n >= 2 && n <= ALTERNATIVES && at->offset <= UINT32_MAX;
}

/* Where no number may be a tag: by the block alone. */
static bool follow_untagged(struct follow *f, const struct place *from,
			    const struct pointer_field *at, unsigned n,
			    struct claim *claim)
{
	struct union_rating rating[ALTERNATIVES];
	int best;

	n = n < ALTERNATIVES ? n : ALTERNATIVES;
	for (unsigned i = 0; i < n; i++) {
		if (!follow_rate(f, &at[i], claim->node, &rating[i]))
			return false;
	}
	best = follow_clear(rating, n);
	return best < 0 || follow_alternative(f, from, &at[best], &rating[best],
					      claim);
}

bool follow_by_tag(struct follow *f, const struct place *from,
		   const struct pointer_field *at, unsigned n, uint64_t element,
		   struct claim *claim)
{
	struct union_rating rating;
	struct waiting w;
	uint64_t known;

	if (!is_one_union(at, n))
		return follow_untagged(f, from, at, n, claim);
	if (!f->tags)
		f->tags = calloc(1, sizeof(*f->tags));
	if (!f->tags)
		return false;
	known = map_get(&f->tags->by_union,
			union_key(at->record, (uint32_t)at->offset -
					      at->record_at), 0);
	if (known) {
		const struct meaning *m = &f->tags->meanings.at[known - 1];
		int told = told_by(m, read_tag(f, &m->tag,
					       element + at->record_at));

		if (told >= 0 && (unsigned)told < n)
			return follow_rate(f, &at[told], claim->node, &rating) &&
			       follow_alternative(f, from, &at[told], &rating,
						  claim);
	}
	wait(f, from, at, element, claim, &w);
	if (!vec_push(&f->tags->waiting, w))
		return false;
	f->tags->more = true;
	return f->tags->waiting.len < MOST_WAITING || follow_tags(f);
}

/* The pointers of the union that @w comes from: *@n of them. */
static const struct pointer_field *fields_of(struct follow *f,
					     const struct waiting *w,
					     unsigned *n)
{
	const struct pointer_fields *fields =
		pointer_fields_of(&f->chooser.fields, w->type);
	const struct pointer_field *at = !fields ? NULL :
		pointer_field_in(fields->in_union, fields->n_union, w->offset);

	for (*n = 0; at && at + *n < fields->in_union + fields->n_union &&
	     at[*n].offset == w->offset && *n < ALTERNATIVES;)
		++*n;
	return at;
}

static int by_target(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->why_node != y->why_node)
		return x->why_node < y->why_node ? -1 : 1;
	return x->why_offset < y->why_offset ? -1 : x->why_offset > y->why_offset;
}

static int by_union(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->record != y->record)
		return x->record < y->record ? -1 : 1;
	return x->at != y->at ? (x->at < y->at ? -1 : 1) : by_target(a, b);
}

/* What blocks with one value look like. */
struct group {
	uint16_t value;
	unsigned n;
	unsigned fits[ALTERNATIVES];
	long sum[ALTERNATIVES];
};

struct groups {
	unsigned n;
	struct group at[MOST_VALUES];
};

static bool count(struct groups *g, const struct waiting *w, uint16_t value)
{
	unsigned i = 0;

	while (i < g->n && g->at[i].value != value)
		i++;
	if (value == NO_VALUE || i == MOST_VALUES)
		return false;
	if (i == g->n)
		g->at[g->n++] = (struct group){ .value = value };
	g->at[i].n++;
	for (unsigned k = 0; k < ALTERNATIVES; k++) {
		g->at[i].fits[k] += w->rating[k].possible;
		g->at[i].sum[k] += w->rating[k].possible ?
				   w->rating[k].score : UNFIT;
	}
	return true;
}

/* The one alternative that fits a group's blocks, or -1. */
static int meaning_of(const struct group *g)
{
	long best = LONG_MIN, next = LONG_MIN;
	int found = -1;

	for (int k = 0; k < ALTERNATIVES; k++) {
		long mean;

		if (g->fits[k] == 0 ||
		    (uint64_t)g->fits[k] * 100 < (uint64_t)g->n * FIT_PERCENT)
			continue;
		mean = g->sum[k] / (long)g->n;
		if (mean > best) {
			next = best;
			best = mean;
			found = k;
		} else if (mean > next) {
			next = mean;
		}
	}
	return next == LONG_MIN ||
	       best - next >= (g->n < FEW ? AHEAD_FEW : AHEAD) ? found : -1;
}

/* What number @index means if it is the tag of the unions at @w[@n]. Of how
 * many of them that tells what is there. */
static size_t try_tag(const struct waiting *w, size_t n, unsigned index,
		      struct meaning *m)
{
	struct groups *g = calloc(1, sizeof(*g));
	size_t told = 0;

	m->n = 0;
	m->index = index;
	for (size_t i = 0; g && i < n; i++) {
		if (!count(g, &w[i], w[i].value[index]))
			goto out;
	}
	/* As many values as unions: a number, but no tag. */
	if (!g || (g->n > FEW && g->n * FEW > n))
		goto out;
	for (unsigned i = 0; i < g->n; i++) {
		int found = meaning_of(&g->at[i]);

		m->value[m->n] = g->at[i].value;
		m->alternative[m->n++] = (int8_t)found;
		told += found < 0 ? 0 : g->at[i].n;
	}
out:
	free(g);
	return told;
}

/* What was learned of other values before stays. */
static void add_meaning(struct meaning *known, const struct meaning *more)
{
	for (unsigned i = 0; i < more->n; i++) {
		unsigned k = 0;

		while (k < known->n && known->value[k] != more->value[i])
			k++;
		if (k == MOST_VALUES ||
		    (k < known->n && known->alternative[k] >= 0))
			continue;
		known->value[k] = more->value[i];
		known->alternative[k] = more->alternative[i];
		known->n += k == known->n;
	}
}

/* Remember which number is the tag of the unions at @w[@n], if one is. */
static bool learn(struct follow *f, const struct waiting *w, size_t n)
{
	struct union_tags tags;
	struct meaning best = {0}, one;
	size_t most = 0;
	uint64_t *slot = map_slot(&f->tags->by_union,
				  union_key(w->record, w->at), NULL);

	if (!slot)
		return false;
	if (*slot) {
		struct meaning *known = &f->tags->meanings.at[*slot - 1];

		try_tag(w, n, known->index, &one);
		add_meaning(known, &one);
		return true;
	}

	union_tags_of(&f->heap->image->types, w->record, w->at, &tags);
	for (unsigned i = 0; i < tags.n; i++) {
		size_t told = try_tag(w, n, i, &one);

		if (told <= most)
			continue;
		most = told;
		best = one;
		best.tag = tags.at[i];
	}
	if (most * 100 < n * TAG_PERCENT)
		return true;
	if (!vec_push(&f->tags->meanings, best))
		return false;
	*slot = f->tags->meanings.len;
	return true;
}

static bool claim(struct follow *f, struct waiting *w)
{
	uint64_t known = map_get(&f->tags->by_union,
				 union_key(w->record, w->at), 0);
	struct place from = {
		.node = w->why_node, .type = w->type, .kind = UINT32_MAX,
		.confidence = w->confidence, .why_node = w->place_why,
		.why_offset = w->place_why_offset, .n_live = UINT64_MAX,
	};
	struct claim claim = {
		.node = w->node, .why_node = w->why_node,
		.why_offset = w->why_offset, .evidence = w->evidence,
	};
	const struct pointer_field *at;
	unsigned n;
	int told;

	at = fields_of(f, w, &n);
	if (!at)
		return true;
	if (known) {
		const struct meaning *m = &f->tags->meanings.at[known - 1];

		told = told_by(m, w->value[m->index]);
	} else {
		told = follow_clear(w->rating, n);
	}
	if (told < 0 || (unsigned)told >= n)
		return true;
	w->done = true;
	return follow_alternative(f, &from, &at[told], &w->rating[told], &claim);
}

/* All that are waiting, in the order in which blocks lie in the file. */
static bool rate_all(struct follow *f)
{
	struct tag_state *s = f->tags;

	qsort(s->waiting.at, s->waiting.len, sizeof(*s->waiting.at), by_target);
	for (size_t i = 0; i < s->waiting.len; i++) {
		struct waiting *w = &s->waiting.at[i];
		unsigned n;
		const struct pointer_field *at = fields_of(f, w, &n);

		for (unsigned k = 0; at && k < n; k++) {
			if (!follow_rate(f, &at[k], w->node, &w->rating[k]))
				return false;
		}
	}
	return true;
}

static void forget_done(struct tag_state *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->waiting.len; i++) {
		if (!s->waiting.at[i].done)
			s->waiting.at[n++] = s->waiting.at[i];
	}
	s->waiting.len = n < MOST_WAITING / 2 ? n : 0;
	s->more = false;
}

bool follow_tags(struct follow *f)
{
	struct tag_state *s = f->tags;
	size_t n;

	if (!s || !s->more)
		return true;
	if (!rate_all(f))
		return false;
	qsort(s->waiting.at, s->waiting.len, sizeof(*s->waiting.at), by_union);
	for (size_t i = 0; i < s->waiting.len; i += n) {
		const struct waiting *w = &s->waiting.at[i];

		for (n = 1; i + n < s->waiting.len && w[n].record == w->record &&
		     w[n].at == w->at;)
			n++;
		if (!learn(f, w, n))
			return false;
	}
	for (size_t i = 0; i < s->waiting.len; i++) {
		if (!claim(f, &s->waiting.at[i]))
			return false;
	}
	forget_done(s);
	return true;
}

void follow_tags_free(struct follow *f)
{
	if (!f->tags)
		return;
	vec_free(&f->tags->waiting);
	vec_free(&f->tags->meanings);
	map_free(&f->tags->by_union);
	free(f->tags);
	f->tags = NULL;
}
