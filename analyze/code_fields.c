/* SPDX-License-Identifier: MIT */
#include "analyze/code_fields.h"

enum {
	MAX_HANDLE = 64,	/* bytes of the record */
	MAX_TABLE = 256,	/* bytes of a table of functions */
};

/* What @m points at, stripped; TYPE_FUNCTION has @kind then. False when it is
 * no pointer. */
static bool points_at(const struct type_table *types, const struct member *m,
		      uint32_t *target)
{
	uint32_t id = types_strip(types, m->type);

	if (id == TYPE_NONE || types->types.at[id].kind != TYPE_POINTER)
		return false;
	*target = types_strip(types, types->types.at[id].target);
	return true;
}

/* A struct of pointers to functions, and little else. */
static bool is_table(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];
	uint32_t functions = 0, target;

	if (!types_is_record(types, id) || t->size > MAX_TABLE)
		return false;
	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&types->members.at[t->first_member + i];

		functions += points_at(types, m, &target) &&
			     target != TYPE_NONE &&
			     types->types.at[target].kind == TYPE_FUNCTION;
	}
	return functions > 0 && functions * 2 >= t->n_members;
}

static bool has_void_pointer(const struct type_table *types, uint32_t record)
{
	const struct type *t = &types->types.at[record];
	uint32_t target;

	for (uint32_t i = 0; i < t->n_members; i++) {
		if (points_at(types, &types->members.at[t->first_member + i],
			      &target) && target == TYPE_NONE)
			return true;
	}
	return false;
}

/* The innermost record around @leaf that has room for more than a pointer. */
static const struct leaf_step *record_around(const struct type_table *types,
					     const struct leaf *leaf)
{
	for (unsigned i = leaf->n_chain; i-- > 0;) {
		const struct leaf_step *step = &leaf->chain[i];

		if (step->record == TYPE_NONE)
			return NULL;
		if (types->types.at[step->record].size > 8)
			return step;
	}
	return NULL;
}

bool code_field_of(const struct type_table *types, const struct leaf *leaf,
		   uint32_t target, struct code_field *ret)
{
	bool code = types->types.at[target].kind == TYPE_FUNCTION;
	const struct leaf_step *around;
	uint64_t size;

	if (!code && !is_table(types, target))
		return false;
	around = record_around(types, leaf);
	size = around ? types->types.at[around->record].size : 0;
	if (size == 0 || size > MAX_HANDLE ||
	    (!code && !has_void_pointer(types, around->record)))
		return false;
	*ret = (struct code_field){
		.offset = leaf->offset, .start = around->base,
		.end = around->base + size,
		.table = code ? 0 : types->types.at[target].size,
	};
	return true;
}
