/* SPDX-License-Identifier: MIT */
#include "cli/progress_line.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/human.h"
#include "base/progress.h"

/* Work shorter than this shows nothing: a flash of text helps nobody. */
enum { QUIET_MS = 300 };

static struct {
	const char *phase;
	struct timespec since;
	bool drawn;
} line;

static long elapsed_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - line.since.tv_sec) * 1000 +
	       (now.tv_nsec - line.since.tv_nsec) / 1000000;
}

void progress_line_clear(void)
{
	if (line.drawn)
		fputs("\r\033[K", stderr);
	line.drawn = false;
}

static void draw(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
	long ms;

	(void)ctx;
	if (!phase) {
		line.phase = NULL;
		return;
	}
	if (!line.phase || strcmp(line.phase, phase)) {
		line.phase = phase;
		clock_gettime(CLOCK_MONOTONIC, &line.since);
	}
	ms = elapsed_ms();
	if (ms < QUIET_MS)
		return;
	fprintf(stderr, "\r\033[K%s", phase);
	if (total > 0)
		fprintf(stderr, " %3u %%",
			(unsigned)((double)done * 100 / (double)total));
	if (done > 0)
		fprintf(stderr, "  %.1f M/s", (double)done / 1000 / (double)ms);
	fflush(stderr);
	line.drawn = true;
}

/* The second Ctrl-C kills, in case the first is not heard. */
static void on_interrupt(int sig)
{
	progress_cancel();
	signal(sig, SIG_DFL);
}

void progress_line_install(void)
{
	signal(SIGINT, on_interrupt);
	progress_line_listen();
}

void progress_line_listen(void)
{
	if (isatty(STDERR_FILENO))
		progress_listen(draw, NULL);
}
