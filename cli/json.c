/* SPDX-License-Identifier: MIT */
#include "cli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/human.h"
#include "cli/cmd.h"

/* Set when a value could not be made: the document is not complete. */
static bool failed;

struct json_t *json_new_object(void)
{
	return json_object();
}

struct json_t *json_new_array(void)
{
	return json_array();
}

void json_put(struct json_t *object, const char *key, struct json_t *child)
{
	if (json_object_set_new(object, key, child) != 0)
		failed = true;
}

void json_add(struct json_t *array, struct json_t *child)
{
	if (json_array_append_new(array, child) != 0)
		failed = true;
}

void json_put_u64(struct json_t *object, const char *key, uint64_t value)
{
	json_put(object, key, json_integer((json_int_t)value));
}

void json_put_i64(struct json_t *object, const char *key, int64_t value)
{
	json_put(object, key, json_integer((json_int_t)value));
}

void json_put_real(struct json_t *object, const char *key, double value)
{
	json_put(object, key, json_real(value));
}

void json_put_bool(struct json_t *object, const char *key, bool value)
{
	json_put(object, key, json_boolean(value));
}

/* jansson refuses what is not UTF-8; names come from hostile files. */
static json_t *text_of(const char *text)
{
	json_t *value;
	size_t n;
	char *buf;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	n = strlen(text);
	buf = malloc(HUMAN_ESCAPED(n));
	if (!buf)
		return NULL;
	human_escape(text, n, HUMAN_UTF8, buf, HUMAN_ESCAPED(n));
	value = json_string(buf);
	free(buf);
	return value;
}

void json_put_text(struct json_t *object, const char *key, const char *text)
{
	json_put(object, key, text_of(text));
}

void json_add_text(struct json_t *array, const char *text)
{
	json_add(array, text_of(text));
}

static json_t *addr_of(uint64_t addr)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "0x%" PRIx64, addr);
	return json_string(buf);
}

void json_put_addr(struct json_t *object, const char *key, uint64_t addr)
{
	json_put(object, key, addr_of(addr));
}

void json_add_addr(struct json_t *array, uint64_t addr)
{
	json_add(array, addr_of(addr));
}

static int print(struct json_t *document, size_t flags)
{
	bool ok = document && !failed &&
		  json_dumpf(document, stdout, flags | JSON_ENSURE_ASCII |
			     JSON_REAL_PRECISION(15)) == 0;

	json_decref(document);
	putchar('\n');
	/* What became of standard output is told at the end, by main(). */
	if (!ok && !ferror(stdout))
		fputs("holdfast: out of memory for the JSON document\n", stderr);
	return ok ? EXIT_DONE : EXIT_TROUBLE;
}

int json_print(struct json_t *document)
{
	return print(document, JSON_INDENT(1));
}

int json_print_line(struct json_t *object)
{
	return print(object, JSON_COMPACT);
}
