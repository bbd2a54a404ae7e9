/* SPDX-License-Identifier: MIT */
#include "analyze/lost_holder.h"

/* The word lies in a block whose type says that nothing there is alive. */
static const char *why_dead(const struct heap *heap, uint32_t block,
			    uint64_t offset)
{
	uint32_t type = types_strip(&heap->image->types, heap->type[block]);
	uint64_t bytes;

	if (type == TYPE_NONE)
		return "no type says why";
	bytes = heap->image->types.types.at[type].size;
	if (offset < bytes * heap_count(heap, block))
		return "padding or a member not in use";
	return heap_count(heap, block) == 1 ? "behind the object" :
					 "past the last element";
}

struct lost_holder lost_holder_of(const struct heap *heap,
				  const struct leak_group *group)
{
	bool root = heap_is_root(heap, group->held_by);
	struct lost_holder ret = { .why = "dead word" };
	uint64_t start = root ? heap_root(heap, group->held_by)->addr :
				heap->addr[group->held_by];

	if (group->held_offset != UINT64_MAX && start != 0) {
		ret.addr = start + group->held_offset;
		ret.known = image_u64(heap->image, ret.addr, &ret.value);
	}
	if (group->verdict == STATE_WEAK)
		ret.why = "weak reference";
	else if (root && heap_root(heap, group->held_by)->kind ==
		 ROOT_DEAD_STACK)
		ret.why = "stack of an ended thread";
	else if (!root && group->held_offset != UINT64_MAX)
		ret.why = why_dead(heap, group->held_by, group->held_offset);
	return ret;
}
