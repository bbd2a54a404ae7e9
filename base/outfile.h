/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An output file that appears whole or not at all.
 *
 * Bytes go to a temporary file beside the final name (mode 0600, made with
 * O_EXCL). outfile_commit() brings them to the disk and gives them their
 * name; until then, and after any failure, the final name is untouched. An
 * existing file is replaced only when @force is set; a symbolic link is then
 * followed, and what it points at is replaced.
 *
 * "-" is standard output. It, a pipe and a device take the bytes as they
 * come: there is nothing to make whole. Terminals are refused.
 *
 * What was written is sent to the disk and dropped from the page cache as it
 * grows, so that a large file does not push out what the machine needs.
 *
 *     struct outfile of;
 *
 *     if (!outfile_open(path, force, &of, err))
 *             return false;
 *     if (write_all(&of, err))
 *             ok = outfile_commit(&of, err);
 *     outfile_abort(&of);
 */
#ifndef BASE_OUTFILE_H
#define BASE_OUTFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct outfile {
	int fd;			/* -1 when closed; 1, not owned, for "-" */
	char *path;		/* owned; the final name */
	char *temp;		/* owned; NULL for a pipe or a device */
	uint64_t size;		/* bytes written */
	uint64_t flushed;	/* bytes sent to the disk */
	bool force;
	bool failed;		/* a write failed: no commit */
	/* Set by whoever reads the file again soon: leave it in the page
	 * cache. */
	bool keep_pages;
};

/** Start writing @path ("-": standard output). @ret is closed on failure. */
bool outfile_open(const char *path, bool force, struct outfile *ret,
		  struct err *err) MUST_CHECK;

/**
 * As outfile_open() with @force, for a folder of our own: whatever has the
 * name is replaced itself. A link is not followed, and nothing is written into
 * a pipe or a device.
 */
bool outfile_replace(const char *path, struct outfile *ret, struct err *err)
	MUST_CHECK;

/**
 * The new file gets owner and mode of the one that it replaces, if any. Where
 * the owner may not be set, it stays as private as a new file is.
 */
bool outfile_keep_mode(struct outfile *of, struct err *err) MUST_CHECK;

/** Append @n bytes. After a failure the file can only be aborted. */
bool outfile_write(struct outfile *of, const void *buf, size_t n,
		   struct err *err) MUST_CHECK;

/** Make the file appear and close it; on failure it is aborted. */
bool outfile_commit(struct outfile *of, struct err *err) MUST_CHECK;

/** Remove what was written. Does nothing after outfile_commit(). */
void outfile_abort(struct outfile *of);

/** A file in @folder that has no name, for reading and writing, mode 0600; or
 * -1 with errno. NULL: in $TMPDIR or /var/tmp, where there is room. */
int outfile_unnamed(const char *folder);

#endif
