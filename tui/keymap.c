/* SPDX-License-Identifier: MIT */
#include "tui/keymap.h"

#define CTRL(c) ((c) & 0x1f)

const struct key_binding key_bindings[] = {
	{ CMD_UP, { 'k', VKEY_UP }, "Up k", "one row up" },
	{ CMD_DOWN, { 'j', VKEY_DOWN }, "Down j", "one row down" },
	{ CMD_PAGE_UP, { VKEY_PGUP, CTRL('b') }, "PgUp", "a page up" },
	{ CMD_PAGE_DOWN, { VKEY_PGDN, CTRL('f'), ' ' }, "PgDn Space",
	  "a page down" },
	{ CMD_FIRST, { 'g', VKEY_HOME }, "g Home", "to the first row" },
	{ CMD_LAST, { 'G', VKEY_END }, "G End", "to the last row" },
	{ CMD_SCROLL_LEFT, { '<' }, "<", "long text: towards its beginning" },
	{ CMD_SCROLL_RIGHT, { '>' }, ">", "long text: towards its end" },

	{ CMD_OPEN, { VKEY_ENTER, 'l' }, "Enter l",
	  "open: a type's blocks, a block's fields" },
	{ CMD_RIGHT, { VKEY_RIGHT }, "Right", "unfold, else open" },
	{ CMD_LEFT, { VKEY_LEFT }, "Left", "fold, else go back" },
	{ CMD_BACK, { 'h', VKEY_BACKSPACE, VKEY_ESCAPE }, "h Backspace Esc",
	  "back to where this was opened" },
	{ CMD_QUIT_BACK, { 'q' }, "q", "back; in the first view: quit" },
	{ CMD_QUIT, { 'Q' }, "Q", "quit" },
	{ CMD_UNFOLD, { '+', '=' }, "+", "tree: unfold" },
	{ CMD_FOLD, { '-' }, "-", "tree: fold" },
	{ CMD_UNFOLD_ALL, { '*' }, "*", "tree: unfold all that is below" },

	{ CMD_FIELDS, { 'f' }, "f", "fields of this block, with values" },
	{ CMD_HEX, { 'x' }, "x", "its bytes" },
	{ CMD_REFERRERS, { 'r' }, "r", "who refers to it, level by level" },
	{ CMD_PATH, { 'p' }, "p", "path from a root to it" },
	{ CMD_DOMINATORS, { 'd' }, "d", "dominators: who retains it, what it retains" },
	{ CMD_ALL_OF_TYPE, { 't' }, "t", "all blocks of its type" },
	{ CMD_WHY, { 'w' }, "w", "why it has this type" },

	{ CMD_SEARCH, { '/' }, "/", "search; small letters match any case" },
	{ CMD_NEXT_MATCH, { 'n' }, "n", "next match" },
	{ CMD_PREVIOUS_MATCH, { 'N' }, "N", "previous match" },
	{ CMD_FILTER, { '&' }, "&", "show only rows that match" },
	{ CMD_GOTO, { ':' }, ":", "go to an address, a type or a variable" },
	{ CMD_HISTORY_BACK, { '[' }, "[", "history: back" },
	{ CMD_HISTORY_FORWARD, { ']' }, "]", "history: forward" },
	{ CMD_MARK, { 'm' }, "m", "bookmark this row, or forget it" },
	{ CMD_MARKS, { 'M' }, "M", "list of bookmarks" },
	{ CMD_NEXT_TAB, { '\t' }, "1-9 Tab", "the views in the first line" },
	{ CMD_PREVIOUS_TAB, { VKEY_BACKTAB }, "Shift-Tab",
	  "the view before" },
	{ CMD_UNITS, { 'u' }, "u", "units: 1.2 MiB or exact bytes" },
	{ CMD_SAVE, { 'P' }, "P", "save this view as text" },
	{ CMD_REDRAW, { CTRL('l') }, "Ctrl-L", "draw the screen anew" },
	{ CMD_HELP, { '?' }, "?", "this help" },
};

const size_t n_key_bindings = sizeof(key_bindings) / sizeof(key_bindings[0]);

enum command keymap_find(int key)
{
	for (size_t i = 0; i < n_key_bindings; i++) {
		const struct key_binding *b = &key_bindings[i];

		for (size_t k = 0; k < 4 && b->keys[k]; k++) {
			if (b->keys[k] == key)
				return b->command;
		}
	}
	return CMD_NONE;
}
