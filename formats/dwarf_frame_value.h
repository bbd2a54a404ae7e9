/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where a variable of a frame is, or what it was: the surroundings that
 * dwarf_expr.h asks for.
 */
#ifndef FORMATS_DWARF_FRAME_VALUE_H
#define FORMATS_DWARF_FRAME_VALUE_H

#include "formats/dwarf_frames.h"
#include "formats/dwarf_scopes.h"

struct frame_values {
	const struct dwarf_frames_job *job;
	const struct scopes *scopes;	/* of job->module */
};

/** The scope of frame @i, or NULL. O(log scopes). */
const struct scope *frame_scope(const struct frame_values *v, size_t i);

/**
 * Fill in addr, value and flags of @local, whose size is known: the variable
 * @var in frame @i. A register that was saved on the stack since is a place
 * there.
 */
void frame_value(const struct frame_values *v, size_t i,
		 const struct scope *scope, const struct scope_var *var,
		 struct local *local);

#endif
