/* SPDX-License-Identifier: MIT */
#include "tests/aid_same_memory.h"

enum { STEP = 256 };

static bool same_at(const struct image *a, const struct image *b,
		    uint64_t addr, size_t n)
{
	uint8_t x[STEP], y[STEP];
	size_t i = 0;

	while (i < n) {
		size_t there = a->ops->read(a->memory, addr + i, x, n - i);

		if (b->ops->read(b->memory, addr + i, y, there) != there ||
		    memcmp(x, y, there) != 0)
			return false;
		i += there < n - i ? there + 1 : there;
	}
	return true;
}

bool memory_is_part_of(const struct image *a, const struct image *b)
{
	for (size_t i = 0; i < a->ranges.len; i++) {
		const struct range *r = &a->ranges.at[i];

		if (r->presence == PRESENCE_ABSENT)
			continue;
		for (uint64_t at = r->start; at < r->end;) {
			size_t n = r->end - at < STEP ?
				   (size_t)(r->end - at) : STEP;

			if (!same_at(a, b, at, n))
				return false;
			at += n;
		}
	}
	return true;
}
