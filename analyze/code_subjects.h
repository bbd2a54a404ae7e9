/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which types the code at an address is about, by its name.
 *
 * Where programs erase types by hand, {void *object; void (*call)(void *)} or
 * {const struct operations *ops; void *object}, the functions are instances of
 * templates, lambdas inside of such, or methods, and their mangled names tell
 * of which types: destroy<Adder>(void *).
 *
 * Kept for each function and table of them; a name is parsed once.
 */
#ifndef ANALYZE_CODE_SUBJECTS_H
#define ANALYZE_CODE_SUBJECTS_H

#include "analyze/class_names.h"
#include "base/map.h"
#include "base/vec.h"
#include "formats/image.h"

struct code_subjects {
	const struct image *image;	/* borrowed */
	struct class_names names;
	struct map by_addr;	/* 1 + where the list begins in types */
	VEC(uint32_t) types;	/* lists of records, each ends in TYPE_NONE */
};

/** What code_subjects_add() made for @addr, or NULL. */
const uint32_t *code_subjects_find(const struct code_subjects *subjects,
				   uint64_t addr);

/**
 * For @addr, the function @code[0] or a table of @code[@n]: the records that
 * their names mention as template arguments, behind pointers in parameters, or
 * as classes around. Ends in TYPE_NONE; valid until the next call. NULL when
 * memory is exhausted.
 */
const uint32_t *code_subjects_add(struct code_subjects *subjects, uint64_t addr,
				  const uint64_t *code, size_t n);

void code_subjects_free(struct code_subjects *subjects);

#endif
