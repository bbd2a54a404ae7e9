/* SPDX-License-Identifier: MIT */
#include "tui/run.h"

#include <time.h>

#include "base/progress.h"
#include "tui/browser.h"
#include "tui/terminal.h"

enum {
	TICK_MS = 100,		/* how long a lost SIGWINCH stays unnoticed */
	LOOK_MS = 20,		/* between looks for keys while there is work */
	QUIET_MS = 200,		/* work shorter than this shows nothing */
	MAX_AHEAD = 256,	/* keys; what is typed beyond waits outside */
};

/* One key's work, as the progress listener sees it. */
struct work {
	struct browser *browser;
	struct timespec since, shown;
	/* Keys that were typed meanwhile, for when the work is done. */
	int ahead[MAX_AHEAD];
	size_t n_ahead, next_ahead;
};

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 +
	       (now.tv_nsec - since->tv_nsec) / 1000000;
}

/*
 * The user has had enough: with Escape, or with what leaves a view. What was
 * typed before that was meant for a screen that never comes.
 */
static void give_up(struct work *work)
{
	work->n_ahead = work->next_ahead = 0;
	progress_cancel();
}

/* Called from inside the work: show how far it has come, and look for keys. */
static void on_progress(void *ctx, const char *phase, uint64_t done,
			uint64_t total)
{
	struct work *work = ctx;
	int key;

	if (!phase)
		return;
	if (elapsed_ms(&work->since) >= QUIET_MS &&
	    elapsed_ms(&work->shown) >= TICK_MS) {
		browser_progress(work->browser, phase, done, total);
		terminal_show(&work->browser->screen, false);
		clock_gettime(CLOCK_MONOTONIC, &work->shown);
	}
	while (work->n_ahead < MAX_AHEAD &&
	       (key = terminal_key(0)) != VKEY_NONE) {
		if (key == VKEY_ESCAPE || key == 'q' || key == VKEY_LOST)
			give_up(work);
		else
			work->ahead[work->n_ahead++] = key;
		if (key == VKEY_LOST)
			break;
	}
}

/* The next key, those that were typed during work first. */
static int next_key(struct work *work)
{
	int key;

	if (work->next_ahead < work->n_ahead)
		return work->ahead[work->next_ahead++];
	work->n_ahead = work->next_ahead = 0;
	do {
		key = terminal_key(TICK_MS);
	} while (key == VKEY_NONE);
	return key;
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
		key = next_key(work);
		if (key == VKEY_LOST)
			return err_set(err, ERR_IO, "the terminal is gone");
		if (key == ('l' & 0x1f))
			terminal_redraw();
		clock_gettime(CLOCK_MONOTONIC, &work->since);
		terminal_busy(true);
		browser_key(b, key);
		terminal_busy(false);
		/* Ctrl-C may have come when there was nothing left to stop. */
		progress_rearm();
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
		progress_listen_every(LOOK_MS, on_progress, &work);
		ok = loop(&browser, &work, err);
		progress_listen(NULL, NULL);
		terminal_close();
	}
	browser_close(&browser);
	return ok;
}
