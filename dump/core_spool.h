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

#include "base/err.h"

/**
 * Copy @in to its end into an unnamed file in @folder.
 *
 * @param ret	Descriptor, owned by the caller; open it anew through
 *		/proc/self/fd/N.
 */
bool core_spool(int in, const char *folder, int *ret, struct err *err)
	MUST_CHECK;

#endif
