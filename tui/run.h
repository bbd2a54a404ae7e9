/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The browser on the terminal, until the user leaves it.
 */
#ifndef TUI_RUN_H
#define TUI_RUN_H

#include "tui/session.h"

/**
 * Browse @facts, which were read from @file, and what has changed since an
 * older image (NULL: there is none). All borrowed. False when the terminal
 * cannot be used, or is gone.
 */
bool tui_run(struct facts *facts, const char *file,
	     struct comparison *comparison, struct err *err) MUST_CHECK;

#endif
