/* SPDX-License-Identifier: MIT */
#include "analyze/heap_index_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cache.h"
#include "base/file_read.h"
#include "base/pool.h"
#include "base/progress.h"

#define INDEX_MAGIC UINT64_C(0x3158454448464948)

enum { WORDS = INDEX_TRAILER_BYTES / 8, PAGE = 4096 };

/* The trailer without its own sum. */
static void fill_trailer(const struct index_key *key, const uint64_t *counts,
			 uint64_t trailer[WORDS])
{
	trailer[0] = INDEX_MAGIC;
	trailer[1] = key->file;
	trailer[2] = key->program;
	memcpy(trailer + 3, counts, N_INDEX_COUNTS * sizeof(*counts));
}

static uint64_t sum_trailer(const uint64_t *sums, uint64_t n_sums,
			    const uint64_t trailer[WORDS])
{
	uint64_t seed = cache_sum(sums, (size_t)n_sums * 8, n_sums);

	return cache_sum(trailer, (WORDS - 1) * sizeof(*trailer), seed);
}

/* --- writing --- */

/* Who cancels something in a browser takes it back when that has stopped; who
 * ends the program does not. */
static bool is_stopped(void)
{
	const struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 };

	if (!progress_cancelled())
		return false;
	nanosleep(&pause, NULL);
	return progress_cancelled();
}

/* A column and the zeros up to the next page; its sums go to @sums. */
static bool write_column(const struct index_column *c, struct outfile *of,
			 uint64_t *sums, size_t *n_sums, struct err *err)
{
	static const uint8_t zeros[PAGE];
	const uint8_t *at = index_column_at(c);
	uint64_t left = c->n * c->width;

	while (left > 0) {
		size_t n = left < INDEX_SUM_BYTES ? (size_t)left :
			   INDEX_SUM_BYTES;

		if (is_stopped())
			return err_set(err, ERR_CANCELLED,
				       "stopped on request");
		sums[(*n_sums)++] = cache_sum(at, n, 0);
		if (!outfile_write(of, at, n, err))
			return false;
		at += n;
		left -= n;
	}
	return outfile_write(of, zeros, (size_t)(-of->size & (PAGE - 1)), err);
}

bool index_write(const struct index_layout *layout,
		 const struct index_key *key, struct outfile *of,
		 struct err *err)
{
	uint64_t trailer[WORDS];
	uint64_t *sums = calloc((size_t)layout->n_sums + 1, sizeof(*sums));
	size_t n = 0;
	bool ok = sums || err_nomem(err, "the index");

	for (int i = 0; ok && i < N_INDEX_COLUMNS; i++)
		ok = write_column(&layout->columns[i], of, sums, &n, err);
	if (ok) {
		fill_trailer(key, layout->counts, trailer);
		trailer[WORDS - 1] = sum_trailer(sums, n, trailer);
		ok = outfile_write(of, sums, n * sizeof(*sums), err) &&
		     outfile_write(of, trailer, sizeof(trailer), err);
	}
	free(sums);
	return ok;
}

/* --- reading --- */

struct check {
	int fd;
	const struct index_layout *layout;
	uint64_t *sums;		/* [layout->n_sums] as the file has them */
	uint8_t **buffers;	/* [pool_threads()] of INDEX_SUM_BYTES */
};

static bool damaged(struct err *err)
{
	return err_set(err, ERR_FORMAT, "the index is damaged");
}

static bool read_all(int fd, void *to, size_t n, uint64_t offset)
{
	return file_read_at(fd, to, n, offset) == n;
}

/* The column that piece @i of the file belongs to; *@first is its first byte
 * there. */
static const struct index_column *column_of(const struct index_layout *layout,
					    uint64_t i, uint64_t *first)
{
	const struct index_column *c = layout->columns;

	for (;; c++) {
		uint64_t n = pool_chunks(c->n * c->width, INDEX_SUM_BYTES);

		if (i < n)
			break;
		i -= n;
	}
	*first = i * INDEX_SUM_BYTES;
	return c;
}

static bool check_piece(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			unsigned worker, struct err *err)
{
	const struct check *check = ctx;
	uint64_t first, before = 0;
	const struct index_column *c = column_of(check->layout, begin, &first);
	uint64_t left = c->n * c->width - first;
	uint64_t at = check->layout->offsets[c - check->layout->columns] +
		      first;
	size_t n = left < INDEX_SUM_BYTES ? (size_t)left : INDEX_SUM_BYTES;
	uint8_t *buffer = check->buffers[worker];
	bool has_before = first > 0 && c->width <= sizeof(before);

	(void)chunk;
	(void)end;
	if (!read_all(check->fd, buffer, n, at) ||
	    (has_before && !read_all(check->fd, &before, c->width,
				     at - c->width)) ||
	    cache_sum(buffer, n, 0) != check->sums[begin] ||
	    !index_rule_holds(c, buffer, first, n,
			      has_before ? &before : NULL))
		return damaged(err);
	return true;
}

static bool check_columns(struct check *check, struct err *err)
{
	unsigned n = pool_threads();
	bool ok = true;

	check->buffers = calloc(n, sizeof(*check->buffers));
	for (unsigned i = 0; check->buffers && i < n; i++) {
		check->buffers[i] = malloc(INDEX_SUM_BYTES);
		ok = ok && check->buffers[i];
	}
	if (!check->buffers || !ok)
		ok = err_nomem(err, "the index");
	ok = ok && pool_run(check->layout->n_sums, 1, check_piece, check, err);
	for (unsigned i = 0; check->buffers && i < n; i++)
		free(check->buffers[i]);
	free(check->buffers);
	return ok;
}

/* Is the trailer of @fd that of @key? Then lay out what it says. */
static bool read_trailer(struct check *check, uint64_t size,
			 const struct index_key *key, struct facts *facts,
			 void *tables, struct index_layout *layout,
			 struct err *err)
{
	uint64_t trailer[WORDS], expected[3];
	static const uint64_t none[N_INDEX_COUNTS];

	fill_trailer(key, none, memset(trailer, 0, sizeof(trailer)));
	memcpy(expected, trailer, sizeof(expected));
	if (size < sizeof(trailer) ||
	    !read_all(check->fd, trailer, sizeof(trailer),
		      size - sizeof(trailer)))
		return damaged(err);
	if (memcmp(trailer, expected, sizeof(expected)) != 0)
		return err_set(err, ERR_FORMAT,
			       "the index belongs to something else");
	if (!index_layout(facts, tables, trailer + 3, layout) ||
	    layout->size != size)
		return damaged(err);
	check->layout = layout;
	check->sums = malloc((size_t)layout->n_sums * 8 + 1);
	if (!check->sums)
		return err_nomem(err, "the index");
	return (read_all(check->fd, check->sums, (size_t)layout->n_sums * 8,
			 layout->sums_offset) &&
		sum_trailer(check->sums, layout->n_sums, trailer) ==
		trailer[WORDS - 1]) || damaged(err);
}

static void place_columns(struct facts *facts,
			  const struct index_layout *layout,
			  const uint8_t *start)
{
	const uint64_t *n = layout->counts;
	struct heap *h = &facts->heap;

	for (int i = 0; i < N_INDEX_COLUMNS; i++)
		index_column_set(&layout->columns[i],
				 start + layout->offsets[i]);
	h->image = &facts->image;
	h->n_blocks = (uint32_t)n[COUNT_BLOCKS];
	h->n_roots = (uint32_t)n[COUNT_ROOTS];
	h->n_nodes = h->n_blocks + h->n_roots;
	h->n_free = (size_t)n[COUNT_FREE];
	h->refs.n_nodes = h->referrers.n_nodes = h->n_nodes;
	h->index.addr = h->addr;
	h->sizes.large.len = (size_t)n[COUNT_LARGE];
	h->index.sizes = h->sizes;
	h->index.n = h->n_blocks;
	h->index.n_regions = (size_t)n[COUNT_REGIONS];
	facts->dom.n_nodes = h->n_nodes;
	facts->dom.n_groups = (uint32_t)n[COUNT_GROUPS];
	facts->dom.n_order = (uint32_t)n[COUNT_ORDER];
	facts->summaries.cycles.steps.len = (size_t)n[COUNT_CYCLE_STEPS];
}

void index_unmap(struct facts *facts, struct index_mapping *mapping)
{
	static const uint64_t none[N_INDEX_COUNTS];
	struct index_layout layout;
	void *tables;

	if (!mapping->start)
		return;
	(void)index_layout(facts, &tables, none, &layout);
	for (int i = 0; i < N_INDEX_COLUMNS; i++)
		index_column_set(&layout.columns[i], NULL);
	facts->heap.refs.wide_row = facts->heap.referrers.wide_row = NULL;
	munmap((void *)(uintptr_t)mapping->start, mapping->size);
	*mapping = (struct index_mapping){0};
}

/* Map the checked file and hang the facts into it. */
static bool map(int fd, struct facts *facts, const struct index_layout *layout,
		const uint8_t *const *tables, struct index_mapping *ret,
		struct err *err)
{
	const uint64_t *n = layout->counts;
	void *start = mmap(NULL, (size_t)layout->size, PROT_READ, MAP_SHARED,
			   fd, 0);

	if (start == MAP_FAILED)
		return err_errno(err, "mapping the index");
	*ret = (struct index_mapping){ start, (size_t)layout->size };
	place_columns(facts, layout, start);
	return (block_index_check(&facts->heap.index,
				  (size_t)n[COUNT_CELLS]) || damaged(err)) &&
	       index_tables_read(bytes_of(*tables, (size_t)n[COUNT_TABLES]),
				 n, facts, err);
}

bool index_read(int fd, const struct index_key *key, struct facts *facts,
		struct index_mapping *ret, struct err *err)
{
	struct check check = { .fd = fd };
	struct index_layout layout;
	const uint8_t *tables = NULL;
	struct stat st;
	bool ok;

	*ret = (struct index_mapping){0};
	if (fstat(fd, &st) != 0)
		return err_errno(err, "the index");
	ok = read_trailer(&check, (uint64_t)st.st_size, key, facts, &tables,
			  &layout, err) &&
	     check_columns(&check, err) &&
	     map(fd, facts, &layout, &tables, ret, err);
	free(check.sums);
	if (ok)
		return true;
	index_unmap(facts, ret);
	summaries_free(&facts->summaries);
	leaks_free(&facts->leaks);
	heap_free(&facts->heap);
	facts->dom = (struct dominators){0};
	return false;
}
