/* SPDX-License-Identifier: MIT */
/* The summaries in an index: histogram of types, cycles, parts of memory. */
#include "analyze/heap_index_file.h"
#include "analyze/heap_index_tables.h"

/* Whoever adds a field to one of these adds it below. */
_Static_assert(sizeof(struct type_row) == 48, "keep the new field");
_Static_assert(sizeof(struct cycle_group) == 64, "keep the new field");
_Static_assert(sizeof(struct memory_part) == 48, "keep the new field");
_Static_assert(sizeof(struct memory_fact) == 32, "keep the new field");

/* --- writing --- */

static void put_cycles(const struct cycles *c, struct blob *b)
{
	for (uint32_t i = 0; i < c->n_groups; i++) {
		const struct cycle_group *g = &c->groups[i];

		blob_u32(b, g->reachable);
		blob_u32(b, g->exact);
		blob_u64(b, g->key);
		blob_u64(b, g->count);
		blob_u64(b, g->blocks);
		blob_u64(b, g->bytes);
		blob_u64(b, g->retained);
		blob_u64(b, g->first_step);
		blob_u64(b, g->n_steps);
	}
	index_put_signatures(b, &c->signatures);
}

static void put_memory(const struct memory_report *m, struct blob *b)
{
	const uint64_t sums[] = { m->rss_known, m->rss, m->swap,
				  m->status_rss, m->page_tables };

	blob_bytes(b, sums, sizeof(sums));
	blob_u64(b, m->parts.len);
	for (size_t i = 0; i < m->parts.len; i++) {
		const struct memory_part *p = &m->parts.at[i];

		blob_u32(b, p->kind);
		blob_u32(b, p->allocator);
		blob_text(b, p->what);
		blob_u64(b, (uint64_t)p->bytes);
		blob_u64(b, p->swapped);
		blob_u64(b, p->mapped);
		blob_u64(b, p->mappings);
	}
	blob_u64(b, m->cgroup.len);
	for (size_t i = 0; i < m->cgroup.len; i++) {
		const struct memory_fact *f = &m->cgroup.at[i];

		blob_text(b, f->key);
		blob_text(b, f->text);
		blob_u32(b, f->is_number);
		blob_u64(b, f->value);
	}
}

void index_summaries_write(const struct facts *f, struct blob *b)
{
	const struct summaries *s = &f->summaries;

	index_put_array(b, s->types.at, s->types.len, sizeof(*s->types.at));
	put_cycles(&s->cycles, b);
	put_memory(&s->memory, b);
}

/* --- reading --- */

static bool take_types(struct bytes *b, uint64_t n_types,
		       struct type_rows *ret)
{
	if (!index_take_array(b, &ret->at, &ret->len, sizeof(*ret->at)))
		return false;
	for (size_t i = 0; i < ret->len; i++) {
		if (!block_key_is_valid(ret->at[i].key, n_types))
			return false;
	}
	return true;
}

static bool take_cycle_group(struct bytes *b, const uint64_t *counts,
			     struct cycle_group *g)
{
	uint64_t n_steps = counts[COUNT_CYCLE_STEPS];

	g->reachable = bytes_u32(b) != 0;
	g->exact = bytes_u32(b) != 0;
	g->key = bytes_u64(b);
	g->count = bytes_u64(b);
	g->blocks = bytes_u64(b);
	g->bytes = bytes_u64(b);
	g->retained = bytes_u64(b);
	g->first_step = bytes_u64(b);
	g->n_steps = bytes_u64(b);
	return !b->broken && block_key_is_valid(g->key, counts[COUNT_TYPES]) &&
	       g->first_step <= n_steps &&
	       g->n_steps <= n_steps - g->first_step;
}

static bool take_cycles(struct bytes *b, const uint64_t *counts,
			struct cycles *c)
{
	uint64_t n = counts[COUNT_CYCLE_GROUPS];

	if (n > bytes_left(b))
		return false;
	c->groups = calloc((size_t)n + 1, sizeof(*c->groups));
	if (!c->groups)
		return false;
	c->n_groups = (uint32_t)n;
	for (uint64_t i = 0; i < n; i++) {
		const struct cycle_group *g = &c->groups[i];

		if (!take_cycle_group(b, counts, &c->groups[i]) ||
		    g->count == 0 || g->blocks % g->count ||
		    g->blocks != c->row[i + 1] - c->row[i])
			return false;
	}
	return index_take_signatures(b, counts[COUNT_TYPES], n,
				     &c->signatures);
}

static bool take_part(struct bytes *b, uint64_t n_allocators,
		      struct memory_report *m)
{
	uint32_t kind = bytes_u32(b), allocator = bytes_u32(b);
	struct memory_part part = {
		.kind = (enum memory_kind)kind, .allocator = allocator,
		.what = index_take_text(b, &m->arena),
	};

	part.bytes = (int64_t)bytes_u64(b);
	part.swapped = bytes_u64(b);
	part.mapped = bytes_u64(b);
	part.mappings = bytes_u64(b);
	return !b->broken && kind < N_MEMORY_KINDS &&
	       (allocator == UINT32_MAX || allocator < n_allocators) &&
	       vec_push(&m->parts, part);
}

static bool take_fact(struct bytes *b, struct memory_report *m)
{
	struct memory_fact fact = { .key = index_take_text(b, &m->arena) };

	fact.text = index_take_text(b, &m->arena);
	fact.is_number = bytes_u32(b) != 0;
	fact.value = bytes_u64(b);
	return !b->broken && vec_push(&m->cgroup, fact);
}

static bool take_memory(struct bytes *b, uint64_t n_allocators,
			struct memory_report *m)
{
	uint64_t n;

	m->rss_known = bytes_u64(b) != 0;
	m->rss = bytes_u64(b);
	m->swap = bytes_u64(b);
	m->status_rss = bytes_u64(b);
	m->page_tables = bytes_u64(b);
	n = index_take_length(b, 44);
	for (uint64_t i = 0; i < n; i++) {
		if (!take_part(b, n_allocators, m))
			return false;
	}
	n = index_take_length(b, 20);
	for (uint64_t i = 0; i < n; i++) {
		if (!take_fact(b, m))
			return false;
	}
	return !b->broken;
}

bool index_summaries_read(struct bytes *b,
			  const uint64_t counts[N_INDEX_COUNTS],
			  struct facts *facts)
{
	struct summaries *s = &facts->summaries;

	s->has_types = take_types(b, counts[COUNT_TYPES], &s->types);
	s->has_cycles = s->has_types && take_cycles(b, counts, &s->cycles);
	s->has_memory = s->has_cycles &&
			take_memory(b, counts[COUNT_ALLOCATORS], &s->memory);
	return s->has_memory;
}
