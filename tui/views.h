/* SPDX-License-Identifier: MIT */
/**
 * @file
 * All views there are. Each function makes one; NULL with an error when that
 * failed or was cancelled. Owned by the caller; release with view_free().
 */
#ifndef TUI_VIEWS_H
#define TUI_VIEWS_H

#include "tui/session.h"
#include "tui/view.h"

/* Views on digits. */
struct view *view_overview_open(struct session *session, struct err *err);
struct view *view_types_open(struct session *session, struct err *err);
struct view *view_dominators_open(struct session *session, struct err *err);
struct view *view_leaks_open(struct session *session, struct err *err);
struct view *view_cycles_open(struct session *session, struct err *err);
struct view *view_threads_open(struct session *session, struct err *err);
struct view *view_globals_open(struct session *session, struct err *err);
struct view *view_memory_open(struct session *session, struct err *err);
struct view *view_diff_open(struct session *session, struct err *err);

/* Views that the overview leads to. */
struct view *view_waste_open(struct session *session, struct err *err);
struct view *view_refcounts_open(struct session *session, struct err *err);

struct tab {
	char digit;
	const char *name;
	struct view *(*open)(struct session *session, struct err *err);
	bool compares;		/* is there with an older image only */
};

extern const struct tab tabs[];
extern const size_t n_tabs;

static inline bool tab_is_there(const struct session *session, size_t i)
{
	return !tabs[i].compares || session->comparison;
}

/** @n nodes, by address. @nodes is borrowed and outlives the view. */
struct view *view_blocks_open(struct session *session, const uint32_t *nodes,
			      size_t n, const char *title, struct err *err);

/** All blocks of the type with @key. */
struct view *view_type_blocks_open(struct session *session, uint64_t key,
				   struct err *err);

/** The instances of leak group @g. */
struct view *view_group_blocks_open(struct session *session, uint32_t g,
				    struct err *err);

/** The instances of group @g of the session's cycles. */
struct view *view_cycle_blocks_open(struct session *session, uint32_t g,
				    struct err *err);

/** A list of @n nodes, which are copied. */
struct view *view_nodes_open(struct session *session, const uint32_t *nodes,
			     size_t n, const char *title, struct err *err);

/** The blocks in group @i of the session's duplicates. */
struct view *view_copies_open(struct session *session, size_t i,
			      struct err *err);

/** The nodes that were bookmarked. */
struct view *view_marks_open(struct session *session, struct err *err);

/** The fields of a block, or the references of a root. */
struct view *view_fields_open(struct session *session, uint32_t node,
			      struct err *err);

/** The frames of a thread, with their locals. */
struct view *view_frames_open(struct session *session, uint32_t thread,
			      struct err *err);

struct view *view_hex_open(struct session *session, uint32_t node,
			   struct err *err);

/** Who refers to @node, who refers to those, and so on. */
struct view *view_referrers_open(struct session *session, uint32_t node,
				 struct err *err);

/** Paths from the roots to @n blocks, merged. @targets is borrowed. */
struct view *view_paths_open(struct session *session, const uint32_t *targets,
			     size_t n, const char *title, struct err *err);

/** The tree around @id of the dominator tree: what is above and below it. */
struct view *view_dominator_chain_open(struct session *session, uint32_t id,
				       struct err *err);

/** How the type of block @node became known. */
struct view *view_why_open(struct session *session, uint32_t node,
			   struct err *err);

/** Keys, and the letters that sort @of. */
struct view *view_help_open(struct session *session,
			    const struct view_class *of, struct err *err);

/**
 * What @command asks about @subject, as a view. NULL with an error when the
 * row is nothing that can be asked about.
 */
struct view *views_ask(struct session *session, struct subject subject,
		       enum command command, struct err *err);

/* Longer names leave out template arguments, where a row is not about them. */
enum { LABEL_CELLS = 48 };

/** "Session", or the name of a root or leak group, in @buf. */
const char *view_label(const struct session *session, uint32_t id, char *buf,
		       size_t size);

/** "Session  0x55d0c0ffee00": a block's label with its address. */
const char *view_node_text(const struct session *session, uint32_t id,
			   char *buf, size_t size);

/** "2 Node, Session": the members of signature @i, from byte @n of a cell on.
 * Returns where they end. */
size_t view_members(const struct session *session,
		    const struct signatures *signatures, uint32_t i,
		    struct cell_out *out, size_t n);

/** Text from byte @n of a cell on, cut where it does not fit. Returns where it
 * ends. */
size_t view_append(struct cell_out *out, size_t n, const char *text);

/** "12.3 %" into a cell. */
void view_share_cell(uint64_t part, uint64_t whole, struct cell_out *out);

/** A size into a cell. */
void view_size_cell(const struct session *session, uint64_t bytes,
		    struct cell_out *out);

#endif
