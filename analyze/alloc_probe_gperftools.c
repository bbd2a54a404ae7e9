/* SPDX-License-Identifier: MIT */
/*
 * gperftools' tcmalloc by its page map.
 *
 * PageMap2 leads from a page number (pages of 8 KiB, or as configured) to a
 * Span, whose first words are its first page and its length in pages. The
 * root has 2^(48 - shift - 18) elements and lies in .bss, a leaf has 2^18.
 * Layouts: src/pagemap.h, src/span.h of gperftools 2.x.
 */
#include "analyze/alloc_probe.h"
#include "base/map.h"

enum { LEAF_BITS = 18, ADDRESS_BITS = 48, SPAN_WORDS = 6 };

/* The tail of a Span: refcount, size class, location, sampled. */
static bool plausible_tail(uint64_t word)
{
	unsigned size_class = word >> 16 & 0xff, location = word >> 24 & 3;

	return size_class < 128 && location <= 2;
}

static bool span_owns(struct probe_space *space, uint64_t record,
		      uint64_t addr, unsigned shift, struct extent *ret)
{
	uint64_t word[SPAN_WORDS], page = addr >> shift;
	const struct extent *home;

	if (record % 8 != 0 || !probe_words(space, record, SPAN_WORDS, word))
		return false;
	if (word[0] == 0 || word[0] >> (ADDRESS_BITS - shift) != 0 ||
	    word[1] == 0 || word[1] >> (ADDRESS_BITS - shift) != 0 ||
	    page < word[0] || page - word[0] >= word[1] ||
	    !plausible_tail(word[5]))
		return false;
	*ret = (struct extent){ word[0] << shift, (word[0] + word[1]) << shift };
	home = probe_extent(&space->anon, ret->start);
	return home && ret->end <= home->end;
}

#define PAGE_SHIFTS(X) X(13) X(12) X(14) X(15) X(16) X(17) X(18)

#define DEFINE_OWNS(n)							\
static bool span_owns_##n(struct probe_space *space, uint64_t record,	\
			  uint64_t addr, struct extent *ret)		\
{									\
	return span_owns(space, record, addr, n, ret);			\
}
PAGE_SHIFTS(DEFINE_OWNS)

#define SHAPE(n)							\
	{ .shift = n, .bits = { ADDRESS_BITS - LEAF_BITS - n, LEAF_BITS },	\
	  .levels = 2, .element = 8, .mask = UINT64_MAX, .embedded = true,	\
	  .min_votes = 4, .owns = span_owns_##n },
static const struct radix_shape shapes[] = { PAGE_SHIFTS(SHAPE) };

struct claim {
	struct probe_space *space;
	struct allocator_finding *ret;
	struct map pages;	/* that Spans lie in */
	struct err *err;
};

static bool claim_span(void *ctx, uint64_t element, uint64_t record,
		       struct extent extent)
{
	struct claim *c = ctx;

	(void)element;
	if (!probe_keep(record, record + SPAN_WORDS * 8, c->ret, c->err))
		return true;
	if (!map_set(&c->pages, record / PAGE_SIZE_X86, 1)) {
		err_nomem(c->err, "tcmalloc's spans");
		return true;
	}
	return !probe_claim(c->space, extent.start, extent.end, c->ret, c->err);
}

static bool claim_spans(struct probe_space *space,
			const struct radix_shape *shape, uint64_t root,
			struct allocator_finding *ret, struct err *err)
{
	struct claim c = { .space = space, .ret = ret, .err = err };
	struct map_slot slot;
	bool ok;

	ok = radix_walk(space, shape, root, claim_span, &c, err) &&
	     err->code == ERR_NONE;
	for (size_t i = 0; ok && map_next(&c.pages, &i, &slot);)
		ok = probe_claim(space, slot.key * PAGE_SIZE_X86,
				 (slot.key + 1) * PAGE_SIZE_X86, ret, err);
	map_free(&c.pages);
	return ok;
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err);
	for (size_t i = 0;
	     ok && !ret->found && i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		uint64_t root, at;

		ok = radix_find(&space, &shapes[i], &root, &at, err);
		if (!ok || root == 0)
			continue;
		ret->found = true;
		ret->version = "2.x";
		ret->tested = shapes[i].shift == 13;
		ok = claim_spans(&space, &shapes[i], root, ret, err);
	}
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_gperftools = {
	.name = "gperftools tcmalloc",
	.probe = probe,
};
