/* SPDX-License-Identifier: MIT */
#include "dump/crash_trim.h"

#include <stdlib.h>

enum { RED_ZONE = 128 };	/* bytes below the stack pointer in use */

struct keep {
	uint64_t start, end;
};

struct keeps {
	VEC(struct keep) list;	/* sorted, disjoint */
};

static int by_start(const void *a, const void *b)
{
	const struct keep *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static bool add_stack(const struct image *image, uint64_t sp,
		      struct keeps *keeps)
{
	const struct mapping *m = image_mapping(image, sp);
	struct keep keep;

	if (!m)
		return true;
	keep.start = sp - m->start > RED_ZONE ? sp - RED_ZONE : m->start;
	keep.start &= ~(uint64_t)(PAGE_SIZE_X86 - 1);
	keep.end = m->end - keep.start > TRIM_STACK_MAX ?
		   keep.start + TRIM_STACK_MAX : m->end;
	return vec_push(&keeps->list, keep);
}

static void merge(struct keeps *keeps)
{
	size_t n = 0;

	if (keeps->list.len > 1)
		qsort(keeps->list.at, keeps->list.len, sizeof(struct keep),
		      by_start);
	for (size_t i = 0; i < keeps->list.len; i++) {
		struct keep keep = keeps->list.at[i];

		if (n > 0 && keep.start <= keeps->list.at[n - 1].end) {
			if (keep.end > keeps->list.at[n - 1].end)
				keeps->list.at[n - 1].end = keep.end;
		} else {
			keeps->list.at[n++] = keep;
		}
	}
	keeps->list.len = n;
}

static bool add_small(const struct image *image, struct keeps *keeps)
{
	uint64_t total = 0;

	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];
		struct keep keep = { m->start, m->end };

		if (m->end - m->start > TRIM_SMALL ||
		    m->end - m->start > TRIM_SMALL_TOTAL - total)
			continue;
		total += m->end - m->start;
		if (!vec_push(&keeps->list, keep))
			return false;
	}
	return true;
}

static bool find_keeps(const struct image *image, struct keeps *ret)
{
	bool ok = add_small(image, ret);

	for (size_t i = 0; ok && i < image->modules.len; i++) {
		struct keep keep = { image->modules.at[i].start,
				     image->modules.at[i].end };

		ok = vec_push(&ret->list, keep);
	}
	for (size_t i = 0; ok && i < image->threads.len; i++)
		ok = add_stack(image, image->threads.at[i].regs[X86_RSP], ret);
	if (ok)
		merge(ret);
	return ok;
}

/**
 * The next part of [*at, end) that is kept as a whole or left out as a whole:
 * its end goes to *@at. @next is the first interval that may touch it.
 */
static bool next_part(const struct keeps *keeps, size_t *next, uint64_t *at,
		      uint64_t end)
{
	const struct keep *keep;
	bool kept;

	while (*next < keeps->list.len && keeps->list.at[*next].end <= *at)
		++*next;
	if (*next == keeps->list.len) {
		*at = end;
		return false;
	}
	keep = &keeps->list.at[*next];
	kept = keep->start <= *at;
	if (end > (kept ? keep->end : keep->start))
		end = kept ? keep->end : keep->start;
	*at = end;
	return kept;
}

static bool trim_range(const struct keeps *keeps, size_t *next,
		       const struct range *range, struct image *to)
{
	uint64_t at = range->start;

	if (range->presence != PRESENCE_CAPTURED &&
	    range->presence != PRESENCE_TORN)
		return vec_push(&to->ranges, *range);
	while (at < range->end) {
		struct range part = *range;

		part.start = at;
		if (!next_part(keeps, next, &at, range->end))
			part.presence = PRESENCE_ABSENT;
		part.end = at;
		if (!vec_push(&to->ranges, part))
			return false;
	}
	return true;
}

static bool trim_piece(const struct keeps *keeps, size_t *next,
		       const struct piece *piece, struct plan *to)
{
	uint64_t at = piece->start;

	while (at < piece->end) {
		struct piece part = *piece;

		part.start = at;
		part.offset += at - piece->start;
		if (!next_part(keeps, next, &at, piece->end))
			continue;
		part.end = at;
		to->bytes += part.end - part.start;
		if (!vec_push(&to->pieces, part))
			return false;
	}
	return true;
}

bool crash_trim(struct image *image, struct plan *plan, struct err *err)
{
	struct keeps keeps = {0};
	struct image cut = {0};
	struct plan less = {0};
	size_t next = 0;
	bool ok = find_keeps(image, &keeps);

	for (size_t i = 0; ok && i < image->ranges.len; i++)
		ok = trim_range(&keeps, &next, &image->ranges.at[i], &cut);
	next = 0;
	for (size_t i = 0; ok && i < plan->pieces.len; i++)
		ok = trim_piece(&keeps, &next, &plan->pieces.at[i], &less);
	vec_free(&keeps.list);
	if (!ok) {
		vec_free(&cut.ranges);
		plan_free(&less);
		return err_nomem(err, "ranges");
	}
	vec_free(&image->ranges);
	memcpy(&image->ranges, &cut.ranges, sizeof(image->ranges));
	plan_free(plan);
	*plan = less;
	return true;
}
