/* SPDX-License-Identifier: MIT */
#include "dump/exclude.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MASK = PAGE_SIZE_X86 - 1 };

struct left_out {
	uint64_t start, end;
};

struct excluder {
	struct image *image;
	VEC(struct left_out) list;
	bool oom;
};

/** "0x1234": *@end is what follows it. */
static bool parse_address(const char *text, uint64_t *ret, const char **end)
{
	char *after;

	if (strncmp(text, "0x", 2) != 0 || !isxdigit((unsigned char)text[2]))
		return false;
	*ret = strtoull(text, &after, 16);
	*end = after;
	return after - text <= 2 + 16;
}

/** "0x1000" has *@end 0, "0x1000-0x2000" both; false: a name. */
static bool parse_span(const char *text, uint64_t *start, uint64_t *end)
{
	const char *rest;

	*end = 0;
	if (!parse_address(text, start, &rest))
		return false;
	if (*rest == '\0')
		return true;
	return *rest == '-' && parse_address(rest + 1, end, &rest) &&
	       *rest == '\0' && *end > *start;
}

bool exclude_is_sound(const char *text)
{
	uint64_t start, end;

	return *text && (strncmp(text, "0x", 2) != 0 ||
			 parse_span(text, &start, &end));
}

/** Does @name mean @m? "/x (deleted)" is what the kernel calls a lost file. */
static bool is_named(const struct mapping *m, const char *name)
{
	static const char deleted[] = " (deleted)";
	size_t n = strlen(m->path), tail = sizeof(deleted) - 1;
	const char *path = m->path;

	if (n > tail && strcmp(path + n - tail, deleted) == 0)
		n -= tail;
	if (path[0] == '/' && name[0] != '/') {
		path = path_name(path);
		n -= (size_t)(path - m->path);
	}
	return n > 0 && strlen(name) == n && memcmp(path, name, n) == 0;
}

static void leave_out(struct excluder *x, uint64_t start, uint64_t end)
{
	struct left_out span = { start, end };

	if (start >= end)
		return;
	diag_add_at(&x->image->diag, start, 1,
		    "mapping left out, as --exclude asked for");
	if (!vec_push(&x->list, span))
		x->oom = true;
}

/** The parts of mappings in [@start, @end). */
static void leave_out_span(struct excluder *x, uint64_t start, uint64_t end)
{
	start &= ~(uint64_t)PAGE_MASK;
	end = end > UINT64_MAX - PAGE_MASK ? end & ~(uint64_t)PAGE_MASK :
	      (end + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
	for (size_t i = 0; i < x->image->mappings.len; i++) {
		const struct mapping *m = &x->image->mappings.at[i];

		leave_out(x, m->start > start ? m->start : start,
			  m->end < end ? m->end : end);
	}
}

static void take_one(struct excluder *x, const char *text)
{
	size_t before = x->list.len;
	const struct mapping *m;
	uint64_t start, end;

	if (!parse_span(text, &start, &end)) {
		for (size_t i = 0; i < x->image->mappings.len; i++) {
			m = &x->image->mappings.at[i];
			if (is_named(m, text))
				leave_out(x, m->start, m->end);
		}
	} else if (end != 0) {
		leave_out_span(x, start, end);
	} else {
		m = image_mapping(x->image, start);
		if (m)
			leave_out(x, m->start, m->end);
	}
	if (x->list.len == before && !x->oom)
		diag_add(&x->image->diag, "--exclude %s: there is no such "
			 "mapping", text);
}

static int by_start(const void *a, const void *b)
{
	const struct left_out *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/** Sorted, overlaps joined. */
static void settle(struct excluder *x)
{
	struct left_out *at = x->list.at;
	size_t n = 0;

	if (x->list.len > 1)
		qsort(at, x->list.len, sizeof(*at), by_start);
	for (size_t i = 0; i < x->list.len; i++) {
		if (n == 0 || at[i].start > at[n - 1].end)
			at[n++] = at[i];
		else if (at[i].end > at[n - 1].end)
			at[n - 1].end = at[i].end;
	}
	x->list.len = n;
}

static bool add_range(struct image *image, const struct range *r,
		      uint64_t start, uint64_t end, bool out)
{
	struct range part = *r;

	if (start >= end)
		return true;
	part.start = start;
	part.end = end;
	part.presence = out ? PRESENCE_ABSENT : r->presence;
	part.offset = out ? 0 : r->offset + (start - r->start);
	return vec_push(&image->ranges, part);
}

/** Give the image its ranges again, cut where something is left out. */
static bool cut_ranges(struct excluder *x, const struct range *old, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		const struct range *r = &old[i];
		uint64_t at = r->start;

		while (k < x->list.len && x->list.at[k].end <= at)
			k++;
		for (size_t j = k; j < x->list.len &&
		     x->list.at[j].start < r->end; j++) {
			uint64_t from = x->list.at[j].start > at ?
					x->list.at[j].start : at;
			uint64_t to = x->list.at[j].end < r->end ?
				      x->list.at[j].end : r->end;

			if (!add_range(x->image, r, at, from, false) ||
			    !add_range(x->image, r, from, to, true))
				return false;
			at = to;
		}
		if (!add_range(x->image, r, at, r->end, false))
			return false;
	}
	return true;
}

static bool add_piece(struct plan *plan, const struct piece *p, uint64_t start,
		      uint64_t end)
{
	struct piece part = *p;

	if (start >= end)
		return true;
	part.start = start;
	part.end = end;
	part.offset = p->offset + (start - p->start);
	plan->bytes += end - start;
	return vec_push(&plan->pieces, part);
}

static bool cut_pieces(struct excluder *x, struct plan *plan,
		       const struct piece *old, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		const struct piece *p = &old[i];
		uint64_t at = p->start;

		while (k < x->list.len && x->list.at[k].end <= at)
			k++;
		for (size_t j = k; j < x->list.len &&
		     x->list.at[j].start < p->end; j++) {
			if (!add_piece(plan, p, at, x->list.at[j].start))
				return false;
			at = x->list.at[j].end > at ? x->list.at[j].end : at;
		}
		if (!add_piece(plan, p, at, p->end))
			return false;
	}
	return true;
}

/** Both were made for the same ranges: what is absent has no piece. */
static bool cut(struct excluder *x, struct plan *plan)
{
	struct range *ranges = x->image->ranges.at;
	size_t n_ranges = x->image->ranges.len;
	struct piece *pieces;
	bool ok;

	memset(&x->image->ranges, 0, sizeof(x->image->ranges));
	ok = cut_ranges(x, ranges, n_ranges);
	free(ranges);
	if (ok && plan) {
		size_t n = plan->pieces.len;

		pieces = plan->pieces.at;
		*plan = (struct plan){0};
		ok = cut_pieces(x, plan, pieces, n);
		free(pieces);
	}
	return ok;
}

bool exclude_apply(const char *const *excludes, size_t n, struct image *image,
		   struct plan *plan, struct err *err)
{
	struct excluder x = { .image = image };
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		take_one(&x, excludes[i]);
	settle(&x);
	if (x.list.len > 0)
		ok = cut(&x, plan);
	ok = (ok && !x.oom) || err_nomem(err, "what is left out");
	vec_free(&x.list);
	return ok;
}
