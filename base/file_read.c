/* SPDX-License-Identifier: MIT */
#include "base/file_read.h"

#include <errno.h>
#include <unistd.h>

size_t file_read_at(int fd, void *to, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (done < n && offset + done <= INT64_MAX) {
		ssize_t got = pread(fd, (char *)to + done, n - done,
				    (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}
