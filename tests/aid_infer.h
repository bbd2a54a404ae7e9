/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A small process whose blocks want types: code, read-only data, variables
 * and a heap. For the tests of inference, one process at a time.
 */
#ifndef TESTS_AID_INFER_H
#define TESTS_AID_INFER_H

#include "tests/aid_cmocka.h"

#include "analyze/infer.h"
#include "analyze/refs.h"
#include "tests/aid_heap.h"

enum { RW = PERM_READ | PERM_WRITE, MAX = 64 };

#define CODE UINT64_C(0x400000)
#define RODATA UINT64_C(0x500000)	/* two pages, then nothing */
#define DATA UINT64_C(0x600000)
#define HEAP UINT64_C(0x1000000)

static struct image image;
static struct heap heap;
static struct chunk blocks[MAX];
static struct root roots[MAX];
static size_t n_blocks, n_roots;
static uint64_t next_block;
/* long; node { node *next; long a, b; } of 24 bytes */
static uint32_t number, node;

static inline uint32_t record(const char *name, uint64_t size,
		       const struct made_member *members, uint32_t n)
{
	return made_struct(&image, name, size, members, n);
}

static inline int set_up(void **state)
{
	struct made_member m[3] = { { "next", 0, 0, 0 }, { "a", 0, 8, 0 },
				    { "b", 0, 16, 0 } };

	(void)state;
	n_blocks = n_roots = 0;
	next_block = HEAP + 16;
	made_image(&image);
	made_memory(&image, CODE, CODE + 0x1000, PERM_READ | PERM_EXEC,
		    "/bin/app");
	made_memory(&image, RODATA, RODATA + 0x2000, PERM_READ, "/bin/app");
	made_memory(&image, DATA, DATA + 0x1000, RW, "/bin/app");
	made_memory(&image, HEAP, HEAP + 0x10000, RW, "[heap]");
	made_module(&image, "/bin/app", CODE, DATA + 0x1000);
	number = made_scalar(&image, TYPE_INT, "long", 8);
	m[0].type = m[1].type = m[2].type = number;
	node = record("node", 24, m, 3);
	made_retarget(&image, node, 0, made_pointer(&image, node));
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	heap_free(&heap);
	image_close(&image);
	return 0;
}

/* A block that was asked for with @size bytes; its address. */
static inline uint64_t place(uint64_t size)
{
	uint64_t addr = next_block, usable = made_usable(size);

	blocks[n_blocks++] = (struct chunk){ addr, usable };
	next_block += usable + 8;
	return addr;
}

/* A variable of @type at the next free place, its first word set. */
static inline uint64_t variable(uint32_t type, uint64_t word)
{
	uint64_t size = image.types.types.at[type].size, addr = DATA;

	if (n_roots > 0)
		addr = roots[n_roots - 1].addr + roots[n_roots - 1].size;
	roots[n_roots++] = (struct root){
		.name = "app:var", .addr = addr, .size = size, .type = type,
		.thread = UINT32_MAX, .kind = ROOT_VARIABLE,
	};
	made_word(&image, addr, word);
	return addr;
}

static inline void pointer_var(uint32_t target, uint64_t word)
{
	variable(made_pointer(&image, target), word);
}

static inline void infer(void)
{
	struct raw_refs raw;
	struct err err = {0};

	made_heap(&image, blocks, n_blocks, &heap);
	for (size_t i = 0; i < n_roots; i++)
		made_root(&heap, &roots[i]);
	assert_true(raw_refs_build(&heap, &raw, &err));
	assert_true(infer_types(&heap, &raw, &err));
	assert_true(refs_build(&heap, &raw, &err));
}

static inline void expect(uint32_t block, uint32_t type, uint32_t count,
		   enum evidence evidence)
{
	assert_int_equal(heap.type[block], type);
	assert_int_equal(heap_count(&heap, block), count);
	assert_int_equal(heap.evidence[block], evidence);
}

static inline void expect_untyped(uint32_t block)
{
	assert_int_equal(heap.type[block], TYPE_NONE);
	assert_int_equal(heap.evidence[block], EVIDENCE_NONE);
	assert_int_equal(heap.confidence[block], 0);
}

static inline uint8_t kind_of_ref(uint32_t from, uint32_t to)
{
	for (uint64_t e = graph_row(&heap.refs, from),
	     end = graph_row(&heap.refs, from + 1); e < end; e++)
		if (heap.refs.target[e] == to)
			return heap.refs.kind[e];
	return N_REF_KINDS;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
