/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which of millions of blocks a text is found in, as a list shows them.
 *
 * Types, roots and states are few: their names are compared once, and a block
 * then costs a look at what it is. Numbers are formatted only where the text
 * could be part of one, and sizes once for each size. What characters a block
 * begins with is read, in the order of the rows. The answer is the one that
 * the cells of the row would give.
 *
 * Cost: some 5 ns a block, 50 where characters are read; 2 bytes a type.
 */
#ifndef TUI_BLOCK_MATCH_H
#define TUI_BLOCK_MATCH_H

#include "tui/session.h"

/* Blocks of text show as many characters. */
enum { BLOCK_PREVIEW = 60 };

struct block_match;

/**
 * Prepare to look for @pattern. NULL when it could only be found by looking
 * at cells: it spans several parts of one, or memory is exhausted.
 */
struct block_match *block_match_new(struct session *session,
				    const char *pattern);

/** Does the row of @node hold it? @worker as in base/pool.h. */
bool block_match_has(struct block_match *match, uint32_t node,
		     unsigned worker);

void block_match_free(struct block_match *match);

/** The characters that @node begins with, behind two blanks and in quotes;
 * false when it is no text or was not captured. */
bool block_preview(const struct heap *heap, struct window *window,
		   uint32_t node, char *to, size_t size);

#endif
