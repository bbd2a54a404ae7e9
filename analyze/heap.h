/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The heap: blocks, roots, and the references between them.
 *
 * Every analysis works on a `struct heap`. Nodes are numbered: 0 ..
 * n_blocks - 1 are the blocks in address order, n_blocks .. n_nodes - 1 the
 * roots. Columns are arrays indexed by node id (blocks only, unless stated).
 * Built once by heap_build(), then only read.
 *
 * Cost: 37 bytes a block, and 5 a reference in each direction.
 */
#ifndef ANALYZE_HEAP_H
#define ANALYZE_HEAP_H

#include <stdint.h>

#include "analyze/allocator.h"
#include "analyze/block_index.h"
#include "analyze/block_sizes.h"
#include "analyze/graph.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "formats/image.h"

/* Reachable from a root, or why not. */
enum state {
	STATE_REACHABLE,
	STATE_LEAKED,		/* definite: no path, however doubtful */
	STATE_STALE,		/* held only through a dead word */
	STATE_WEAK,		/* held only through weak references */
	N_STATES,
};

/* How the type of a block became known; a stronger one is never replaced. */
enum evidence {
	EVIDENCE_NONE,
	EVIDENCE_SHAPE,		/* content fits only this type */
	EVIDENCE_SLOT,		/* vote over what one void * field points at */
	EVIDENCE_CONTAINER_OF,	/* an interior pointer to a member */
	EVIDENCE_DERIVED,	/* declared pointee is a base or first member */
	EVIDENCE_FIELD,		/* typed pointer in a block, size fits */
	EVIDENCE_ELEMENT,	/* array owned by a container of this type */
	EVIDENCE_ROOT,		/* typed pointer in a variable or local */
	EVIDENCE_FUNCTOR,
	EVIDENCE_COROUTINE,
	EVIDENCE_RUNTIME,	/* the runtime's own type word */
	EVIDENCE_VTABLE,
	N_EVIDENCE,
};

/* What a block without a type looks like. */
enum content_class {
	CONTENT_ZERO,
	CONTENT_TEXT,
	CONTENT_POINTERS,
	CONTENT_NUMBERS,
	CONTENT_MIXED,
	CONTENT_UNKNOWN,	/* begins with what was left out: text, perhaps */
	N_CONTENT_CLASSES,
};

enum root_kind {
	ROOT_VARIABLE,		/* named by DWARF or the symbol table */
	ROOT_LOCAL,		/* a local of a frame */
	ROOT_TLS,		/* a thread-local variable */
	ROOT_DATA,		/* a word of a module's data without a name */
	ROOT_STACK,		/* the unnamed rest of a thread's stack */
	ROOT_REGISTERS,
	ROOT_MAPPING,		/* a mapping that nobody owns */
	ROOT_DEAD_STACK,	/* the stack of an ended thread: holds nothing */
	N_ROOT_KINDS,
};

/* Locals behind the last rank share it. */
enum { ROOT_RANKS = 16 };

/* A place outside the heap whose words may refer to blocks. */
struct root {
	const char *name;	/* for people, stable over runs; in heap.arena */
	uint64_t addr, size;	/* bytes scanned; addr 0: registers */
	uint32_t type;		/* TYPE_NONE when unknown */
	uint32_t thread;	/* index in image.threads, or UINT32_MAX */
	uint32_t local;		/* 1 + index in image.locals; 0: none. One in a
				 * register has addr 0 and its value there. */
	uint8_t kind;		/* enum root_kind */
	/* Of a local: how many of its thread come before it, the outermost
	 * frame's first; below ROOT_RANKS. */
	uint8_t rank;
};

/** True for roots that name a holder: they may stand in dominator trees. */
static inline bool root_is_named(uint8_t kind)
{
	return kind <= ROOT_DATA;
}

/* What was found of one allocator; sums over the whole image. */
struct allocator_summary {
	const struct allocator *allocator;
	const char *version;
	bool tested, understood;
	uint64_t arenas, live_blocks, live_bytes, free_chunks, free_bytes,
		 overhead_bytes, mapped_bytes;
};

/* An extent with its owner, in address order. */
struct owned_extent {
	uint64_t start, end;
	uint32_t allocator;	/* index in heap.allocators */
};

struct heap {
	struct image *image;	/* borrowed; its type table may grow */
	uint32_t n_blocks, n_roots, n_nodes;

	uint64_t *addr;		/* [n_blocks] ascending */
	/* Usable bytes, and how many elements of its type a block has: 1 for
	 * one object. Read by heap_size() and heap_count(). */
	struct block_sizes sizes;
	uint32_t *type;		/* [n_blocks] or TYPE_NONE */
	uint32_t *why_node;	/* [n_blocks] node that gave the type, NODE_NONE */
	uint32_t *why_offset;	/* [n_blocks] of the word in it */
	uint8_t *evidence;	/* [n_blocks] enum evidence */
	uint8_t *confidence;	/* [n_blocks] percent */
	uint8_t *state;		/* [n_blocks] enum state */
	uint8_t *content;	/* [n_blocks] enum content_class */
	uint8_t *owner;		/* [n_blocks] index in allocators */

	struct root *roots;	/* [n_roots]; node n_blocks + i */
	struct block_index index;
	struct graph refs;	/* [n_nodes] who refers to whom */
	/* The same, the other way round; facts_conclude() makes it. */
	struct graph referrers;

	struct chunk *free;	/* [n_free] by address */
	uint8_t *free_owner;	/* [n_free] */
	size_t n_free;
	VEC(struct allocator_summary) allocators;
	VEC(struct owned_extent) extents;	/* by address */
	VEC(struct extent) allocator_state;	/* no roots; any order */
	VEC(struct extent) locals;	/* words on stacks that are roots of
					 * their own, by address */
	VEC(struct extent) allocator_metadata;	/* see allocator_finding */
	struct diag diag;
	struct arena arena;
};

/**
 * Analyse @image: walk the allocators, type the blocks, build the graph, and
 * decide what is reachable. Results are the same at any number of threads.
 *
 * @param image	Borrowed; outlives the heap.
 * @param ret	Owned by the caller; release with heap_free().
 */
bool heap_build(struct image *image, struct heap *ret, struct err *err)
	MUST_CHECK;

void heap_free(struct heap *heap);

/** The block that @addr lies in, or NODE_NONE. */
static inline uint32_t heap_find(const struct heap *heap, uint64_t addr)
{
	return block_index_find(&heap->index, addr);
}

/** Usable bytes of @block. */
static inline uint64_t heap_size(const struct heap *heap, size_t block)
{
	return block_size(&heap->sizes, block);
}

/** Elements of its type that @block has; 1 for one object. */
static inline uint32_t heap_count(const struct heap *heap, size_t block)
{
	return block_count(&heap->sizes, block);
}

static inline void heap_set_count(struct heap *heap, size_t block,
				  uint32_t count)
{
	block_set_count(&heap->sizes, block, count);
}

static inline bool heap_is_root(const struct heap *heap, uint32_t node)
{
	return node >= heap->n_blocks;
}

static inline const struct root *heap_root(const struct heap *heap,
					   uint32_t node)
{
	return &heap->roots[node - heap->n_blocks];
}

extern const char *const state_names[N_STATES];
extern const char *const evidence_names[N_EVIDENCE];
extern const char *const content_names[N_CONTENT_CLASSES];

#endif
