/* SPDX-License-Identifier: MIT */
#include "tui/goto.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tui/table.h"

/* "0x55d0c0ffee00", or the same without 0x when it is long enough to be no
 * word: eight hexadecimal digits. */
static bool parse_address(const char *text, uint64_t *ret)
{
	bool prefix = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = prefix ? text + 2 : text;
	size_t n = strspn(digits, "0123456789abcdefABCDEF");

	if (digits[n] != '\0' || n == 0 || n > 16 || (!prefix && n < 8))
		return false;
	*ret = strtoull(digits, NULL, 16);
	return true;
}

static struct view *at_address(struct session *session, uint64_t addr,
			       struct err *err)
{
	const struct facts *f = session->facts;
	uint32_t node = heap_find(&f->heap, addr);
	const struct mapping *m = image_mapping(&f->image, addr);

	if (node != NODE_NONE)
		return view_fields_open(session, node, err);
	for (uint32_t i = 0; i < f->heap.n_roots; i++) {
		const struct root *root = &f->heap.roots[i];

		if (root->addr && addr - root->addr < root->size)
			return view_fields_open(session, f->heap.n_blocks + i,
						err);
	}
	err_set(err, ERR_FAULT, "0x%" PRIx64 " is in no block: %s", addr,
		!m ? "nothing is mapped there" : m->path[0] ? m->path :
		"it lies in an anonymous mapping");
	return NULL;
}

/* A root called @name, with or without the module before the colon. */
static uint32_t root_called(const struct heap *heap, const char *name)
{
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		const char *full = heap->roots[i].name;
		const char *colon = strchr(full, ':');

		if (!strcmp(full, name) ||
		    (colon && !strcmp(colon + 1, name)))
			return heap->n_blocks + i;
	}
	return NODE_NONE;
}

static struct view *types_that_hold(struct session *session, const char *text,
				    struct err *err)
{
	struct view *v = view_types_open(session, err);

	if (!v)
		return NULL;
	if (!table_filter(v, text, err)) {
		view_free(v);
		return NULL;
	}
	if (v->n_shown > 0) {
		snprintf(v->title, sizeof(v->title), "types with \"%.100s\"",
			 text);
		return v;
	}
	view_free(v);
	err_set(err, ERR_FORMAT, "no address, type or variable is called \"%s\"",
		text);
	return NULL;
}

struct view *goto_view(struct session *session, const char *text,
		       struct err *err)
{
	const struct type_rows *rows = &session->facts->summaries.types;
	const struct heap *heap = &session->facts->heap;
	char label[2048];
	uint64_t addr;
	uint32_t root;

	if (parse_address(text, &addr))
		return at_address(session, addr, err);
	if (!summaries_types(session->facts, err))
		return NULL;
	for (size_t i = 0; i < rows->len; i++) {
		uint64_t key = rows->at[i].key;

		if (!strcmp(text, block_key_label(heap, key, label,
						  sizeof(label))))
			return view_type_blocks_open(session, key, err);
	}
	root = root_called(heap, text);
	if (root != NODE_NONE)
		return view_fields_open(session, root, err);
	return types_that_hold(session, text, err);
}
