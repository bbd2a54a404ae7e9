/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where `:` leads: what a user means by an address or a name.
 */
#ifndef TUI_GOTO_H
#define TUI_GOTO_H

#include "tui/views.h"

/**
 * The view that @text asks for: the block at an address, all blocks of a
 * type, a variable; a part of a name gives the types that hold it. NULL with
 * an error that says what lies there instead.
 */
struct view *goto_view(struct session *session, const char *text,
		       struct err *err);

#endif
