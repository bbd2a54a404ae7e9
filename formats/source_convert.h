/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Compressed files without random access, converted once.
 *
 * A core of systemd-coredump is one zstd stream, others are .gz or .xz: to
 * read the last byte of such a file, all must be decoded. So it is decoded
 * once, into a seekable zstd file of the cache "converted" (base/cache.h).
 * Its name is a hash of device, inode, size, time of change and of the first
 * and last MiB: a file that changes is converted again. Where there is no
 * cache the copy has no name, and goes when it is closed.
 */
#ifndef FORMATS_SOURCE_CONVERT_H
#define FORMATS_SOURCE_CONVERT_H

#include "base/diag.h"
#include "base/err.h"

/**
 * True when the first bytes of @fd are those of a compressed file that only
 * source_convert() can make sense of, besides zstd: gzip or xz.
 */
bool source_convertible(int fd);

/**
 * Decode @fd (the file called @path) into the cache, unless it is there, and
 * open the result. A stream that breaks off gives what came before, counted
 * in @diag, and is not kept.
 *
 * @param ret_fd	Owned by the caller; release with close().
 */
bool source_convert(int fd, const char *path, struct diag *diag, int *ret_fd,
		    struct err *err) MUST_CHECK;

#endif
