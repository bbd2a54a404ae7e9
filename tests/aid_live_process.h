/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Programs that a test starts, waits for, stops and ends.
 */
#ifndef TESTS_AID_LIVE_PROCESS_H
#define TESTS_AID_LIVE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* A program that a test started and that waits for its standard input. */
struct live_process {
	pid_t pid;
	int in, out;
	char *text;	/* owned: what it had printed when it was ready */
};

/**
 * Start @argv with LD_PRELOAD=@preload (NULL: none), and wait for a line of
 * its output that contains @ready. False when it ends before that.
 */
bool live_start(const char *const *argv, const char *preload,
		const char *ready, struct live_process *ret);

/** Stop all threads of it (SIGSTOP), and wait until it is stopped. */
bool live_freeze(const struct live_process *process);

/** Kill it and collect it. */
void live_end(struct live_process *process);

#endif
