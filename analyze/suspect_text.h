/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is said of a suspect, and what to look at next.
 */
#ifndef ANALYZE_SUSPECT_TEXT_H
#define ANALYZE_SUSPECT_TEXT_H

#include "analyze/suspects.h"

/** One sentence in @arena; NULL: no memory. All else of @s is filled in. */
const char *suspect_text(const struct facts *facts, const struct suspect *s,
			 struct arena *arena);

/** The command that shows more, in @arena; NULL: no memory. */
const char *suspect_next(const struct facts *facts, const struct suspect *s,
			 struct arena *arena);

#endif
