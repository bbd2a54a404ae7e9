/* SPDX-License-Identifier: MIT */
#include "analyze/words.h"

#include "base/sorted.h"

struct word_walk word_walk_of(struct window *window, uint64_t start,
			      uint64_t end)
{
	return (struct word_walk){
		.window = window,
		.next = start > UINT64_MAX - 7 ? end : (start + 7) & ~UINT64_C(7),
		.end = end & ~UINT64_C(7),
	};
}

uint64_t captured_from(const struct image *image, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, image->ranges.len, image->ranges.at[i].end <= addr);
	for (; i < image->ranges.len; i++) {
		const struct range *r = &image->ranges.at[i];

		if (r->presence == PRESENCE_CAPTURED ||
		    r->presence == PRESENCE_TORN)
			return r->start > addr ? r->start : addr;
	}
	return UINT64_MAX;
}

/* Step over what cannot be read to where the next captured range begins. */
static bool skip_hole(struct word_walk *walk)
{
	uint64_t next = captured_from(walk->window->image, walk->next);

	walk->next = next < walk->end ? (next + 7) & ~UINT64_C(7) : walk->end;
	return walk->next < walk->end;
}

/* Blocks that lie in what is pinned already are the common case. */
static bool in_window(const struct window *w, uint64_t addr)
{
	return addr >= w->start && addr < w->end && w->end - addr >= 8;
}

bool word_walk_next(struct word_walk *walk, struct word_run *ret)
{
	while (walk->next < walk->end) {
		size_t n;
		const uint8_t *at;

		if (!in_window(walk->window, walk->next) && !skip_hole(walk))
			return false;
		at = window_span(walk->window, walk->next, 8, &n);
		if (!at) {
			/* A damaged frame: its pages are lost, others not. */
			walk->next = (walk->next | (PAGE_SIZE_X86 - 1)) + 1;
			continue;
		}
		if (n > walk->end - walk->next)
			n = (size_t)(walk->end - walk->next);
		*ret = (struct word_run){
			.addr = walk->next, .at = at, .n = n / 8,
		};
		walk->next += ret->n * 8;
		return ret->n > 0;
	}
	return false;
}
