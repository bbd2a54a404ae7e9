/* SPDX-License-Identifier: MIT */
#include "dump/live_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"

struct live_memory {
	int fd;
	const struct image *image;
};

/** pread() until @n bytes, the end or an error; bytes read. */
static size_t read_fully(int fd, uint8_t *buf, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, buf + done, n - done,
				    (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static bool has_bytes(const struct range *range)
{
	return range->presence == PRESENCE_CAPTURED ||
	       range->presence == PRESENCE_TORN;
}

static size_t live_read(void *self, uint64_t addr, void *buf, size_t n)
{
	const struct live_memory *live = self;
	uint8_t *to = buf;
	size_t done = 0;

	while (done < n) {
		const struct range *r = image_range(live->image, addr + done);
		size_t part, got;

		if (!r || r->presence == PRESENCE_ABSENT)
			break;
		part = n - done;
		if (part > r->end - (addr + done))
			part = (size_t)(r->end - (addr + done));
		got = part;
		if (has_bytes(r))
			got = read_fully(live->fd, to + done, part,
					 addr + done);
		else
			memset(to + done, 0, part);
		done += got;
		if (got < part)
			break;
	}
	return done;
}

static const uint8_t *live_pin(void *self, uint64_t addr, size_t *n,
			       void **token)
{
	size_t want = *n < PIECE_SIZE ? *n : PIECE_SIZE;
	uint8_t *copy = malloc(want ? want : 1);

	if (!copy)
		return NULL;
	*n = live_read(self, addr, copy, want);
	if (*n == 0) {
		free(copy);
		return NULL;
	}
	*token = copy;
	return copy;
}

static void live_unpin(void *self, void *token)
{
	(void)self;
	free(token);
}

static void live_close(void *self)
{
	struct live_memory *live = self;

	close(live->fd);
	free(live);
}

static const struct memory_ops live_ops = {
	.read = live_read,
	.pin = live_pin,
	.unpin = live_unpin,
	.close = live_close,
};

bool live_memory_attach(uint32_t pid, struct image *image, struct err *err)
{
	struct live_memory *live = malloc(sizeof(*live));
	char path[64];

	if (!live)
		return err_nomem(err, "the memory of a process");
	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	live->image = image;
	live->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (live->fd < 0) {
		free(live);
		return err_errno(err, "%s", path);
	}
	image->ops = &live_ops;
	image->memory = live;
	return true;
}

/** Read memory page by page where a large read failed. */
static void read_what_is_there(int fd, uint8_t *buf, size_t n, uint64_t addr,
			       struct diag *diag)
{
	size_t done = 0;

	while (done < n) {
		size_t page = PAGE_SIZE_X86 - (addr + done) % PAGE_SIZE_X86;
		size_t got;

		if (page > n - done)
			page = n - done;
		got = read_fully(fd, buf + done, page, addr + done);
		if (got < page) {
			memset(buf + done + got, 0, page - got);
			diag_add_at(diag, addr + done + got, page - got,
				    "bytes of memory could not be read and "
				    "are zeros in the snapshot");
		}
		done += page;
	}
}

void live_read_file(const struct piece *piece, uint64_t addr, uint8_t *buf,
		    size_t n, struct diag *diag)
{
	size_t got = read_fully(piece->fd, buf, n,
				piece->offset + (addr - piece->start));

	/* Behind its end the last page of a file is zeros. */
	memset(buf + got, 0, n - got);
	if (n - got >= PAGE_SIZE_X86)
		diag_add_at(diag, addr + got, n - got, "bytes of a mapped "
			    "file could not be read and are zeros in the "
			    "snapshot");
}

static void read_memory(int mem, uint64_t addr, uint8_t *buf, size_t n,
			struct diag *diag)
{
	size_t got = read_fully(mem, buf, n, addr);

	if (got < n)
		read_what_is_there(mem, buf + got, n - got, addr + got, diag);
}

/** Hand over @used bytes and take an empty buffer; false when closed. */
static bool next_buffer(struct piece_queue *queue, uint8_t **buf, size_t *used)
{
	if (*used > 0)
		piece_queue_commit(queue, *used);
	*used = 0;
	*buf = piece_queue_reserve(queue);
	return *buf != NULL;
}

bool live_copy(const struct image *image, const struct plan *plan,
	       struct piece_queue *queue, struct diag *diag, struct err *err)
{
	const struct live_memory *live = image->memory;
	uint8_t *buf = NULL;
	size_t used = PIECE_SIZE, n;

	for (size_t i = 0; i < plan->pieces.len; i++) {
		const struct piece *piece = &plan->pieces.at[i];

		if (!piece_is_live(piece))
			continue;
		for (uint64_t at = piece->start; at < piece->end; at += n) {
			if (progress_cancelled())
				return err_set(err, ERR_CANCELLED,
					       "cancelled");
			if (!buf || used == PIECE_SIZE) {
				used = buf ? used : 0;
				if (!next_buffer(queue, &buf, &used))
					return false;
			}
			n = PIECE_SIZE - used;
			if (n > piece->end - at)
				n = (size_t)(piece->end - at);
			if (piece->from == FROM_MEMORY)
				read_memory(live->fd, at, buf + used, n, diag);
			else
				live_read_file(piece, at, buf + used, n, diag);
			used += n;
		}
	}
	if (buf)
		piece_queue_commit(queue, used);
	return true;
}
