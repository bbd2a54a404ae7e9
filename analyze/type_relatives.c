/* SPDX-License-Identifier: MIT */
#include "analyze/type_relatives.h"

#include <stdlib.h>

#include "analyze/type_prefix.h"

enum { COMMON = 3 };	/* members */

static bool may_have_relatives(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];
	bool leads = false;

	if (t->kind != TYPE_STRUCT || t->n_members <= COMMON ||
	    t->flags & TYPE_DECLARATION || !types_language_is_c(t->language))
		return false;
	for (uint32_t i = 0; i < COMMON; i++) {
		uint32_t type = types_strip(types, types->members.at[
					    t->first_member + i].type);

		leads |= type != TYPE_NONE &&
			 types->types.at[type].kind == TYPE_POINTER;
	}
	return leads;
}

/* Put @id into the ring behind the first of those that begin like it. */
static bool join(const struct type_table *types, uint32_t id,
		 struct map *families, struct relatives *r)
{
	uint64_t *slot = map_slot(families, type_prefix_hash(types, id, COMMON),
				  NULL);
	uint32_t first;

	if (!slot)
		return false;
	if (!*slot) {
		*slot = (uint64_t)id + 1;
		return true;
	}
	first = (uint32_t)(*slot - 1);
	/* Two rows of members may have one hash. */
	if (type_prefix_same(types, id, first, COMMON)) {
		r->next[id] = r->next[first];
		r->next[first] = id;
	}
	return true;
}

bool relatives_build(const struct type_table *types, struct relatives *ret,
		     struct err *err)
{
	struct relatives r = { .n_types = types->types.len };
	struct map families = {0};
	bool ok;

	*ret = (struct relatives){0};
	r.next = calloc(r.n_types + 1, sizeof(*r.next));
	ok = r.next != NULL;
	for (uint32_t i = 0; ok && i < r.n_types; i++)
		r.next[i] = i;
	for (uint32_t i = 0; ok && i < r.n_types; i++)
		ok = !may_have_relatives(types, i) ||
		     join(types, i, &families, &r);
	map_free(&families);
	if (!ok) {
		relatives_free(&r);
		return err_nomem(err, "the table of types");
	}
	*ret = r;
	return true;
}

void relatives_free(struct relatives *r)
{
	free(r->next);
	*r = (struct relatives){0};
}

bool relatives_any(const struct relatives *r, uint32_t id)
{
	return id < r->n_types && r->next[id] != id;
}
