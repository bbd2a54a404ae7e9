/* SPDX-License-Identifier: MIT */
/* One block, field by field; one root, reference by reference. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/block_fields.h"
#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "tui/views.h"

enum { COL_OFFSET, COL_RETAINED, COL_FIELD, COL_TYPE, COL_VALUE };

/* Fields shown of one block; its bytes can be seen in full with `x`. */
enum { MAX_FIELDS = 10000, MAX_ROOT_SIZE = 64 << 20 };

static const struct column columns[] = {
	[COL_OFFSET] = { "Offset", COLUMN_RIGHT, 7, STYLE_DIM, 'O', 3, false },
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 2,
			   false },
	[COL_FIELD] = { "Field", COLUMN_TEXT, 20, STYLE_NORMAL, 'F', 1, true },
	[COL_TYPE] = { "Type", COLUMN_TEXT, 20, STYLE_TYPE, 'T', 4, true },
	[COL_VALUE] = { "Value", COLUMN_TEXT, 0, STYLE_NORMAL, 'V', 0, true },
};

struct fields {
	struct session *session;
	uint32_t node;
	struct block_fields fields;
};

static uint32_t n_rows(const void *data)
{
	const struct fields *f = data;

	return (uint32_t)f->fields.at.len;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct fields *f = data;
	const struct block_field *field = &f->fields.at.at[row];

	if (column == COL_OFFSET)
		return field->offset;
	return field->target == NODE_NONE ? 0 :
	       f->session->facts->dom.retained[field->target];
}

static void value(const struct fields *f, const struct block_field *field,
		  struct cell_out *out)
{
	char label[1024];

	if (field->target == NODE_NONE) {
		snprintf(out->text, sizeof(out->text), "%s", field->value);
		return;
	}
	out->style = STYLE_ADDRESS;
	snprintf(out->text, sizeof(out->text), "%s -> %s", field->value,
		 view_label(f->session, field->target, label,
			    sizeof(label)));
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct fields *f = data;
	const struct block_field *field = &f->fields.at.at[row];

	switch (column) {
	case COL_OFFSET:
		if (field->offset != UINT64_MAX)
			snprintf(out->text, sizeof(out->text), "+0x%" PRIx64,
				 field->offset);
		break;
	case COL_RETAINED:
		if (field->target != NODE_NONE)
			view_size_cell(f->session, number(data, row, column),
				       out);
		break;
	case COL_FIELD:
		snprintf(out->text, sizeof(out->text), "%s", field->name);
		break;
	case COL_TYPE:
		snprintf(out->text, sizeof(out->text), "%s", field->type);
		break;
	default:
		value(f, field, out);
	}
}

static struct subject subject(void *data, uint32_t row)
{
	const struct fields *f = data;
	uint32_t target = f->fields.at.at[row].target;

	if (target == NODE_NONE)
		return (struct subject){ .kind = SUBJECT_NONE };
	return (struct subject){ SUBJECT_NODE, target };
}

static struct subject about(void *data)
{
	const struct fields *f = data;

	return (struct subject){ SUBJECT_NODE, f->node };
}

static void root_head(const struct fields *f, struct cell_out *out)
{
	const struct facts *facts = f->session->facts;
	const struct root *root = heap_root(&facts->heap, f->node);
	char size[HUMAN_MAX], retained[HUMAN_MAX], type[512] = "";

	if (root->type != TYPE_NONE)
		types_name(&facts->image.types, root->type, type, sizeof(type));
	snprintf(out->text, sizeof(out->text),
		 "%s at 0x%" PRIx64 ", %s, retains %s%s%s",
		 root_kind_names[root->kind], root->addr,
		 session_size(f->session, root->size, size),
		 session_size(f->session, facts->dom.retained[f->node],
			      retained), type[0] ? ", type " : "", type);
}

static void block_head(const struct fields *f, struct cell_out *out)
{
	const struct facts *facts = f->session->facts;
	const struct heap *heap = &facts->heap;
	uint32_t above = dom_idom(&facts->dom, f->node);
	char size[HUMAN_MAX], retained[HUMAN_MAX], label[1024];
	int n;

	n = snprintf(out->text, sizeof(out->text), "%s%s, %s, retains %s",
		     session_size(f->session, heap_size(heap, f->node), size),
		     f->fields.cut ? " (only the first fields)" : "",
		     state_names[heap->state[f->node]],
		     session_size(f->session, facts->dom.retained[f->node],
				  retained));
	if (above != NODE_NONE && above < heap->n_nodes && n > 0)
		snprintf(out->text + n, sizeof(out->text) - (size_t)n,
			 ", all of it held by %s",
			 view_node_text(f->session, above, label,
					sizeof(label)));
}

static bool head(void *data, int line, struct cell_out *out)
{
	const struct fields *f = data;

	if (line > 0)
		return false;
	if (heap_is_root(&f->session->facts->heap, f->node))
		root_head(f, out);
	else
		block_head(f, out);
	return true;
}

static void free_fields(void *data)
{
	struct fields *f = data;

	block_fields_free(&f->fields);
	free(f);
}

static const struct view_class fields_class = {
	.name = "Fields", .columns = columns, .n_columns = 5,
	.sorted_by = COL_OFFSET, .descending = false,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .about = about, .head = head,
		.free = free_fields,
	},
};

struct collect {
	struct fields *fields;
	bool failed;
};

static bool add_reference(struct fields *f, uint64_t offset, uint32_t target)
{
	const struct facts *facts = f->session->facts;
	struct arena *arena = &f->fields.arena;
	char name[1024] = "", type[1024] = "";
	struct block_field field = { .offset = offset, .size = 8,
				     .target = target };

	if (offset != UINT64_MAX)
		ref_field(&facts->heap, f->node, offset, name, sizeof(name));
	block_key_type(&facts->heap, block_key(&facts->heap, target, false),
		       type, sizeof(type));
	field.name = arena_text(arena, name, strlen(name));
	field.type = arena_text(arena, type, strlen(type));
	field.value = arena_printf(arena, "0x%" PRIx64,
				   facts->heap.addr[target]);
	return field.name && field.type && field.value &&
	       vec_push(&f->fields.at, field);
}

static bool collect(void *ctx, const struct ref_word *word)
{
	struct collect *c = ctx;

	if (c->fields->fields.at.len >= MAX_FIELDS) {
		c->fields->fields.cut = true;
		return false;
	}
	c->failed = !add_reference(c->fields, word->offset, word->target);
	return !c->failed;
}

/*
 * What a root refers to, word by word; of registers, and of roots too large
 * to be read while somebody waits, only who.
 */
static bool root_references(struct fields *f, struct err *err)
{
	const struct heap *heap = &f->session->facts->heap;
	const struct root *root = heap_root(heap, f->node);
	const struct graph *refs = &heap->refs;
	struct collect c = { .fields = f };

	if (root->addr && root->size <= MAX_ROOT_SIZE) {
		ref_words(heap, &f->session->window, f->node, collect, &c);
		return !c.failed || err_nomem(err, "references");
	}
	for (uint64_t e = graph_row(refs, f->node),
	     end = graph_row(refs, f->node + 1);
	     e < end && f->fields.at.len < MAX_FIELDS; e++) {
		if (!add_reference(f, UINT64_MAX, refs->target[e]))
			return err_nomem(err, "references");
	}
	return true;
}

struct view *view_fields_open(struct session *session, uint32_t node,
			      struct err *err)
{
	const struct heap *heap = &session->facts->heap;
	struct fields *f = calloc(1, sizeof(*f));
	struct view *v;
	bool ok;

	if (!f) {
		err_nomem(err, "fields");
		return NULL;
	}
	f->session = session;
	f->node = node;
	ok = heap_is_root(heap, node) ? root_references(f, err) :
	     block_fields_build(heap, node, MAX_FIELDS, &f->fields, err);
	if (!ok) {
		free_fields(f);
		return NULL;
	}
	v = view_new(&fields_class, f, session, err);
	if (v)
		view_node_text(session, node, v->title, sizeof(v->title));
	return v;
}
