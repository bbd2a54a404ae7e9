/* SPDX-License-Identifier: MIT */
#include "analyze/allocator.h"

extern const struct allocator alloc_glibc, alloc_jemalloc, alloc_gperftools,
	alloc_tcmalloc, alloc_mimalloc, alloc_mallocng, alloc_oldmalloc,
	alloc_obmalloc, alloc_go, alloc_ggc;

const struct allocator *const allocators[] = {
	&alloc_glibc,
	&alloc_jemalloc,
	&alloc_gperftools,
	&alloc_tcmalloc,
	&alloc_mimalloc,
	&alloc_mallocng,
	&alloc_oldmalloc,
	&alloc_obmalloc,
	&alloc_go,
	&alloc_ggc,
	NULL,
};

void allocation_list_free(struct allocation_list *list)
{
	vec_free(&list->blocks);
	vec_free(&list->free);
	vec_free(&list->extents);
	vec_free(&list->state);
	list->arenas = list->overhead_bytes = 0;
}
