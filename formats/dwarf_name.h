/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One spelling for the names of types, whichever compiler wrote them.
 *
 * "long unsigned int" becomes "unsigned long", also inside template argument
 * lists, "> >" becomes ">>" and "circle *" becomes "circle*": then gcc and
 * clang agree with each other and with a demangled vtable symbol. (The place
 * of const is left alone.) For names in C and C++.
 */
#ifndef FORMATS_DWARF_NAME_H
#define FORMATS_DWARF_NAME_H

#include <stddef.h>

/**
 * Write the tidy spelling of @name into @buf (terminated; cut when it is too
 * long). Never longer than @name.
 */
void dwarf_name_tidy(const char *name, char *buf, size_t size);

#endif
