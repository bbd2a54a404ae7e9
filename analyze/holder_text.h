/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Who holds these blocks, in a few words.
 *
 * The place that refers to most of them ("chat::Session.user"), and behind a
 * comma the root or leak group on top of the dominator tree. Of many blocks
 * some are asked, at even distances, so an answer costs the same for any
 * number.
 */
#ifndef ANALYZE_HOLDER_TEXT_H
#define ANALYZE_HOLDER_TEXT_H

#include "analyze/facts.h"

enum { HOLDER_TEXT_MAX = 4096 };

struct holder_finder {
	const struct facts *facts;	/* borrowed */
	struct window window;
	uint32_t *tops;		/* [n_tops] positions below the virtual root */
	size_t n_tops;
};

/** Release with holder_finder_free(). */
bool holder_finder_build(const struct facts *facts, struct holder_finder *ret,
			 struct err *err) MUST_CHECK;
void holder_finder_free(struct holder_finder *finder);

/**
 * The text for @n > 0 nodes, in @buf; NULL when nobody is known to refer to
 * them.
 */
const char *holder_text(struct holder_finder *finder, const uint32_t *nodes,
			size_t n, char buf[HOLDER_TEXT_MAX]);

/** Who refers to block @node by the best kind of reference, the first of them;
 * NODE_NONE when nobody does. Looks at a few references. */
uint32_t best_referrer(const struct heap *heap, uint32_t node);

/** "Session.user" for the place at @offset of @holder. */
const char *holder_place(const struct facts *facts, uint32_t holder,
			 uint64_t offset, char buf[HOLDER_TEXT_MAX]);

#endif
