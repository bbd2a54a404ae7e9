/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A small heap for the browser, made by hand: memory, types, blocks, roots.
 *
 * A chat server: a table of sessions in a list, each with its user's name; a
 * room whose name holds hostile bytes and wide characters; a cache; lost
 * cycles and texts; a block that only a dead word holds. References are what
 * the words in memory say. Everything is the same in every run.
 */
#ifndef TESTS_AID_TUI_HEAP_H
#define TESTS_AID_TUI_HEAP_H

#include "analyze/facts.h"

/** Make it. Release with tui_heap_free(). Failures end the test program. */
void tui_heap_make(struct facts *ret);

/** The same server when it had five sessions less and had lost one cycle. */
void tui_heap_make_old(struct facts *ret);

/** A list of @n blocks that one variable holds, with a text each. */
void tui_heap_make_list(uint32_t n, struct facts *ret);

void tui_heap_free(struct facts *facts);

#endif
