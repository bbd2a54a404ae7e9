/* SPDX-License-Identifier: MIT */
/*
 * Radix maps from addresses to metadata, found and proved without symbols.
 *
 * A map is walked along the anonymous memory of the process, not along its
 * arrays, which reserve gigabytes: missing nodes and untouched pages of a
 * node are stepped over as a whole.
 */
#include "analyze/alloc_probe.h"
#include "base/bitset.h"
#include "base/progress.h"

/* Module data beyond 32 GiB is not searched: the map of it takes memory. */
#define DATA_WORDS_MAX (UINT64_C(1) << 32)

enum {
	VOTES_ENOUGH = 4096,	/* records looked at to prove a map */
	BAD_FIRST = 4,		/* wrong ones before the first right one */
	PREFIXES_MAX = 4096,
	PAGE_WORDS = PAGE_SIZE_X86 / 8,
};

/* The address of the leaf element for @addr, or how far nothing is known. */
struct place {
	uint64_t element;	/* 0: no node */
	uint64_t next;		/* first address that another node stands for */
};

static uint64_t index_of(const struct radix_shape *shape, unsigned level,
			 uint64_t addr, unsigned *low_bits)
{
	unsigned below = shape->shift;

	for (unsigned i = level + 1; i < shape->levels; i++)
		below += shape->bits[i];
	*low_bits = below;
	return (addr + shape->bias) >> below &
	       ((UINT64_C(1) << shape->bits[level]) - 1);
}

/* The first address behind the piece of 2^@bits bytes that holds @addr. */
static uint64_t piece_end(const struct radix_shape *shape, uint64_t addr,
			  unsigned bits)
{
	uint64_t end = (((addr + shape->bias) >> bits) + 1) << bits;

	return end - shape->bias;
}

static struct place find_place(struct probe_space *space,
			       const struct radix_shape *shape, uint64_t root,
			       uint64_t addr)
{
	struct place place = {0};
	uint64_t node = root;
	unsigned low = 0;

	for (unsigned level = 0; level + 1 < shape->levels; level++) {
		uint64_t i = index_of(shape, level, addr, &low);

		if (!probe_words(space, node + i * 8, 1, &node) || node == 0 ||
		    node % 8 != 0 || !probe_anon(space, node)) {
			place.next = piece_end(shape, addr, low);
			return place;
		}
	}
	place.element = node + index_of(shape, shape->levels - 1, addr, &low) *
			       shape->element;
	place.next = piece_end(shape, addr,
			       shape->shift + shape->bits[shape->levels - 1]);
	return place;
}

struct walk {
	struct probe_space *space;
	const struct radix_shape *shape;
	uint64_t good, bad;
	uint64_t last_record, last_end;
	uint64_t enough;	/* records that end the walk; 0: walk all */
	radix_visit *visit;
	void *ctx;
};

/* The element that stands at @at, for @addr. True when the walk can stop. */
static bool look_at(struct walk *w, uint64_t at, uint64_t element,
		    uint64_t addr)
{
	uint64_t record = element & w->shape->mask;
	struct extent extent;

	if (record == 0 || (record == w->last_record && addr < w->last_end))
		return false;
	if (!probe_anon(w->space, record) ||
	    !w->shape->owns(w->space, record, addr, &extent)) {
		w->bad++;
		return w->enough > 0 && w->bad >= BAD_FIRST + w->good;
	}
	w->good++;
	w->last_record = record;
	w->last_end = extent.end;
	if (w->visit)
		return w->visit(w->ctx, at, record, extent);
	return w->enough > 0 && w->good + w->bad >= w->enough;
}

/* Look at the elements from @place on; at most to the end of their page. */
static uint64_t walk_page(struct walk *w, struct place place, uint64_t addr,
			  uint64_t end, bool *stop)
{
	uint64_t words[PAGE_WORDS];
	uint64_t room = PAGE_SIZE_X86 - place.element % PAGE_SIZE_X86;
	uint64_t step = UINT64_C(1) << w->shape->shift;
	uint64_t stride = w->shape->element / 8;
	uint64_t n = room / w->shape->element;

	if (n == 0)	/* an element across two pages: never in a real map */
		return addr + step;
	if (!probe_words(w->space, place.element, (size_t)(n * stride), words))
		return addr + n * step;
	for (uint64_t i = 0; i < n && addr < end; i++, addr += step) {
		if (words[i * stride] != 0 &&
		    look_at(w, place.element + i * w->shape->element,
			    words[i * stride], addr)) {
			*stop = true;
			break;
		}
	}
	return addr;
}

static bool walk_extent(struct walk *w, uint64_t root, uint64_t start,
			uint64_t end)
{
	uint64_t step = UINT64_C(1) << w->shape->shift;
	uint64_t addr = (start + w->shape->bias) / step * step - w->shape->bias;
	bool stop = false;

	while (addr < end && !stop) {
		struct place place = find_place(w->space, w->shape, root, addr);
		uint64_t to = place.next < end ? place.next : end;

		if (place.next <= addr)
			break;	/* the top of the address space */
		if (place.element == 0)
			addr = place.next;
		else
			addr = walk_page(w, place, addr, to, &stop);
		if (progress_cancelled())
			return true;
	}
	return stop;
}

bool radix_walk(struct probe_space *space, const struct radix_shape *shape,
		uint64_t root, radix_visit *visit, void *ctx, struct err *err)
{
	struct walk w = { .space = space, .shape = shape, .visit = visit,
			  .ctx = ctx };

	for (size_t i = 0; i < space->anon.len; i++) {
		if (walk_extent(&w, root, space->anon.at[i].start,
				space->anon.at[i].end))
			break;
	}
	return !progress_cancelled() ||
	       err_set(err, ERR_CANCELLED, "cancelled");
}

struct search {
	struct probe_space *space;
	const struct radix_shape *shape;
	/* Root indexes that anonymous memory has, ascending. */
	VEC(uint64_t) prefixes;
	uint64_t root_bytes;
	unsigned prefix_bits;	/* address bits below a root index */
	struct bitset set;	/* words of module data that are not 0 */
	uint64_t *first_bit;	/* [data.len] in set */
	uint64_t root, at;	/* what was found */
};

static uint64_t bit_of(const struct search *s, uint64_t at)
{
	size_t i = probe_extent_from(&s->space->data, at);

	return s->first_bit[i] + (at - s->space->data.at[i].start) / 8;
}

static bool note_word(void *ctx, uint64_t at, uint64_t word)
{
	struct search *s = ctx;
	uint64_t bit = bit_of(s, at);

	(void)word;
	if (bit < s->set.n)
		bitset_add(&s->set, (size_t)bit);
	return false;
}

static bool note_words(struct search *s, struct err *err)
{
	const probe_extents *data = &s->space->data;
	uint64_t bits = 0;

	s->first_bit = calloc(data->len + 1, sizeof(*s->first_bit));
	for (size_t i = 0; s->first_bit && i < data->len; i++) {
		s->first_bit[i] = bits;
		bits += (data->at[i].end - data->at[i].start) / 8;
	}
	if (bits > DATA_WORDS_MAX)
		bits = DATA_WORDS_MAX;
	if (!s->first_bit || !bitset_init(&s->set, (size_t)bits))
		return err_nomem(err, "a map of module data");
	return probe_data_words(s->space, note_word, s, err);
}

/*
 * A root is an array of zeros but for the few elements that anonymous memory
 * needs. Looking at that first keeps the search out of the heap.
 */
static bool looks_like_root(const struct search *s, uint64_t root)
{
	uint64_t from = bit_of(s, root), to = from + s->root_bytes / 8;
	size_t count = 0;

	if (to > s->set.n)
		return false;
	for (uint64_t i = from; i < to && count <= s->prefixes.len;) {
		if (i % 64 == 0 && s->set.words[i / 64] == 0) {
			i += 64;
			continue;
		}
		count += bitset_has(&s->set, (size_t)i);
		i++;
	}
	return count <= s->prefixes.len;
}

/*
 * Does any record agree below one element of a root at @root? Most candidates
 * are noise, and this settles it in a few reads.
 */
static bool promising(struct search *s, uint64_t root, uint64_t prefix)
{
	struct walk w = { .space = s->space, .shape = s->shape,
			  .enough = BAD_FIRST };
	uint64_t start = (prefix << s->prefix_bits) - s->shape->bias;
	uint64_t end = start + (UINT64_C(1) << s->prefix_bits);

	for (size_t i = probe_extent_from(&s->space->anon, start);
	     i < s->space->anon.len && s->space->anon.at[i].start < end; i++) {
		const struct extent *e = &s->space->anon.at[i];

		if (walk_extent(&w, root, e->start > start ? e->start : start,
				e->end < end ? e->end : end))
			break;
	}
	return w.good > 0;
}

/* Do enough records agree, and few disagree, with a root at @root? */
static bool prove(struct search *s, uint64_t root, uint64_t prefix)
{
	struct walk w = { .space = s->space, .shape = s->shape,
			  .enough = VOTES_ENOUGH };

	if (!promising(s, root, prefix))
		return false;
	for (size_t i = 0; i < s->space->anon.len; i++) {
		if (walk_extent(&w, root, s->space->anon.at[i].start,
				s->space->anon.at[i].end))
			break;
	}
	return w.good >= s->shape->min_votes && w.bad <= w.good / 4;
}

/* A pointer at @at leads to the node of some address in anonymous memory. */
static bool try_embedded(void *ctx, uint64_t at, uint64_t word)
{
	struct search *s = ctx;
	const struct extent *home;

	if (word % 8 != 0)
		return false;
	home = probe_extent(&s->space->data, at);
	for (size_t i = 0; home && i < s->prefixes.len; i++) {
		uint64_t offset = s->prefixes.at[i] * 8;

		if (offset > at - home->start)
			break;
		if (s->root_bytes > home->end - (at - offset))
			continue;
		if (looks_like_root(s, at - offset) &&
		    prove(s, at - offset, s->prefixes.at[i])) {
			s->root = at - offset;
			s->at = at;
			return true;
		}
	}
	return false;
}

static bool try_pointed(void *ctx, uint64_t at, uint64_t word)
{
	struct search *s = ctx;

	if (word % PAGE_SIZE_X86 != 0 ||
	    s->root_bytes > probe_extent(&s->space->anon, word)->end - word)
		return false;
	for (size_t i = 0; i < s->prefixes.len; i++) {
		uint64_t node;

		if (!probe_words(s->space, word + s->prefixes.at[i] * 8, 1,
				 &node) || !probe_anon(s->space, node))
			continue;
		if (!prove(s, word, s->prefixes.at[i]))
			continue;
		s->root = word;
		s->at = at;
		return true;
	}
	return false;
}

static bool list_prefixes(struct search *s, struct err *err)
{
	uint64_t mask = (UINT64_C(1) << s->shape->bits[0]) - 1;

	for (size_t i = 0; i < s->space->anon.len; i++) {
		const struct extent *e = &s->space->anon.at[i];
		uint64_t from = (e->start + s->shape->bias) >> s->prefix_bits;
		uint64_t to = (e->end - 1 + s->shape->bias) >> s->prefix_bits;

		for (uint64_t p = from; p <= to; p++) {
			size_t n = s->prefixes.len;

			if (n > 0 && s->prefixes.at[n - 1] == (p & mask))
				continue;
			if (n == PREFIXES_MAX)
				return true;
			if (!vec_push(&s->prefixes, p & mask))
				return err_nomem(err, "root indexes");
		}
	}
	return true;
}

bool radix_find(struct probe_space *space, const struct radix_shape *shape,
		uint64_t *root, uint64_t *at, struct err *err)
{
	struct search s = { .space = space, .shape = shape };
	bool ok;

	(void)index_of(shape, 0, 0, &s.prefix_bits);
	s.root_bytes = UINT64_C(8) << shape->bits[0];
	ok = list_prefixes(&s, err) &&
	     (!shape->embedded || note_words(&s, err)) &&
	     probe_data_pointers(space, shape->embedded ? try_embedded :
					try_pointed, &s, err);
	*root = s.root;
	*at = s.at;
	vec_free(&s.prefixes);
	bitset_free(&s.set);
	free(s.first_bit);
	return ok;
}
