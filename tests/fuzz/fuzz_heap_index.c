/* SPDX-License-Identifier: MIT */
/*
 * An index whose sums are right and whose content is anything: it is refused,
 * or all that reports look at lies where it should. Input: records of a u8
 * column (or, behind the last, the end of the file), a u16 place in it and a u8
 * to put there; the first byte says whether the sums are made right.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/pool.h"
#include "tests/aid_index_file.h"
#include "tests/aid_tui_heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct index_file file;
static volatile uint64_t sink;

static void make_file(void)
{
	struct facts facts;

	if (file.bytes)
		return;
	pool_set_threads(1);
	tui_heap_make(&facts);
	make_index_file(&facts, &file);
	facts_close(&facts);
}

static void look_at_graph(const struct graph *g)
{
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		for (uint64_t e = graph_row(g, i),
		     end = graph_row(g, i + 1); e < end; e++)
			sink += graph_row(g, g->target[e]) +
				ref_holds(g->kind[e]);
	}
}

static void look_at_heap(const struct heap *h)
{
	char name[256];

	for (uint32_t i = 0; i < h->n_blocks; i++) {
		sink += heap_find(h, h->addr[i]) +
			block_index_from(&h->index, h->addr[i] + 1);
		sink += (uint64_t)state_names[h->state[i]][0] +
			(uint64_t)evidence_names[h->evidence[i]][0] +
			(uint64_t)content_names[h->content[i]][0] +
			h->allocators.at[h->owner[i]].live_blocks;
		types_name(&h->image->types, h->type[i], name, sizeof(name));
		if (h->why_node[i] != NODE_NONE)
			sink += graph_row(&h->refs, h->why_node[i]);
	}
	for (uint32_t i = 0; i < h->n_roots; i++)
		sink += strlen(h->roots[i].name);
	for (uint64_t at = 0; at < 1 << 20; at += 509)
		sink += heap_find(h, h->n_blocks ? h->addr[0] + at : at);
}

static void look_at_leaks(const struct facts *f)
{
	char name[256];

	for (uint32_t g = 0; g < f->leaks.n_groups; g++) {
		const struct leak_group *l = &f->leaks.groups[g];
		const struct signature *s = &f->leaks.signatures.at.at[g];

		for (uint64_t i = f->leaks.rows[g]; i < f->leaks.rows[g + 1];
		     i++)
			sink += f->heap.addr[f->leaks.nodes[i]];
		for (size_t i = 0; i < s->n_members; i++)
			block_key_label(&f->heap, f->leaks.signatures.members
					.at[s->first_member + i].key, name,
					sizeof(name));
		block_key_label(&f->heap, l->key, name, sizeof(name));
		sink += facts_group_retained(f, g);
	}
}

static void look_at_tree(const struct dominators *d)
{
	uint32_t n_ids = d->n_nodes + 1 + d->n_groups;

	for (uint32_t i = 0; i < n_ids; i++) {
		if (dom_has(d, i))
			sink += d->order[d->position[i]];
		if (dom_idom(d, i) != NODE_NONE)
			sink += d->retained[dom_idom(d, i)];
	}
	for (uint32_t p = 0; p < d->n_order; p++) {
		uint32_t c = p + 1;

		for (int i = 0; i < 100 && c < d->end[p]; i++)
			c = d->end[c];
		sink += d->retained[d->order[p]];
	}
}

static uint8_t *place_in(uint8_t *copy, uint8_t column, uint16_t at)
{
	const struct index_layout *l = &file.layout;
	uint8_t i = column % (N_INDEX_COLUMNS + 1);
	uint64_t start = i < N_INDEX_COLUMNS ? l->offsets[i] : l->sums_offset;
	uint64_t n = i < N_INDEX_COLUMNS ?
		     l->columns[i].n * l->columns[i].width :
		     file.size - l->sums_offset;

	return copy + start + (n > 0 ? at % n : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = bytes_of(data, size);
	struct index_mapping mapping;
	struct facts facts, made;
	struct err err = {0};
	uint8_t *copy;
	bool sign = bytes_u8(&b);

	make_file();
	copy = malloc(file.size);
	if (!copy)
		return 0;
	memcpy(copy, file.bytes, file.size);
	while (bytes_left(&b) >= 4) {
		uint8_t column = bytes_u8(&b);
		uint16_t at = bytes_u16(&b);

		*place_in(copy, column, at) = bytes_u8(&b);
	}
	if (sign)
		sign_index_file(copy, file.size);
	tui_heap_make(&made);
	facts = (struct facts){ .image = made.image };
	made.image = (struct image){0};
	facts_close(&made);
	if (read_index_file(copy, file.size, &facts, &mapping, &err)) {
		look_at_graph(&facts.heap.refs);
		look_at_graph(&facts.heap.referrers);
		look_at_heap(&facts.heap);
		look_at_leaks(&facts);
		look_at_tree(&facts.dom);
	}
	index_unmap(&facts, &mapping);
	facts_close(&facts);
	free(copy);
	return 0;
}
