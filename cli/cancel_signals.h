/* SPDX-License-Identifier: MIT */
/**
 * @file
 * SIGTERM and SIGHUP as polite requests to stop, beside Ctrl-C.
 */
#ifndef CLI_CANCEL_SIGNALS_H
#define CLI_CANCEL_SIGNALS_H

/**
 * Cancel running work (base/progress.h) at the first SIGTERM or SIGHUP; the
 * second one ends the program. Signals that are ignored stay so (nohup).
 */
void cancel_signals_install(void);

#endif
