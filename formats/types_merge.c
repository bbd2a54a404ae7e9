/* SPDX-License-Identifier: MIT */
#include "formats/types_merge.h"

enum { MAX_CHAIN = 64 };
#define TYPE_PENDING (UINT32_MAX - 1)	/* being resolved further up */

struct merge {
	struct type_table *into;
	struct type_table hashed;	/* borrows from; owns hashes */
	const struct type_table *from;
	uint32_t module;
	uint32_t *map;			/* [from->types.len] */
	uint32_t *strings;		/* [from->strings.len] in into, 0 not
					 * yet */
	struct map definitions;		/* of from: name (in into) and family
					 * -> id + 1 */
	VEC(uint32_t) declarations, derived;	/* ids in from */
	VEC(uint32_t) fresh;		/* ids in into, types not yet mapped */
};

static const struct type *type_of(const struct merge *m, uint32_t i)
{
	return &m->from->types.at[i];
}

/* Of a type whose name is one of the target. */
static uint64_t name_key(const struct type *t)
{
	return (uint64_t)t->name << 8 |
	       (t->kind == TYPE_CLASS ? TYPE_STRUCT : t->kind);
}

static uint32_t string(struct merge *m, uint32_t from)
{
	uint32_t *known;

	if (from >= m->from->strings.len)
		return 0;
	known = &m->strings[from];
	if (*known == 0)
		*known = types_string(m->into, types_text(m->from, from));
	return *known;
}

/* The type as it stands in the target, but for the ids in it. */
static struct type translate(struct merge *m, uint32_t i)
{
	struct type t = *type_of(m, i);

	t.name = string(m, t.name);
	t.module = m->module;
	return t;
}

static uint32_t put(struct merge *m, uint32_t at, uint32_t i, struct type *t)
{
	const struct type *from = type_of(m, i);
	uint32_t id = types_put(m->into, at, t,
				vec_from(&m->from->members,
					 from->first_member),
				vec_from(&m->from->args, from->first_arg),
				m->hashed.hashes.at[i]);

	return id != TYPE_NONE && vec_push(&m->fresh, id) ? id : TYPE_NONE;
}

static bool add_definition(struct merge *m, uint32_t i)
{
	struct type t = translate(m, i);
	uint32_t id = types_equal(m->into, &t, m->hashed.hashes.at[i]);

	if (id != TYPE_NONE) {
		m->into->types.at[id].popularity += t.popularity;
	} else {
		uint32_t declared = t.name ?
			types_namesake(m->into, &t, true) : TYPE_NONE;

		id = put(m, declared, i, &t);
	}
	m->map[i] = id;
	if (id != TYPE_NONE && t.name) {
		uint64_t *slot = map_slot(&m->definitions,
					  name_key(&t), NULL);

		if (!slot)
			return false;
		if (*slot == 0)
			*slot = (uint64_t)id + 1;
	}
	return id != TYPE_NONE;
}

static bool add_declaration(struct merge *m, uint32_t i)
{
	struct type t = translate(m, i);
	uint64_t own = map_get(&m->definitions, name_key(&t), 0);
	uint32_t id = (uint32_t)own - 1;

	if (own == 0 && t.name)
		id = types_namesake(m->into, &t, false);
	if (id == TYPE_NONE)
		id = types_equal(m->into, &t, m->hashed.hashes.at[i]);
	if (id == TYPE_NONE)
		id = put(m, TYPE_NONE, i, &t);
	else
		m->into->types.at[id].popularity += t.popularity;
	m->map[i] = id;
	return id != TYPE_NONE;
}

static uint32_t mapped(const struct merge *m, uint32_t id)
{
	if (id >= m->from->types.len || m->map[id] >= TYPE_PENDING)
		return TYPE_NONE;
	return m->map[id];
}

static bool add_derived(struct merge *m, uint32_t i)
{
	struct type t = translate(m, i);
	uint64_t hash;
	uint32_t id;

	if (types_is_alias(&t)) {
		m->map[i] = mapped(m, t.target);
		if (m->map[i] != TYPE_NONE)
			m->into->types.at[m->map[i]].popularity += t.popularity;
		return true;
	}
	t.target = mapped(m, t.target);
	t.scope = mapped(m, t.scope);
	t.n_members = t.n_args = 0;
	hash = types_hash(m->into, &t, NULL, NULL, m->into->hashes.at);
	id = types_equal(m->into, &t, hash);
	if (id != TYPE_NONE)
		m->into->types.at[id].popularity += t.popularity;
	else
		id = types_put(m->into, TYPE_NONE, &t, NULL, NULL, hash);
	m->map[i] = id;
	return id != TYPE_NONE;
}

/* Targets first: down the chain to a type that is mapped, then back up. */
static bool add_chain(struct merge *m, uint32_t i)
{
	uint32_t chain[MAX_CHAIN];
	int n = 0;

	while (n < MAX_CHAIN && i < m->from->types.len &&
	       m->map[i] == TYPE_NONE && types_is_derived(type_of(m, i))) {
		m->map[i] = TYPE_PENDING;
		chain[n++] = i;
		i = type_of(m, i)->target;
	}
	while (n > 0) {
		if (!add_derived(m, chain[--n]))
			return false;
	}
	return true;
}

/* The ids in a type that was put in place are still those of `from`. */
static void map_parts(struct merge *m, uint32_t id)
{
	struct type *t = &m->into->types.at[id];

	t->target = mapped(m, t->target);
	t->scope = mapped(m, t->scope);
	for (uint32_t i = 0; i < t->n_members; i++) {
		struct member *member =
			&m->into->members.at[t->first_member + i];

		member->name = string(m, member->name);
		member->type = mapped(m, member->type);
	}
	for (uint32_t i = 0; i < t->n_args; i++) {
		struct template_arg *arg = &m->into->args.at[t->first_arg + i];

		arg->name = string(m, arg->name);
		arg->type = mapped(m, arg->type);
	}
}

/* Definitions at once; what is left for later, by kind. */
static bool add_definitions(struct merge *m)
{
	for (uint32_t i = 0; i < m->from->types.len; i++) {
		const struct type *t = type_of(m, i);
		bool ok = true;

		if (t->kind == TYPE_VOID && !t->name)
			continue;
		if (types_is_derived(t))
			ok = vec_push(&m->derived, i);
		else if (t->flags & TYPE_DECLARATION)
			ok = vec_push(&m->declarations, i);
		else
			ok = add_definition(m, i);
		if (!ok)
			return false;
	}
	return true;
}

static bool add_all(struct merge *m)
{
	if (!add_definitions(m))
		return false;
	for (size_t i = 0; i < m->declarations.len; i++) {
		if (!add_declaration(m, m->declarations.at[i]))
			return false;
	}
	for (size_t i = 0; i < m->derived.len; i++) {
		if (!add_chain(m, m->derived.at[i]))
			return false;
	}
	return true;
}

bool types_merge(struct type_table *into, const struct type_table *from,
		 uint32_t module, uint32_t **ret, struct err *err)
{
	size_t n = from->types.len;
	struct merge m = {
		.into = into, .from = from, .hashed = *from, .module = module,
	};
	bool ok = false;

	m.hashed.hashes.at = NULL;
	m.hashed.hashes.len = m.hashed.hashes.cap = 0;
	m.map = malloc((n + 1) * sizeof(*m.map));
	m.strings = calloc(from->strings.len + 1, sizeof(*m.strings));
	if (!m.map || !m.strings || !types_hash_all(&m.hashed, false))
		goto out;
	memset(m.map, 0xff, (n + 1) * sizeof(*m.map));
	if (!add_all(&m))
		goto out;
	for (size_t i = 0; i < m.fresh.len; i++)
		map_parts(&m, m.fresh.at[i]);
	if (ret) {
		*ret = m.map;
		m.map = NULL;
	}
	ok = true;
out:
	if (!ok)
		err_nomem(err, "types");
	free(m.map);
	free(m.strings);
	vec_free(&m.declarations);
	vec_free(&m.derived);
	vec_free(&m.fresh);
	vec_free(&m.hashed.hashes);
	map_free(&m.definitions);
	return ok;
}
