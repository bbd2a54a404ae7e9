/* SPDX-License-Identifier: MIT */
/*
 * musl's old malloc (up to 1.2.0) by its chains of chunks.
 *
 * A region begins 16 bytes into a page with a header of psize 1 and is filled
 * by chunks of multiples of 32 bytes; each one repeats the size of the one
 * before it, and a csize of 1 ends the region. Large blocks have mappings of
 * their own, whose header stands so that psize and csize fill whole pages.
 * Layout: src/malloc/malloc.c, musl 1.1.x.
 */
#include "analyze/alloc_probe.h"

enum { HEADER = 16, ALIGN = 32, IN_USE = 1, CHAIN_MIN = 4 };

/* Follow a region from @start; returns its chunks, and its end in *@end. */
static uint64_t follow(struct probe_space *space, uint64_t start,
		       uint64_t limit, uint64_t *end)
{
	uint64_t at = start + HEADER, word[2], chunks = 0, size = IN_USE;

	while (at + HEADER <= limit && probe_words(space, at, 2, word)) {
		if (word[0] != size)
			return 0;
		size = word[1];
		if (size == IN_USE) {
			*end = at + HEADER;
			return chunks;
		}
		if ((size & ~(uint64_t)IN_USE) == 0 ||
		    (size & ~(uint64_t)IN_USE) % ALIGN != 0 ||
		    (size & ~(uint64_t)IN_USE) > limit - at)
			return 0;
		at += size & ~(uint64_t)IN_USE;
		chunks++;
	}
	return 0;
}

/* The bytes of a mapping made for one block at @start, or 0. */
static uint64_t own_mapping(struct probe_space *space, uint64_t start,
			    uint64_t limit)
{
	uint64_t word[2];

	if (!probe_words(space, start + HEADER, 2, word) || word[0] != HEADER ||
	    word[1] == 0 || (word[1] & IN_USE) ||
	    word[1] > limit - start - HEADER ||
	    (word[0] + word[1]) % PAGE_SIZE_X86 != 0)
		return 0;
	return word[0] + word[1];
}

/* The headers of the region at @start, which ends at @end. */
static bool keep_region(struct probe_space *space, uint64_t start,
			uint64_t end, struct allocator_finding *ret,
			struct err *err)
{
	uint64_t at = start + HEADER, word[2];

	while (at + HEADER <= end && probe_words(space, at, 2, word)) {
		if (!probe_keep(at, at + HEADER, ret, err))
			return false;
		if (word[1] <= IN_USE)
			break;
		at += word[1] & ~(uint64_t)IN_USE;
	}
	return true;
}

/*
 * Regions and mappings stand at the start of a mapping, or right behind one
 * another where the kernel joined them.
 */
static bool claim_extent(struct probe_space *space, const struct extent *e,
			 bool own, uint64_t *chunks,
			 struct allocator_finding *ret, struct err *err)
{
	uint64_t at = e->start;

	while (at + PAGE_SIZE_X86 <= e->end) {
		uint64_t end = 0, bytes = 0;
		uint64_t n = follow(space, at, e->end, &end);

		if (n >= CHAIN_MIN || (own && n > 0)) {
			*chunks += n;
			bytes = (end - at + PAGE_SIZE_X86 - 1) / PAGE_SIZE_X86 *
				PAGE_SIZE_X86;
		} else if (own) {
			bytes = own_mapping(space, at, e->end);
		}
		if (bytes == 0)
			return true;
		if (!probe_claim(space, at, at + bytes, ret, err) ||
		    !keep_region(space, at, at + bytes, ret, err))
			return false;
		at += bytes;
	}
	return true;
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	uint64_t chunks = 0;
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err);
	/* Mappings of one block prove nothing by themselves: chains first. */
	for (int own = 0; ok && own <= (chunks > 0 ? 1 : 0); own++) {
		vec_free(&ret->extents);
		for (size_t i = 0; ok && i < space.anon.len; i++)
			ok = claim_extent(&space, &space.anon.at[i], own != 0,
					  &chunks, ret, err);
	}
	if (chunks > 0) {
		ret->found = true;
		ret->version = "1.1-1.2.0";
	}
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_oldmalloc = {
	.name = "musl oldmalloc",
	.probe = probe,
};
