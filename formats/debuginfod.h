/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Debug information from debuginfod servers, by build-id.
 *
 * The client is elfutils' program debuginfod-find(1): it knows the servers
 * ($DEBUGINFOD_URLS), keeps what it got in a cache of its own, and brings its
 * own HTTP library. Nothing is asked unless the user wants it: the build-ids
 * of a process tell which programs somebody runs.
 */
#ifndef FORMATS_DEBUGINFOD_H
#define FORMATS_DEBUGINFOD_H

#include "base/diag.h"
#include "formats/image.h"

enum { DEBUGINFOD_MS = 120 * 1000 };

/* What is remembered from one module to the next. All-zero to begin with. */
struct debuginfod {
	const char *given_up;	/* why: no program, no servers, no answer */
	bool is_told;		/* that was counted as a diagnostic */
	uint32_t ms;		/* limit on one module; 0: DEBUGINFOD_MS */
};

/**
 * Fetch the file with the debug information of @module: its path goes to
 * @ret, @size bytes. The caller checks that it is the right one. What keeps
 * us from asking is counted in @diag, once; that a server has nothing is not.
 */
bool debuginfod_find(struct debuginfod *debuginfod,
		     const struct module *module, struct diag *diag,
		     char *ret, size_t size);

#endif
