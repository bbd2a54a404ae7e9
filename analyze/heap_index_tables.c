/* SPDX-License-Identifier: MIT */
/*
 * What is small: written field by field, copied when it is read. Each list is
 * a u64 length and its elements; a text is a u32 length and its bytes.
 */
#include "analyze/heap_index_file.h"
#include "analyze/heap_index_tables.h"
#include "formats/types_io.h"

/* Whoever adds a field to one of these adds it below. */
_Static_assert(sizeof(struct root) == 40, "keep the new field");
_Static_assert(sizeof(struct allocator_summary) == 80, "keep the new field");
_Static_assert(sizeof(struct owned_extent) == 24, "keep the new field");
_Static_assert(sizeof(struct leak_group) == 56, "keep the new field");
_Static_assert(sizeof(struct signature) == 24, "keep the new field");
_Static_assert(sizeof(struct signature_member) == 24, "keep the new field");

/* --- writing --- */

static void put_roots(const struct heap *heap, struct blob *b)
{
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		const struct root *r = &heap->roots[i];

		blob_text(b, r->name);
		blob_u64(b, r->addr);
		blob_u64(b, r->size);
		blob_u32(b, r->type);
		blob_u32(b, r->thread);
		blob_u32(b, r->local);
		blob_u32(b, r->kind);
		blob_u32(b, r->rank);
	}
}

static void put_allocators(const struct heap *heap, struct blob *b)
{
	for (size_t i = 0; i < heap->allocators.len; i++) {
		const struct allocator_summary *a = &heap->allocators.at[i];
		const uint64_t sums[] = {
			a->arenas, a->live_blocks, a->live_bytes,
			a->free_chunks, a->free_bytes, a->overhead_bytes,
			a->mapped_bytes,
		};

		blob_text(b, a->allocator->name);
		blob_text(b, a->version);
		blob_u32(b, a->tested);
		blob_u32(b, a->understood);
		blob_bytes(b, sums, sizeof(sums));
	}
}

void index_put_array(struct blob *b, const void *at, size_t n, size_t size)
{
	blob_u64(b, n);
	if (n > 0)
		blob_bytes(b, at, n * size);
}

#define put_vec(b, v) index_put_array(b, (v)->at, (v)->len, sizeof(*(v)->at))

void index_put_signatures(struct blob *b, const struct signatures *s)
{
	put_vec(b, &s->at);
	put_vec(b, &s->members);
}

static void put_owned_extents(const struct heap *heap, struct blob *b)
{
	blob_u64(b, heap->extents.len);
	for (size_t i = 0; i < heap->extents.len; i++) {
		blob_u64(b, heap->extents.at[i].start);
		blob_u64(b, heap->extents.at[i].end);
		blob_u32(b, heap->extents.at[i].allocator);
	}
}

static void put_diag(const struct diag *diag, struct blob *b)
{
	blob_u64(b, diag->len);
	for (size_t i = 0; i < diag->len; i++) {
		blob_text(b, diag->at[i].what);
		blob_u64(b, diag->at[i].count);
		blob_u64(b, diag->at[i].first);
	}
}

static void put_leaks(const struct leaks *leaks, struct blob *b)
{
	for (uint32_t i = 0; i < leaks->n_groups; i++) {
		const struct leak_group *g = &leaks->groups[i];

		blob_u32(b, g->verdict);
		blob_u32(b, g->cycle);
		blob_u64(b, g->key);
		blob_u64(b, g->count);
		blob_u64(b, g->blocks);
		blob_u64(b, g->bytes);
		blob_u32(b, g->held_by);
		blob_u64(b, g->held_offset);
	}
	index_put_signatures(b, &leaks->signatures);
	for (int s = 0; s < N_STATES; s++) {
		blob_u64(b, leaks->total[s].blocks);
		blob_u64(b, leaks->total[s].bytes);
	}
}

static bool put_types(void *ctx, const void *bytes, size_t n, struct err *err)
{
	struct blob *b = ctx;

	blob_bytes(b, bytes, n);
	return !b->failed || err_nomem(err, "the index");
}

static void count_all(const struct facts *f, uint64_t *counts)
{
	const struct heap *h = &f->heap;

	counts[COUNT_BLOCKS] = h->n_blocks;
	counts[COUNT_ROOTS] = h->n_roots;
	counts[COUNT_FREE] = h->n_free;
	counts[COUNT_REGIONS] = h->index.n_regions;
	counts[COUNT_CELLS] = block_index_n_cells(&h->index);
	counts[COUNT_LARGE] = h->sizes.large.len;
	counts[COUNT_REFS] = graph_n_edges(&h->refs);
	counts[COUNT_GROUPS] = f->leaks.n_groups;
	counts[COUNT_MEMBERS] = f->leaks.rows[f->leaks.n_groups];
	counts[COUNT_ORDER] = f->dom.n_order;
	counts[COUNT_CYCLE_GROUPS] = f->summaries.cycles.n_groups;
	counts[COUNT_CYCLE_NODES] =
		f->summaries.cycles.row[f->summaries.cycles.n_groups];
	counts[COUNT_CYCLE_STEPS] = f->summaries.cycles.steps.len;
	counts[COUNT_TYPES] = h->image->types.types.len;
	counts[COUNT_ALLOCATORS] = h->allocators.len;
}

bool index_tables_write(const struct facts *f, struct blob *b,
			uint64_t counts[N_INDEX_COUNTS], struct err *err)
{
	const struct types_sink sink = { .put = put_types, .ctx = b };
	const struct heap *h = &f->heap;

	count_all(f, counts);
	put_roots(h, b);
	put_allocators(h, b);
	put_owned_extents(h, b);
	put_vec(b, &h->allocator_state);
	put_vec(b, &h->locals);
	put_vec(b, &h->allocator_metadata);
	put_diag(&h->diag, b);
	put_leaks(&f->leaks, b);
	index_summaries_write(f, b);
	if (!types_write(&h->image->types, &sink, err))
		return false;
	counts[COUNT_TABLES] = b->bytes.len;
	return !b->failed || err_nomem(err, "the index");
}

/* --- reading --- */

struct tables {
	struct bytes b;
	struct facts *facts;
	const uint64_t *counts;
	uint32_t n_nodes;
};

const char *index_take_text(struct bytes *b, struct arena *arena)
{
	uint32_t n = bytes_u32(b);
	const uint8_t *at = bytes_take(b, n);
	char *text = at ? arena_text(arena, (const char *)at, n) : NULL;

	if (!text)
		b->broken = true;
	return text ? text : "";
}

/* It lives as long as the heap. */
static const char *take_text(struct tables *t)
{
	return index_take_text(&t->b, &t->facts->heap.arena);
}

uint64_t index_take_length(struct bytes *b, size_t size)
{
	uint64_t n = bytes_u64(b);

	if (n <= bytes_left(b) / size)
		return n;
	b->broken = true;
	return 0;
}

bool index_take_array(struct bytes *b, void *ret, size_t *ret_n, size_t size)
{
	size_t n = (size_t)index_take_length(b, size);
	const uint8_t *from = bytes_take(b, n * size);
	void *to = n > 0 ? malloc(n * size) : NULL;

	if (n > 0 && (!from || !to)) {
		free(to);
		b->broken = true;
		return false;
	}
	if (n > 0)
		memcpy(to, from, n * size);
	memcpy(ret, &to, sizeof(to));
	*ret_n = n;
	return true;
}

#define take_vec(b, v) \
	(index_take_array(b, &(v)->at, &(v)->len, sizeof(*(v)->at)) && \
	 ((v)->cap = (v)->len, true))

static bool is_type(const struct tables *t, uint32_t type)
{
	return type == TYPE_NONE || type < t->counts[COUNT_TYPES];
}

static bool take_root(struct tables *t, struct root *r)
{
	const struct image *image = &t->facts->image;
	uint32_t kind, rank;

	r->name = take_text(t);
	r->addr = bytes_u64(&t->b);
	r->size = bytes_u64(&t->b);
	r->type = bytes_u32(&t->b);
	r->thread = bytes_u32(&t->b);
	r->local = bytes_u32(&t->b);
	kind = bytes_u32(&t->b);
	rank = bytes_u32(&t->b);
	r->kind = (uint8_t)kind;
	r->rank = (uint8_t)rank;
	return !t->b.broken && is_type(t, r->type) &&
	       (r->thread == UINT32_MAX || r->thread < image->threads.len) &&
	       r->local <= image->locals.len && kind < N_ROOT_KINDS &&
	       rank < ROOT_RANKS;
}

static bool take_roots(struct tables *t)
{
	struct heap *heap = &t->facts->heap;
	uint64_t n = t->counts[COUNT_ROOTS];

	if (n > bytes_left(&t->b))
		return false;
	heap->roots = calloc((size_t)n + 1, sizeof(*heap->roots));
	if (!heap->roots)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		if (!take_root(t, &heap->roots[i]))
			return false;
	}
	return true;
}

static bool take_allocator(struct tables *t)
{
	const char *name = take_text(t);
	struct allocator_summary a = { .version = take_text(t) };
	uint64_t *const sums[] = {
		&a.arenas, &a.live_blocks, &a.live_bytes, &a.free_chunks,
		&a.free_bytes, &a.overhead_bytes, &a.mapped_bytes,
	};

	a.tested = bytes_u32(&t->b) != 0;
	a.understood = bytes_u32(&t->b) != 0;
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		*sums[i] = bytes_u64(&t->b);
	for (size_t i = 0; allocators[i] && !a.allocator; i++) {
		if (!strcmp(allocators[i]->name, name))
			a.allocator = allocators[i];
	}
	return !t->b.broken && a.allocator &&
	       vec_push(&t->facts->heap.allocators, a);
}

static bool take_owned_extents(struct tables *t)
{
	struct heap *heap = &t->facts->heap;
	uint64_t n = index_take_length(&t->b, 20);

	if (!vec_reserve(&heap->extents, (size_t)n))
		return false;
	for (uint64_t i = 0; i < n; i++) {
		struct owned_extent e = { .start = bytes_u64(&t->b) };

		e.end = bytes_u64(&t->b);
		e.allocator = bytes_u32(&t->b);
		if (e.allocator >= heap->allocators.len)
			return false;
		heap->extents.at[heap->extents.len++] = e;
	}
	return !t->b.broken;
}

static bool take_diag(struct tables *t, struct diag *diag)
{
	uint64_t n = index_take_length(&t->b, 20);

	for (uint64_t i = 0; i < n; i++) {
		const char *what = take_text(t);
		uint64_t count = bytes_u64(&t->b), first = bytes_u64(&t->b);

		diag_add_at(diag, first, count, "%s", what);
	}
	return !t->b.broken && diag->len == n;
}

/* Keys of blocks name types. */
static bool is_key(const struct tables *t, uint64_t key)
{
	return block_key_is_valid(key, t->counts[COUNT_TYPES]);
}

static bool take_group(struct tables *t, struct leak_group *g)
{
	uint32_t verdict = bytes_u32(&t->b);

	if (verdict >= N_STATES)
		return false;
	g->verdict = (enum state)verdict;
	g->cycle = bytes_u32(&t->b) != 0;
	g->key = bytes_u64(&t->b);
	g->count = bytes_u64(&t->b);
	g->blocks = bytes_u64(&t->b);
	g->bytes = bytes_u64(&t->b);
	g->held_by = bytes_u32(&t->b);
	g->held_offset = bytes_u64(&t->b);
	return !t->b.broken && is_key(t, g->key) &&
	       (g->held_by == NODE_NONE || g->held_by < t->n_nodes);
}

bool index_take_signatures(struct bytes *b, uint64_t n_types,
			   uint64_t n_groups, struct signatures *s)
{
	if (!take_vec(b, &s->at) || !take_vec(b, &s->members) ||
	    s->at.len < n_groups)
		return false;
	for (size_t i = 0; i < s->at.len; i++) {
		const struct signature *sig = &s->at.at[i];

		if (sig->n_members > s->members.len ||
		    sig->first_member > s->members.len - sig->n_members)
			return false;
	}
	for (size_t i = 0; i < s->members.len; i++) {
		if (!block_key_is_valid(s->members.at[i].key, n_types))
			return false;
	}
	return true;
}

static bool take_leaks(struct tables *t)
{
	struct leaks *leaks = &t->facts->leaks;
	uint64_t n = t->counts[COUNT_GROUPS];

	if (n > bytes_left(&t->b))
		return false;
	leaks->groups = calloc((size_t)n + 1, sizeof(*leaks->groups));
	if (!leaks->groups)
		return false;
	leaks->n_groups = (uint32_t)n;
	for (uint64_t i = 0; i < n; i++) {
		const struct leak_group *g = &leaks->groups[i];

		if (!take_group(t, &leaks->groups[i]) || g->count == 0 ||
		    g->blocks % g->count ||
		    g->blocks != leaks->rows[i + 1] - leaks->rows[i])
			return false;
	}
	if (!index_take_signatures(&t->b, t->counts[COUNT_TYPES],
				   leaks->n_groups, &leaks->signatures))
		return false;
	for (int s = 0; s < N_STATES; s++) {
		leaks->total[s].blocks = bytes_u64(&t->b);
		leaks->total[s].bytes = bytes_u64(&t->b);
	}
	return !t->b.broken;
}

static bool take_heap(struct tables *t)
{
	struct heap *heap = &t->facts->heap;

	if (!take_roots(t))
		return false;
	for (uint64_t i = 0; i < t->counts[COUNT_ALLOCATORS]; i++) {
		if (!take_allocator(t))
			return false;
	}
	return take_owned_extents(t) && take_vec(&t->b, &heap->allocator_state) &&
	       take_vec(&t->b, &heap->locals) &&
	       take_vec(&t->b, &heap->allocator_metadata) &&
	       take_diag(t, &heap->diag);
}

bool index_tables_read(struct bytes b, const uint64_t counts[N_INDEX_COUNTS],
		       struct facts *facts, struct err *err)
{
	struct tables t = {
		.b = b, .facts = facts, .counts = counts,
		.n_nodes = (uint32_t)(counts[COUNT_BLOCKS] +
				      counts[COUNT_ROOTS]),
	};
	struct type_table types;

	if (!take_heap(&t) || !take_leaks(&t) ||
	    !index_summaries_read(&t.b, counts, facts))
		return err_set(err, ERR_FORMAT, "the index is damaged");
	if (!types_read(&t.b, &types, err))
		return false;
	if (types.types.len != counts[COUNT_TYPES] || bytes_left(&t.b) > 0 ||
	    types.types.len < facts->image.types.types.len) {
		types_free(&types);
		return err_set(err, ERR_FORMAT, "the index is damaged");
	}
	types_free(&facts->image.types);
	facts->image.types = types;
	return true;
}
