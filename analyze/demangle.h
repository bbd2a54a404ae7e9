/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Names of C++ and Rust as people write them (libiberty).
 */
#ifndef ANALYZE_DEMANGLE_H
#define ANALYZE_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The class behind the name in a typeinfo object ("N2ns5ShapeE" becomes
 * "ns::Shape", with ">>" closed up as in the type table). Returns false when
 * @mangled is no type name of the Itanium C++ ABI, or too long for @buf.
 */
bool demangle_type(const char *mangled, char *buf, size_t size);

/**
 * The function behind the name in a symbol table, without parameters
 * ("_ZN2ns3runEi" becomes "ns::run"). Returns false when @mangled is none, or
 * too long for @buf.
 */
bool demangle_function(const char *mangled, char *buf, size_t size);

/** The same with what it takes ("ns::run(int)"), and what an instance of a
 * template returns. */
bool demangle_signature(const char *mangled, char *buf, size_t size);

#endif
