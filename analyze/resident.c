/* SPDX-License-Identifier: MIT */
#include "analyze/resident.h"

struct resident resident_of(const struct image *image)
{
	return (struct resident){ .image = image,
				  .by_runs = image->page_runs.len > 0 };
}

/* The end of item number @i; *@in: are its pages in memory? */
static uint64_t item(const struct resident *r, size_t i, uint64_t *start,
		     bool *in)
{
	const struct page_run *run;
	const struct range *range;

	if (r->by_runs) {
		run = &r->image->page_runs.at[i];
		*start = run->start;
		*in = run->kind == PAGE_PRESENT;
		return run->start + (uint64_t)run->pages * PAGE_SIZE_X86;
	}
	range = &r->image->ranges.at[i];
	*start = range->start;
	*in = range->presence == PRESENCE_CAPTURED ||
	      range->presence == PRESENCE_TORN;
	return range->end;
}

static size_t n_items(const struct resident *r)
{
	return r->by_runs ? r->image->page_runs.len : r->image->ranges.len;
}

bool resident_page(struct resident *r, uint64_t addr)
{
	uint64_t start;
	bool in;

	for (; r->next < n_items(r); r->next++) {
		if (item(r, r->next, &start, &in) > addr)
			return start <= addr && in;
	}
	return false;
}

uint64_t resident_bytes(struct resident *r, uint64_t start, uint64_t end)
{
	const uint64_t mask = PAGE_SIZE_X86 - 1;
	uint64_t bytes = 0, from, to;
	bool in;

	start = (start + mask) & ~mask;
	end &= ~mask;
	for (size_t i = r->next; start < end && i < n_items(r); i++) {
		uint64_t stop = item(r, i, &from, &in);

		if (stop <= start) {
			r->next = i;
			continue;
		}
		if (from >= end)
			break;
		from = from > start ? from : start;
		to = stop < end ? stop : end;
		bytes += in ? to - from : 0;
	}
	return bytes;
}
