/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One look at the contents of every block: what of it is in use, which
 * tables are nearly empty, and a hash by which equal contents are found.
 *
 * What a block uses is what its container says, else its elements where the
 * type is believed and fits, else a text and its NUL where malloc would give
 * this block for just that; else all of it. What is not used is capacity when
 * a container may still fill it, slack when nobody can, and unknown where no
 * type says how much was asked for.
 *
 * Blocks are read once, in the order of the file, by all threads.
 * Cost: about 50 ns a block and 0.3 ns a byte; 8 bytes a block.
 */
#ifndef ANALYZE_WASTE_CONTENTS_H
#define ANALYZE_WASTE_CONTENTS_H

#include "analyze/type_words.h"
#include "analyze/waste_containers.h"
#include "analyze/waste_rows.h"

/* How much of a block its content is. */
struct block_use {
	uint64_t used;		/* bytes from the start that mean something */
	uint64_t need;		/* bytes that were asked for; size if unknown */
	bool text;		/* ends at its NUL */
	bool known;		/* need is known */
	bool table;		/* a hash table without an order of its own */
};

/* A thread's view of the memory. */
struct contents_reader {
	struct window window;
	uint8_t *buffer;	/* [CONTENTS_PIECE] */
};

/* Contents are looked at in pieces of at most so many bytes. */
enum { CONTENTS_PIECE = 1 << 16 };

struct waste_contents {
	const struct heap *heap;		/* borrowed */
	const struct containers *containers;	/* borrowed */
	struct type_words words;
	uint64_t *hash;		/* [n_blocks] of what is used; 0: not told */
	/* Keys: holder (waste_holder_key), offset in it, block_key(). Of
	 * tables, used and room are slots. */
	struct waste_rows tables;
	/* Keys: allocator, usable size, block_key(). */
	struct waste_rows slack;
	uint64_t unknown;	/* bytes of blocks whose need is not known */
};

/** Release with waste_contents_free(). */
bool waste_contents_build(const struct heap *heap,
			  const struct containers *containers,
			  struct waste_contents *ret, struct err *err)
	MUST_CHECK;

void waste_contents_free(struct waste_contents *contents);

/** What of block @node is in use. */
struct block_use waste_use(const struct waste_contents *contents,
			   struct contents_reader *reader, uint32_t node);

/** @n (<= CONTENTS_PIECE) bytes at @addr, valid until the next call; NULL when
 * one of them is absent. */
const uint8_t *contents_read(struct contents_reader *reader, uint64_t addr,
			     size_t n);

/** One reader for each thread; NULL when memory is exhausted. */
struct contents_reader *contents_readers_open(const struct image *image,
					      unsigned n);
void contents_readers_close(struct contents_reader *readers, unsigned n);

/**
 * The key of a place that holds things: for a block its block_key(), for a
 * root its node id behind all of them.
 */
uint64_t waste_holder_key(const struct heap *heap, uint32_t node);

#define WASTE_HOLDER_ROOT (UINT64_C(1) << 62)

#endif
