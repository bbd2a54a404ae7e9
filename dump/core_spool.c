/* SPDX-License-Identifier: MIT */
#include "dump/core_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"

enum { SPOOL_BUFFER = 1 << 20, HOLE = 1 << 16 };

static int open_unnamed(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[4096];

	if (fd >= 0 || snprintf(path, sizeof(path), "%s/.holdfast-XXXXXX",
				folder) >= (int)sizeof(path))
		return fd;
	/* Not every file system knows O_TMPFILE. */
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

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

static bool copy_stream(int in, int out, char *buf, struct err *err)
{
	uint64_t offset = 0;
	size_t n;

	do {
		n = read_block(in, buf, SPOOL_BUFFER, err);
		if (n == SIZE_MAX ||
		    (n > 0 && !write_block(out, buf, n, offset, err)))
			return false;
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		offset += n;
		progress_add(n);
	} while (n == SPOOL_BUFFER);
	/* Zeros at the end were not written. */
	return ftruncate(out, (off_t)offset) == 0 ||
	       err_errno(err, "keeping the core in a temporary file");
}

bool core_spool(int in, const char *folder, int *ret, struct err *err)
{
	char *buf = malloc(SPOOL_BUFFER);
	int fd = open_unnamed(folder);
	bool ok;

	*ret = -1;
	if (fd < 0) {
		free(buf);
		return err_errno(err, "temporary file in %s", folder);
	}
	ok = buf ? copy_stream(in, fd, buf, err) : err_nomem(err, "a buffer");
	free(buf);
	if (ok)
		*ret = fd;
	else
		close(fd);
	return ok;
}
