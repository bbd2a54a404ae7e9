/* SPDX-License-Identifier: MIT */
/* Types and places in them as people write them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "formats/types.h"

enum { MAX_CHAIN = 16, MAX_DEPTH = 64, MAX_PARAMETER_DEPTH = 3 };

/* Text that grows at its end and is cut at the end of its buffer. */
struct text {
	char *at;
	size_t size, len;
};

static void put(struct text *t, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(args, fmt);
	n = vsnprintf(t->at + t->len, t->size - t->len, fmt, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n;
	if (t->len >= t->size)
		t->len = t->size - 1;
}

/* Put @before in front of what is there; left alone when it does not fit. */
static void put_front(struct text *t, const char *before)
{
	size_t n = strlen(before);

	if (n >= t->size - t->len)
		return;
	memmove(t->at + n, t->at, t->len + 1);
	memcpy(t->at, before, n);
	t->len += n;
}

static const char *nameless(uint8_t kind)
{
	switch (kind) {
	case TYPE_STRUCT: return "struct {...}";
	case TYPE_CLASS:  return "class {...}";
	case TYPE_UNION:  return "union {...}";
	case TYPE_ENUM:	  return "enum {...}";
	default:	  return "?";
	}
}

static void put_type(struct text *out, const struct type_table *table,
		     uint32_t id, int depth);

/* Depth is bounded by MAX_PARAMETER_DEPTH, and the text by its buffer. */
static void put_parameters(struct text *out, const struct type_table *table,
			   const struct type *t, int depth)
{
	put(out, "(");
	for (uint32_t i = 0; i < t->n_args && out->len + 1 < out->size; i++) {
		put(out, i ? ", " : "");
		if (depth < MAX_PARAMETER_DEPTH)
			put_type(out, table, table->args.at[t->first_arg + i].type,
				 depth + 1);
		else
			put(out, "...");
	}
	put(out, ")");
}

/*
 * A C declarator grows around the place of the name: pointers to its left,
 * arrays and parameters to its right, parentheses where they would swap.
 */
static bool put_layer(struct text *decl, const struct type_table *table,
		      const struct type *t, bool *pointer, int depth)
{
	switch (t->kind) {
	case TYPE_POINTER:
		put_front(decl, "*");
		*pointer = true;
		return true;
	case TYPE_REFERENCE:
		put_front(decl, "&");
		*pointer = true;
		return true;
	case TYPE_MEMBER_POINTER:
		put_front(decl, "::*");
		if (t->scope < table->types.len)
			put_front(decl, types_text(table,
					table->types.at[t->scope].name));
		*pointer = true;
		return true;
	case TYPE_ARRAY:
	case TYPE_FUNCTION:
		if (*pointer) {
			put_front(decl, "(");
			put(decl, ")");
		}
		*pointer = false;
		if (t->kind == TYPE_FUNCTION)
			put_parameters(decl, table, t, depth);
		else if (t->flags & TYPE_NO_COUNT)
			put(decl, "[]");
		else
			put(decl, "[%" PRIu64 "]", t->count);
		return true;
	case TYPE_TYPEDEF:
		return true;	/* const and the like, in a raw table */
	default:
		return false;
	}
}

static void put_type(struct text *out, const struct type_table *table,
		     uint32_t id, int depth)
{
	char buf[512] = "";
	struct text decl = { .at = buf, .size = sizeof(buf) };
	const char *name = "void";
	bool pointer = false;

	for (int i = 0; i < MAX_CHAIN && id < table->types.len; i++) {
		const struct type *t = &table->types.at[id];

		if (t->name || !put_layer(&decl, table, t, &pointer, depth)) {
			name = t->name ? types_text(table, t->name)
				       : nameless(t->kind);
			break;
		}
		id = t->target;
	}
	put(out, "%s%s%s", name, decl.len ? " " : "", buf);
}

const char *types_name(const struct type_table *table, uint32_t id, char *buf,
		       size_t size)
{
	struct text out = { .at = buf, .size = size };

	if (size > 0)
		buf[0] = '\0';
	put_type(&out, table, id, 0);
	return buf;
}

/* Bytes that member @m takes, or 0 when its type is not known. */
static uint64_t member_size(const struct type_table *table,
			    const struct member *m)
{
	uint32_t type = types_strip(table, m->type);

	if (type == TYPE_NONE)
		return 0;
	return table->types.at[type].size;
}

static bool has_tail(const struct type_table *table, const struct member *m)
{
	uint32_t type = types_strip(table, m->type);

	return type != TYPE_NONE &&
	       table->types.at[type].kind == TYPE_ARRAY &&
	       (table->types.at[type].flags & TYPE_NO_COUNT ||
		table->types.at[type].count == 0);
}

/* A class without data, like std::allocator and the class it derives from. */
static bool is_empty(const struct type_table *table, uint32_t id)
{
	for (int i = 0; i < MAX_DEPTH && types_is_record(table, id); i++) {
		const struct type *t = &table->types.at[id];

		if (t->n_members == 0)
			return true;
		if (t->n_members > 1 || t->size > 1)
			return false;
		id = types_strip(table, table->members.at[t->first_member].type);
	}
	return false;
}

/*
 * The member of record @t that holds byte @offset, or NULL in padding. An
 * empty base shares its byte with what has a value there. A base with a
 * virtual base is smaller inside another class than its size says, and what
 * comes next may lie in its padding: of several the last to begin.
 */
static const struct member *member_at(const struct type_table *table,
				      const struct type *t, uint64_t offset)
{
	const struct member *empty = NULL, *found = NULL;

	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&table->members.at[t->first_member + i];

		if (m->flags & MEMBER_VIRTUAL || offset < m->offset)
			continue;
		if (offset - m->offset >= member_size(table, m) &&
		    !has_tail(table, m))
			continue;
		if (is_empty(table, types_strip(table, m->type)))
			empty = empty ? empty : m;
		else if (!found || (m->offset > found->offset &&
				    !(t->flags & TYPE_VARIANT)))
			found = m;
	}
	return found ? found : empty;
}

/* Has the enum's variant or the union's member @m something at byte @offset of
 * what it lies in? */
static bool has_something(const struct type_table *table,
			  const struct member *m, uint64_t offset)
{
	uint32_t id = types_strip(table, m->type);
	const struct member *inner;

	if (id == TYPE_NONE || offset < m->offset)
		return false;
	if (!types_is_record(table, id))
		return offset - m->offset < table->types.at[id].size;
	inner = member_at(table, &table->types.at[id], offset - m->offset);
	return inner && !is_empty(table, types_strip(table, inner->type));
}

/* Where a path has come to. */
struct path {
	const struct type_table *table;
	const struct variant_choice *choice;	/* NULL: whatever comes first */
	uint32_t id;
	uint64_t offset;	/* in it */
	uint64_t base;		/* of it in the outermost type */
	bool at_choice;		/* of which nothing more can be said */
	struct leaf_step chain[MAX_DEPTH];
	unsigned n;
};

/* Of an enum or a union: what is there, NULL when it has nothing to name. */
static const struct member *alternative_at(struct path *p)
{
	const struct type *t = &p->table->types.at[p->id];

	for (uint32_t i = 0; i < t->n_members; i++) {
		uint32_t at = t->first_member + i;
		const struct member *m = &p->table->members.at[at];

		if ((t->kind != TYPE_UNION && !(m->flags & MEMBER_VARIANT)) ||
		    !has_something(p->table, m, p->offset))
			continue;
		p->chain[p->n] = (struct leaf_step){
			.record = p->id, .member = at, .base = p->base,
		};
		switch (p->choice->is_there(p->choice->ctx, p->chain,
					    p->n + 1)) {
		case ALTERNATIVE_THERE:
			return m;
		case ALTERNATIVE_UNKNOWN:
			if (t->kind == TYPE_UNION)
				return member_at(p->table, t, p->offset);
			break;
		case ALTERNATIVE_GONE:
			break;
		}
	}
	return NULL;
}

static bool step_into_element(struct text *out, struct path *p)
{
	const struct type *t = &p->table->types.at[p->id];
	uint32_t element = types_strip(p->table, t->target);
	uint64_t size = element == TYPE_NONE ? 0 :
			p->table->types.at[element].size;

	if (size == 0)
		return false;
	put(out, "[%" PRIu64 "]", p->offset / size);
	p->chain[p->n++] = (struct leaf_step){
		.record = TYPE_NONE, .base = p->base,
	};
	p->base += p->offset - p->offset % size;
	p->offset %= size;
	p->id = element;
	return true;
}

/* One step down, into a member or an element. */
static bool step(struct text *out, struct path *p)
{
	const struct type *t = &p->table->types.at[p->id];
	const struct member *m;

	if (t->kind == TYPE_ARRAY)
		return step_into_element(out, p);
	if (p->choice && (t->flags & TYPE_VARIANT || t->kind == TYPE_UNION)) {
		m = alternative_at(p);
		p->at_choice = !m;
	} else {
		m = member_at(p->table, t, p->offset);
	}
	if (!m)
		return p->at_choice;
	if (m->name)
		put(out, "%s%s", out->len ? "." : "",
		    types_text(p->table, m->name));
	p->chain[p->n++] = (struct leaf_step){
		.record = p->id, .base = p->base,
		.member = (uint32_t)(m - p->table->members.at),
	};
	p->base += m->offset;
	p->offset -= m->offset;
	p->id = types_strip(p->table, m->type);
	return p->id != TYPE_NONE;
}

const char *types_live_field_at(const struct type_table *table, uint32_t id,
				uint64_t offset,
				const struct variant_choice *choice, char *buf,
				size_t size)
{
	struct text out = { .at = buf, .size = size };
	struct path p = {
		.table = table, .choice = choice, .offset = offset,
		.id = types_strip(table, id),
	};

	if (size > 0)
		buf[0] = '\0';
	while (p.n < MAX_DEPTH && p.id != TYPE_NONE) {
		const struct type *t = &table->types.at[p.id];

		if (p.at_choice || (t->kind != TYPE_ARRAY &&
				    !types_is_record(table, p.id)))
			return buf;
		if (p.offset >= t->size && !(t->flags & TYPE_NO_COUNT) &&
		    t->count)
			break;
		if (!step(&out, &p)) {
			/* An empty record is a place; padding is none. */
			if (t->n_members == 0 && t->kind != TYPE_ARRAY)
				return buf;
			break;
		}
	}
	if (size > 0)
		buf[0] = '\0';
	return buf;
}

const char *types_field_at(const struct type_table *table, uint32_t id,
			   uint64_t offset, char *buf, size_t size)
{
	return types_live_field_at(table, id, offset, NULL, buf, size);
}
