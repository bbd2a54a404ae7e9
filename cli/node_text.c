/* SPDX-License-Identifier: MIT */
#include "cli/node_text.h"

#include <stdio.h>

#include "analyze/block_key.h"
#include "analyze/node_label.h"
#include "base/short_name.h"

/* The leak group behind an id of the dominator tree, or NULL. */
static const struct leak_group *group_of(const struct facts *facts, uint32_t id)
{
	return id > facts->heap.n_nodes ?
	       &facts->leaks.groups[id - facts->heap.n_nodes - 1] : NULL;
}

const char *node_label(const struct facts *facts, uint32_t id,
		       char buf[NODE_TEXT_MAX])
{
	return node_label_of(facts, id, buf, NODE_TEXT_MAX);
}

/* A terminal's width less the columns before the name. */
enum { READABLE = 90 };

const char *node_text(const struct facts *facts, uint32_t id,
		      char buf[NODE_TEXT_MAX])
{
	node_label_of(facts, id, buf, NODE_TEXT_MAX);
	short_name(buf, READABLE);
	return buf;
}

const char *key_text(const struct heap *heap, uint64_t key,
		     char buf[NODE_TEXT_MAX])
{
	block_key_label(heap, key, buf, NODE_TEXT_MAX);
	short_name(buf, READABLE);
	return buf;
}

const char *readable_text(const char *label, char buf[NODE_TEXT_MAX])
{
	snprintf(buf, NODE_TEXT_MAX, "%s", label);
	short_name(buf, READABLE);
	return buf;
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

void key_put(struct json_t *object, const struct heap *heap, uint64_t key)
{
	char name[NODE_TEXT_MAX];
	const char *type = block_key_type(heap, key, name, sizeof(name));

	json_put_text(object, "type", type);
	if (!type)
		json_put_u64(object, "size", block_key_size(key));
}

struct json_t *members_json(const struct heap *heap,
			    const struct signatures *signatures, uint32_t i)
{
	const struct signature *s = &signatures->at.at[i];
	struct json_t *list = json_new_array();

	for (size_t k = 0; k < s->n_members; k++) {
		const struct signature_member *m =
			&signatures->members.at[s->first_member + k];
		struct json_t *o = json_new_object();

		key_put(o, heap, m->key);
		json_put_u64(o, "count", m->count);
		json_add(list, o);
	}
	return list;
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
