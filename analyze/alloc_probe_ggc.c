/* SPDX-License-Identifier: MIT */
/*
 * The garbage collector of GCC's compilers (cc1, cc1plus, lto1) by the lists
 * of its page entries.
 *
 * A static object keeps one doubly linked list of entries for each order of
 * object sizes; an entry is {next, prev, bytes, page, ...} and lies in the
 * heap, the page that it describes is mapped. The round trip: each entry's
 * successor names it as its predecessor, and each describes whole pages of
 * anonymous memory. Layout: gcc/ggc-page.cc, struct page_entry, since GCC 4.
 */
#include "analyze/alloc_probe.h"

enum { ENTRY_WORDS = 4, MIN_ENTRIES = 32, MAX_ENTRIES = 1 << 24 };

enum { NEXT, PREV, BYTES, PAGE };

struct search {
	struct probe_space *space;
	struct allocator_finding *ret;
	uint64_t entries;
	struct err *err;
};

static bool read_entry(struct probe_space *space, uint64_t at,
		       uint64_t word[ENTRY_WORDS])
{
	return at % 8 == 0 && probe_words(space, at, ENTRY_WORDS, word) &&
	       word[PAGE] != 0 && word[PAGE] % PAGE_SIZE_X86 == 0 &&
	       word[BYTES] != 0 && word[BYTES] % PAGE_SIZE_X86 == 0 &&
	       word[BYTES] <= UINT64_C(1) << 40 &&
	       probe_anon(space, word[PAGE]);
}

/* Entries in the list from @at, as far as it is sound. */
static uint64_t list_length(struct probe_space *space, uint64_t at)
{
	uint64_t word[ENTRY_WORDS], before = 0, n = 0;

	for (; n < MAX_ENTRIES && at != 0; n++) {
		if (!read_entry(space, at, word) || word[PREV] != before)
			return 0;
		before = at;
		at = word[NEXT];
	}
	return n;
}

static bool claim_list(struct search *s, uint64_t at)
{
	uint64_t word[ENTRY_WORDS];

	for (; at != 0 && read_entry(s->space, at, word); at = word[NEXT]) {
		if (!probe_claim(s->space, word[PAGE], word[PAGE] + word[BYTES],
				 s->ret, s->err) ||
		    !probe_keep(at + BYTES * 8, at + (BYTES + 1) * 8, s->ret,
				s->err))
			return false;
	}
	return true;
}

static bool visit(void *ctx, uint64_t at, uint64_t word)
{
	struct search *s = ctx;
	uint64_t n = list_length(s->space, word);

	(void)at;
	s->entries += n;
	return n > 0 && !claim_list(s, word);
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	struct search s = { .space = &space, .ret = ret, .err = err };
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	if (!probe_space_build(image, &space, err))
		return false;
	ok = probe_data_pointers(&space, visit, &s, err) &&
	     err->code == ERR_NONE;
	probe_space_free(&space);
	ret->found = ok && s.entries >= MIN_ENTRIES;
	ret->tested = true;
	if (!ret->found)
		ret->extents.len = 0;
	probe_settle(ret);
	return ok;
}

const struct allocator alloc_ggc = {
	.name = "GCC ggc",
	.probe = probe,
};
