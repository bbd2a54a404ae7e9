/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "tests/aid_heap.h"
#include "tests/aid_index_file.h"
#include "tests/aid_tui_heap.h"

/* Facts that were analysed, and the image of the same heap, to be filled. */
struct pair {
	struct facts made, read;
	struct index_file file;
	struct index_mapping mapping;
};

/* An image as it is before an analysis: of the types only what it had. */
static void strip(struct facts *f)
{
	struct image image = f->image;

	f->image = (struct image){0};
	facts_close(f);
	*f = (struct facts){ .image = image };
}

/* What the heap lacks: something in every table, all of it different. */
static void fill_tables(struct facts *f)
{
	struct heap *h = &f->heap;
	const struct owned_extent owned = { 0x5000, 0x6000, 0 };
	const struct extent state = { 0x7000, 0x7100 }, local = { 0x8000, 0x8008 },
			    metadata = { 0x9000, 0x9020 };
	const struct memory_fact fact = { "memory.current", "4096", true, 4096 };

	assert_true(vec_push(&h->extents, owned));
	assert_true(vec_push(&h->allocator_state, state));
	assert_true(vec_push(&h->locals, local));
	assert_true(vec_push(&h->allocator_metadata, metadata));
	assert_true(vec_push(&f->summaries.memory.cgroup, fact));
	diag_add_at(&h->diag, 0x1234, 5, "a finding");
	diag_add(&h->diag, "another one");
	if (h->allocators.len == 0) {
		const struct allocator_summary a = {
			.allocator = allocators[1], .version = "1.2",
			.tested = true, .understood = true, .arenas = 3,
			.live_blocks = 4, .live_bytes = 5, .free_chunks = 6,
			.free_bytes = 7, .overhead_bytes = 8,
			.mapped_bytes = 9,
		};

		assert_true(vec_push(&h->allocators, a));
	}
	for (uint32_t g = 0; g < f->leaks.n_groups; g++) {
		f->leaks.groups[g].held_by = g;
		f->leaks.groups[g].held_offset = 8 * g + 72;
	}
	for (int s = 0; s < N_STATES; s++)
		f->leaks.total[s].bytes += 100 + (uint64_t)s;
}

static int set_up(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct err err = {0};

	*state = p;
	tui_heap_make(&p->made);
	assert_true(summaries_build(&p->made, &err));
	fill_tables(&p->made);
	tui_heap_make(&p->read);
	strip(&p->read);
	make_index_file(&p->made, &p->file);
	return 0;
}

static int set_up_wide(void **state)
{
	graph_set_wide_from(1);
	return set_up(state);
}

static int tear_down(void **state)
{
	struct pair *p = *state;

	index_unmap(&p->read, &p->mapping);
	facts_close(&p->read);
	facts_close(&p->made);
	free(p->file.bytes);
	free(p);
	graph_set_wide_from(0);
	return 0;
}

/* Put @facts back to where only the image is there. */
static void forget(struct facts *facts, struct index_mapping *mapping)
{
	index_unmap(facts, mapping);
	summaries_free(&facts->summaries);
	leaks_free(&facts->leaks);
	heap_free(&facts->heap);
	facts->dom = (struct dominators){0};
}

static bool same_columns(struct facts *a, struct facts *b)
{
	struct index_layout x, y;
	uint64_t counts[N_INDEX_COUNTS] = {0}, others[N_INDEX_COUNTS] = {0};
	struct blob tables = {0}, more = {0};
	const void *at = NULL;
	struct err err = {0};
	bool same = index_tables_write(a, &tables, counts, &err) &&
		    index_tables_write(b, &more, others, &err) &&
		    memcmp(counts, others, sizeof(counts)) == 0 &&
		    memcmp(tables.bytes.at, more.bytes.at,
			   tables.bytes.len) == 0 &&
		    index_layout(a, &at, counts, &x) &&
		    index_layout(b, &at, counts, &y);

	/* The last one is the tables. */
	for (int i = 0; same && i + 1 < N_INDEX_COLUMNS; i++) {
		size_t n = (size_t)(x.columns[i].n * x.columns[i].width);

		same = n == 0 || memcmp(index_column_at(&x.columns[i]),
					index_column_at(&y.columns[i]),
					n) == 0;
	}
	blob_free(&tables);
	blob_free(&more);
	return same;
}

static void gives_back_what_was_kept(void **state)
{
	struct pair *p = *state;
	struct err err = {0};

	assert_true(p->made.heap.n_blocks > 10);
	assert_true(p->made.leaks.n_groups > 0);
	assert_true(p->made.summaries.cycles.n_groups > 0);
	assert_true(read_index_file(p->file.bytes, p->file.size, &p->read,
				    &p->mapping, &err));
	assert_true(same_columns(&p->made, &p->read));
	assert_true(summaries_are_complete(&p->read.summaries));
	assert_ptr_equal(p->read.heap.image, &p->read.image);
	for (uint32_t i = 0; i < p->made.heap.n_blocks; i++) {
		uint64_t at = p->made.heap.addr[i] +
			      heap_size(&p->made.heap, i) / 2;

		assert_int_equal(heap_find(&p->read.heap, at), i);
	}
	forget(&p->read, &p->mapping);
	assert_null(p->read.heap.addr);
	assert_null(p->read.dom.order);
}

static void gives_back_wide_rows(void **state)
{
	struct pair *p = *state;

	assert_non_null(p->made.heap.refs.wide_row);
	assert_non_null(p->made.heap.referrers.wide_row);
	gives_back_what_was_kept(state);
	assert_null(p->read.heap.refs.wide_row);
	assert_null(p->read.heap.referrers.wide_row);
}

static void refuses_an_index_of_something_else(void **state)
{
	struct pair *p = *state;
	struct err err = {0};
	uint8_t *trailer = p->file.bytes + p->file.size - INDEX_TRAILER_BYTES;

	for (int word = 0; word < 3; word++) {
		trailer[word * 8] ^= 1;
		assert_true(sign_index_file(p->file.bytes, p->file.size));
		assert_false(read_index_file(p->file.bytes, p->file.size,
					     &p->read, &p->mapping, &err));
		assert_int_equal(err.code, ERR_FORMAT);
		trailer[word * 8] ^= 1;
		err_clear(&err);
	}
}

/* Is byte @at of the file in a column, a sum or the trailer? */
static bool counts(const struct index_file *file, size_t at)
{
	const struct index_layout *l = &file->layout;

	for (int i = 0; i < N_INDEX_COLUMNS; i++) {
		const struct index_column *c = &l->columns[i];

		if (at - l->offsets[i] < c->n * c->width)
			return true;
	}
	return at >= l->sums_offset;
}

static void notices_every_changed_byte(void **state)
{
	struct pair *p = *state;
	uint64_t seed = rng_seed();
	size_t n = 0;

	for (size_t at = 0; at < p->file.size; at++) {
		struct err err = {0};
		uint8_t bit;

		if (!counts(&p->file, at))
			continue;
		bit = (uint8_t)(1 << rng_below(&seed, 8));
		p->file.bytes[at] ^= bit;
		assert_false(read_index_file(p->file.bytes, p->file.size,
					     &p->read, &p->mapping, &err));
		assert_int_equal(err.code, ERR_FORMAT);
		assert_null(p->read.heap.addr);
		assert_null(p->read.heap.roots);
		p->file.bytes[at] ^= bit;
		n++;
	}
	assert_true(n > 5000);
}

static void notices_a_file_of_another_length(void **state)
{
	struct pair *p = *state;
	uint8_t *longer = calloc(1, p->file.size + 8);

	for (size_t size = 0; size < p->file.size;
	     size += size < 200 ? 1 : 61) {
		struct err err = {0};

		assert_false(read_index_file(p->file.bytes, size, &p->read,
					     &p->mapping, &err));
	}
	memcpy(longer + 8, p->file.bytes, p->file.size);
	for (size_t more = 1; more <= 8; more++) {
		struct err err = {0};

		assert_false(read_index_file(longer + 8 - more,
					     p->file.size + more, &p->read,
					     &p->mapping, &err));
	}
	free(longer);
}

/* Does a column of these numbers keep its rule? */
static bool holds_with(enum index_rule rule, uint32_t width, uint64_t bound,
		       const uint64_t *numbers, size_t n)
{
	const struct index_column c = {
		.n = n, .width = width, .rule = rule, .bound = bound,
	};
	uint8_t bytes[64];

	for (size_t i = 0; i < n; i++)
		memcpy(bytes + i * width, &numbers[i], width);
	return index_rule_holds(&c, bytes, 0, n * width, NULL);
}

#define holds(rule, width, bound, ...) \
	holds_with(rule, width, bound, (const uint64_t[]){ __VA_ARGS__ }, \
		   sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)

static void knows_what_each_column_may_hold(void **state)
{
	(void)state;
	assert_true(holds(RULE_BELOW, 1, 4, 0, 3, 1));
	assert_false(holds(RULE_BELOW, 1, 4, 0, 4, 1));
	assert_true(holds(RULE_BELOW, 4, 70000, 0, 69999, 1));
	assert_false(holds(RULE_BELOW, 4, 70000, 70000, 1));
	assert_false(holds(RULE_BELOW, 4, 70000, 1, UINT32_MAX));
	assert_true(holds(RULE_BELOW_OR_NONE, 4, 9, 8, UINT32_MAX, 0));
	assert_false(holds(RULE_BELOW_OR_NONE, 4, 9, 8, 9));
	assert_false(holds(RULE_BELOW_OR_NONE, 4, 9, UINT32_MAX - 1));
	assert_true(holds(RULE_BELOW_OR_NONE, 4, 0, UINT32_MAX));
	assert_false(holds(RULE_BELOW_OR_NONE, 4, 0, 0));
	assert_true(holds(RULE_ASCENDING, 8, 0, 5, 6, UINT64_MAX));
	assert_true(holds(RULE_ASCENDING, 8, 0, 0, 6));
	assert_false(holds(RULE_ASCENDING, 8, 0, 5, 5));
	assert_false(holds(RULE_ASCENDING, 8, 0, 5, 4));
	assert_true(holds(RULE_ROWS, 8, 7, 0, 3, 3, 7));
	assert_false(holds(RULE_ROWS, 8, 7, 1, 3, 7));
	assert_false(holds(RULE_ROWS, 8, 7, 0, 3, 6));
	assert_false(holds(RULE_ROWS, 8, 7, 0, 8, 7));
	assert_true(holds(RULE_ROWS, 4, 7, 0, 3, 3, 7));
	assert_false(holds(RULE_ROWS, 4, 7, 1, 3, 7));
	assert_false(holds(RULE_ROWS, 4, 7, 0, 3, 6));
	assert_false(holds(RULE_ROWS, 4, 7, 0, 8, 7));
	assert_false(holds(RULE_ROWS, 4, 7, 0, 4, 3, 7));
	assert_true(holds(RULE_CELLS, 4, 7, 2, 2, 7));
	assert_false(holds(RULE_CELLS, 4, 7, 2, 1, 7));
	assert_false(holds(RULE_CELLS, 4, 7, 2, 8));
	assert_true(holds(RULE_ENDS, 4, 3, 3, 2, 3));
	assert_false(holds(RULE_ENDS, 4, 3, 3, 1, 3));
	assert_false(holds(RULE_ENDS, 4, 3, 3, 2, 4));
}

/* Rules that compare with the element before do so where a piece begins. */
static void looks_across_the_edges_of_pieces(void **state)
{
	const struct index_column rows = {
		.n = 4, .width = 8, .rule = RULE_ROWS, .bound = 9,
	};
	const struct index_column narrow = {
		.n = 4, .width = 4, .rule = RULE_ROWS, .bound = 9,
	};
	const uint64_t before = 5, good[] = { 5, 9 }, bad[] = { 4, 9 };
	const uint32_t thin[] = { 5, 9 };

	(void)state;
	assert_true(index_rule_holds(&rows, good, 16, 16, &before));
	assert_false(index_rule_holds(&rows, bad, 16, 16, &before));
	assert_true(index_rule_holds(&narrow, thin, 8, 8, &thin[0]));
	assert_false(index_rule_holds(&narrow, thin, 8, 8, &thin[1]));
}

/* Of a core, all that was found elsewhere is a part of the key. */
static void tells_apart_what_was_found_for_a_core(void **state)
{
	const struct mined_slot slot = { .count = 1 };
	struct index_key before, after;
	struct image image;
	struct err err = {0};

	(void)state;
	made_image(&image);
	image.meta.kind = IMAGE_CORE;
	image.identity = 1;
	assert_true(index_key_of(&image, &before, &err));
	assert_true(vec_push(&image.slots, slot));
	assert_true(index_key_of(&image, &after, &err));
	assert_int_equal(before.file, after.file);
	assert_int_not_equal(before.program, after.program);
	image_close(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gives_back_what_was_kept,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(gives_back_wide_rows,
						set_up_wide, tear_down),
		cmocka_unit_test_setup_teardown(
			refuses_an_index_of_something_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(notices_every_changed_byte,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			notices_a_file_of_another_length, set_up, tear_down),
		cmocka_unit_test(knows_what_each_column_may_hold),
		cmocka_unit_test(looks_across_the_edges_of_pieces),
		cmocka_unit_test(tells_apart_what_was_found_for_a_core),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
