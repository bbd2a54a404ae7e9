/* SPDX-License-Identifier: MIT */
#include "analyze/suspect_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyze/block_key.h"
#include "base/human.h"
#include "base/short_name.h"

#define HALF 0.5	/* a way that fewer blocks have in common says nothing */

enum { NAME_MAX_BYTES = 4096, READABLE = 90 };

static bool is_block(const struct facts *facts, uint32_t id)
{
	return id < facts->heap.n_blocks;
}

/* "4 Entry", "300 untyped blocks of 40 B", "300 untyped blocks (text)". */
static const char *things(const struct facts *facts, uint64_t count,
			  uint64_t key, struct arena *arena)
{
	char name[NAME_MAX_BYTES], size[HUMAN_MAX];

	if (block_key_is_typed(key)) {
		block_key_label(&facts->heap, key, name, sizeof(name));
		short_name(name, READABLE);
		return arena_printf(arena, "%" PRIu64 " %s", count, name);
	}
	if (block_key_class(key))
		return arena_printf(arena, "%" PRIu64 " untyped blocks (%s)",
				    count, block_key_class(key));
	return arena_printf(arena, "%" PRIu64 " untyped blocks of %s", count,
			    human_size(block_key_size(key), false, size));
}

/* "one Table at 0x1000", "one untyped block of 40 B (text) at 0x1000" */
static const char *one(const struct facts *facts, uint32_t block,
		       struct arena *arena)
{
	const struct heap *heap = &facts->heap;
	uint64_t key = block_key(heap, block, false);
	char name[NAME_MAX_BYTES], size[HUMAN_MAX];

	if (!block_key_is_typed(key))
		return arena_printf(arena, "one untyped block of %s (%s) at 0x%"
				    PRIx64,
				    human_size(heap_size(heap, block), false,
					       size),
				    block_key_class(key), heap->addr[block]);
	block_key_label(heap, key, name, sizeof(name));
	short_name(name, READABLE);
	return arena_printf(arena, "one %s at 0x%" PRIx64, name,
			    heap->addr[block]);
}

static const char *holder(const struct facts *facts, const struct suspect *s,
			  struct arena *arena)
{
	const char *block;

	if (!is_block(facts, s->id))
		return heap_root(&facts->heap, s->id)->name;
	block = one(facts, s->id, arena);
	if (!block || !s->way)
		return block ? arena_printf(arena, "%s (several roots share it)",
					    block) : NULL;
	if (s->blocks > 1)
		return arena_printf(arena, "%s and other roots: %" PRIu32
				    " blocks, the largest %s", s->way,
				    s->blocks, block);
	return arena_printf(arena, "%s and other roots: %s", s->way, block);
}

/* " through 4000000 dictEntry", and where when it is not the holder itself. */
static const char *through(const struct facts *facts, const struct suspect *s,
			   struct arena *arena)
{
	bool below = s->pile != s->id && is_block(facts, s->pile);
	const char *where = below ? one(facts, s->pile, arena) : "";
	const char *what = s->count > 0 ?
			   things(facts, s->count, s->through, arena) : "";

	if (!where || !what)
		return NULL;
	if (s->count == 0)
		return below ? arena_printf(arena, ", most of it by %s", where) :
			       "";
	return arena_printf(arena, " through %s%s%s", what,
			    below ? " below " : "", where);
}

static const char *held_text(const struct facts *facts, const struct suspect *s,
			     const char *size, struct arena *arena)
{
	const char *who = holder(facts, s, arena);
	const char *what = through(facts, s, arena);

	return who && what ? arena_printf(arena, "%s (%.0f %%) is held by %s%s",
					  size, 100 * s->share, who, what) :
			     NULL;
}

static const char *leak_text(const struct facts *facts, const struct suspect *s,
			     const char *size, struct arena *arena)
{
	const struct leak_group *group =
		&facts->leaks.groups[s->id - facts->heap.n_nodes - 1];
	char name[NAME_MAX_BYTES];

	block_key_label(&facts->heap, group->key, name, sizeof(name));
	short_name(name, READABLE);
	return arena_printf(arena, "%s (%.0f %%) is lost with %" PRIu64
		" %s%s that %s", size, 100 * s->share, group->count,
		group->cycle ? "cycles of " : "", name,
		group->verdict == STATE_LEAKED ? "nothing refers to" :
		group->verdict == STATE_STALE ? "only dead words refer to" :
						"only weak references hold");
}

static const char *type_text(const struct facts *facts, const struct suspect *s,
			     const char *size, struct arena *arena)
{
	const char *what = things(facts, s->count, s->through, arena);

	if (!what)
		return NULL;
	if (!s->way || s->way_share < HALF)
		return arena_printf(arena, "%s (%.0f %%) is held by %s, each of "
				    "which several roots share", size,
				    100 * s->share, what);
	return arena_printf(arena, "%s (%.0f %%) is held by %s, each of which "
			    "several roots share; shortest paths to %.0f %% of "
			    "them begin with %s", size, 100 * s->share, what,
			    100 * s->way_share, s->way);
}

const char *suspect_text(const struct facts *facts, const struct suspect *s,
			 struct arena *arena)
{
	char size[HUMAN_MAX];

	human_size(s->retained, false, size);
	switch (s->kind) {
	case SUSPECT_LEAK:
		return leak_text(facts, s, size, arena);
	case SUSPECT_TYPE:
		return type_text(facts, s, size, arena);
	case SUSPECT_UNKNOWN:
		return arena_printf(arena, "%s (%.0f %%) belongs to %s, which is "
				    "not understood yet: what it holds is not "
				    "told apart", size, 100 * s->share,
				    facts->heap.allocators.at[s->id].allocator
				    ->name);
	case SUSPECT_FREE:
		return arena_printf(arena, "%s is free memory that was not given "
				    "back: %.*f times what is in use", size,
				    s->share < 10 ? 1 : 0, s->share);
	default:
		return held_text(facts, s, size, arena);
	}
}

const char *suspect_next(const struct facts *facts, const struct suspect *s,
			 struct arena *arena)
{
	const struct heap *heap = &facts->heap;
	char name[NAME_MAX_BYTES];
	uint32_t g;

	switch (s->kind) {
	case SUSPECT_LEAK:
		g = s->id - heap->n_nodes - 1;
		return arena_printf(arena, "show 0x%" PRIx64,
			heap->addr[facts->leaks.nodes[facts->leaks.rows[g]]]);
	case SUSPECT_TYPE:
		if (block_key_is_typed(s->through))
			return arena_printf(arena, "retainers '%s'",
				block_key_type(heap, s->through, name,
					       sizeof(name)));
		return arena_printf(arena, "retainers 0x%" PRIx64,
				    heap->addr[s->id]);
	case SUSPECT_UNKNOWN:
		return "memory";
	case SUSPECT_FREE:
		return "waste";
	default:
		return is_block(facts, s->pile) ?
		       arena_printf(arena, "dominators --of 0x%" PRIx64,
				    heap->addr[s->pile]) : "dominators";
	}
}
