/* SPDX-License-Identifier: MIT */
#include "analyze/type_words.h"

/* A larger element is scanned word by word: its map would not be cheap. */
enum { MAX_WORDS = 1 << 16, MAX_BASES = 64 };

struct fill {
	const struct type_table *types;
	uint32_t type;		/* that is mapped, stripped */
	uint8_t *kind;
	bool *own;
	uint64_t n;
	bool give_up;		/* the layout is not a constant */
	/* The last record that small_text() was asked about, and its text. */
	uint32_t record, text;
};

bool type_words_init(const struct type_table *types, struct type_words *ret,
		     struct err *err)
{
	*ret = (struct type_words){ .n_types = types->types.len };
	ret->maps = calloc(ret->n_types + 1, sizeof(*ret->maps));
	return ret->maps || err_nomem(err, "word maps");
}

void type_words_free(struct type_words *words)
{
	free(words->maps);
	arena_free(&words->arena);
	*words = (struct type_words){0};
}

/* The pointers inside std::weak_ptr, of libstdc++ and of libc++. */
static bool is_weak(const struct type_table *types, const struct leaf *leaf)
{
	static const char *const owners[] = {
		"std::__weak_ptr<", "std::__weak_count<", "std::__1::weak_ptr<",
	};
	const char *name;

	if (leaf->owner >= types->types.len)
		return false;
	name = types_text(types, types->types.at[leaf->owner].name);
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		if (!strncmp(name, owners[i], strlen(owners[i])))
			return true;
	}
	return false;
}

/* The first pointer of a record that is in no union: what it refers to. */
struct first_pointer {
	const struct type_table *types;
	uint32_t target;
};

static bool find_pointer(void *ctx, const struct leaf *leaf)
{
	struct first_pointer *find = ctx;
	const struct type *t = leaf->type == TYPE_NONE ? NULL :
			       &find->types->types.at[leaf->type];

	if (!t || leaf->in_union || t->kind != TYPE_POINTER)
		return true;
	find->target = types_strip(find->types, t->target);
	return false;
}

/* The record that has the innermost union that @leaf lies in. */
static uint32_t around_union(const struct type_table *types,
			     const struct leaf *leaf)
{
	bool inside = true;

	for (unsigned i = leaf->n_chain; i-- > 0;) {
		uint32_t id = leaf->chain[i].record;
		bool is_union = id != TYPE_NONE &&
				types->types.at[id].kind == TYPE_UNION;

		if (id != TYPE_NONE && !inside && !is_union)
			return id;
		inside &= !is_union;
	}
	return TYPE_NONE;
}

/*
 * Characters in a union, of a record whose pointer is one to characters of the
 * same type: the small-string optimisation. They are text, and what else
 * stands there is left of older text: no room in which objects are made.
 */
static bool small_text(struct fill *fill, const struct leaf *leaf)
{
	enum { LIMIT = 16 };	/* leaves of the record that are looked at */
	struct first_pointer find = { fill->types, TYPE_NONE };
	uint32_t record = around_union(fill->types, leaf);

	if (record == TYPE_NONE)
		return false;
	if (record != fill->record) {
		types_leaves(fill->types, record, LIMIT, find_pointer, &find);
		fill->record = record;
		fill->text = find.target;
	}
	return fill->text == leaf->type;
}

static enum word_kind kind_of(struct fill *fill, const struct type *t,
			      const struct leaf *leaf)
{
	const struct type_table *types = fill->types;
	bool sure = !leaf->in_union && !(leaf->flags & MEMBER_VARIANT);

	switch (t->kind) {
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		if (!sure || leaf->offset % 8 != 0)
			return WORD_MAYBE;
		return is_weak(types, leaf) ? WORD_WEAK : WORD_POINTER;
	case TYPE_BOOL:
	case TYPE_FLOAT:
	case TYPE_ENUM:
		return WORD_DEAD;
	case TYPE_INT:
		return t->size >= 8 ? WORD_MAYBE : WORD_DEAD;
	case TYPE_CHAR:
		return leaf->in_union && small_text(fill, leaf) ? WORD_DEAD :
								  WORD_MAYBE;
	default:
		return WORD_MAYBE;	/* bytes may hold anything */
	}
}

/* Is @id the type of an object of @type, or that of a base class that it
 * begins with? */
static bool is_own(const struct type_table *types, uint32_t type, uint32_t id)
{
	for (int i = 0; i < MAX_BASES && type != TYPE_NONE; i++) {
		const struct type *t = &types->types.at[type];
		uint32_t base = TYPE_NONE;

		/* A class may be known twice, by its declaration too. */
		if (type == id || (id != TYPE_NONE && t->name &&
				   types->types.at[id].name == t->name))
			return true;
		for (uint32_t k = 0; types_is_record(types, type) &&
		     k < t->n_members && base == TYPE_NONE; k++) {
			const struct member *m =
				&types->members.at[t->first_member + k];

			if (m->flags & MEMBER_BASE && m->offset == 0 &&
			    !(m->flags & MEMBER_VIRTUAL))
				base = types_strip(types, m->type);
		}
		type = base;
	}
	return false;
}

static bool visit(void *ctx, const struct leaf *leaf)
{
	struct fill *fill = ctx;
	const struct type *t;
	enum word_kind kind;
	uint64_t first = leaf->offset / 8, last;

	if (leaf->flags & MEMBER_VIRTUAL)
		fill->give_up = true;
	if (leaf->type == TYPE_NONE || leaf->type >= fill->types->types.len)
		return true;
	t = &fill->types->types.at[leaf->type];
	if (t->size == 0 || first >= fill->n)
		return true;
	kind = kind_of(fill, t, leaf);
	last = (leaf->offset + t->size - 1) / 8;
	for (uint64_t i = first; i <= last && i < fill->n; i++) {
		if (fill->kind[i] < kind)
			fill->kind[i] = (uint8_t)kind;
	}
	if (leaf->offset % 8 == 0 && (t->kind == TYPE_POINTER ||
				      t->kind == TYPE_REFERENCE))
		fill->own[first] |= is_own(fill->types, fill->type,
					   types_strip(fill->types, t->target));
	return true;
}

/* int tail[] or tail[0] or (of old) tail[1] at the end of a struct. */
static bool is_open_ended(const struct type_table *types, uint32_t type)
{
	const struct type *tail = types_tail(types, type);

	return tail && tail->count <= 1;
}

bool type_words_add(const struct type_table *types, uint32_t type,
		    struct type_words *words, struct err *err)
{
	uint32_t id = types_strip(types, type);
	struct fill fill = {
		.types = types, .type = id, .record = TYPE_NONE,
	};
	struct word_map *map;
	const struct type *t;

	if (id == TYPE_NONE || type >= words->n_types || words->maps[type])
		return true;
	t = &types->types.at[id];
	map = arena_alloc(&words->arena, sizeof(*map));
	if (!map)
		return err_nomem(err, "word maps");
	words->maps[type] = map;
	map->stride = t->size;
	map->open_ended = is_open_ended(types, id);
	fill.n = (t->size + 7) / 8;
	if (fill.n == 0 || fill.n > MAX_WORDS)
		return true;
	fill.kind = arena_alloc(&words->arena, fill.n);
	fill.own = arena_alloc(&words->arena, fill.n * sizeof(*fill.own));
	if (!fill.kind || !fill.own)
		return err_nomem(err, "word maps");
	types_leaves(types, id, (uint64_t)MAX_WORDS * 8, visit, &fill);
	if (fill.give_up)
		return true;
	map->kind = fill.kind;
	map->own = fill.own;
	map->n = (uint32_t)fill.n;
	return true;
}
