/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A program in a terminal of its own, which libvterm plays.
 *
 * No sleeps: the program says by OSC 777 when it has drawn and waits, and
 * whoever waits for something else waits for bytes. What does not come within
 * a minute fails the test.
 */
#ifndef TESTS_VTERM_PTY_H
#define TESTS_VTERM_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>
#include <vterm.h>

struct pty {
	int master;
	pid_t child;
	struct termios before;	/* of the terminal, before the program */
	VTerm *vterm;
	VTermScreen *screen;
	bool alternate, cursor;	/* what the terminal shows now */
	unsigned marks;		/* seen so far */
	size_t matched;		/* bytes of the next mark */
	char *log;		/* all that the program wrote, owned */
	size_t n_log, log_cap;
	bool ended;		/* it has closed the terminal */
};

struct pty_spec {
	int rows, cols;
	const char *term, *locale;	/* TERM and LC_ALL */
	const char *no_color;		/* NO_COLOR, or NULL */
	bool ignore_hangup;
	bool job;		/* under a small shell, see pty_resume() */
	/** The program; returns the exit status. */
	int (*run)(void *ctx);
	void *ctx;
};

/** Start it and wait for its first mark. */
void pty_start(struct pty *p, const struct pty_spec *spec);

/** Send bytes, and wait until the program has drawn @n times more. */
void pty_send(struct pty *p, const char *bytes, unsigned n);

/** Change the terminal's size. */
void pty_resize(struct pty *p, int rows, int cols);

/** The screen as text, without blanks at the ends of lines. free() it. */
char *pty_text(struct pty *p);

/** Wait until the screen reads @text. */
void pty_expect(struct pty *p, const char *text);

/** Wait until @text was written, from byte @from of the log on. */
void pty_expect_bytes(struct pty *p, const char *text, size_t from);

/** A job that Ctrl-Z stopped (the shell says STOPPED): continue it, and wait
 * until it has drawn. */
void pty_resume(struct pty *p);

/** Wait for the end; returns waitpid()'s status. */
int pty_wait(struct pty *p);

/** True when the terminal's modes and screen are as they were found. */
bool pty_is_restored(struct pty *p);

void pty_free(struct pty *p);

#endif
