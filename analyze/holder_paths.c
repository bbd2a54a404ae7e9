/* SPDX-License-Identifier: MIT */
#include "analyze/holder_paths.h"

enum { LONGEST_REPEAT = 4 };

/*
 * Where @label below @from leads back to, or PATH_NONE: the path up to the
 * first of two equal runs of labels, if the path would end in such.
 */
static uint32_t find_repeat(const struct holder_paths *paths, uint32_t from,
			    uint32_t label)
{
	uint32_t labels[2 * LONGEST_REPEAT], path[LONGEST_REPEAT];
	int n = 1;

	/* Upwards: labels[0] is the new one, path[k] ends in labels[k + 1]. */
	labels[0] = label;
	for (; n < 2 * LONGEST_REPEAT && from != PATH_NONE; n++) {
		labels[n] = paths->at.at[from].label;
		if (n <= LONGEST_REPEAT)
			path[n - 1] = from;
		from = paths->at.at[from].parent;
	}
	for (int period = 1; 2 * period <= n; period++) {
		int equal = 0;

		while (equal < period &&
		       labels[equal] == labels[equal + period])
			equal++;
		if (equal == period)
			return path[period - 1];
	}
	return PATH_NONE;
}

uint32_t holder_paths_step(struct holder_paths *paths, uint32_t from,
			   uint32_t label)
{
	uint64_t key = (uint64_t)from << 32 | label;
	const uint64_t *known = map_find(&paths->steps, key);
	struct holder_path path = { from, label, 1 };
	uint32_t ret;

	if (known)
		return (uint32_t)*known;
	ret = find_repeat(paths, from, label);
	if (from != PATH_NONE)
		path.depth = paths->at.at[from].depth + 1;
	if (ret == PATH_NONE && path.depth > PATH_STEPS)
		ret = from;
	if (ret == PATH_NONE) {
		ret = (uint32_t)paths->at.len;
		if (ret == PATH_NONE || !vec_push(&paths->at, path))
			return PATH_NONE;
	}
	return map_set(&paths->steps, key, ret) ? ret : PATH_NONE;
}

uint32_t holder_paths_labels(const struct holder_paths *paths, uint32_t path,
			     uint32_t ret[PATH_STEPS])
{
	uint32_t n = paths->at.at[path].depth;

	for (uint32_t i = n; i > 0; i--) {
		ret[i - 1] = paths->at.at[path].label;
		path = paths->at.at[path].parent;
	}
	return n;
}

void holder_paths_free(struct holder_paths *paths)
{
	vec_free(&paths->at);
	map_free(&paths->steps);
}
