/* SPDX-License-Identifier: MIT */
#include "formats/slot_flows.h"

#include <stdlib.h>


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

void slot_flows_drop(struct slot_flows *flows)
{
	slot_flows_free(flows);
	flows->no_memory = true;
}

void slot_flows_add(struct slot_flows *flows, const struct flow_end *from,
		    const struct flow_end *to, uint64_t count)
{
	struct flow flow = { *from, *to, count };
	uint64_t key = hash_u64(end_key(from)) + hash_u64(~end_key(to));
	uint64_t *slot;

	if (flows->no_memory)
		return;
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
		slot_flows_drop(flows);
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
	if (from->no_memory)
		slot_flows_drop(into);
	for (size_t i = 0; i < from->all.len && !into->no_memory; i++) {
		struct flow f = from->all.at[i];

		if (translate(&f.from, map, n) && translate(&f.to, map, n))
			slot_flows_add(into, &f.from, &f.to, f.count);
	}
}

/* --- what is kept where --- */

/* Flows by one of their ends: lists of those that have it, in their order. */
struct index {
	const struct slot_flows *flows;
	struct map first;	/* hash of an end -> index + 1 */
	uint32_t *next;		/* [flows] index + 1, 0 at the last */
	bool backward;		/* by the end they go to */
};

static const struct flow_end *near_end(const struct index *x, size_t i)
{
	const struct flow *f = &x->flows->all.at[i];

	return x->backward ? &f->to : &f->from;
}

static const struct flow_end *far_end(const struct index *x, size_t i)
{
	const struct flow *f = &x->flows->all.at[i];

	return x->backward ? &f->from : &f->to;
}

static bool index_add(struct index *x, uint32_t i)
{
	const struct flow_end *end = near_end(x, i);
	uint64_t key = end_key(end), *slot = map_slot(&x->first, key, NULL);

	/* Ends that clash lie in the slots that follow. */
	while (slot && *slot && !same_end(near_end(x, *slot - 1), end))
		slot = map_slot(&x->first, ++key, NULL);
	if (!slot)
		return false;
	x->next[i] = (uint32_t)*slot;
	*slot = (uint64_t)i + 1;
	return true;
}

static bool index_build(struct index *x)
{
	size_t n = x->flows->all.len;
	bool ok;

	x->next = calloc(n + 1, sizeof(*x->next));
	ok = x->next != NULL;
	for (size_t i = n; ok && i > 0; i--)
		ok = index_add(x, (uint32_t)i - 1);
	return ok;
}

static void index_free(struct index *x)
{
	map_free(&x->first);
	free(x->next);
}

/* Index + 1 of the first flow whose near end is @end; 0: there is none. */
static size_t index_find(const struct index *x, const struct flow_end *end)
{
	uint64_t key = end_key(end), i = map_get(&x->first, key, 0);

	while (i && !same_end(near_end(x, i - 1), end))
		i = map_get(&x->first, ++key, 0);
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

		for (size_t k = index_find(x, &at); k; k = x->next[k - 1]) {
			const struct flow_end *end = far_end(x, k - 1);

			if (end->kind == FLOW_TYPE)
				note_type(s, end->type,
					  x->flows->all.at[k - 1].count);
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
		const struct flow_end *end = near_end(x, i);

		if (end->kind != FLOW_FIELD || end->at > UINT32_MAX ||
		    index_find(x, end) != i + 1)
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

	index_free(&out);
	index_free(&in);
	if (ok)
		slots_tidy(ret);
	else
		vec_free(ret);
	return ok;
}
