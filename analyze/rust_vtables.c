/* SPDX-License-Identifier: MIT */
#include "analyze/rust_vtables.h"

#include <string.h>

/* drop, size, alignment, two methods. */
enum { WORDS = 5, FIRST_METHOD = 3 };

/* The type that a vtable of type @id belongs to: an argument of it. */
static uint32_t self_of(const struct type_table *types, uint32_t id)
{
	const struct type *t;

	id = types_strip(types, id);
	if (id == TYPE_NONE)
		return TYPE_NONE;
	t = &types->types.at[id];
	for (uint32_t i = 0; i < t->n_args; i++) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];

		if (strcmp(types_text(types, a->name), ARG_SELF) == 0)
			return types_strip(types, a->type);
	}
	return TYPE_NONE;
}

/* What tells the vtable at @addr from others; false when it has no methods. */
static bool key_of(const struct image *image, uint64_t addr, uint64_t *key)
{
	uint64_t words[WORDS];

	for (int i = 0; i < WORDS; i++) {
		if (!image_u64(image, addr + (uint64_t)i * 8, &words[i]))
			return false;
	}
	for (int i = FIRST_METHOD; i < WORDS; i++) {
		const struct mapping *m = image_mapping(image, words[i]);

		if (!m || !(m->perms & PERM_EXEC))
			return false;
	}
	*key = hash_bytes(words + 1, sizeof(words) - sizeof(words[0]), 0);
	return true;
}

static bool note(struct rust_vtables *vtables, const struct image *image,
		 const struct variable *v)
{
	uint32_t self = self_of(&image->types, v->type), id;
	uint64_t key, *slot;
	bool added;

	if (self == TYPE_NONE)
		return true;
	id = types_strip(&image->types, v->type);
	if (image->types.types.at[id].n_members < WORDS ||
	    !key_of(image, v->addr, &key))
		return true;
	slot = map_slot(&vtables->by_methods, key, &added);
	if (!slot)
		return false;
	if (added)
		*slot = (uint64_t)self + 1;
	else if (*slot != (uint64_t)self + 1)
		*slot = 0;
	return true;
}

static bool build(struct rust_vtables *vtables, const struct image *image)
{
	vtables->is_built = true;
	for (size_t i = 0; i < image->vars.len; i++) {
		const struct variable *v = &image->vars.at[i];

		if (v->type != TYPE_NONE && !(v->flags & (VAR_CODE | VAR_TLS)) &&
		    !note(vtables, image, v))
			return false;
	}
	return true;
}

bool rust_vtables_find(struct rust_vtables *vtables, const struct image *image,
		       uint64_t addr, uint32_t *type, bool *sure)
{
	const struct variable *v = image_variable(image, addr);
	uint64_t key, found;

	*type = v && v->addr == addr ? self_of(&image->types, v->type) :
				       TYPE_NONE;
	*sure = *type != TYPE_NONE;
	if (*sure || !image_module(image, addr) || !key_of(image, addr, &key))
		return true;
	if (!vtables->is_built && !build(vtables, image))
		return false;
	found = map_get(&vtables->by_methods, key, 0);
	if (found)
		*type = (uint32_t)(found - 1);
	return true;
}

void rust_vtables_free(struct rust_vtables *vtables)
{
	map_free(&vtables->by_methods);
	*vtables = (struct rust_vtables){0};
}
