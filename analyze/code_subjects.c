/* SPDX-License-Identifier: MIT */
#include "analyze/code_subjects.h"

#include <string.h>

#include "analyze/demangle.h"

enum { LONGEST_NAME = 2048, MOST_SUBJECTS = 16 };

static bool opens(char c)
{
	return c == '<' || c == '(' || c == '{' || c == '[';
}

static bool closes(char c)
{
	return c == '>' || c == ')' || c == '}' || c == ']';
}

/* The end of the type whose name begins at @from: what follows it belongs to
 * the list that it stands in, or says how it is passed. */
static const char *end_of_type(const char *from)
{
	int depth = 0;

	for (; *from; from++) {
		if (depth == 0 && (closes(*from) || strchr(",*&", *from)))
			return from;
		depth += opens(*from) - closes(*from);
	}
	return from;
}

/* Add the record called @name[@n], unless it is there or none. */
static bool add(struct code_subjects *s, size_t first, const char *name,
		size_t n)
{
	const struct type_table *types = &s->image->types;
	char text[LONGEST_NAME];
	uint32_t id, i = TYPE_NONE;
	bool ok = true;

	while (n > 0 && name[n - 1] == ' ')
		n--;
	if (n > 6 && memcmp(name + n - 6, " const", 6) == 0)
		n -= 6;
	if (n == 0 || n >= sizeof(text) ||
	    s->types.len - first >= MOST_SUBJECTS)
		return true;
	memcpy(text, name, n);
	text[n] = '\0';
	while ((id = types_find(types, text, &i)) != TYPE_NONE) {
		if (types_is_record(types, id) && types->types.at[id].size > 1)
			break;
	}
	if (id == TYPE_NONE && strchr(text, '<'))
		id = class_called(&s->names, types, text, &ok);
	if (id == TYPE_NONE || types->types.at[id].size <= 1)
		return ok;
	for (size_t k = first; k < s->types.len; k++) {
		if (s->types.at[k] == id)
			return true;
	}
	return vec_push(&s->types, id);
}

/* The classes that the last part of the name lies in: "a::b" of "a::b::c". */
static bool add_classes(struct code_subjects *s, size_t first, const char *text)
{
	const char *begin = text;
	int depth = 0;

	for (const char *c = text; *c; c++) {
		/* What a template returns stands in front of its name. */
		if (depth == 0 && *c == ' ')
			begin = c + 1;
		if (depth == 0 && c[0] == ':' && c[1] == ':' &&
		    !add(s, first, begin, (size_t)(c - begin)))
			return false;
		depth += opens(*c) - closes(*c);
	}
	return true;
}

static bool add_name(struct code_subjects *s, size_t first, const char *text)
{
	if (strstr(text, "operator"))
		return true;	/* its brackets may be none */
	for (const char *c = text; *c; c++) {
		const char *from = c + 1;

		if (!opens(*c) && *c != ',')
			continue;
		while (*from == ' ')
			from++;
		if (!add(s, first, from, (size_t)(end_of_type(from) - from)))
			return false;
	}
	return add_classes(s, first, text);
}

/* All functions at @code: equal ones are made one by some compilers. */
static bool add_functions(struct code_subjects *s, size_t first, uint64_t code)
{
	const struct symbol *begin = s->image->symbols.at;
	const struct symbol *end = begin + s->image->symbols.len, *at;
	char text[LONGEST_NAME];

	at = image_symbol(s->image, code, SYMBOL_FUNCTION);
	if (!at || at->addr != code)
		return true;
	while (at > begin && at[-1].addr == code)
		at--;
	for (; at < end && at->addr == code; at++) {
		if (at->kind == SYMBOL_FUNCTION &&
		    demangle_signature(at->name, text, sizeof(text)) &&
		    !add_name(s, first, text))
			return false;
	}
	return true;
}

const uint32_t *code_subjects_find(const struct code_subjects *s, uint64_t addr)
{
	const uint64_t *slot = map_find(&s->by_addr, addr);

	return slot ? &s->types.at[*slot - 1] : NULL;
}

const uint32_t *code_subjects_add(struct code_subjects *s, uint64_t addr,
				  const uint64_t *code, size_t n)
{
	size_t first = s->types.len;

	for (size_t i = 0; i < n; i++) {
		if (code[i] && !add_functions(s, first, code[i]))
			return NULL;
	}
	if (!vec_push(&s->types, TYPE_NONE) ||
	    !map_set(&s->by_addr, addr, first + 1))
		return NULL;
	return &s->types.at[first];
}

void code_subjects_free(struct code_subjects *s)
{
	class_names_free(&s->names);
	map_free(&s->by_addr);
	vec_free(&s->types);
}
