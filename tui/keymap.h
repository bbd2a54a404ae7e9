/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Keys and what they do. The table in keymap.c is the only place that binds
 * a key, and the help is made from it.
 *
 * A key is a character (a code point of Unicode) or one of enum special_key.
 * Letters that sort by a column belong to the views; test_tui checks that
 * none of them hides a key of the table.
 */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

#include <stddef.h>

enum special_key {
	VKEY_NONE = 0x110000,	/* behind the last character */
	VKEY_UP, VKEY_DOWN, VKEY_LEFT, VKEY_RIGHT, VKEY_PGUP, VKEY_PGDN,
	VKEY_HOME, VKEY_END, VKEY_ENTER, VKEY_BACKSPACE, VKEY_BACKTAB,
	VKEY_ESCAPE,
	VKEY_RESIZE,		/* the terminal has another size */
	VKEY_LOST,		/* there is no terminal any more */
};

enum command {
	CMD_NONE,
	/* Moving: the table's own. */
	CMD_UP, CMD_DOWN, CMD_PAGE_UP, CMD_PAGE_DOWN, CMD_FIRST, CMD_LAST,
	CMD_SCROLL_LEFT, CMD_SCROLL_RIGHT,
	CMD_UNFOLD, CMD_FOLD, CMD_UNFOLD_ALL, CMD_RIGHT, CMD_LEFT,
	CMD_NEXT_MATCH, CMD_PREVIOUS_MATCH,
	/* Asking about the selected row. */
	CMD_OPEN, CMD_FIELDS, CMD_HEX, CMD_REFERRERS, CMD_PATH,
	CMD_DOMINATORS, CMD_ALL_OF_TYPE, CMD_WHY,
	/* The browser's. */
	CMD_BACK, CMD_QUIT_BACK, CMD_QUIT, CMD_SEARCH, CMD_FILTER, CMD_GOTO,
	CMD_SAVE, CMD_MARK, CMD_MARKS, CMD_HISTORY_BACK, CMD_HISTORY_FORWARD,
	CMD_NEXT_TAB, CMD_PREVIOUS_TAB, CMD_UNITS, CMD_HELP, CMD_REDRAW,
	N_COMMANDS,
};

struct key_binding {
	enum command command;
	int keys[4];		/* 0 ends the list */
	const char *shown;	/* "j Down" */
	const char *help;	/* what it does; NULL with the one before */
};

extern const struct key_binding key_bindings[];
extern const size_t n_key_bindings;

/** The command of @key, or CMD_NONE. */
enum command keymap_find(int key);

#endif
