/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The rows of a comparison, as views number them, and the blocks behind them.
 *
 * The id of a row is its part << 32 | its place in the rows of that part;
 * CHANGE_HEADING in the place of a row stands for the part itself.
 */
#ifndef TUI_CHANGE_ROWS_H
#define TUI_CHANGE_ROWS_H

#include "tui/session.h"
#include "tui/view.h"

enum change_part { CHANGE_TYPES, CHANGE_PATHS, CHANGE_LEAKS, N_CHANGES };

#define CHANGE_HEADING UINT32_MAX

const struct diff_rows *change_rows(const struct comparison *comparison,
				    enum change_part part);

/** The row with @id, which is no heading. */
const struct diff_row *change_row(const struct comparison *comparison,
				  uint64_t id);

/** Blocks or instances more than there were. */
static inline int64_t change_count(const struct diff_row *row)
{
	return (int64_t)(row->new.count - row->old.count);
}

/** Types that changed, holders that hold more, and leaks that got worse. */
bool change_is_shown(enum change_part part, const struct diff_row *row);

/** "Account", "app:cache > Node > Item", into a cell. */
void change_name(const struct comparison *comparison, uint64_t id,
		 struct cell_out *out);

/**
 * What row @id is about in the newer image, that of @session: nodes by
 * address, and a title for them. The caller frees ret->at. False when there
 * are none, too.
 */
bool change_nodes(struct session *session, uint64_t id,
		  struct digest_nodes *ret, char *title, size_t size,
		  struct err *err) MUST_CHECK;

#endif
