/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Signals as they were when holdfast was started.
 *
 * holdfast ignores SIGPIPE and listens to SIGINT; the programs that it starts
 * get back what it was given (nohup, a shell's background jobs).
 */
#ifndef CLI_INHERITED_SIGNALS_H
#define CLI_INHERITED_SIGNALS_H

#include <signal.h>

/** First of all in main(), before any of them is changed. */
void inherited_signals_save(void);

/** Those that were ignored. */
const sigset_t *inherited_signals_ignored(void);

#endif
