/* SPDX-License-Identifier: MIT */
#include "formats/slot_flows.h"

#include <stdlib.h>

#include "base/sorted.h"

enum {
	MAX_HOPS = 4,		/* functions that a pointer is handed through */
	MAX_REACHED = 256,	/* ends, from one field */
};

static uint64_t end_key(const struct flow_end *end)
{
	return hash_u64((uint64_t)end->kind << 32 | end->type) ^ end->at;
}

static bool same_end(const struct flow_end *a, const struct flow_end *b)
{
	return a->kind == b->kind && a->type == b->type && a->at == b->at;
}

void slot_flows_free(struct slot_flows *flows)
{
	vec_free(&flows->all);
	map_free(&flows->by_key);
}

void slot_flows_add(struct slot_flows *flows, const struct flow_end *from,
		    const struct flow_end *to, uint64_t count)
{
	struct flow flow = { *from, *to, count };
	uint64_t key = hash_u64(end_key(from)) + hash_u64(~end_key(to));
	uint64_t *slot;

	for (;; key++) {
		slot = map_slot(&flows->by_key, key, NULL);
		if (!slot || *slot == 0)
			break;
		if (same_end(&flows->all.at[*slot - 1].from, from) &&
		    same_end(&flows->all.at[*slot - 1].to, to)) {
			flows->all.at[*slot - 1].count += count;
			return;
		}
	}
	if (!slot || !vec_push(&flows->all, flow))
		flows->no_memory = true;
	else
		*slot = flows->all.len;
}

/* Ids of types in another table; false when the type is lost. */
static bool translate(struct flow_end *end, const uint32_t *map, size_t n)
{
	if (end->kind != FLOW_TYPE && end->kind != FLOW_FIELD)
		return true;
	if (end->type >= n || map[end->type] == TYPE_NONE)
		return false;
	end->type = map[end->type];
	return true;
}

void slot_flows_join(struct slot_flows *into, const struct slot_flows *from,
		     const uint32_t *map, size_t n)
{
	into->no_memory |= from->no_memory;
	for (size_t i = 0; i < from->all.len && !into->no_memory; i++) {
		struct flow f = from->all.at[i];

		if (translate(&f.from, map, n) && translate(&f.to, map, n))
			slot_flows_add(into, &f.from, &f.to, f.count);
	}
}

/* --- what is kept where --- */

/* Flows by one of their ends. */
struct index {
	const struct slot_flows *flows;
	uint32_t *order;	/* [flows] */
	bool backward;		/* by the end they go to */
};

static const struct flow_end *near_end(const struct index *x, uint32_t i)
{
	const struct flow *f = &x->flows->all.at[i];

	return x->backward ? &f->to : &f->from;
}

static const struct flow_end *far_end(const struct index *x, uint32_t i)
{
	const struct flow *f = &x->flows->all.at[i];

	return x->backward ? &f->from : &f->to;
}

static int compare_ends(const struct flow_end *a, const struct flow_end *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (a->type > b->type) - (a->type < b->type);
}

static int by_near_end(const void *a, const void *b, void *ctx)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = compare_ends(near_end(ctx, x), near_end(ctx, y));

	return order ? order : (x > y) - (x < y);
}

static bool index_build(struct index *x)
{
	size_t n = x->flows->all.len;

	x->order = calloc(n + 1, sizeof(*x->order));
	for (uint32_t i = 0; x->order && i < n; i++)
		x->order[i] = i;
	if (x->order && n > 1)
		qsort_r(x->order, n, sizeof(*x->order), by_near_end, x);
	return x->order != NULL;
}

/* The first flow whose near end is not before @end. */
static size_t index_find(const struct index *x, const struct flow_end *end)
{
	size_t i;

	sorted_skip(i, 0, x->flows->all.len,
		    compare_ends(near_end(x, x->order[i]), end) < 0);
	return i;
}

struct search {
	const struct index *index;
	struct flow_end field;
	struct flow_end reached[MAX_REACHED];	/* the field first */
	unsigned hops[MAX_REACHED];
	size_t n;
	struct slots *ret;
	bool no_memory;
};

static void note_type(struct search *s, uint32_t type, uint64_t count)
{
	struct mined_slot slot = {
		.owner = s->field.type, .offset = (uint32_t)s->field.at,
		.target = type,
		.count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count,
	};

	if (!vec_push(s->ret, slot))
		s->no_memory = true;
}

static void reach(struct search *s, const struct flow_end *end, unsigned hops)
{
	if (s->n == MAX_REACHED || hops > MAX_HOPS)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (same_end(&s->reached[i], end))
			return;
	}
	s->hops[s->n] = hops;
	s->reached[s->n++] = *end;
}

/* From the field on, through parameters and results only: other fields are
 * not this one. */
static void search_from(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct index *x = s->index;
		struct flow_end at = s->reached[i];

		for (size_t k = index_find(x, &at); k < x->flows->all.len &&
		     same_end(near_end(x, x->order[k]), &at); k++) {
			const struct flow_end *end = far_end(x, x->order[k]);

			if (end->kind == FLOW_TYPE)
				note_type(s, end->type, x->flows->
					  all.at[x->order[k]].count);
			else if (end->kind != FLOW_FIELD)
				reach(s, end, s->hops[i] + 1);
		}
	}
}

/* For each field that flows begin at, or go to, while there is room. */
static bool search_all(const struct index *x, struct slots *ret)
{
	struct search *s = calloc(1, sizeof(*s));
	bool ok = s != NULL;

	for (size_t i = 0; ok && i < x->flows->all.len &&
	     ret->len < SLOTS_MAX; i++) {
		const struct flow_end *end = near_end(x, x->order[i]);

		if (end->kind != FLOW_FIELD || end->at > UINT32_MAX ||
		    (i && same_end(end, near_end(x, x->order[i - 1]))))
			continue;
		s->index = x;
		s->field = *end;
		s->ret = ret;
		s->n = 0;
		reach(s, end, 0);
		search_from(s);
		ok = !s->no_memory;
	}
	free(s);
	return ok;
}

bool slot_flows_resolve(const struct slot_flows *flows, struct slots *ret)
{
	struct index out = { .flows = flows }, in = {
		.flows = flows, .backward = true,
	};
	bool ok = flows->all.len < UINT32_MAX && !flows->no_memory &&
		  index_build(&out) && index_build(&in) &&
		  search_all(&out, ret) && search_all(&in, ret);

	free(out.order);
	free(in.order);
	if (ok)
		slots_tidy(ret);
	return ok;
}
