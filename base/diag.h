/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Counted diagnostics: what was damaged, missing or not understood, when it
 * was no reason to give up.
 *
 * Equal texts are counted together, so a text names a kind of finding; where
 * a place helps, the first one is kept beside the count. All-zero is empty.
 * Safe to call from several threads. Kept in the order of first appearance.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stddef.h>
#include <stdint.h>

#define DIAG_NO_PLACE UINT64_MAX

struct diag_entry {
	char *what;		/* owned */
	uint64_t count;
	uint64_t first;		/* address or offset, or DIAG_NO_PLACE */
};

struct diag {
	struct diag_entry *at;
	size_t len, cap;
};

/** Count one finding. */
void diag_add(struct diag *diag, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/** Count @count findings, the first of them at @place. */
void diag_add_at(struct diag *diag, uint64_t place, uint64_t count,
		 const char *fmt, ...)
	__attribute__((__format__(__printf__, 4, 5)));

/** Add all of @from to @to. */
void diag_merge(struct diag *to, const struct diag *from);

void diag_free(struct diag *diag);

#endif
