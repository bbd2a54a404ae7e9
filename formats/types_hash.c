/* SPDX-License-Identifier: MIT */
/* What makes two descriptions the same type; the idea is in types_merge.h. */
#include "formats/types_merge.h"

enum { MAX_CHAIN = 64 };

static uint64_t mix(uint64_t h, uint64_t value)
{
	return hash_u64(h ^ hash_u64(value + UINT64_C(0x9e3779b97f4a7c15)));
}

static uint64_t mix_text(uint64_t h, const struct type_table *table,
			 uint32_t string)
{
	const char *text = types_text(table, string);

	return hash_bytes(text, strlen(text), h);
}

bool types_is_derived(const struct type *type)
{
	switch (type->kind) {
	case TYPE_POINTER:
	case TYPE_REFERENCE:
	case TYPE_MEMBER_POINTER:
	case TYPE_ARRAY:
	case TYPE_TYPEDEF:
		return true;
	default:
		return false;
	}
}

bool types_is_alias(const struct type *type)
{
	return type->kind == TYPE_TYPEDEF && !type->name;
}

/* A forward declaration may say struct where the definition says class. */
static uint8_t family(const struct type *type)
{
	return type->kind == TYPE_CLASS ? TYPE_STRUCT : type->kind;
}

bool types_same_family(const struct type *a, const struct type *b)
{
	return family(a) == family(b);
}

/* The hash of a reference to a type: its name, or its shape when nameless. */
static uint64_t hash_ref(const struct type_table *table, uint32_t id,
			 const uint64_t *hashes, uint64_t h)
{
	for (int i = 0; i < MAX_CHAIN; i++) {
		const struct type *t;

		if (id >= table->types.len)
			return mix(h, 1);
		t = &table->types.at[id];
		if (t->kind == TYPE_VOID && !t->name)
			return mix(h, 1);
		if (types_is_alias(t)) {
			id = t->target;
			continue;
		}
		h = mix(h, family(t));
		if (t->name)
			return mix_text(h, table, t->name);
		if (!types_is_derived(t))
			return mix(h, hashes[id]);
		h = mix(h, t->count);
		id = t->target;
	}
	return h;
}

static uint64_t hash_derived(const struct type_table *table,
			     const struct type *t)
{
	uint64_t h = mix(t->kind, t->target);

	h = mix(h, t->count);
	h = mix(h, t->size);
	h = mix(h, t->flags);
	if (t->kind == TYPE_MEMBER_POINTER)
		h = mix(h, t->scope);
	return mix_text(h, table, t->name);
}

uint64_t types_hash(const struct type_table *table, const struct type *type,
		    const struct member *members,
		    const struct template_arg *args, const uint64_t *hashes)
{
	const uint16_t telling = TYPE_UNSIGNED | TYPE_DECLARATION |
				 TYPE_VARIANT;
	uint64_t h;

	if (types_is_derived(type))
		return hash_derived(table, type);
	h = mix_text(family(type), table, type->name);
	h = mix(h, type->size);
	h = mix(h, type->flags & telling);
	h = mix(h, type->n_members);
	h = hash_ref(table, type->target, hashes, h);
	for (uint32_t i = 0; i < type->n_members; i++) {
		const struct member *m = &members[i];

		h = mix_text(h, table, m->name);
		h = mix(h, m->offset);
		h = mix(h, m->flags | (uint64_t)m->bit_size << 16 |
			(uint64_t)m->bit_offset << 32);
		h = hash_ref(table, m->type, hashes, h);
	}
	for (uint32_t i = 0; i < type->n_args; i++) {
		h = mix(h, args[i].value);
		h = mix(h, args[i].is_value);
		h = hash_ref(table, args[i].type, hashes, h);
	}
	return h;
}

static uint64_t hash_of(const struct type_table *table, uint32_t id,
			const uint64_t *hashes)
{
	const struct type *t = &table->types.at[id];

	return types_hash(table, t, table->members.at + t->first_member,
			  table->args.at + t->first_arg, hashes);
}

/*
 * Nameless types see one level deeper in each round (as colours do in the
 * refinement of B. Weisfeiler and A. Leman, 1968); the last round serves all.
 */
bool types_hash_all(struct type_table *table)
{
	enum { ROUNDS = 5 };
	uint32_t n = (uint32_t)table->types.len;
	uint64_t *old = calloc(n + (size_t)1, sizeof(*old));

	if (!old || !vec_reserve(&table->hashes, n)) {
		free(old);
		return false;
	}
	for (int round = 1; round <= ROUNDS; round++) {
		for (uint32_t i = 0; i < n; i++) {
			const struct type *t = &table->types.at[i];
			bool nameless = !t->name && !types_is_derived(t);

			if (round == ROUNDS || nameless)
				table->hashes.at[i] = hash_of(table, i, old);
		}
		for (uint32_t i = 0; round < ROUNDS && i < n; i++) {
			const struct type *t = &table->types.at[i];

			if (!t->name && !types_is_derived(t))
				old[i] = table->hashes.at[i];
		}
	}
	table->hashes.len = n;
	free(old);
	return true;
}
