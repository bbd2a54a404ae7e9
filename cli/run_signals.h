/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Signals to holdfast while it runs a program.
 *
 * What the terminal sends goes to the program, too, for it is in our process
 * group: holdfast survives it. What somebody sends to holdfast alone is passed
 * on at once. When the program is dead or about to die, SIGINT, SIGTERM,
 * SIGHUP and SIGQUIT end the capture instead.
 */
#ifndef CLI_RUN_SIGNALS_H
#define CLI_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "dump/supervise.h"

/**
 * Begin to listen for @supervisor, which must stay where it is. Signals in
 * @ignored were ignored when holdfast was started and stay so.
 *
 * @also	One more signal to pass on, or 0.
 */
void run_signals_install(const struct supervisor *supervisor,
			 const sigset_t *ignored, int also);

/** May the user end what we do now? */
void run_signals_set_final(bool is_final);

/** Stop as the program did; returns when somebody lets us go on. */
void run_signals_stop(int signal);

/** End as the program did, without a core of our own. */
void run_signals_die(int signal);

/** "SEGV", "SIGUSR2", "12", "RTMIN+1"; 0 is none of them. */
int run_signals_parse(const char *name);

#endif
