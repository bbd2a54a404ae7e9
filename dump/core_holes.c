/* SPDX-License-Identifier: MIT */
#include "dump/core_holes.h"

#include <errno.h>
#include <unistd.h>

#include "dump/ranges.h"

static bool push_part(const struct range *range, uint64_t start, uint64_t end,
		      enum presence presence, struct image *image)
{
	struct range part = *range;

	if (start >= end)
		return true;
	part.start = start;
	part.end = end;
	part.offset = presence == PRESENCE_ZERO ?
		      0 : range->offset + (start - range->start);
	part.presence = presence;
	return vec_push(&image->ranges, part);
}

/** The next place of @whence at or after address @at, at most range->end. */
static uint64_t seek(int fd, const struct range *range, uint64_t at,
		     int whence)
{
	off_t found = lseek(fd, (off_t)(range->offset + (at - range->start)),
			    whence);
	uint64_t distance;

	/* No data up to the end of the file; or a file that cannot tell. */
	if (found < 0)
		return errno == ENXIO || whence == SEEK_HOLE ? range->end : at;
	distance = (uint64_t)found - range->offset;
	return distance < range->end - range->start ?
	       range->start + distance : range->end;
}

bool core_holes_split(int fd, const struct range *range, struct image *image,
		      struct err *err)
{
	const uint64_t mask = PAGE_SIZE_X86 - 1;
	uint64_t done = range->start, at = done;

	while (fd >= 0 && at < range->end) {
		uint64_t data = seek(fd, range, at, SEEK_DATA) & ~mask;
		uint64_t hole = (at + mask) & ~mask;

		if (data > hole && data - hole >= ZERO_RUN_MERGED) {
			if (!push_part(range, done, hole, range->presence,
				       image) ||
			    !push_part(range, hole, data, PRESENCE_ZERO,
				       image))
				return err_nomem(err, "ranges");
			done = data;
		}
		if (data < at)
			data = at;
		if (data >= range->end)
			break;
		at = seek(fd, range, data, SEEK_HOLE);
		if (at <= data)
			at = data + PAGE_SIZE_X86;
	}
	return push_part(range, done, range->end, range->presence, image) ||
	       err_nomem(err, "ranges");
}
