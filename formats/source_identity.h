/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What tells a file from others and from what it was before, as a number: the
 * key under which caches keep what was made of it.
 *
 * A seek table with checksums follows from every byte, wherever the file lies.
 * Of other files device, inode, size, time of change and the first and last
 * MiB are looked at.
 */
#ifndef FORMATS_SOURCE_IDENTITY_H
#define FORMATS_SOURCE_IDENTITY_H

#include "formats/seekable.h"

/** XXH3-64 over what file @fd is; *@ret_size is its size. */
bool file_identity(int fd, uint64_t *ret, uint64_t *ret_size, struct err *err)
	MUST_CHECK;

/** XXH3-64 over @table, which has checksums. */
uint64_t table_identity(const struct seekable_table *table);

#endif
