/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One line on a terminal's stderr that says how far long work has come, and
 * Ctrl-C as a polite request to stop.
 */
#ifndef CLI_PROGRESS_LINE_H
#define CLI_PROGRESS_LINE_H

/** Listen to base/progress; draws only when stderr is a terminal. */
void progress_line_install(void);

/** Begin to draw (again, after progress_listen() of another). */
void progress_line_listen(void);

/** Take the line off the screen. */
void progress_line_clear(void);

#endif
