/* SPDX-License-Identifier: MIT */
#include "tests/aid_random_heap.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/aid_graph.h"
#include "tests/aid_heap.h"

enum { N_TYPES = 3, MAX_DEGREE = 5 };

#define BLOCKS_AT UINT64_C(0x100000)
#define ROOTS_AT UINT64_C(0x900000)
#define STEP UINT64_C(0x100)

static void add_types(struct image *image)
{
	static const char *const names[N_TYPES] = { "Apple", "Pear", "Plum" };
	static char fields[RANDOM_FIELDS][8];
	struct made_member members[RANDOM_FIELDS];
	uint32_t nothing = made_pointer(image, TYPE_NONE);

	for (uint32_t i = 0; i < RANDOM_FIELDS; i++) {
		snprintf(fields[i], sizeof(fields[i]), "f%u", i);
		members[i] = (struct made_member){ fields[i], nothing, i * 8,
						   0 };
	}
	for (int i = 0; i < N_TYPES; i++)
		made_struct(image, names[i], RANDOM_FIELDS * 8, members,
			    RANDOM_FIELDS);
}

static uint32_t type_called(const struct image *image, const char *name)
{
	uint32_t i = TYPE_NONE;

	return types_find(&image->types, name, &i);
}

static void add_blocks(uint64_t *seed, struct image *image, struct heap *heap)
{
	static const char *const names[N_TYPES] = { "Apple", "Pear", "Plum" };
	uint32_t n = random_below(seed, RANDOM_BLOCKS + 1);
	uint32_t variety = 1 + random_below(seed, N_TYPES + 1);
	struct chunk chunks[RANDOM_BLOCKS];

	for (uint32_t i = 0; i < n; i++)
		chunks[i] = (struct chunk){
			BLOCKS_AT + i * STEP,
			(RANDOM_FIELDS + random_below(seed, 3)) * 8,
		};
	made_heap(image, chunks, n, heap);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pick = random_below(seed, variety);

		heap->content[i] = CONTENT_POINTERS;
		if (pick == N_TYPES)
			continue;	/* untyped */
		heap->type[i] = type_called(image, names[pick]);
		heap_set_count(heap, i, 1);
	}
}

static void add_roots(uint64_t *seed, struct heap *heap)
{
	uint32_t n = random_below(seed, RANDOM_ROOTS + 1);

	for (uint32_t i = 0; i < n; i++) {
		uint8_t kind = (uint8_t)random_below(seed, N_ROOT_KINDS);
		bool registers = kind == ROOT_REGISTERS;
		struct root root = {
			.name = "root", .type = TYPE_NONE, .kind = kind,
			.addr = registers ? 0 : ROOTS_AT + i * STEP,
			.size = registers ? 0 : RANDOM_FIELDS * 8,
			.thread = UINT32_MAX,
		};

		made_root(heap, &root);
	}
}

static uint8_t random_kind(uint64_t *seed, const struct heap *heap,
			   uint32_t from)
{
	if (heap_is_root(heap, from) &&
	    heap_root(heap, from)->kind == ROOT_DEAD_STACK)
		return REF_STALE;
	return random_below(seed, 3) ? REF_STRONG :
	       (uint8_t)random_below(seed, N_REF_KINDS);
}

static uint64_t address_of(const struct heap *heap, uint32_t node)
{
	return heap_is_root(heap, node) ? heap_root(heap, node)->addr :
					  heap->addr[node];
}

/* Slots are taken in turn from a random one on, so none serves twice. */
static void add_row(uint64_t *seed, struct random_heap *h, uint32_t from,
		    uint32_t degree)
{
	struct heap *heap = &h->facts.heap;
	uint32_t slot = random_below(seed, RANDOM_FIELDS);
	uint64_t addr = address_of(heap, from);

	for (uint32_t i = 0; i < degree && heap->n_blocks > 0; i++) {
		uint32_t to = random_below(seed, heap->n_blocks);
		struct random_ref *ref = &h->refs[from][to];

		slot = (slot + 1) % RANDOM_FIELDS;
		if (ref->is_there)
			continue;
		*ref = (struct random_ref){
			true, random_kind(seed, heap, from), slot,
		};
		/* A pointer into itself would be no reference (refs.h). */
		if (addr)
			made_word(&h->facts.image, addr + slot * 8,
				  heap->addr[to] + (to == from ? 0 :
						    random_below(seed, 8)));
	}
}

void random_heap_make(uint64_t *seed, struct random_heap *ret)
{
	enum { RW = PERM_READ | PERM_WRITE };
	struct heap *heap = &ret->facts.heap;
	struct image *image = &ret->facts.image;
	struct edge edges[RANDOM_NODES * MAX_DEGREE];
	uint32_t density;
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	made_image(image);
	made_memory(image, BLOCKS_AT, BLOCKS_AT + 0x4000, RW, "");
	made_memory(image, ROOTS_AT, ROOTS_AT + 0x1000, RW, "");
	add_types(image);
	add_blocks(seed, image, heap);
	add_roots(seed, heap);
	density = 1 + random_below(seed, MAX_DEGREE);
	for (uint32_t i = 0; i < heap->n_nodes; i++) {
		add_row(seed, ret, i, random_below(seed, density + 1));
		for (uint32_t k = 0; k < heap->n_nodes; k++) {
			if (ret->refs[i][k].is_there)
				edges[n++] = (struct edge){
					i, k, ret->refs[i][k].kind };
		}
	}
	made_refs(heap, graph_of(heap->n_nodes, edges, n));
}

void random_heap_free(struct random_heap *heap)
{
	facts_close(&heap->facts);
}
