/* SPDX-License-Identifier: MIT */
/* What makes two descriptions the same type; the idea is in types_merge.h. */
#include "formats/types_merge.h"

enum { MAX_CHAIN = 64 };

__extension__ typedef unsigned __int128 product;

/* After wyhash (Wang Yi, 2019): the halves of a product. */
static uint64_t mix(uint64_t h, uint64_t value)
{
	product p = (product)(h ^ UINT64_C(0xa0761d6478bd642f)) *
		    (value ^ UINT64_C(0xe7037ed1a0b428db));

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* What hashing needs to know of a table. */
struct context {
	const struct type_table *table;
	const uint64_t *hashes;	/* of its types so far */
	/* Of its strings so far, by offset, and of references to its types;
	 * 0 not known. NULL where few are hashed. */
	uint64_t *texts, *refs;
};

static uint64_t hash_text(const struct context *c, uint32_t string)
{
	const char *text = types_text(c->table, string);
	uint64_t hash = hash_bytes(text, strlen(text), 0);

	if (c->texts && string < c->table->strings.len)
		c->texts[string] = hash;
	return hash;
}

static inline uint64_t mix_text(uint64_t h, const struct context *c,
				uint32_t string)
{
	uint64_t known = c->texts && string < c->table->strings.len ?
			 c->texts[string] : 0;

	return mix(h, known ? known : hash_text(c, string));
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

/* The hash of a reference to a type: its name, or its shape when nameless;
 * then hashes so far take part, and *@is_final becomes false. */
static uint64_t follow(const struct context *c, uint32_t id, bool *is_final)
{
	const struct type_table *table = c->table;
	uint64_t h = 0;

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
			return mix_text(h, c, t->name);
		if (!types_is_derived(t)) {
			*is_final = false;
			return mix(h, c->hashes[id]);
		}
		h = mix(h, t->count);
		id = t->target;
	}
	return h;
}

static uint64_t hash_ref(const struct context *c, uint32_t id)
{
	bool is_final = true;
	uint64_t ref = follow(c, id, &is_final);

	if (is_final && c->refs && id < c->table->types.len)
		c->refs[id] = ref;
	return ref;
}

static inline uint64_t mix_ref(uint64_t h, const struct context *c, uint32_t id)
{
	uint64_t known = c->refs && id < c->table->types.len ? c->refs[id] : 0;

	return mix(h, known ? known : hash_ref(c, id));
}

static uint64_t hash_derived(const struct context *c, const struct type *t)
{
	uint64_t h = mix(t->kind, t->target);

	h = mix(h, t->count);
	h = mix(h, t->size);
	h = mix(h, t->flags);
	if (t->kind == TYPE_MEMBER_POINTER)
		h = mix(h, t->scope);
	return mix_text(h, c, t->name);
}

static uint64_t hash_type(const struct context *c, const struct type *type,
			  const struct member *members,
			  const struct template_arg *args)
{
	const uint16_t telling = TYPE_UNSIGNED | TYPE_DECLARATION |
				 TYPE_VARIANT;
	uint64_t h;

	if (types_is_derived(type))
		return hash_derived(c, type);
	h = mix_text(family(type), c, type->name);
	h = mix(h, type->size);
	h = mix(h, type->flags & telling);
	h = mix(h, type->n_members);
	h = mix_ref(h, c, type->target);
	for (uint32_t i = 0; i < type->n_members; i++) {
		const struct member *m = &members[i];

		h = mix_text(h, c, m->name);
		h = mix(h, m->offset);
		h = mix(h, m->flags | (uint64_t)m->bit_size << 16 |
			(uint64_t)m->bit_offset << 32);
		h = mix_ref(h, c, m->type);
	}
	for (uint32_t i = 0; i < type->n_args; i++) {
		h = mix(h, args[i].value);
		h = mix(h, args[i].is_value);
		h = mix_ref(h, c, args[i].type);
	}
	return h;
}

uint64_t types_hash(const struct type_table *table, const struct type *type,
		    const struct member *members,
		    const struct template_arg *args, const uint64_t *hashes)
{
	const struct context c = { .table = table, .hashes = hashes };

	return hash_type(&c, type, members, args);
}

static uint64_t hash_of(const struct context *c, uint32_t id)
{
	const struct type *t = &c->table->types.at[id];

	return hash_type(c, t, vec_from(&c->table->members, t->first_member),
			 vec_from(&c->table->args, t->first_arg));
}

static bool is_nameless(const struct type *t)
{
	return !t->name && !types_is_derived(t);
}

/*
 * Nameless types see one level deeper in each round (as colours do in the
 * refinement of B. Weisfeiler and A. Leman, 1968); the last round serves all.
 */
static bool hash_rounds(struct type_table *table, bool with_derived,
			const struct context *c, uint64_t *old)
{
	enum { ROUNDS = 5 };
	uint32_t n = (uint32_t)table->types.len;
	VEC(uint32_t) nameless = {0};
	bool ok = true;

	for (uint32_t i = 0; ok && i < n; i++) {
		if (is_nameless(&table->types.at[i]))
			ok = vec_push(&nameless, i);
	}
	for (int round = 1; ok && round < ROUNDS; round++) {
		for (size_t i = 0; i < nameless.len; i++)
			table->hashes.at[nameless.at[i]] =
				hash_of(c, nameless.at[i]);
		for (size_t i = 0; i < nameless.len; i++)
			old[nameless.at[i]] =
				table->hashes.at[nameless.at[i]];
	}
	for (uint32_t i = 0; ok && i < n; i++) {
		if (with_derived || !types_is_derived(&table->types.at[i]))
			table->hashes.at[i] = hash_of(c, i);
	}
	table->hashes.len = n;
	vec_free(&nameless);
	return ok;
}

bool types_hash_all(struct type_table *table, bool with_derived)
{
	struct context c = { .table = table };
	uint64_t *old = calloc(table->types.len + 1, sizeof(*old));
	bool ok;

	c.hashes = old;
	c.texts = calloc(table->strings.len + 1, sizeof(*c.texts));
	c.refs = calloc(table->types.len + 1, sizeof(*c.refs));
	ok = old && c.texts && c.refs &&
	     vec_reserve(&table->hashes, table->types.len) &&
	     hash_rounds(table, with_derived, &c, old);
	free(old);
	free(c.texts);
	free(c.refs);
	return ok;
}
