/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Terminfo entries that the program carries with it, for machines that have
 * no database of them: containers, above all.
 *
 * ncurses takes a compiled entry from the variable TERMINFO itself when it
 * begins with "b64:" (terminfo(5), "Fetching Compiled Descriptions").
 */
#ifndef TUI_TERMINFO_CARRIED_H
#define TUI_TERMINFO_CARRIED_H

/** What TERMINFO has to be for the terminal called @name, or NULL. */
const char *terminfo_carried(const char *name);

#endif
