/* SPDX-License-Identifier: MIT */
/*
 * Pointers to one of several structs that begin alike (type_relatives.h). What
 * the pointer is declared to is right, unless the block shows that it is not:
 * it has another size, a reference where that has a small number, or leads to
 * references where that has letters. All of this shows in a capture without
 * other contents, too; which of the relatives it is rests on those.
 */
#include "analyze/infer_follow.h"

#include "analyze/infer.h"

enum {
	SURE_RELATIVE = 85,
	/* Below what references are taken for: contents may be left out. */
	SURE_NO_RELATIVE = 88,
};

/* What letters were written over may have left one reference. */
enum { MIN_REFERENCES = 2, NEAR = 48 };

/* Is there more than one reference in the first words of @node? */
static bool begins_with_references(const struct follow *f, uint32_t node)
{
	const struct raw_refs *raw = f->infer->raw;
	uint64_t first = raw->row[node];

	return raw->row[node + 1] - first >= MIN_REFERENCES &&
	       raw_offset(raw->where[first + MIN_REFERENCES - 1]) < NEAR;
}

static bool is_contradicted(const struct follow *f, const struct shape *shape)
{
	const struct seen_block *seen = &f->seen;

	for (uint32_t i = 0; i < shape->n && i < seen->n; i++) {
		if (shape->at[i].kind == SHAPE_TEXT &&
		    seen->at[i].seen == SEEN_START &&
		    begins_with_references(f, seen->at[i].node))
			return true;
	}
	return shape_is_contradicted(shape, seen);
}

/* Could block @node, in f->seen, be of @type? */
static bool could_be(struct follow *f, uint32_t node, uint32_t type, bool *ret)
{
	const struct shape *shape;
	struct shape_score score;

	*ret = false;
	if (!infer_fits(f->heap, node, follow_type(f, type)->size, false))
		return true;
	shape = shape_of(&f->shapes, type);
	if (!shape)
		return false;
	score = shape_compare(f->heap, &f->weights, type, shape, &f->seen);
	*ret = !score.broken && score.sum >= 0;
	return true;
}

/* How many relatives of @pointee @node could be; @ret: the last one. */
static bool possible(struct follow *f, uint32_t node, uint32_t pointee,
		     uint32_t *n, uint32_t *ret)
{
	bool could;

	*n = 0;
	for (uint32_t id = f->relatives.next[pointee]; id != pointee;
	     id = f->relatives.next[id]) {
		if (!could_be(f, node, id, &could))
			return false;
		if (!could)
			continue;
		*ret = id;
		++*n;
	}
	return true;
}

static bool any_fits(struct follow *f, uint32_t node, uint32_t pointee)
{
	for (uint32_t id = f->relatives.next[pointee]; id != pointee;
	     id = f->relatives.next[id]) {
		if (infer_fits(f->heap, node, follow_type(f, id)->size, false))
			return true;
	}
	return false;
}

bool follow_relatives(struct follow *f, const struct place *from,
		      uint32_t pointee, const struct choice *chosen,
		      struct claim *claim, bool *done)
{
	const struct shape *shape = shape_of(&f->shapes, pointee);
	uint64_t size = follow_type(f, pointee)->size;
	bool contradicted;
	uint32_t n;

	*done = false;
	if (!shape)
		return false;
	/* What begins with it as a whole is told by the size alone. */
	if ((chosen->type != TYPE_NONE && chosen->type != pointee) ||
	    !any_fits(f, claim->node, pointee))
		return true;
	shape_look(f->heap, &f->infer->window, claim->node, &f->seen);
	contradicted = is_contradicted(f, shape);
	if (!contradicted && infer_fits(f->heap, claim->node, size, false))
		return true;
	if (!possible(f, claim->node, pointee, &n, &claim->type))
		return false;
	*done = true;
	claim->count = 1;
	if (n == 0 && !contradicted && infer_fits(f->heap, claim->node, size,
						  true)) {
		claim->type = pointee;
		claim->confidence = SURE_NO_RELATIVE;
		return follow_submit(f, from, claim);
	}
	claim->evidence = EVIDENCE_DERIVED;
	claim->confidence = SURE_RELATIVE;
	return n != 1 || follow_submit(f, from, claim);
}
