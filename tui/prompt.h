/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One line of text being typed: what to search, where to go.
 */
#ifndef TUI_PROMPT_H
#define TUI_PROMPT_H

#include "tui/browser.h"

/** Ask for the text that @command needs, beginning with @text. */
void prompt_begin(struct prompt *p, enum command command, const char *text);

/**
 * Take one key. True when the text was confirmed; the prompt is over then,
 * and also when its command has become CMD_NONE.
 */
bool prompt_key(struct prompt *p, int key);

#endif
