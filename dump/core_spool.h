/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A core that comes through a pipe, made seekable.
 *
 * The headers of a core point forward and backward, and a pipe cannot be read
 * twice: the stream goes to a file without a name, which takes no memory and
 * vanishes with its descriptor. Pages of zeros become holes in it.
 */
#ifndef DUMP_CORE_SPOOL_H
#define DUMP_CORE_SPOOL_H

#include <stdint.h>

#include "base/err.h"

/**
 * Copy @in to its end into an unnamed file in @folder.
 *
 * @param ret	Descriptor, owned by the caller; open it anew through
 *		/proc/self/fd/N.
 */
bool core_spool(int in, const char *folder, int *ret, struct err *err)
	MUST_CHECK;

/** The same in parts: open the file. @ret is owned by the caller. */
bool core_spool_open(const char *folder, int *ret, struct err *err) MUST_CHECK;

/**
 * Copy at most @n bytes of @in to @offset of the file; *@ret is how many
 * came, which is set on failure too: the stream ended, or nobody can wait.
 */
bool core_spool_copy(int in, int fd, uint64_t offset, uint64_t n,
		     uint64_t *ret, struct err *err) MUST_CHECK;

#endif
