/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The browser: views, how one leads to another, and the screen around them.
 *
 * It takes keys and draws on a grid, and knows nothing of terminals: a test
 * is keys in, text out. Every view remembers where it was opened, so that
 * back is always the same; the history is the order of visits.
 */
#ifndef TUI_BROWSER_H
#define TUI_BROWSER_H

#include "tui/session.h"
#include "tui/views.h"

enum { HISTORY_MAX = 100, N_DIGITS = 10 };

/* What is being typed in the last line. */
struct prompt {
	enum command command;	/* CMD_NONE: nothing is */
	const char *label;
	char text[PATTERN_MAX];
	size_t len;
};

struct browser {
	struct session session;
	struct screen screen;
	struct view *current;
	struct view *tabs[N_DIGITS];	/* by digit; NULL: not opened yet */
	VEC(struct view *) views;	/* all there are, owned */
	VEC(struct view *) history;
	size_t at;			/* of current in history */
	struct prompt prompt;
	char message[400];		/* shown until the next key */
	bool is_error;
	bool quit;
};

/** Begin with the first view. Release with browser_close(). The struct must
 * not move: views refer to its session. */
bool browser_open(struct facts *facts, const char *file,
		  enum human_charset charset, struct browser *ret,
		  struct err *err) MUST_CHECK;

void browser_close(struct browser *b);

/** React to one key. Sets b->quit at the end. */
void browser_key(struct browser *b, int key);

/** The digit of the tab that the current view was opened from. */
int browser_tab(const struct browser *b);

/** Draw on b->screen, which screen_resize() has given its size. */
void browser_draw(struct browser *b);

/** Draw the last line only: how far long work has come. */
void browser_progress(struct browser *b, const char *phase, uint64_t done,
		      uint64_t total);

#endif
