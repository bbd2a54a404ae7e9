/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The terminal: keys in, cells out. The only file behind it knows curses.
 *
 * There is one terminal, that of the process. However the process ends, by
 * terminal_close(), a signal or a crash, the terminal is given back as it was
 * found. Ctrl-C ends the program; while it works, it cancels the work.
 */
#ifndef TUI_TERMINAL_H
#define TUI_TERMINAL_H

#include "base/err.h"
#include "tui/screen.h"

/** Take over the terminal on stdin and stdout. */
bool terminal_open(struct err *err) MUST_CHECK;

void terminal_close(void);

/** What the terminal can show: HUMAN_ASCII in the C locale. */
enum human_charset terminal_charset(void);

/** Its size now. */
void terminal_size(int *rows, int *cols);

/** Make the terminal look like @s. With HOLDFAST_MARK_IDLE=1 it is then told
 * that the program is idle: OSC 777 ; idle BEL. */
void terminal_show(const struct screen *s, bool idle);

/**
 * The next key: a character, or enum special_key. VKEY_NONE after about
 * @wait_ms without one, VKEY_RESIZE when the size has changed, VKEY_LOST when
 * the terminal is gone.
 */
int terminal_key(int wait_ms);

/** From now on draw everything anew: somebody else has written. */
void terminal_redraw(void);

/** While @busy, Ctrl-C asks work to stop instead of ending the program. */
void terminal_busy(bool busy);

#endif
