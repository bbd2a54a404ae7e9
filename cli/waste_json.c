/* SPDX-License-Identifier: MIT */
#include "cli/waste_report.h"

enum { SAMPLES = 3, PREVIEW = 80 };

static void put_key(struct json_t *o, const struct heap *heap, uint64_t key)
{
	char name[NODE_TEXT_MAX];
	const char *type = block_key_type(heap, key, name, sizeof(name));

	json_put_text(o, "type", type);
	if (!type)
		json_put_text(o, "class", block_key_class(key));
}

static void put_held_by(struct json_t *o, const struct waste_report *w,
			const uint32_t *nodes, size_t n)
{
	char buf[HOLDER_TEXT_MAX];

	json_put_text(o, "held_by", holder_text(w->holders, nodes, n, buf));
}

static struct json_t *duplicate_json(const struct waste_report *w,
				     const struct duplicate_group *g)
{
	const struct heap *heap = &w->report->facts.heap;
	const uint32_t *nodes = w->waste->duplicates.nodes.at + g->first;
	struct json_t *o = json_new_object(), *sample = json_new_array();
	char text[PREVIEW + 1];

	json_put_text(o, "kind", duplicate_kind_names[g->kind]);
	put_key(o, heap, g->key);
	json_put_u64(o, "count", g->count);
	json_put_u64(o, "size", g->size);
	json_put_u64(o, "bytes", g->saved);
	if (g->kind == DUPLICATE_TEXT)
		json_put_text(o, "text", waste_preview(w, g, text,
						       sizeof(text)));
	put_held_by(o, w, nodes, g->count);
	json_put(o, "sample", sample);
	for (size_t i = 0; i < g->count && i < SAMPLES; i++)
		json_add_addr(sample, heap->addr[nodes[i]]);
	return o;
}

static struct json_t *duplicates_json(const struct waste_report *w)
{
	const struct duplicates *d = &w->waste->duplicates;
	struct json_t *o = json_new_object(), *groups = json_new_array();

	json_put_bool(o, "known", w->waste->contents_known);
	json_put_u64(o, "bytes", d->bytes);
	json_put_u64(o, "blocks", d->count);
	json_put(o, "groups", groups);
	for (size_t i = 0; i < d->groups.len &&
	     i < w->report->options.limit; i++)
		json_add(groups, duplicate_json(w, &d->groups.at[i]));
	return o;
}

static struct json_t *rows_json(const struct waste_report *w,
				const struct waste_rows *rows,
				struct json_t *(*row)(
					const struct waste_report *w,
					const struct waste_row *row))
{
	struct json_t *o = json_new_object(), *groups = json_new_array();

	json_put_u64(o, "bytes", rows->bytes);
	json_put(o, "groups", groups);
	for (size_t i = 0; i < rows->at.len &&
	     i < w->report->options.limit; i++)
		json_add(groups, row(w, &rows->at.at[i]));
	return o;
}

/* How full containers are. */
static void put_fill(struct json_t *o, const struct waste_report *w,
		     const struct waste_row *row)
{
	json_put_u64(o, "count", row->count);
	json_put_u64(o, "used", row->used);
	json_put_u64(o, "room", row->room);
	json_put_u64(o, "bytes", row->bytes);
	json_put_addr(o, "largest", w->report->facts.heap.addr[row->sample]);
}

static struct json_t *capacity_json(const struct waste_report *w,
				    const struct waste_row *row)
{
	struct json_t *o = json_new_object();
	char buf[HOLDER_TEXT_MAX];

	json_put_text(o, "place", waste_place(w, row, buf));
	json_put_text(o, "element",
		      types_name(&w->report->facts.image.types,
				 (uint32_t)row->key[2], buf, sizeof(buf)));
	put_fill(o, w, row);
	return o;
}

static struct json_t *table_json(const struct waste_report *w,
				 const struct waste_row *row)
{
	struct json_t *o = json_new_object();
	char buf[HOLDER_TEXT_MAX];

	json_put_text(o, "place", waste_place(w, row, buf));
	put_key(o, &w->report->facts.heap, row->key[2]);
	put_fill(o, w, row);
	return o;
}

static struct json_t *slack_json(const struct waste_report *w,
				 const struct waste_row *row)
{
	const struct heap *heap = &w->report->facts.heap;
	struct json_t *o = json_new_object();

	json_put_text(o, "allocator",
		      heap->allocators.at[row->key[0]].allocator->name);
	json_put_u64(o, "size", row->key[1]);
	put_key(o, heap, row->key[2]);
	json_put_u64(o, "count", row->count);
	json_put_u64(o, "bytes", row->bytes);
	return o;
}

static struct json_t *arenas_json(const struct waste_report *w)
{
	const struct waste_arenas *a = &w->waste->arenas;
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < a->at.len && i < w->report->options.limit; i++) {
		const struct waste_arena *arena = &a->at.at[i];
		struct json_t *o = json_new_object();

		json_put_text(o, "allocator",
			      w->report->facts.heap.allocators.at[
				arena->allocator].allocator->name);
		json_put_addr(o, "start", arena->start);
		json_put_u64(o, "size", arena->size);
		json_put_u64(o, "blocks", arena->blocks);
		json_put_u64(o, "live", arena->live);
		json_put_u64(o, "free_chunks", arena->chunks);
		json_put_u64(o, "free", arena->free);
		json_put_u64(o, "largest_free", arena->largest);
		json_put_u64(o, "top", arena->top);
		json_put_text(o, "map", arena->map);
		json_add(list, o);
	}
	return list;
}

static struct json_t *free_sizes_json(const struct waste_arenas *a)
{
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < FREE_CLASSES; i++) {
		struct json_t *o;

		if (!a->classes[i].chunks)
			continue;
		o = json_new_object();
		json_put_u64(o, "below", UINT64_C(1) << i);
		json_put_u64(o, "count", a->classes[i].chunks);
		json_put_u64(o, "bytes", a->classes[i].bytes);
		json_add(list, o);
	}
	return list;
}

static struct json_t *sparse_json(const struct waste_report *w,
				  const struct waste_row *row)
{
	struct json_t *o = json_new_object();

	put_key(o, &w->report->facts.heap, row->key[0]);
	json_put_u64(o, "pages", row->count);
	json_put_u64(o, "bytes", row->bytes);
	put_held_by(o, w, &row->sample, 1);
	return o;
}

static struct json_t *pages_json(const struct waste_report *w)
{
	const struct waste_arenas *a = &w->waste->arenas;
	struct json_t *o = rows_json(w, &a->sparse, sparse_json);

	json_put_bool(o, "resident_known", a->resident_known);
	json_put_u64(o, "returnable", a->total.returnable);
	json_put_u64(o, "pieces", a->total.pieces);
	json_put_u64(o, "mixed", a->total.mixed);
	return o;
}

static struct json_t *pins_json(const struct waste_report *w)
{
	const struct waste_arenas *a = &w->waste->arenas;
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < a->pins.len &&
	     i < w->report->options.limit; i++) {
		const struct waste_pin *pin = &a->pins.at[i];
		struct json_t *o = json_new_object();

		json_put_u64(o, "bytes", pin->bytes);
		json_put_u64(o, "blocks", pin->blocks);
		node_put(o, &w->report->facts, pin->node);
		put_held_by(o, w, &pin->node, 1);
		json_add(list, o);
	}
	return list;
}

int waste_json(const struct waste_report *w)
{
	struct json_t *document = json_new_object(), *slack;

	json_put(document, "duplicates", duplicates_json(w));
	json_put(document, "capacity", rows_json(w, &w->waste->capacity,
						 capacity_json));
	json_put(document, "tables", rows_json(w, &w->waste->tables,
					       table_json));
	slack = rows_json(w, &w->waste->slack, slack_json);
	json_put_u64(slack, "unknown", w->waste->slack_unknown);
	json_put(document, "slack", slack);
	json_put(document, "arenas", arenas_json(w));
	json_put(document, "free_sizes", free_sizes_json(&w->waste->arenas));
	json_put(document, "pages", pages_json(w));
	json_put(document, "pinned", pins_json(w));
	report_notes_json(w->report, document);
	return json_print(document);
}
