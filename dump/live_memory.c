/* SPDX-License-Identifier: MIT */
#include "dump/live_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file_read.h"
#include "base/progress.h"
#include "base/sorted.h"

struct kept_piece {
	uint64_t start, end;	/* addresses */
	size_t at;		/* in kept */
};

struct live_memory {
	int fd;			/* what is read */
	int target;		/* of the target, when @fd is of a copy; or -1 */
	const struct image *image;
	uint8_t *kept;		/* [kept_size]: pieces that are in_pause */
	size_t kept_size;
	VEC(struct kept_piece) kept_pieces;
};

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
			got = file_read_at(live->fd, to + done, part,
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
	if (live->target >= 0)
		close(live->target);
	if (live->kept)
		munmap(live->kept, live->kept_size);
	vec_free(&live->kept_pieces);
	free(live);
}

static const struct memory_ops live_ops = {
	.read = live_read,
	.pin = live_pin,
	.unpin = live_unpin,
	.close = live_close,
};

bool live_memory_adopt(int mem, struct image *image, struct err *err)
{
	struct live_memory *live = calloc(1, sizeof(*live));

	if (!live) {
		close(mem);
		return err_nomem(err, "the memory of a process");
	}
	*live = (struct live_memory){ .fd = mem, .target = -1, .image = image };
	image->ops = &live_ops;
	image->memory = live;
	return true;
}

bool live_memory_attach(uint32_t pid, struct image *image, struct err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "%s", path);
	return live_memory_adopt(fd, image, err);
}

void live_memory_use_copy(struct image *image, int mem)
{
	struct live_memory *live = image->memory;

	live->target = live->fd;
	live->fd = mem;
}

/** Others may be reading: the number of the file stays. */
static void read_from(const struct live_memory *live, int mem)
{
	while (dup3(mem, live->fd, O_CLOEXEC) < 0 && errno == EINTR)
		continue;
}

void live_memory_use_target(struct image *image, int mem)
{
	struct live_memory *live = image->memory;

	read_from(live, mem);
	close(mem);
	close(live->target);
	live->target = -1;
}

void live_memory_use_running(struct image *image)
{
	const struct live_memory *live = image->memory;

	read_from(live, live->target);
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
		got = file_read_at(fd, buf + done, page, addr + done);
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
	size_t got = file_read_at(piece->fd, buf, n,
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
	size_t got = file_read_at(mem, buf, n, addr);

	if (got < n)
		read_what_is_there(mem, buf + got, n - got, addr + got, diag);
}

bool live_memory_keep(struct image *image, const struct plan *plan,
		      struct diag *diag, struct err *err)
{
	struct live_memory *live = image->memory;
	size_t size = 0, at = 0;

	for (size_t i = 0; i < plan->pieces.len; i++) {
		const struct piece *p = &plan->pieces.at[i];

		size += p->in_pause ? (size_t)(p->end - p->start) : 0;
	}
	if (size == 0)
		return true;
	live->kept = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (live->kept == MAP_FAILED) {
		live->kept = NULL;
		return err_nomem(err, "memory that a forked copy lacks");
	}
	live->kept_size = size;
	for (size_t i = 0; i < plan->pieces.len; i++) {
		const struct piece *p = &plan->pieces.at[i];

		struct kept_piece kept = { p->start, p->end, at };

		if (!p->in_pause)
			continue;
		if (!vec_push(&live->kept_pieces, kept))
			return err_nomem(err, "memory that a copy lacks");
		size = (size_t)(p->end - p->start);
		if (p->from == FROM_MEMORY)
			read_memory(live->fd, p->start, live->kept + at, size,
				    diag);
		else
			live_read_file(p, p->start, live->kept + at, size,
				       diag);
		at += size;
	}
	return true;
}

enum { WAIT_MS = 5 };

/* Where live_copy_from() stands. */
struct copying {
	const struct live_memory *live;
	struct piece_queue *queue;
	uint8_t *buf;		/* the reserved one, or NULL */
	size_t used;		/* bytes of it */
	struct diag *diag;
};

static void hand_over(struct copying *c)
{
	if (c->buf && c->used > 0)
		piece_queue_commit(c->queue, c->used);
	c->buf = NULL;
	c->used = 0;
}

/** True when @mem is that of a process that no longer exists. */
static bool is_gone(int mem, uint64_t addr)
{
	uint8_t byte;

	return pread(mem, &byte, 1, (off_t)addr) == 0;
}

/** What was set aside of [@addr, @addr + @n); NULL when it is not all there. */
static const uint8_t *find_kept(const struct live_memory *live, uint64_t addr,
				size_t n)
{
	const struct kept_piece *k;
	size_t i;

	sorted_skip(i, 0, live->kept_pieces.len,
		    live->kept_pieces.at[i].end <= addr);
	if (i == live->kept_pieces.len)
		return NULL;
	k = &live->kept_pieces.at[i];
	if (addr < k->start || n > k->end - addr)
		return NULL;
	return live->kept + k->at + (addr - k->start);
}

/** Bring @n bytes at @addr of @piece to @to; false when the copy is gone. */
static bool bring(struct copying *c, const struct piece *piece, uint64_t addr,
		  uint8_t *to, size_t n)
{
	const struct live_memory *live = c->live;
	const uint8_t *kept = piece->in_pause ? find_kept(live, addr, n) : NULL;
	int mem = live->fd;
	size_t got;

	if (kept) {
		memcpy(to, kept, n);
		return true;
	}
	if (piece->from == FROM_OBJECT) {
		live_read_file(piece, addr, to, n, c->diag);
		return true;
	}
	if ((piece->from_running || piece->in_pause) && live->target >= 0)
		mem = live->target;
	got = file_read_at(mem, to, n, addr);
	if (got == n)
		return true;
	if (mem != live->target && live->target >= 0 &&
	    is_gone(mem, addr + got))
		return false;
	read_what_is_there(mem, to + got, n - got, addr + got, c->diag);
	return true;
}

/** Reserve a buffer. Whoever takes them may be slow, or stopped: there must
 * be room for a copy that waits, too. */
static bool reserve(struct copying *c, live_go_on *go_on, void *ctx,
		    struct err *err)
{
	do {
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (go_on && !go_on(ctx, err))
			return false;
	} while (!piece_queue_wait(c->queue, WAIT_MS));
	c->buf = piece_queue_reserve(c->queue);
	return c->buf != NULL;
}

static bool copy_piece(struct copying *c, const struct piece *piece,
		       uint64_t *at, live_go_on *go_on, void *ctx,
		       struct err *err)
{
	while (*at < piece->end) {
		size_t n;

		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (c->used == PIECE_SIZE)
			hand_over(c);
		if (!c->buf && !reserve(c, go_on, ctx, err))
			return false;
		n = PIECE_SIZE - c->used;
		if (n > piece->end - *at)
			n = (size_t)(piece->end - *at);
		if (!bring(c, piece, *at, c->buf + c->used, n))
			return err_set(err, ERR_LIMIT, "the copy was killed");
		c->used += n;
		*at += n;
	}
	return true;
}

bool live_copy_from(const struct image *image, const struct plan *plan,
		    uint64_t *at, struct piece_queue *queue,
		    live_go_on *go_on, void *ctx, struct diag *diag,
		    struct err *err)
{
	struct copying c = { .live = image->memory, .queue = queue,
			     .diag = diag };
	bool ok = true;

	for (size_t i = 0; ok && i < plan->pieces.len; i++) {
		const struct piece *piece = &plan->pieces.at[i];

		if (piece_is_live(piece) && *at < piece->end) {
			if (*at < piece->start)
				*at = piece->start;
			ok = copy_piece(&c, piece, at, go_on, ctx, err);
		}
	}
	hand_over(&c);
	return ok;
}
