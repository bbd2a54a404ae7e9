/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Run a program under watch: tell of the moments at which to capture it.
 *
 * The program is a child of ours and shares our terminal, process group and
 * descriptors, but it is a guardian (dump/guardian.h) that traces it: whoever
 * kills holdfast lets the program go on, with every signal that it was about
 * to get. The guardian only stops the program's threads for signals, new and
 * ended threads and execve(), never for system calls.
 *
 *     supervise_start -> { supervise_next -> capture_held }... -> supervise_end
 *
 * A process that is about to die stands from supervise_next() to the end of
 * the capture. All calls are for one thread.
 */
#ifndef DUMP_SUPERVISE_H
#define DUMP_SUPERVISE_H

#include <signal.h>

#include "dump/guardian.h"
#include "dump/start_program.h"

struct supervise_options {
	char *const *argv;	/* borrowed, ends in NULL */
	sigset_t ignored;	/* signals that the program ignores at first */
	bool follow_forks;	/* watch its children, too */
	bool at_exit;
	int on_signal;		/* 0 none */
	uint64_t rss_above;	/* bytes, 0 none */
	uint64_t every_ns;	/* 0 never */
};

enum supervise_kind {
	/* A process is to be captured. It stands, and dies afterwards: */
	SUPERVISE_FATAL,	/* of a signal */
	SUPERVISE_EXIT,
	/* or it goes on, before the capture holds it and after: */
	SUPERVISE_SIGNAL,	/* the one of options.on_signal, swallowed */
	SUPERVISE_RSS,		/* first above the limit, then half as much
				 * again as the last time */
	SUPERVISE_TIME,
	/* Job control stopped the program. */
	SUPERVISE_STOPPED,
	/* The program, and with follow_forks all that it left, has ended. */
	SUPERVISE_ENDED,
};

struct supervise_event {
	enum supervise_kind kind;
	uint32_t pid, tid;	/* of what stands; @tid got the signal */
	int signal;
	int status;		/* ENDED: as waitpid() has it */
};

struct supervisor {
	struct supervise_options options;
	struct program program;
	struct guardian *guardian;	/* NULL: not traced */
	bool asked;		/* a reply to ORDER_NEXT is on its way */
	bool stopped;		/* by job control */
	bool alone;		/* the guardian watches nothing any more */
	volatile sig_atomic_t running;	/* the program was not reaped */
	int status;
};

static inline bool supervise_goes_on(enum supervise_kind kind)
{
	return kind == SUPERVISE_SIGNAL || kind == SUPERVISE_RSS ||
	       kind == SUPERVISE_TIME;
}

/**
 * Start the program. Where it cannot be traced it runs all the same, and
 * @why_untraced says why. Called before there are other threads; @ret keeps a
 * place in memory until supervise_end().
 */
bool supervise_start(const struct supervise_options *options,
		     struct supervisor *ret, struct err *why_untraced,
		     struct err *err) MUST_CHECK;

/** Wait for the next event. What stood goes on first. */
void supervise_next(struct supervisor *supervisor,
		    struct supervise_event *ret);

/** Send @signal to the program while it exists. Safe in a signal handler. */
void supervise_signal(const struct supervisor *supervisor, int signal);

/** After our own job control stop: the program goes on if it has not. */
void supervise_continue(struct supervisor *supervisor);

/** Let go of whatever is still watched. */
void supervise_end(struct supervisor *supervisor);

#endif
