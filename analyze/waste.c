/* SPDX-License-Identifier: MIT */
#include "analyze/waste.h"

/* Capacity by the place of the container: what is behind its last element.
 * An empty table is no capacity: its slots are counted with the tables. */
static bool sum_capacity(const struct heap *heap, const struct containers *c,
			 struct waste_rows *ret, struct err *err)
{
	for (size_t i = 0; i < c->at.len; i++) {
		const struct container *at = &c->at.at[i];
		const struct container_field *f = container_field(heap, c, at);
		uint64_t bytes = (uint64_t)(at->room - at->used) * f->stride;
		struct waste_row row = {
			.key = { waste_holder_key(heap, at->owner), at->offset,
				 f->element },
			.count = 1, .bytes = bytes, .most = bytes,
			.used = at->used, .room = at->room,
			.sample = at->block, .holder = at->owner,
		};

		/* The NUL of an empty string serves nobody either, but it is
		 * the price of a string. */
		if (f->kind == CONTAINER_TABLE || bytes == 0)
			continue;
		if (!waste_rows_add(ret, &row))
			return err_nomem(err, "capacity");
	}
	waste_rows_sort(ret);
	return true;
}

static bool look_inside(const struct heap *heap,
			const struct containers *containers,
			struct waste *ret, struct err *err)
{
	struct waste_contents contents;
	bool ok;

	if (!waste_contents_build(heap, containers, &contents, err))
		return false;
	ok = !ret->contents_known ||
	     duplicates_build(&contents, &ret->duplicates, err);
	ret->tables = contents.tables;
	ret->slack = contents.slack;
	ret->slack_unknown = contents.unknown;
	contents.tables = contents.slack = (struct waste_rows){0};
	waste_contents_free(&contents);
	return ok;
}

bool waste_build(const struct heap *heap, struct waste *ret, struct err *err)
{
	const struct image *image = heap->image;
	struct containers containers;
	bool ok;

	*ret = (struct waste){
		.contents_known = !image->meta.pointers_only &&
				  image->redacted.spans.len == 0,
	};
	if (!containers_build(heap, &containers, err))
		return false;
	ok = sum_capacity(heap, &containers, &ret->capacity, err) &&
	     look_inside(heap, &containers, ret, err) &&
	     waste_arenas_build(heap, &ret->arenas, err);
	containers_free(&containers);
	if (!ok)
		waste_free(ret);
	return ok;
}

void waste_free(struct waste *waste)
{
	duplicates_free(&waste->duplicates);
	waste_rows_free(&waste->capacity);
	waste_rows_free(&waste->tables);
	waste_rows_free(&waste->slack);
	waste_arenas_free(&waste->arenas);
	*waste = (struct waste){0};
}
