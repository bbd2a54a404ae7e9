/* SPDX-License-Identifier: MIT */
#include "formats/types.h"

#include "formats/types_merge.h"

/* Bounds on chains, so that no table costs more than linear time. */
enum { MAX_CHAIN = 64, MAX_NAMESAKES = 1000, MAX_TYPES = 1 << 30 };

bool types_init(struct type_table *table, struct err *err)
{
	*table = (struct type_table){0};
	return vec_push(&table->strings, '\0') || err_nomem(err, "types");
}

void types_free(struct type_table *table)
{
	vec_free(&table->types);
	vec_free(&table->members);
	vec_free(&table->args);
	vec_free(&table->strings);
	vec_free(&table->hashes);
	vec_free(&table->same_name);
	map_free(&table->by_hash);
	map_free(&table->by_name);
	map_free(&table->string_ids);
	*table = (struct type_table){0};
}

static uint64_t text_hash(const char *text)
{
	return hash_bytes(text, strlen(text), 0);
}

uint32_t types_string(struct type_table *table, const char *text)
{
	size_t n = strlen(text) + 1, at = table->strings.len;
	uint64_t hash = text_hash(text), *slot;
	bool added;

	if (n == 1 || n > UINT32_MAX - at)
		return 0;
	/* Strings that clash lie in the slots that follow. */
	for (;; hash++) {
		slot = map_slot(&table->string_ids, hash, &added);
		if (!slot)
			return 0;
		if (added)
			break;
		if (strcmp(table->strings.at + *slot, text) == 0)
			return (uint32_t)*slot;
	}
	*slot = 0;
	if (!vec_reserve(&table->strings, at + n))
		return 0;
	memcpy(table->strings.at + at, text, n);
	table->strings.len = at + n;
	*slot = at;
	return (uint32_t)at;
}

static bool equal(const struct type *a, const struct type *b)
{
	return types_same_family(a, b) && a->name == b->name &&
	       a->size == b->size && a->n_members == b->n_members &&
	       a->n_args == b->n_args && a->count == b->count &&
	       (!types_is_derived(a) || a->target == b->target);
}

uint32_t types_equal(const struct type_table *table, const struct type *type,
		     uint64_t hash)
{
	for (int i = 0; i < MAX_CHAIN; i++) {
		uint64_t id = map_get(&table->by_hash, hash++, 0);

		if (id == 0)
			break;
		if (equal(&table->types.at[id - 1], type))
			return (uint32_t)id - 1;
	}
	return TYPE_NONE;
}

static bool index_hash(struct type_table *table, uint32_t id, uint64_t hash)
{
	for (int i = 0; i < MAX_CHAIN; i++) {
		bool added;
		uint64_t *slot = map_slot(&table->by_hash, hash++, &added);

		if (!slot)
			return false;
		if (added) {
			*slot = (uint64_t)id + 1;
			return true;
		}
	}
	return true;	/* not indexed: may be stored twice */
}

static bool index_name(struct type_table *table, uint32_t id)
{
	const char *name = types_text(table, table->types.at[id].name);
	uint64_t *slot;

	if (*name == '\0')
		return true;
	slot = map_slot(&table->by_name, text_hash(name), NULL);
	if (!slot)
		return false;
	if (*slot)
		table->same_name.at[id] = (uint32_t)(*slot - 1);
	*slot = (uint64_t)id + 1;
	return true;
}

uint32_t types_namesake(const struct type_table *table,
			const struct type *type, bool declaration)
{
	const char *name = types_text(table, type->name);
	uint32_t id = TYPE_NONE;

	for (int i = 0; i < MAX_NAMESAKES; i++) {
		const struct type *t;

		if (types_find(table, name, &id) == TYPE_NONE)
			break;
		t = &table->types.at[id];
		if (types_same_family(t, type) &&
		    declaration == !!(t->flags & TYPE_DECLARATION))
			return id;
	}
	return TYPE_NONE;
}

static bool copy_parts(struct type_table *table, const struct type *type,
		       const struct member *members,
		       const struct template_arg *args)
{
	size_t n_members = table->members.len, n_args = table->args.len;

	if (n_members + type->n_members > UINT32_MAX ||
	    n_args + type->n_args > UINT32_MAX ||
	    !vec_reserve(&table->members, n_members + type->n_members) ||
	    !vec_reserve(&table->args, n_args + type->n_args))
		return false;
	if (type->n_members)
		memcpy(table->members.at + n_members, members,
		       type->n_members * sizeof(*members));
	if (type->n_args)
		memcpy(table->args.at + n_args, args,
		       type->n_args * sizeof(*args));
	table->members.len += type->n_members;
	table->args.len += type->n_args;
	return true;
}

/* Add members and arguments; *@type learns where they are. */
static inline bool append_parts(struct type_table *table, struct type *type,
				const struct member *members,
				const struct template_arg *args)
{
	type->first_member = (uint32_t)table->members.len;
	type->first_arg = (uint32_t)table->args.len;
	return (type->n_members == 0 && type->n_args == 0) ||
	       copy_parts(table, type, members, args);
}

uint32_t types_append(struct type_table *table, const struct type *type,
		      const struct member *members,
		      const struct template_arg *args)
{
	struct type *t;

	if (table->types.len >= MAX_TYPES ||
	    !vec_reserve(&table->types, table->types.len + 1))
		return TYPE_NONE;
	t = &table->types.at[table->types.len];
	*t = *type;
	return append_parts(table, t, members, args) ?
	       (uint32_t)table->types.len++ : TYPE_NONE;
}

bool types_complete(struct type_table *table, uint32_t id,
		    const struct type *type, const struct member *members,
		    const struct template_arg *args)
{
	struct type *t = &table->types.at[id];
	uint32_t popularity = t->popularity;

	*t = *type;
	t->popularity += popularity;
	return append_parts(table, t, members, args);
}

uint32_t types_put(struct type_table *table, uint32_t id,
		   const struct type *type, const struct member *members,
		   const struct template_arg *args, uint64_t hash)
{
	struct type copy = *type;

	if (id != TYPE_NONE) {
		copy.popularity += table->types.at[id].popularity;
		if (!append_parts(table, &copy, members, args))
			return TYPE_NONE;
		table->types.at[id] = copy;
		table->hashes.at[id] = hash;
		return index_hash(table, id, hash) ? id : TYPE_NONE;
	}
	if (!vec_reserve(&table->hashes, table->types.len + 1) ||
	    !vec_reserve(&table->same_name, table->types.len + 1))
		return TYPE_NONE;
	id = types_append(table, type, members, args);
	if (id == TYPE_NONE)
		return TYPE_NONE;
	table->hashes.at[table->hashes.len++] = hash;
	table->same_name.at[table->same_name.len++] = TYPE_NONE;
	if (!index_hash(table, id, hash) || !index_name(table, id))
		return TYPE_NONE;
	return id;
}

uint32_t types_add(struct type_table *table, const struct type *type,
		   const struct member *members,
		   const struct template_arg *args)
{
	uint64_t hash = types_hash(table, type, members, args,
				   table->hashes.at);
	bool declaration = type->flags & TYPE_DECLARATION;
	uint32_t id = types_equal(table, type, hash), other = TYPE_NONE;

	if (id == TYPE_NONE && type->name && !types_is_derived(type)) {
		other = types_namesake(table, type, !declaration);
		if (declaration)
			id = other;
	}
	if (id != TYPE_NONE) {
		table->types.at[id].popularity += type->popularity;
		return id;
	}
	return types_put(table, other, type, members, args, hash);
}

uint32_t types_pointer_to(struct type_table *table, uint32_t target)
{
	struct type pointer = {
		.kind = TYPE_POINTER, .size = 8, .target = target,
		.scope = TYPE_NONE, .module = UINT32_MAX,
	};

	return types_add(table, &pointer, NULL, NULL);
}

static bool index_string(struct type_table *table, size_t at)
{
	const char *text = table->strings.at + at;
	uint64_t hash = text_hash(text);

	for (int i = 0; i < MAX_CHAIN; i++) {
		bool added;
		uint64_t *slot = map_slot(&table->string_ids, hash++, &added);

		if (!slot)
			return false;
		if (added)
			*slot = at;
		if (strcmp(table->strings.at + *slot, text) == 0)
			break;
	}
	return true;
}

bool types_index(struct type_table *table, struct err *err)
{
	size_t n = table->types.len;

	if (!types_hash_all(table, true) || !vec_reserve(&table->same_name, n))
		return err_nomem(err, "types");
	for (size_t i = 1; i < table->strings.len;
	     i += strlen(table->strings.at + i) + 1) {
		if (!index_string(table, i))
			return err_nomem(err, "type names");
	}
	table->same_name.len = n;
	for (uint32_t i = 0; i < n; i++) {
		table->same_name.at[i] = TYPE_NONE;
		if (!index_name(table, i) ||
		    !index_hash(table, i, table->hashes.at[i]))
			return err_nomem(err, "types");
	}
	return true;
}

uint32_t types_find(const struct type_table *table, const char *name,
		    uint32_t *i)
{
	uint32_t id;

	if (*i == TYPE_NONE)
		id = (uint32_t)map_get(&table->by_name, text_hash(name), 0) - 1;
	else
		id = table->same_name.at[*i];
	while (id != TYPE_NONE &&
	       strcmp(types_text(table, table->types.at[id].name), name) != 0)
		id = table->same_name.at[id];
	*i = id;
	return id;
}

const struct member *types_member_called(const struct type_table *table,
					 uint32_t id, const char *name)
{
	const struct type *t = &table->types.at[id];

	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m = &table->members.at[t->first_member + i];

		if (strcmp(types_text(table, m->name), name) == 0)
			return m;
	}
	return NULL;
}

bool types_name_begins(const struct type_table *table, uint32_t id,
		       const char *start)
{
	return strncmp(types_text(table, table->types.at[id].name), start,
		       strlen(start)) == 0;
}

uint32_t types_strip(const struct type_table *table, uint32_t id)
{
	for (int i = 0; i < MAX_CHAIN && id < table->types.len; i++) {
		if (table->types.at[id].kind != TYPE_TYPEDEF)
			return id;
		id = table->types.at[id].target;
	}
	return TYPE_NONE;
}

const struct type *types_tail(const struct type_table *table, uint32_t id)
{
	const struct type *t = &table->types.at[id];
	const struct member *last;

	if (t->n_members == 0)
		return NULL;
	last = &table->members.at[t->first_member + t->n_members - 1];
	id = types_strip(table, last->type);
	return id != TYPE_NONE && table->types.at[id].kind == TYPE_ARRAY ?
	       &table->types.at[id] : NULL;
}

bool types_language_is_c(uint8_t language)
{
	switch (language) {
	case 0x01:	/* DW_LANG_C89 */
	case 0x02:	/* DW_LANG_C */
	case 0x0c:	/* DW_LANG_C99 */
	case 0x1d:	/* DW_LANG_C11 */
	case 0x2c:	/* DW_LANG_C17 */
		return true;
	default:
		return false;
	}
}

bool types_is_record(const struct type_table *table, uint32_t id)
{
	if (id >= table->types.len)
		return false;
	switch (table->types.at[id].kind) {
	case TYPE_STRUCT:
	case TYPE_CLASS:
	case TYPE_UNION:
		return true;
	default:
		return false;
	}
}

static bool is_id(const struct type_table *table, uint32_t id)
{
	return id == TYPE_NONE || id < table->types.len;
}

static bool type_is_valid(const struct type_table *table, const struct type *t)
{
	return t->name < table->strings.len && t->kind <= TYPE_TYPEDEF &&
	       is_id(table, t->target) && is_id(table, t->scope) &&
	       t->n_members <= table->members.len &&
	       t->first_member <= table->members.len - t->n_members &&
	       t->n_args <= table->args.len &&
	       t->first_arg <= table->args.len - t->n_args;
}

bool types_check(const struct type_table *table, struct err *err)
{
	if (table->strings.len == 0 || table->strings.at[0] != '\0' ||
	    table->strings.at[table->strings.len - 1] != '\0')
		return err_set(err, ERR_FORMAT, "type names are not terminated");
	if (table->types.len > MAX_TYPES)
		return err_set(err, ERR_LIMIT, "more than 2^30 types");
	for (size_t i = 0; i < table->types.len; i++) {
		if (!type_is_valid(table, &table->types.at[i]))
			return err_set(err, ERR_FORMAT,
				       "type %zu refers out of the table", i);
	}
	for (size_t i = 0; i < table->members.len; i++) {
		const struct member *m = &table->members.at[i];

		if (m->name >= table->strings.len || !is_id(table, m->type))
			return err_set(err, ERR_FORMAT,
				       "member %zu refers out of the table", i);
	}
	for (size_t i = 0; i < table->args.len; i++) {
		const struct template_arg *a = &table->args.at[i];

		if (a->name >= table->strings.len || !is_id(table, a->type))
			return err_set(err, ERR_FORMAT, "template argument %zu "
				       "refers out of the table", i);
	}
	return true;
}
