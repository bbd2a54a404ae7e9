/* SPDX-License-Identifier: MIT */
#include "cli/node_text.h"

#include <stdio.h>

#include "analyze/block_key.h"

/* The leak group behind an id of the dominator tree, or NULL. */
static const struct leak_group *group_of(const struct facts *facts, uint32_t id)
{
	return id > facts->heap.n_nodes ?
	       &facts->leaks.groups[id - facts->heap.n_nodes - 1] : NULL;
}

static const char *group_label(const struct facts *facts,
			       const struct leak_group *group,
			       char buf[NODE_TEXT_MAX])
{
	char type[NODE_TEXT_MAX - 32];

	snprintf(buf, NODE_TEXT_MAX, "%s %s%s", state_names[group->verdict],
		 block_key_label(&facts->heap, group->key, type, sizeof(type)),
		 group->cycle ? ", cycles" : "");
	return buf;
}

const char *node_label(const struct facts *facts, uint32_t id,
		       char buf[NODE_TEXT_MAX])
{
	const struct heap *heap = &facts->heap;
	const struct leak_group *group = group_of(facts, id);

	if (group)
		return group_label(facts, group, buf);
	if (id == heap->n_nodes)
		return "everything";
	if (heap_is_root(heap, id))
		return heap_root(heap, id)->name;
	return block_key_label(heap, block_key(heap, id, false), buf,
			       NODE_TEXT_MAX);
}

const char *node_type(const struct facts *facts, uint32_t id,
		      char buf[NODE_TEXT_MAX])
{
	const struct heap *heap = &facts->heap;
	const struct leak_group *group = group_of(facts, id);
	uint32_t type;

	if (group)
		return block_key_type(heap, group->key, buf, NODE_TEXT_MAX);
	if (id == heap->n_nodes)
		return NULL;
	if (!heap_is_root(heap, id))
		return block_key_type(heap, block_key(heap, id, false), buf,
				      NODE_TEXT_MAX);
	type = heap_root(heap, id)->type;
	return type == TYPE_NONE ? NULL :
	       types_name(&heap->image->types, type, buf, NODE_TEXT_MAX);
}

void node_put(struct json_t *object, const struct facts *facts, uint32_t id)
{
	char buf[NODE_TEXT_MAX];

	if (id < facts->heap.n_blocks)
		json_put_addr(object, "addr", facts->heap.addr[id]);
	else
		json_put_text(object, "root", node_label(facts, id, buf));
	json_put_text(object, "type", node_type(facts, id, buf));
}
