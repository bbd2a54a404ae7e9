/* SPDX-License-Identifier: MIT */
#include "formats/slot_places.h"

#include "base/sorted.h"

void slot_places_free(struct slot_places *places)
{
	vec_free(&places->begins);
	vec_free(&places->frame);
	vec_free(&places->scratch);
}

/* Of places in the frame: ascends with them. */
static uint64_t frame_key(int64_t at)
{
	return (uint64_t)at ^ UINT64_C(1) << 63;
}

/* clang counts from the frame pointer, which it saves first of all, behind
 * the return address. */
static int64_t from_cfa(const struct walk_place *p)
{
	return p->where == WALK_FRAME ? p->at - 16 : p->at;
}

static bool is_less(const struct walk_order *a, const struct walk_order *b)
{
	return a->key != b->key ? a->key < b->key : a->second < b->second;
}

/* Make one of the runs before and from @middle on. */
static void join(struct walk_order *at, size_t middle, size_t n,
		 struct walk_order *scratch)
{
	size_t a = 0, b = middle;

	if (!is_less(&at[middle], &at[middle - 1]))
		return;
	memcpy(scratch, at, middle * sizeof(*at));
	for (size_t i = 0; a < middle; i++)
		at[i] = b < n && is_less(&at[b], &scratch[a]) ? at[b++]
							      : scratch[a++];
}

static void sort(struct slot_places *places, struct walk_order *at, size_t n)
{
	for (size_t run = 1; run < n; run *= 2) {
		for (size_t i = 0; i < n && n - i > run; i += 2 * run)
			join(at + i, run, n - i < 2 * run ? n - i : 2 * run,
			     places->scratch.at);
	}
}

/* Is it there while some of the code from @low to @high runs? */
static bool is_within(const struct walk_place *p, uint64_t low, uint64_t high)
{
	return p->low < high && p->high > low;
}

bool slot_places_order(struct slot_places *places, const struct walk_place *at,
		       size_t n, uint64_t low, uint64_t high)
{
	places->at = at;
	places->begins.len = places->frame.len = 0;
	if (!vec_reserve(&places->begins, n) ||
	    !vec_reserve(&places->frame, n) ||
	    !vec_reserve(&places->scratch, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct walk_order o = { at[i].low, at[i].pointee, (uint32_t)i };

		if (!is_within(&at[i], low, high))
			continue;
		if (at[i].where == WALK_REGISTER)
			places->begins.at[places->begins.len++] = o;
		else
			places->frame.at[places->frame.len++] = o;
	}
	sort(places, places->begins.at, places->begins.len);
	/* By place, then by address, then by type. */
	sort(places, places->frame.at, places->frame.len);
	for (size_t i = 0; i < places->frame.len; i++) {
		struct walk_order *o = &places->frame.at[i];

		o->key = frame_key(from_cfa(&at[o->place]));
		o->second = 0;
	}
	sort(places, places->frame.at, places->frame.len);
	return true;
}

const struct walk_place *slot_places_find(const struct slot_places *places,
					  int64_t at, uint64_t pc)
{
	const struct walk_order *all = places->frame.at;
	size_t n = places->frame.len, i;
	uint64_t key = frame_key(at);

	sorted_skip(i, 0, n, all[i].key < key);
	for (; i < n && all[i].key == key; i++) {
		const struct walk_place *p = &places->at[all[i].place];

		if (pc >= p->low && pc < p->high)
			return p;
	}
	return NULL;
}
