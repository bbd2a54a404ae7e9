/* SPDX-License-Identifier: MIT */
#include "analyze/live_fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "analyze/variants.h"

struct object {
	const struct image *image;
	uint64_t addr;
};

static enum alternative_answer ask_one(const struct image *image,
				       const struct condition *c,
				       uint64_t addr)
{
	uint64_t at = addr + c->offset, value = 0;

	if (image_lost_some(image, at, c->size) ||
	    !image_read(image, at, &value, c->size))
		return ALTERNATIVE_UNKNOWN;
	return condition_holds(&image->types, c, value) ? ALTERNATIVE_THERE :
							  ALTERNATIVE_GONE;
}

/* Does the object at @addr have the member that @chain ends in? What is in
 * memory that was not captured may be anything. */
static enum alternative_answer is_there(void *ctx,
					const struct leaf_step *chain,
					unsigned n)
{
	const struct object *o = ctx;
	struct conditions when;

	if (!condition_of_alternative(&o->image->types, chain, n, &when))
		return ALTERNATIVE_UNKNOWN;
	for (unsigned i = 0; i < when.n; i++) {
		if (ask_one(o->image, &when.at[i], o->addr) !=
		    ALTERNATIVE_THERE)
			return ALTERNATIVE_GONE;
	}
	return ALTERNATIVE_THERE;
}

const char *live_field_at(const struct image *image, uint32_t type,
			  uint64_t addr, uint64_t offset, char *buf,
			  size_t size)
{
	struct object object = { image, addr };
	const struct variant_choice choice = { is_there, &object };

	return types_live_field_at(&image->types, type, offset, &choice, buf,
				   size);
}

bool live_field_is_dead(const struct image *image, const struct leaf *leaf,
			uint64_t addr)
{
	struct conditions when;

	if ((!(leaf->flags & MEMBER_VARIANT) && !leaf->in_union) ||
	    !conditions_of(&image->types, leaf, &when))
		return false;
	for (unsigned i = 0; i < when.n; i++) {
		if (when.at[i].test != CONDITION_ABOVE &&
		    ask_one(image, &when.at[i], addr) == ALTERNATIVE_GONE)
			return true;
	}
	return false;
}

static size_t put(char *buf, size_t size, size_t at, const char *fmt, ...)
	__attribute__((__format__(__printf__, 4, 5)));

static size_t put(char *buf, size_t size, size_t at, const char *fmt, ...)
{
	va_list args;
	int n;

	if (at + 1 >= size)
		return at;
	va_start(args, fmt);
	n = vsnprintf(buf + at, size - at, fmt, args);
	va_end(args);
	return n < 0 ? at : at + (size_t)n < size ? at + (size_t)n : size - 1;
}

/* The element at @offset of the array type *@type, which becomes its type. */
static uint64_t enter_array(const struct type_table *types, uint32_t *type,
			    uint64_t offset)
{
	uint64_t size;

	if (*type != TYPE_NONE)
		*type = types_strip(types, types->types.at[*type].target);
	size = *type == TYPE_NONE ? 0 : types->types.at[*type].size;
	return size ? offset / size : 0;
}

const char *live_field_name(const struct type_table *types,
			    const struct leaf *leaf, char *buf, size_t size)
{
	uint32_t type = TYPE_NONE;	/* of what was entered */
	size_t at = 0;

	if (size > 0)
		buf[0] = '\0';
	for (unsigned i = 0; i < leaf->n_chain; i++) {
		const struct leaf_step *step = &leaf->chain[i];
		const struct member *m;
		const char *name;

		if (step->record == TYPE_NONE) {
			at = put(buf, size, at, "[%" PRIu64 "]",
				 enter_array(types, &type, (i + 1 < leaf->n_chain ?
					     step[1].base : leaf->offset) -
					     step->base));
			continue;
		}
		m = &types->members.at[step->member];
		type = types_strip(types, m->type);
		name = types_text(types, m->name);
		if (*name)
			at = put(buf, size, at, "%s%s", at ? "." : "", name);
	}
	return buf;
}

const char *live_field_variant(const struct image *image,
			       const struct leaf *leaf, uint64_t addr)
{
	const struct type_table *types = &image->types;
	const struct leaf_step *step;
	const struct type *t;
	struct object object = { image, addr };

	if (leaf->n_chain == 0)
		return NULL;
	step = &leaf->chain[leaf->n_chain - 1];
	if (step->record == TYPE_NONE ||
	    !(types->members.at[step->member].flags & MEMBER_DISCRIMINANT))
		return NULL;
	t = &types->types.at[step->record];
	for (uint32_t i = 0; i < t->n_members; i++) {
		uint32_t m = t->first_member + i;

		const struct leaf_step variant = {
			.record = step->record, .member = m,
			.base = step->base,
		};

		if (types->members.at[m].flags & MEMBER_VARIANT &&
		    is_there(&object, &variant, 1) == ALTERNATIVE_THERE)
			return types_text(types, types->members.at[m].name);
	}
	return NULL;
}
