/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Handles of values whose type only code knows: small records with a pointer
 * to code, or to a table of such, that may hold a pointer to what that code
 * manages (std::function, std::any, and what people build themselves).
 */
#ifndef ANALYZE_CODE_FIELDS_H
#define ANALYZE_CODE_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/types.h"

struct code_field {
	uint64_t offset;	/* of the pointer, from the outermost type */
	uint64_t start, end;	/* of the record around it */
	uint64_t table;		/* bytes of the table it refers to; 0: code */
	bool doubtful;		/* in a union: it may be something else */
};

/** True when @leaf, a pointer to @target, is one of a handle. */
bool code_field_of(const struct type_table *types, const struct leaf *leaf,
		   uint32_t target, struct code_field *ret);

#endif
