/* SPDX-License-Identifier: MIT */
#include "dump/core_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/outfile.h"
#include "base/progress.h"

enum { SPOOL_BUFFER = 1 << 20, HOLE = 1 << 16 };

/** Fill @buf unless the stream ends before; SIZE_MAX on failure. */
static size_t read_block(int in, char *buf, size_t n, struct err *err)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(in, buf + done, n - done);

		if (got < 0 && errno == EINTR && !progress_cancelled())
			continue;
		if (got < 0) {
			err_errno(err, "reading the core");
			return SIZE_MAX;
		}
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static bool is_zero(const char *buf, size_t n)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, n - 1) == 0;
}

/** Write @n bytes at @offset, leaving holes for zeros. */
static bool write_block(int fd, const char *buf, size_t n, uint64_t offset,
			struct err *err)
{
	for (size_t at = 0; at < n;) {
		size_t part = n - at < HOLE ? n - at : HOLE;
		ssize_t put = (ssize_t)part;

		if (!is_zero(buf + at, part))
			put = pwrite(fd, buf + at, part, (off_t)(offset + at));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return err_errno(err, "keeping the core in a temporary "
					 "file");
		at += (size_t)put;
	}
	return true;
}

bool core_spool_open(const char *folder, int *ret, struct err *err)
{
	*ret = outfile_unnamed(folder);
	return *ret >= 0 || err_errno(err, "temporary file in %s", folder);
}

static bool copy_stream(int in, int fd, char *buf, uint64_t offset, uint64_t n,
			uint64_t *done, struct err *err)
{
	size_t want, got;

	do {
		want = n - *done < SPOOL_BUFFER ? (size_t)(n - *done) :
						  SPOOL_BUFFER;
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		got = read_block(in, buf, want, err);
		if (got == SIZE_MAX ||
		    (got > 0 && !write_block(fd, buf, got, offset + *done,
					     err)))
			return false;
		*done += got;
		progress_add(got);
	} while (got == want && *done < n);
	return true;
}

bool core_spool_copy(int in, int fd, uint64_t offset, uint64_t n,
		     uint64_t *ret, struct err *err)
{
	char *buf = malloc(SPOOL_BUFFER);
	bool ok;

	*ret = 0;
	if (!buf)
		return err_nomem(err, "a buffer");
	ok = copy_stream(in, fd, buf, offset, n, ret, err);
	free(buf);
	/* Zeros at the end were not written. */
	if (ftruncate(fd, (off_t)(offset + *ret)) != 0 && ok)
		ok = err_errno(err, "keeping the core in a temporary file");
	return ok;
}

bool core_spool(int in, const char *folder, int *ret, struct err *err)
{
	uint64_t bytes;

	if (!core_spool_open(folder, ret, err))
		return false;
	if (core_spool_copy(in, *ret, 0, UINT64_MAX, &bytes, err))
		return true;
	close(*ret);
	*ret = -1;
	return false;
}
