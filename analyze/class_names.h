/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Classes by name, however the name is spelled.
 *
 * The same class is pair<int const, Kind, 2ul> to a demangler and
 * pair<const int, Kind, Kind::two> to clang's DWARF. What matters is compared
 * in one spelling: no blanks, no const, values of template arguments as plain
 * numbers; those of DWARF come from its arguments, not from its text.
 */
#ifndef ANALYZE_CLASS_NAMES_H
#define ANALYZE_CLASS_NAMES_H

#include "base/map.h"
#include "formats/types.h"

enum { CLASS_NAME_MAX = 4096 };

struct class_names {
	struct map by_hash;	/* of the one spelling -> id + 1, or 0: several */
	bool built;
	bool plain;		/* classes without virtual functions, too */
};

/**
 * The class that a demangler calls @name, with a definition, or TYPE_NONE.
 * *@ok is false when memory is exhausted. The first call reads all names.
 */
uint32_t class_called(struct class_names *names,
		      const struct type_table *types, const char *name,
		      bool *ok);

void class_names_free(struct class_names *names);

/**
 * @text, a name as demanglers and compilers write it, in the one spelling.
 * Fails when it does not fit into @size bytes.
 */
bool class_name_plain(const char *text, char *buf, size_t size);

#endif
