/* SPDX-License-Identifier: MIT */
/*
 * google/tcmalloc by the shape of its addresses.
 *
 * It maps regions of whole gigabytes at addresses whose bits 42-44 say what
 * they are for; the kernel picks none of these by itself for a position-
 * independent program. As layouts changed often and the addresses alone could
 * be somebody else's, one more sign is asked for: the name that it gives its
 * mappings where the kernel can (Linux 5.17), or its symbols. Sources:
 * tcmalloc/internal/memory_tag.h, system-alloc.cc.
 */
#include <string.h>

#include "analyze/alloc_probe.h"

#define REGION (UINT64_C(1) << 30)

enum { TAG_SHIFT = 42, TAG_MASK = 7 };

static const char *const symbols[] = {
	"tcmalloc_slabs",
	"tcmalloc_cached_vcpu",
	"tcmalloc::tcmalloc_internal::tc_globals",
	"_ZN8tcmalloc17tcmalloc_internal10tc_globalsE",
	"MallocExtension_Internal_GetNumericProperty",
	"TCMalloc_Internal_GetStats",
	NULL,
};

static bool is_named(const struct image *image)
{
	for (size_t i = 0; i < image->mappings.len; i++) {
		if (strncmp(image->mappings.at[i].path,
			    "[anon:tcmalloc_region", 21) == 0)
			return true;
	}
	return probe_has_symbol(image, symbols);
}

/* Cold, normal (two NUMA partitions), sampled and metadata. */
static bool is_tagged(uint64_t addr)
{
	unsigned tag = addr >> TAG_SHIFT & TAG_MASK;

	return addr >> TAG_SHIFT != 0 && tag >= 1 && tag <= 6 && tag != 5;
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err);
	if (!ok || !is_named(image))
		goto out;
	for (size_t i = 0; ok && i < space.anon.len; i++) {
		const struct extent *e = &space.anon.at[i];

		if (!is_tagged(e->start) || e->start % REGION != 0)
			continue;
		ret->found = true;
		ok = probe_claim(&space, e->start, e->end, ret, err);
	}
out:
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_tcmalloc = {
	.name = "google tcmalloc",
	.probe = probe,
};
