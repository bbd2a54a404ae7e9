/* SPDX-License-Identifier: MIT */
/*
 * musl's mallocng by its secret.
 *
 * __malloc_context holds a random secret, and a little behind it a pointer to
 * the list of meta areas: pages that begin with the same secret, a link and
 * the number of 40-byte metas. A meta points at its group, and the group
 * points back. A group with a map length was mapped by itself; the others lie
 * in slots of those, or in gaps of modules that were donated. Layout:
 * src/malloc/mallocng/meta.h, musl 1.2.1 and later.
 */
#include "analyze/alloc_probe.h"
#include "base/map.h"

enum {
	CONTEXT_WORDS = 16,	/* from the secret to the head of the areas */
	AREA_SLOTS = (PAGE_SIZE_X86 - 24) / 40,
	META_BYTES = 40,
};

struct areas {
	struct probe_space *space;
	uint64_t head;		/* of the list; 0: not found */
	uint64_t secret, secret_at;
	uint64_t groups;	/* that point back at their meta */
	struct allocator_finding *ret;
	struct err *err;
};

static bool is_area(struct probe_space *space, uint64_t area, uint64_t secret,
		    uint64_t *next, uint32_t *slots)
{
	uint64_t word[3];

	if (area % PAGE_SIZE_X86 != 0 || !probe_anon(space, area) ||
	    !probe_words(space, area, 3, word) || word[0] != secret)
		return false;
	*next = word[1];
	*slots = (uint32_t)word[2];
	return *slots > 0 && *slots <= AREA_SLOTS;
}

/* Is there a list of areas that starts at @word, and its secret near @at? */
static bool match_head(void *ctx, uint64_t at, uint64_t word)
{
	struct areas *a = ctx;
	uint64_t before[CONTEXT_WORDS], secret, next;
	uint32_t slots;

	if (word % PAGE_SIZE_X86 != 0 || at < sizeof(before) ||
	    !probe_words(a->space, word, 1, &secret) || secret >> 48 == 0 ||
	    secret >> 48 == 0xffff ||
	    !is_area(a->space, word, secret, &next, &slots) ||
	    !probe_words(a->space, at - sizeof(before), CONTEXT_WORDS, before))
		return false;
	for (int i = 0; i < CONTEXT_WORDS; i++) {
		if (before[i] != secret)
			continue;
		a->head = word;
		a->secret = secret;
		a->secret_at = at - sizeof(before) + (uint64_t)i * 8;
		return true;
	}
	return false;
}

static bool claim_group(struct areas *a, uint64_t meta)
{
	uint64_t word[5], back, bytes;

	if (!probe_words(a->space, meta, 5, word) || word[2] == 0 ||
	    word[2] % 16 != 0 || !probe_words(a->space, word[2], 1, &back) ||
	    back != meta)
		return true;
	a->groups++;
	if (!probe_keep(meta, meta + META_BYTES, a->ret, a->err))
		return false;
	bytes = (word[4] >> 12) * PAGE_SIZE_X86;
	return bytes == 0 || bytes >> 47 != 0 ||
	       probe_claim(a->space, word[2], word[2] + bytes, a->ret, a->err);
}

static bool claim_areas(struct areas *a)
{
	struct map seen = {0};
	uint64_t area = a->head, next;
	uint32_t slots;
	bool ok = true, added;

	while (ok && is_area(a->space, area, a->secret, &next, &slots)) {
		if (!map_slot(&seen, area, &added))
			ok = err_nomem(a->err, "mallocng's meta areas");
		if (!ok || !added)
			break;
		ok = probe_claim(a->space, area, area + PAGE_SIZE_X86, a->ret,
				 a->err) &&
		     probe_keep(area, area + 24, a->ret, a->err);
		for (uint32_t i = 0; ok && i < slots; i++)
			ok = claim_group(a, area + 24 + i * META_BYTES);
		area = next;
	}
	map_free(&seen);
	return ok;
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	struct areas a = { .space = &space, .ret = ret, .err = err };
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err) &&
	     probe_data_pointers(&space, match_head, &a, err);
	if (ok && a.head != 0)
		ok = claim_areas(&a) &&
		     probe_keep(a.secret_at, a.secret_at + 8, ret, err);
	if (a.groups > 0) {
		ret->found = true;
		ret->version = "1.2.1+";
		ret->tested = true;
	}
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_mallocng = {
	.name = "musl mallocng",
	.probe = probe,
};
