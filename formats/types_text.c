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
 * empty base shares its byte with what has a value there.
 */
static const struct member *member_at(const struct type_table *table,
				      const struct type *t, uint64_t offset)
{
	const struct member *empty = NULL;

	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&table->members.at[t->first_member + i];

		if (m->flags & MEMBER_VIRTUAL || offset < m->offset)
			continue;
		if (offset - m->offset >= member_size(table, m) &&
		    !has_tail(table, m))
			continue;
		if (!is_empty(table, types_strip(table, m->type)))
			return m;
		if (!empty)
			empty = m;
	}
	return empty;
}

/* One step down: from @*id and @*offset into a member or an element. */
static bool step(struct text *out, const struct type_table *table,
		 uint32_t *id, uint64_t *offset)
{
	const struct type *t = &table->types.at[*id];
	const struct member *m;
	uint32_t element;

	if (t->kind == TYPE_ARRAY) {
		element = types_strip(table, t->target);
		if (element == TYPE_NONE || table->types.at[element].size == 0)
			return false;
		put(out, "[%" PRIu64 "]", *offset / table->types.at[element].size);
		*offset %= table->types.at[element].size;
		*id = element;
		return true;
	}
	m = member_at(table, t, *offset);
	if (!m)
		return false;
	if (m->name)
		put(out, "%s%s", out->len ? "." : "", types_text(table, m->name));
	*offset -= m->offset;
	*id = types_strip(table, m->type);
	return *id != TYPE_NONE;
}

const char *types_field_at(const struct type_table *table, uint32_t id,
			   uint64_t offset, char *buf, size_t size)
{
	struct text out = { .at = buf, .size = size };

	if (size > 0)
		buf[0] = '\0';
	id = types_strip(table, id);
	for (int i = 0; i < MAX_DEPTH && id != TYPE_NONE; i++) {
		const struct type *t = &table->types.at[id];

		if (t->kind != TYPE_ARRAY && !types_is_record(table, id))
			return buf;
		if (offset >= t->size && !(t->flags & TYPE_NO_COUNT) &&
		    t->count)
			break;
		if (!step(&out, table, &id, &offset)) {
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
