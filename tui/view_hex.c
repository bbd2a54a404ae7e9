/* SPDX-License-Identifier: MIT */
/* The bytes of a block or root, and the blocks that its words refer to. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/words.h"
#include "tui/views.h"

enum { COL_OFFSET, COL_BYTES, COL_REFERS, COL_TEXT, LINE = 16 };

static const struct column columns[] = {
	[COL_OFFSET] = { "Offset", COLUMN_RIGHT, 9, STYLE_DIM, 0, 3, false },
	[COL_BYTES] = { "Bytes", COLUMN_TEXT, 47, STYLE_NORMAL, 0, 2, false },
	[COL_REFERS] = { "Refers to", COLUMN_TEXT, 32, STYLE_TYPE, 0, 4,
			 false },
	[COL_TEXT] = { "Text", COLUMN_TEXT, 0, STYLE_NORMAL, 0, 0, false },
};

struct dump {
	struct session *session;
	uint32_t node;
	uint64_t addr, size;
};

static uint32_t n_rows(const void *data)
{
	const struct dump *d = data;
	uint64_t lines = d->size / LINE + (d->size % LINE != 0);

	return lines < UINT32_MAX ? (uint32_t)lines : UINT32_MAX;
}

/* The bytes of a line; those that are absent stay out of @there. */
static unsigned read_line(const struct dump *d, uint32_t row,
			  uint8_t bytes[LINE], bool there[LINE])
{
	uint64_t offset = (uint64_t)row * LINE;
	unsigned n = d->size - offset < LINE ? (unsigned)(d->size - offset) :
					       LINE;

	for (unsigned i = 0; i < n; i++) {
		size_t got = n - i;
		const uint8_t *at = window_span(&d->session->window,
						d->addr + offset + i, 1, &got);

		there[i] = at != NULL;
		bytes[i] = at ? *at : 0;
	}
	return n;
}

static uint32_t reference(const struct dump *d, uint32_t row)
{
	uint64_t at = d->addr + (uint64_t)row * LINE, word;

	for (uint64_t i = 0; i + 8 <= LINE &&
	     (uint64_t)row * LINE + i + 8 <= d->size; i += 8) {
		uint32_t node;

		if (!window_u64(&d->session->window, at + i, &word) ||
		    !pointer_decode(word))
			continue;
		node = heap_find(&d->session->facts->heap, word);
		if (node != NODE_NONE)
			return node;
	}
	return NODE_NONE;
}

static void hex(const struct dump *d, uint32_t row, struct cell_out *out)
{
	uint8_t bytes[LINE] = {0};
	bool there[LINE] = {0};
	unsigned n = read_line(d, row, bytes, there);

	for (unsigned i = 0; i < n; i++) {
		if (there[i])
			snprintf(out->text + i * 3, 4, "%02x ", bytes[i]);
		else
			snprintf(out->text + i * 3, 4, "?? ");
	}
	if (n > 0)
		out->text[n * 3 - 1] = '\0';
}

static void plain(const struct dump *d, uint32_t row, struct cell_out *out)
{
	uint8_t bytes[LINE] = {0};
	bool there[LINE] = {0};
	unsigned n = read_line(d, row, bytes, there);

	for (unsigned i = 0; i < n; i++)
		out->text[i] = there[i] && bytes[i] >= ' ' && bytes[i] < 0x7f &&
			       bytes[i] != '\\' ? (char)bytes[i] : '.';
	out->text[n] = '\0';
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct dump *d = data;
	uint32_t node;

	switch (column) {
	case COL_OFFSET:
		snprintf(out->text, sizeof(out->text), "+0x%" PRIx64,
			 (uint64_t)row * LINE);
		break;
	case COL_BYTES:
		hex(d, row, out);
		break;
	case COL_REFERS:
		node = reference(d, row);
		if (node != NODE_NONE)
			view_label(d->session, node, out->text,
				   sizeof(out->text));
		break;
	default:
		plain(d, row, out);
	}
}

static struct subject subject(void *data, uint32_t row)
{
	uint32_t node = reference(data, row);

	if (node == NODE_NONE)
		return (struct subject){ .kind = SUBJECT_NONE };
	return (struct subject){ SUBJECT_NODE, node };
}

static struct subject about(void *data)
{
	const struct dump *d = data;

	return (struct subject){ SUBJECT_NODE, d->node };
}

static const struct view_class hex_class = {
	.name = "Bytes", .columns = columns, .n_columns = 4, .least = 16,
	.sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .subject = subject,
		.about = about, .free = free,
	},
};

struct view *view_hex_open(struct session *session, uint32_t node,
			   struct err *err)
{
	const struct heap *heap = &session->facts->heap;
	bool root = heap_is_root(heap, node);
	struct dump *d;
	struct view *v;
	char label[VIEW_TITLE - 16];

	if (root && heap_root(heap, node)->addr == 0) {
		err_set(err, ERR_FORMAT, "registers have no bytes in memory");
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (d) {
		d->session = session;
		d->node = node;
		d->addr = root ? heap_root(heap, node)->addr :
				 heap->addr[node];
		d->size = root ? heap_root(heap, node)->size :
				 heap_size(heap, node);
	}
	v = view_new(&hex_class, d, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "bytes of %s",
			 view_node_text(session, node, label, sizeof(label)));
	return v;
}
