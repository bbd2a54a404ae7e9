/* SPDX-License-Identifier: MIT */
#include "tui/run.h"

#include <time.h>

#include "base/progress.h"
#include "tui/browser.h"
#include "tui/terminal.h"

enum {
	TICK_MS = 100,		/* how long a lost SIGWINCH stays unnoticed */
	QUIET_MS = 200,		/* work shorter than this shows nothing */
};

/* One key's work, as the progress listener sees it. */
struct work {
	struct browser *browser;
	struct timespec since;
	bool shown;
};

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 +
	       (now.tv_nsec - since->tv_nsec) / 1000000;
}

/*
 * Called from inside the work, ten times a second: show it, and look whether
 * the user has had enough. Other keys typed meanwhile are dropped: they were
 * meant for a screen that is not there yet.
 */
static void on_progress(void *ctx, const char *phase, uint64_t done,
			uint64_t total)
{
	struct work *work = ctx;
	int key;

	if (!phase || elapsed_ms(&work->since) < QUIET_MS)
		return;
	browser_progress(work->browser, phase, done, total);
	terminal_show(&work->browser->screen, false);
	work->shown = true;
	key = terminal_key(0);
	if (key == VKEY_ESCAPE || key == 'q' || key == VKEY_LOST)
		progress_cancel();
}

static bool fit(struct browser *b, struct err *err)
{
	int rows, cols;

	terminal_size(&rows, &cols);
	if (rows == b->screen.rows && cols == b->screen.cols)
		return true;
	return screen_resize(&b->screen, rows, cols) ||
	       err_nomem(err, "the screen");
}

static bool loop(struct browser *b, struct work *work, struct err *err)
{
	int key;

	while (!b->quit) {
		if (!fit(b, err))
			return false;
		browser_draw(b);
		terminal_show(&b->screen, true);
		do {
			key = terminal_key(TICK_MS);
		} while (key == VKEY_NONE);
		if (key == VKEY_LOST)
			return err_set(err, ERR_IO, "the terminal is gone");
		if (key == ('l' & 0x1f))
			terminal_redraw();
		clock_gettime(CLOCK_MONOTONIC, &work->since);
		terminal_busy(true);
		browser_key(b, key);
		terminal_busy(false);
	}
	return true;
}

bool tui_run(struct facts *facts, const char *file,
	     struct comparison *comparison, struct err *err)
{
	struct browser browser;
	struct work work = { .browser = &browser };
	bool ok;

	if (!browser_open(facts, file, terminal_charset(), &browser, err))
		return false;
	browser.session.comparison = comparison;
	ok = terminal_open(err);
	if (ok) {
		progress_listen(on_progress, &work);
		ok = loop(&browser, &work, err);
		progress_listen(NULL, NULL);
		terminal_close();
	}
	browser_close(&browser);
	return ok;
}
