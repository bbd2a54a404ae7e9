/* SPDX-License-Identifier: MIT */
#include "analyze/common_way.h"

#include <string.h>

#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "analyze/retainers.h"
#include "base/short_name.h"

#define KEEPS 0.8	/* of the blocks, for a step to be taken */

/* Of a long way the first and last steps are told. */
enum { TOLD_FIRST = 3, TOLD_LAST = 2, NAME_MAX_BYTES = 4096, READABLE = 60 };

static const struct retainer_step *step_at(const struct retainers *r,
					   size_t path, size_t depth)
{
	const struct retainer_path *p = &r->paths.at[path];

	return depth < p->n_steps ? &r->steps.at[p->first_step + depth] : NULL;
}

static bool same_step(const struct retainer_step *a,
		      const struct retainer_step *b)
{
	return a && b && a->key == b->key && !strcmp(a->field, b->field);
}

/* Do the first @depth steps of @path and @other agree? */
static bool same_start(const struct retainers *r, size_t path, size_t other,
		       size_t depth)
{
	for (size_t i = 0; i < depth; i++) {
		if (!same_step(step_at(r, path, i), step_at(r, other, i)))
			return false;
	}
	return true;
}

/* Blocks behind the first @depth steps of @path. */
static uint64_t behind(const struct retainers *r, size_t path, size_t depth)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->paths.len; i++) {
		if (r->paths.at[i].n_steps >= depth &&
		    same_start(r, path, i, depth))
			n += r->paths.at[i].count;
	}
	return n;
}

/*
 * The path to follow: the one whose first step most blocks lie behind. Paths
 * come with most blocks first, so few need to be asked.
 */
static size_t best_path(const struct retainers *r)
{
	enum { ASKED = 64 };
	size_t best = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < r->paths.len && i < ASKED; i++) {
		uint64_t n = behind(r, i, 1);

		if (n > most) {
			most = n;
			best = i;
		}
	}
	return best;
}

static bool append_step(const struct facts *facts,
			const struct retainer_step *step, struct arena *arena,
			const char **text)
{
	char name[NAME_MAX_BYTES], place[2 * NAME_MAX_BYTES];

	node_label_of(facts, step->node, name, sizeof(name));
	short_name(name, READABLE);
	/* At its very beginning is where a place without fields is. */
	ref_place(name, strcmp(step->field, "+0x0") ? step->field : "", place,
		  sizeof(place));
	*text = arena_printf(arena, "%s%s%s", *text ? *text : "",
			     *text ? " -> " : "", place);
	return *text;
}

static bool tell(const struct facts *facts, const struct retainers *r,
		 size_t path, size_t depth, struct arena *arena,
		 const char **text)
{
	for (size_t i = 0; i < depth; i++) {
		if (i == TOLD_FIRST && depth > TOLD_FIRST + TOLD_LAST) {
			*text = arena_printf(arena, "%s -> ...", *text);
			i = depth - TOLD_LAST;
		}
		if (!*text && i > 0)
			return false;
		if (!append_step(facts, step_at(r, path, i), arena, text))
			return false;
	}
	return true;
}

bool common_way_find(const struct facts *facts, const uint32_t *blocks,
		     size_t n, struct arena *arena, struct common_way *ret,
		     struct err *err)
{
	const struct retainer_step *first;
	struct retainers r;
	uint64_t kept;
	size_t path, depth = 1;
	bool ok = true;

	*ret = (struct common_way){0};
	if (!retainers_build(facts, blocks, n, &r, err))
		return false;
	path = best_path(&r);
	first = r.paths.len > 0 ? step_at(&r, path, 0) : NULL;
	if (first && heap_is_root(&facts->heap, first->node)) {
		kept = behind(&r, path, 1);
		while (step_at(&r, path, depth) &&
		       (double)behind(&r, path, depth + 1) >= KEEPS * (double)n)
			kept = behind(&r, path, ++depth);
		ret->share = (double)kept / (double)n;
		ok = tell(facts, &r, path, depth, arena, &ret->text) ||
		     err_nomem(err, "paths");
	}
	retainers_free(&r);
	return ok;
}
