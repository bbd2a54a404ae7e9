/* SPDX-License-Identifier: MIT */
#include "analyze/alloc_glibc_segment.h"

#include "base/map.h"
#include "base/progress.h"

enum { FENCE = 0x10, HEADER_SIZE = 0x10, CANCEL_STEPS = 1 << 18 };

/* The run that is being filled. */
struct piece {
	uint64_t start;
	size_t first;		/* block */
	size_t first_link;
};

static uint64_t page_end(uint64_t at)
{
	return (at | (PAGE_SIZE_X86 - 1)) + 1;
}

/*
 * Where the main heap could not be extended, headers of 16 bytes fill the last
 * bytes of a page: two, or three when the top chunk had just 48 bytes. The
 * first loses its low bit when the chunk before it is free. A retired heap of
 * a thread's arena ends in such a header and one of size zero.
 */
static bool is_fence(struct glibc_walk *walk, const struct glibc_segment *seg,
		     uint64_t at, uint64_t word)
{
	uint64_t end = page_end(at), next;

	if (seg->thread) {
		if (seg->limit - at == 16)
			return (word & ~(uint64_t)CHUNK_FLAGS) == 0;
		return seg->limit - at == 32 &&
		       (word & ~(uint64_t)CHUNK_FLAGS) == FENCE;
	}
	if ((word & ~(uint64_t)CHUNK_PREV_USED) != FENCE ||
	    (end - at != 32 && end - at != 48))
		return false;
	while ((at += FENCE) < end) {
		if (!glibc_word(walk, at + 8, &next) ||
		    next != (FENCE | CHUNK_PREV_USED))
			return false;
	}
	return true;
}

/* The last chunk of a retired heap, when it was too small to be freed. */
static bool is_tiny_top(struct glibc_walk *walk,
			const struct glibc_segment *seg, uint64_t at,
			uint64_t word)
{
	uint64_t next;

	return seg->thread && word == (0x20 | CHUNK_PREV_USED) &&
	       seg->limit - at == 48 && glibc_word(walk, at + 40, &next) &&
	       (next & ~(uint64_t)CHUNK_FLAGS) == 0;
}

enum glibc_header glibc_header(struct glibc_walk *walk,
			       const struct glibc_segment *seg, uint64_t at,
			       uint64_t word)
{
	uint64_t size = word & ~(uint64_t)CHUNK_FLAGS;
	uint64_t never = seg->thread ? CHUNK_MMAPPED :
				       CHUNK_MMAPPED | CHUNK_THREAD_ARENA;

	if (at == seg->top)
		return HEADER_TOP;
	if (seg->limit - at < HEADER_SIZE)
		return HEADER_BAD;
	/* Only top ends where the segment ends: others have a next header. */
	if (size < GLIBC_MIN_CHUNK || size % GLIBC_ALIGN != 0 ||
	    size > seg->limit - at || seg->limit - at - size < HEADER_SIZE ||
	    (word & never) != 0)
		return is_fence(walk, seg, at, word) ? HEADER_FENCE :
						       HEADER_BAD;
	/* What malloc splits off top is a chunk; else top itself is damaged. */
	if (at < seg->top && seg->top - at < size &&
	    seg->top - at >= GLIBC_MIN_CHUNK && seg->top % GLIBC_ALIGN == 0)
		return HEADER_ACROSS_TOP;
	if (size == 0x20 && is_tiny_top(walk, seg, at, word))
		return HEADER_FENCE;
	return HEADER_CHUNK;
}

/* Is the chunk at @at a member of a bin's list, the bin being another? */
static bool is_linked(struct glibc_walk *walk, uint64_t at)
{
	uint64_t fd, bk, back, forth;

	return glibc_word(walk, at + 16, &fd) &&
	       glibc_word(walk, at + 24, &bk) && fd != 0 && bk != 0 &&
	       fd != at && bk != at && fd % 8 == 0 && bk % 8 == 0 &&
	       glibc_word(walk, fd + 24, &back) && back == at &&
	       glibc_word(walk, bk + 16, &forth) && forth == at;
}

static void sum_links(struct glibc_walk *walk, const struct glibc_segment *seg,
		      uint64_t at)
{
	uint64_t fd = 0, bk = 0;

	/* The other window has gone on to the next chunk. */
	if (glibc_word(walk, at + 16, &fd) &&
	    glibc_word(walk, at + 24, &bk)) {
		seg->sums->members += hash_u64(at);
		seg->sums->fd += hash_u64(fd);
		seg->sums->bk += hash_u64(bk);
	}
}

static bool emit_free(struct glibc_walk *walk, const struct glibc_segment *seg,
		      uint64_t at, uint64_t size, struct err *err)
{
	sum_links(walk, seg, at);
	return vec_push(&walk->list->free,
			((struct chunk){ at + 16, size - 8 })) ||
	       err_nomem(err, "free chunks");
}

/* @first is the first word of the user's memory: a link, if it is free. */
static bool emit_used(struct glibc_walk *walk, const struct glibc_segment *seg,
		      uint64_t at, uint64_t size, uint64_t first,
		      struct err *err)
{
	return (vec_push(&walk->list->blocks,
			 ((struct chunk){ at + 16, size - 8 })) &&
		glibc_store_link(walk, seg->copy, at + 16, first)) ||
	       err_nomem(err, "blocks");
}

/*
 * The header of the next chunk tells whether this one is used. Where that
 * header is damaged, or disagrees about the size, the lists of the bins do.
 */
static bool is_used(struct glibc_walk *walk, uint64_t at, uint64_t size,
		    uint64_t prev_size, uint64_t next_word,
		    enum glibc_header next)
{
	if (next != HEADER_BAD) {
		if (next_word & CHUNK_PREV_USED)
			return true;
		if (prev_size == size)
			return false;
		glibc_note(walk, at + size,
			   "chunk headers that disagree about the chunk before");
	}
	return !is_linked(walk, at);
}

/* The free memory at the end of an arena. */
static bool emit_top(struct glibc_walk *walk, const struct glibc_segment *seg,
		     uint64_t word, uint64_t *end_at, struct err *err)
{
	uint64_t size = word & ~(uint64_t)CHUNK_FLAGS, at = seg->top;

	if (size > seg->limit - at || (at + size) % PAGE_SIZE_X86 != 0) {
		glibc_note(walk, at, "top chunks with a wrong size");
		size = seg->thread ? seg->limit - at :
		       -at & (PAGE_SIZE_X86 - 1);
	}
	*end_at = at + size;
	if (size <= 16)
		return true;
	return vec_push(&walk->list->free,
			((struct chunk){ at + 16, size - 16 })) ||
	       err_nomem(err, "free chunks");
}

/* Step from chunk to chunk until something else comes; *@at is where. */
static bool walk_chunks(struct glibc_walk *walk,
			const struct glibc_segment *seg, uint64_t *at,
			enum glibc_header *end, struct err *err)
{
	uint64_t word = 0, next_word, prev_size, size, first;
	enum glibc_header header, next;
	uint32_t steps = 0;

	header = window_u64(&walk->order, *at + 8, &word) ?
		 glibc_header(walk, seg, *at, word) : HEADER_BAD;
	while (header == HEADER_CHUNK || header == HEADER_ACROSS_TOP) {
		size = word & ~(uint64_t)CHUNK_FLAGS;
		if (header == HEADER_ACROSS_TOP) {
			glibc_note(walk, *at, "threads that stopped in malloc");
			size = seg->top - *at;
		}
		prev_size = next_word = first = 0;
		(void)window_u64(&walk->order, *at + 16, &first);
		next = window_u64(&walk->order, *at + size, &prev_size) &&
		       window_u64(&walk->order, *at + size + 8, &next_word) ?
		       glibc_header(walk, seg, *at + size, next_word) :
		       HEADER_BAD;
		if (header == HEADER_ACROSS_TOP ||
		    is_used(walk, *at, size, prev_size, next_word, next)) {
			if (!emit_used(walk, seg, *at, size, first, err))
				return false;
		} else if (!emit_free(walk, seg, *at, size, err)) {
			return false;
		}
		*at += size;
		word = next_word;
		header = next;
		if (++steps % CANCEL_STEPS == 0 && progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
	}
	*end = header;
	return true;
}

static bool close_run(struct glibc_walk *walk, const struct glibc_segment *seg,
		      struct piece piece, uint64_t end, struct err *err)
{
	struct glibc_run run = {
		.start = piece.start, .end = end, .first = piece.first,
		.n = walk->list->blocks.len - piece.first,
		.first_link = piece.first_link,
		.n_links = walk->links.len - piece.first_link,
		.copy = seg->copy_number,
	};

	return run.n == 0 || vec_push(&walk->runs, run) ||
	       err_nomem(err, "runs of chunks");
}

static bool add_extent(struct glibc_walk *walk, uint64_t start, uint64_t end,
		       struct err *err)
{
	return start >= end ||
	       vec_push(&walk->list->extents,
			((struct extent){ start, end })) ||
	       err_nomem(err, "extents");
}

/* Note what went wrong at @at; chunks go on at @next, or not at all (0). */
static bool note_damage(struct glibc_walk *walk,
			const struct glibc_segment *seg, uint64_t at,
			uint64_t next, struct err *err)
{
	uint64_t word, lost = (next ? next : seg->limit) - at;

	if (!glibc_word(walk, at + 8, &word))
		glibc_note(walk, at, "heap memory that is not in the file");
	else
		glibc_note(walk, at, "damaged chunk headers");
	diag_add_at(walk->diag, at, lost,
		    "bytes of heap behind damage, scanned as roots");
	return vec_push(&walk->damaged, at) ||
	       err_nomem(err, "damaged chunk headers");
}

bool glibc_walk_segment(struct glibc_walk *walk,
			const struct glibc_segment *seg, enum glibc_end *end,
			uint64_t *end_at, struct err *err)
{
	uint64_t extent = seg->extent_start, at = seg->start, next, word = 0;
	enum glibc_header header = HEADER_BAD;

	for (;;) {
		struct piece piece = { at, walk->list->blocks.len,
				       walk->links.len };

		if (!walk_chunks(walk, seg, &at, &header, err) ||
		    !close_run(walk, seg, piece, at, err))
			return false;
		if (header != HEADER_BAD)
			break;
		if (!add_extent(walk, extent, at, err))
			return false;
		next = glibc_resync(walk, seg, at + GLIBC_ALIGN, seg->limit,
				    TRUST_STEPS);
		if (!note_damage(walk, seg, at, next, err))
			return false;
		*end = END_BROKEN;
		*end_at = at;
		if (next == 0)
			return true;
		extent = at = next;
	}
	*end = header == HEADER_TOP ? END_TOP : END_FENCE;
	*end_at = seg->thread ? seg->limit : page_end(at);
	if (header == HEADER_TOP) {
		(void)glibc_word(walk, at + 8, &word);
		if (!emit_top(walk, seg, word, end_at, err))
			return false;
	}
	return add_extent(walk, extent, *end_at, err);
}
