/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the views of one browser share: the facts, the units, and tables that
 * are made when the first view asks for them.
 */
#ifndef TUI_SESSION_H
#define TUI_SESSION_H

#include "analyze/alternatives.h"
#include "analyze/diff.h"
#include "analyze/facts.h"
#include "analyze/type_blocks.h"
#include "analyze/refcounts.h"
#include "analyze/waste.h"
#include "base/human.h"
#include "base/vec.h"

/* An older image, and what has changed since. */
struct comparison {
	const char *old_file;	/* borrowed */
	struct digest_names names;
	struct diff diff;
	struct tally old, new;	/* all blocks */
};

struct session {
	struct facts *facts;	/* borrowed */
	const char *file;	/* what was opened; borrowed */
	struct comparison *comparison;	/* borrowed; NULL: with nothing */
	bool exact;		/* sizes in bytes, not 1.2 MiB */
	struct window window;	/* for reading blocks */
	bool has_waste, has_others;
	/* What session_type_blocks() was asked for. */
	VEC(struct type_blocks) blocks;
	struct waste waste;
	struct alternatives others;
	uint32_t *parents;	/* dom_parents(), or NULL */
	VEC(uint32_t) marks;	/* nodes, in the order of marking */
};

struct session session_of(struct facts *facts, const char *file);
void session_close(struct session *session);

/** The blocks whose block_key(), untyped ones not by size, is @key. They stay
 * until the session is closed; NULL with @err on failure. */
const struct type_blocks *session_type_blocks(struct session *session,
					      uint64_t key, struct err *err);

/** Make session->waste, unless it is there. */
bool session_waste(struct session *session, struct err *err) MUST_CHECK;

/** Make session->others, unless it is there. */
bool session_others(struct session *session, struct err *err) MUST_CHECK;

/**
 * The immediate dominator of @id, as dom_idom(), for those who ask for many: a
 * search looks at all rows. Makes session->parents, 4 bytes a node.
 */
uint32_t session_parent(struct session *session, uint32_t id);

static inline const char *session_size(const struct session *session,
				       uint64_t bytes, char buf[HUMAN_MAX])
{
	return human_size(bytes, session->exact, buf);
}

static inline const char *session_count(const struct session *session,
					uint64_t n, char buf[HUMAN_MAX])
{
	return human_count(n, session->exact, buf);
}

/** @part of @whole in thousandths, rounded. */
uint32_t thousandths(uint64_t part, uint64_t whole);

#endif
