/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Start a program that waits until it is traced.
 *
 * The program is a child of ours, in our process group, with our descriptors
 * and terminal. It executes when program_go() is called, and ends when we end
 * before that. Nothing that holdfast changed for itself reaches it: signals
 * are as they were when holdfast was started.
 */
#ifndef DUMP_START_PROGRAM_H
#define DUMP_START_PROGRAM_H

#include <signal.h>

#include "base/err.h"

struct program {
	uint32_t pid;
	int go;			/* owned; -1 once it may go */
	int *exec_errno;	/* owned, shared with it: why execve() failed */
};

/**
 * @argv	As for execvp(): a name without a slash is looked for in PATH.
 * @ignored	Signals that the program ignores from the start; all others
 *		have their default.
 *
 * Called before there are other threads. Release with program_close().
 */
bool program_start(char *const *argv, const sigset_t *ignored,
		   struct program *ret, struct err *err) MUST_CHECK;

/** Let it execute. Whether that worked is known when it has ended. */
void program_go(struct program *program);

/** 0, or the errno of an execve() that failed. */
int program_failed(const struct program *program);

/** Release what we hold; the program itself is left alone. */
void program_close(struct program *program);

/**
 * True for a program that runs with other rights than ours (set-user-id,
 * set-group-id, file capabilities), which the kernel would not give it when
 * it was traced; see execve(2). Root's tracing takes nothing away.
 */
bool program_gains_rights(const char *name);

#endif
