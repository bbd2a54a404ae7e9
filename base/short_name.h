/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Names of template instances, short enough to be told apart on a screen.
 */
#ifndef BASE_SHORT_NAME_H
#define BASE_SHORT_NAME_H

#include <stddef.h>

/**
 * Leave out template arguments in @name, the innermost first, until it has at
 * most @most bytes or none are left: "map<string, vector<..>>", "map<..>".
 * Names whose brackets do not match stay as they are.
 */
void short_name(char *name, size_t most);

#endif
