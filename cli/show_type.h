/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Why a block has its type, and what else it could be: the part of `show`
 * that speaks of evidence.
 */
#ifndef CLI_SHOW_TYPE_H
#define CLI_SHOW_TYPE_H

#include "analyze/alternatives.h"
#include "analyze/facts.h"
#include "cli/json.h"

/** Lines from the block down to the root, or vtable, that began it; nothing
 * of a block without a type. */
void show_why(const struct facts *facts, uint32_t node);

/** The same as objects, each in the one before; NULL when there is no type. */
struct json_t *show_why_json(const struct facts *facts, uint32_t node);

/** A line with what else its size and contents allow; none when the type is
 * next to certain. */
void show_candidates(const struct heap *heap, uint32_t node);

/** [{"type", "score"}], of any block. */
struct json_t *show_candidates_json(const struct heap *heap, uint32_t node);

/** "LEAD A, B", what a search that is open finds; nothing when that is
 * nothing. Returns how many. */
size_t candidates_print(struct alternatives *a, uint32_t node,
			const char *lead);

/** [{"type", "score"}] of a search that is open. */
struct json_t *candidates_json(struct alternatives *a, uint32_t node);

#endif
