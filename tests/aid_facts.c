/* SPDX-License-Identifier: MIT */
#include "tests/aid_facts.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A reference; in big-endian numbers, so that bytes sort as numbers do. */
struct edge {
	uint32_t from, to;
};

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p) {
		fputs("make_facts: out of memory\n", stderr);
		abort();
	}
	return p;
}

static void add_types(struct type_table *table, const char *const *names,
		      size_t n)
{
	struct err err = {0};

	if (!types_init(table, &err))
		abort();
	for (size_t i = 0; i < n; i++) {
		struct type type = {
			.name = types_string(table, names[i]),
			.kind = TYPE_STRUCT, .size = 16, .target = TYPE_NONE,
			.scope = TYPE_NONE, .module = UINT32_MAX,
		};

		if (types_add(table, &type, NULL, NULL) == TYPE_NONE)
			abort();
	}
}

static void name_block(struct heap *heap, uint32_t node, const char *name)
{
	uint32_t i = TYPE_NONE;

	heap_set_count(heap, node, 1);
	heap->type[node] = types_find(&heap->image->types, name, &i);
	for (uint8_t c = 0; name[0] == '(' && c < N_CONTENT_CLASSES; c++) {
		if (!strncmp(name + 1, content_names[c],
			     strlen(content_names[c])))
			heap->content[node] = c;
	}
}

static void make_nodes(const struct fact_node *nodes, size_t n,
		       struct facts *f, uint32_t *ids)
{
	struct heap *heap = &f->heap;
	uint32_t blocks = 0, roots = 0, groups = 0;

	for (size_t i = 0; i < n; i++) {
		heap->n_blocks += nodes[i].kind == FACT_BLOCK;
		heap->n_roots += nodes[i].kind == FACT_ROOT;
		f->leaks.n_groups += nodes[i].kind == FACT_GROUP;
	}
	heap->n_nodes = heap->n_blocks + heap->n_roots;
	heap->addr = zeroed(heap->n_blocks, sizeof(*heap->addr));
	if (!block_sizes_init(&heap->sizes, heap->n_blocks))
		abort();
	heap->type = zeroed(heap->n_blocks, sizeof(*heap->type));
	heap->content = zeroed(heap->n_blocks, sizeof(*heap->content));
	heap->state = zeroed(heap->n_blocks, sizeof(*heap->state));
	heap->roots = zeroed(heap->n_roots, sizeof(*heap->roots));
	f->leaks.groups = zeroed(f->leaks.n_groups, sizeof(*f->leaks.groups));
	for (size_t i = 0; i < n; i++) {
		if (nodes[i].kind == FACT_BLOCK) {
			heap->addr[blocks] = nodes[i].addr;
			if (!block_set_size(&heap->sizes, blocks,
					    nodes[i].size))
				abort();
			name_block(heap, blocks, nodes[i].name);
			ids[i] = blocks++;
		} else if (nodes[i].kind == FACT_ROOT) {
			heap->roots[roots].name = nodes[i].name;
			ids[i] = heap->n_blocks + roots++;
		} else {
			ids[i] = heap->n_nodes + 1 + groups++;
		}
	}
}

static void make_groups(const struct fact_node *nodes, size_t n,
			struct facts *f)
{
	uint32_t g = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t type = TYPE_NONE;

		if (nodes[i].kind != FACT_GROUP)
			continue;
		type = types_find(&f->image.types, nodes[i].name, &type);
		f->leaks.groups[g++] = (struct leak_group){
			.verdict = nodes[i].stale ? STATE_STALE : STATE_LEAKED,
			.cycle = nodes[i].cycle, .key = (uint64_t)type << 1,
			.count = nodes[i].count, .bytes = nodes[i].bytes,
			.held_by = NODE_NONE,
		};
	}
}

/* Subtree sizes from the children up, then positions from the root down. */
static void make_tree(const struct fact_node *nodes, size_t n,
		      const uint32_t *ids, struct facts *f)
{
	struct dominators *dom = &f->dom;
	uint32_t root = f->heap.n_nodes;
	uint32_t n_ids = root + 1 + f->leaks.n_groups;
	uint32_t *weight = zeroed(n_ids, sizeof(*weight));
	uint32_t *next = zeroed(n_ids, sizeof(*next));
	uint32_t *idom = zeroed(n_ids, sizeof(*idom));

	*dom = (struct dominators){
		.n_nodes = root, .n_groups = f->leaks.n_groups,
		.n_order = (uint32_t)n + 1,
		.position = zeroed(n_ids, sizeof(*dom->position)),
		.retained = zeroed(n_ids, sizeof(*dom->retained)),
		.order = zeroed(n_ids, sizeof(*dom->order)),
		.end = zeroed(n_ids, sizeof(*dom->end)),
	};
	for (size_t i = n; i-- > 0; ) {
		uint32_t id = ids[i];
		uint32_t up = nodes[i].parent == SIZE_MAX ? root :
							    ids[nodes[i].parent];

		if (nodes[i].kind == FACT_BLOCK)
			dom->retained[id] += nodes[i].size;
		weight[id]++;
		idom[id] = up;
		dom->retained[up] += dom->retained[id];
		weight[up] += weight[id];
	}
	dom->order[0] = root;
	dom->end[0] = weight[root] + 1;
	next[root] = 1;
	for (size_t i = 0; i < n; i++) {
		uint32_t id = ids[i], up = idom[id], p = next[up];

		dom->position[id] = p;
		dom->order[p] = id;
		dom->end[p] = p + weight[id];
		next[up] = p + weight[id];
		next[id] = p + 1;
	}
	free(weight);
	free(next);
	free(idom);
}

static int by_edge(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct edge));
}

static size_t add_edge(struct edge *edges, size_t n, const struct facts *f,
		       uint32_t from, uint32_t to)
{
	if (from < f->heap.n_nodes && to < f->heap.n_blocks)
		edges[n++] = (struct edge){ htobe32(from), htobe32(to) };
	return n;
}

static void make_refs(const struct fact_node *nodes, size_t n,
		      const uint32_t *ids, struct facts *f)
{
	struct edge *edges = zeroed(3 * n, sizeof(*edges));
	struct graph *g = &f->heap.refs;
	struct err err = {0};
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		m = add_edge(edges, m, f, dom_idom(&f->dom, ids[i]), ids[i]);
		for (int k = 0; k < 2; k++) {
			size_t by = nodes[i].shared_by[k];

			if (by > 0)
				m = add_edge(edges, m, f, ids[by - 1], ids[i]);
		}
	}
	qsort(edges, m, sizeof(*edges), by_edge);
	*g = (struct graph){
		.n_nodes = f->heap.n_nodes,
		.narrow_row = zeroed((size_t)f->heap.n_nodes + 1,
				     sizeof(*g->narrow_row)),
		.target = zeroed(m, sizeof(*g->target)),
		.kind = zeroed(m, sizeof(*g->kind)),	/* strong */
	};
	for (size_t i = 0; i < m; i++) {
		g->narrow_row[be32toh(edges[i].from) + 1]++;
		g->target[i] = be32toh(edges[i].to);
	}
	for (uint32_t i = 0; i < g->n_nodes; i++)
		g->narrow_row[i + 1] += g->narrow_row[i];
	free(edges);
	if (!graph_reverse(g, &f->heap.referrers, &err))
		abort();
}

/* Blocks right below a group are its members. */
static void make_members(const uint32_t *ids, size_t n, struct facts *f)
{
	struct leaks *leaks = &f->leaks;
	uint64_t total = 0;

	leaks->rows = zeroed((size_t)leaks->n_groups + 1, sizeof(*leaks->rows));
	leaks->nodes = zeroed(n, sizeof(*leaks->nodes));
	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		for (size_t i = 0; i < n; i++) {
			if (dom_idom(&f->dom, ids[i]) == dom_group(&f->dom, g))
				leaks->nodes[total++] = ids[i];
		}
		leaks->rows[g + 1] = total;
	}
}

void make_facts(const struct fact_node *nodes, size_t n,
		const char *const *type_names, size_t n_types,
		struct facts *ret)
{
	uint32_t *ids = zeroed(n, sizeof(*ids));

	*ret = (struct facts){0};
	ret->heap.image = &ret->image;
	add_types(&ret->image.types, type_names, n_types);
	make_nodes(nodes, n, ret, ids);
	make_groups(nodes, n, ret);
	make_tree(nodes, n, ids, ret);
	make_refs(nodes, n, ids, ret);
	make_members(ids, n, ret);
	free(ids);
}

void made_facts_free(struct facts *facts)
{
	dom_free(&facts->dom);
	graph_free(&facts->heap.refs);
	graph_free(&facts->heap.referrers);
	free(facts->leaks.groups);
	free(facts->leaks.rows);
	free(facts->leaks.nodes);
	free(facts->heap.addr);
	block_sizes_free(&facts->heap.sizes);
	free(facts->heap.type);
	free(facts->heap.content);
	free(facts->heap.state);
	free(facts->heap.roots);
	types_free(&facts->image.types);
	*facts = (struct facts){0};
}
