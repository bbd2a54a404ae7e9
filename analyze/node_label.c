/* SPDX-License-Identifier: MIT */
#include "analyze/node_label.h"

#include <stdio.h>

#include "analyze/block_key.h"

const char *const root_kind_names[N_ROOT_KINDS] = {
	[ROOT_VARIABLE] = "variable",
	[ROOT_LOCAL] = "local",
	[ROOT_TLS] = "thread-local",
	[ROOT_DATA] = "data",
	[ROOT_STACK] = "stack",
	[ROOT_REGISTERS] = "registers",
	[ROOT_MAPPING] = "mapping",
	[ROOT_DEAD_STACK] = "dead stack",
};

const char *const ref_kind_names[N_REF_KINDS] = {
	[REF_STRONG] = "strong",
	[REF_INTERIOR] = "interior",
	[REF_CONSERVATIVE] = "conservative",
	[REF_META] = "meta",
	[REF_WEAK] = "weak",
	[REF_STALE] = "stale",
};

static const char *group_label(const struct facts *facts, uint32_t g,
			       char *buf, size_t size)
{
	const struct leak_group *group = &facts->leaks.groups[g];
	char type[2048];

	snprintf(buf, size, "%s %s%s", state_names[group->verdict],
		 block_key_label(&facts->heap, group->key, type, sizeof(type)),
		 group->cycle ? ", cycles" : "");
	return buf;
}

const char *node_label_of(const struct facts *facts, uint32_t id, char *buf,
			  size_t size)
{
	const struct heap *heap = &facts->heap;

	if (id > heap->n_nodes)
		return group_label(facts, id - heap->n_nodes - 1, buf, size);
	if (id == heap->n_nodes)
		snprintf(buf, size, "everything");
	else if (heap_is_root(heap, id))
		snprintf(buf, size, "%s", heap_root(heap, id)->name);
	else
		block_key_label(heap, block_key(heap, id, false), buf, size);
	return buf;
}
