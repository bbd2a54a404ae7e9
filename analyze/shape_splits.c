/* SPDX-License-Identifier: MIT */
#include "analyze/shape_splits.h"

bool shape_splits_note(struct shape_splits *splits, struct clusters *clusters,
		       struct discriminators *tags)
{
	struct map_slot slot;
	size_t i = 0;

	while (map_next(&clusters->by_key, &i, &slot)) {
		struct cluster *c = &clusters->all.at[slot.value - 1];
		const struct discriminator *all;

		if (!c->kin)
			continue;
		all = discriminators_of(tags, c->header);
		if (!all)
			return false;
		if (all[0].bits == 0)
			continue;
		c->type = TYPE_NONE;
		if (!map_set(&splits->header, slot.key,
			     (uint64_t)c->header + 1))
			return false;
	}
	return true;
}

bool shape_splits_place(const struct shape_splits *splits,
			struct discriminators *tags, struct block_heads *heads,
			uint32_t node, struct split_place *ret)
{
	const struct block_head *head;
	uint64_t found = splits->header.len ?
			 map_get(&splits->header, ret->key, 0) : 0;

	ret->header = found ? (uint32_t)(found - 1) : TYPE_NONE;
	ret->skip = !found && splits->again;
	if (!found)
		return true;
	head = block_heads_get(heads, node);
	if (!head || !discriminators_read(tags, ret->header, head, &ret->tag))
		return false;
	ret->key = cluster_key(cluster_key(ret->key, ret->header), ret->tag);
	return true;
}
