/* SPDX-License-Identifier: MIT */
#include "analyze/class_names.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 16 };

/* A name being written. */
struct text {
	char *buf;
	size_t len, size;
	bool full;
};

static void put(struct text *t, const char *bytes, size_t n)
{
	if (t->full || n >= t->size - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->buf + t->len, bytes, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/** Length of the word at @from. */
static size_t word_length(const char *from)
{
	size_t n = 0;

	while (is_name_byte(from[n]))
		n++;
	return n;
}

static bool word_is(const char *from, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(from, word, n) == 0;
}

/** The end of "(Type)" when a number follows, else NULL. */
static const char *skip_cast(const char *from)
{
	int depth = 0;

	for (const char *c = from; *c; c++) {
		depth += (*c == '(') - (*c == ')');
		if (depth > 0)
			continue;
		c++;
		return isdigit((unsigned char)*c) ||
		       (*c == '-' && isdigit((unsigned char)c[1])) ? c : NULL;
	}
	return NULL;
}

/** Write the word at @from, if it is one that counts. */
static const char *plain_word(const char *from, struct text *to)
{
	size_t n = word_length(from), digits = 0;

	if (word_is(from, n, "const"))
		return from + n;
	if (word_is(from, n, "true"))
		put(to, "1", 1);
	else if (word_is(from, n, "false"))
		put(to, "0", 1);
	else if (isdigit((unsigned char)*from)) {
		/* 16ul is 16 */
		while (isdigit((unsigned char)from[digits]))
			digits++;
		put(to, from, digits);
	} else {
		put(to, from, n);
	}
	return from + n;
}

static void plain(const char *from, const char *end, struct text *to)
{
	while (from < end && *from) {
		const char *cast = *from == '(' ? skip_cast(from) : NULL;

		if (*from == ' ')
			from++;
		else if (cast)
			from = cast;
		else if (is_name_byte(*from))
			from = plain_word(from, to);
		else
			put(to, from++, 1);
	}
}

bool class_name_plain(const char *text, char *buf, size_t size)
{
	struct text to = { .buf = buf, .size = size };

	if (size == 0)
		return false;
	buf[0] = '\0';
	plain(text, text + strlen(text), &to);
	return !to.full;
}

/** Where the last list of template arguments of @name begins, or NULL. */
static const char *last_list(const char *name)
{
	size_t n = strlen(name);
	int depth = 0;

	if (n == 0 || name[n - 1] != '>')
		return NULL;
	for (const char *c = name + n - 1; c > name; c--) {
		depth += (*c == '>') - (*c == '<');
		if (depth == 0)
			return c;
	}
	return NULL;
}

static void plain_type(const struct type_table *types, uint32_t id, int depth,
		       struct text *to);

static void plain_args(const struct type_table *types, const struct type *t,
		       int depth, struct text *to)
{
	put(to, "<", 1);
	for (uint32_t i = 0; i < t->n_args; i++) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];
		char number[24];

		if (i > 0)
			put(to, ",", 1);
		if (!a->is_value) {
			plain_type(types, a->type, depth + 1, to);
			continue;
		}
		snprintf(number, sizeof(number), "%" PRId64, (int64_t)a->value);
		put(to, number, strlen(number));
	}
	put(to, ">", 1);
}

static void plain_type(const struct type_table *types, uint32_t id, int depth,
		       struct text *to)
{
	char name[CLASS_NAME_MAX];
	const struct type *t;
	const char *list;

	id = types_strip(types, id);
	types_name(types, id, name, sizeof(name));
	list = last_list(name);
	t = id == TYPE_NONE ? NULL : &types->types.at[id];
	if (!t || !list || t->n_args == 0 || depth > MAX_DEPTH ||
	    !types_is_record(types, id)) {
		plain(name, name + strlen(name), to);
		return;
	}
	plain(name, list, to);
	plain_args(types, t, depth, to);
}

static uint64_t hash_text(const char *text)
{
	return hash_bytes(text, strlen(text), 0);
}

/* Two classes of one name: a definition for each is one too many. */
static bool note(struct class_names *names, const struct type_table *types,
		 uint32_t id)
{
	char name[CLASS_NAME_MAX];
	struct text to = { .buf = name, .size = sizeof(name) };
	uint64_t *slot;
	bool added;

	name[0] = '\0';
	plain_type(types, id, 0, &to);
	if (to.full)
		return true;
	slot = map_slot(&names->by_hash, hash_text(name), &added);
	if (slot)
		*slot = added ? (uint64_t)id + 1 : 0;
	return slot != NULL;
}

static bool build(struct class_names *names, const struct type_table *types)
{
	for (uint32_t i = 0; i < types->types.len; i++) {
		const struct type *t = &types->types.at[i];

		if (t->name && (t->flags & TYPE_POLYMORPHIC ||
				(names->plain && t->n_args > 0)) &&
		    !(t->flags & (TYPE_DECLARATION | TYPE_RUNTIME)) &&
		    !note(names, types, i))
			return false;
	}
	names->built = true;
	return true;
}

uint32_t class_called(struct class_names *names,
		      const struct type_table *types, const char *name,
		      bool *ok)
{
	char plain_name[CLASS_NAME_MAX];
	uint32_t i = TYPE_NONE, id;

	*ok = true;
	while ((id = types_find(types, name, &i)) != TYPE_NONE) {
		if (types_is_record(types, id) &&
		    !(types->types.at[id].flags & TYPE_DECLARATION))
			return id;
	}
	if (!names->built && !build(names, types)) {
		*ok = false;
		return TYPE_NONE;
	}
	if (!class_name_plain(name, plain_name, sizeof(plain_name)))
		return TYPE_NONE;
	return (uint32_t)map_get(&names->by_hash, hash_text(plain_name), 0) - 1;
}

void class_names_free(struct class_names *names)
{
	map_free(&names->by_hash);
	names->built = false;
}
