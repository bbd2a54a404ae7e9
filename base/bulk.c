/* SPDX-License-Identifier: MIT */
#include "base/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/outfile.h"
#include "base/vec.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE (2 * HUGE_PAGE)
#define PAGE ((size_t)4096)

/* A table that is a mapping; -1 for the descriptor of one without a file. */
struct large {
	char *at;
	size_t bytes;		/* whole pages */
	int fd;
};

static struct {
	pthread_mutex_t lock;	/* over what follows */
	VEC(struct large) all;	/* a few dozen: searched one by one */
	uint64_t bytes;		/* of all of them */
	uint64_t limit;		/* 0: not known yet */
	uint64_t (*memory_limit)(void);
} tables = { .lock = PTHREAD_MUTEX_INITIALIZER };

void bulk_limit_by(uint64_t (*memory_limit)(void))
{
	pthread_mutex_lock(&tables.lock);
	tables.memory_limit = memory_limit;
	tables.limit = 0;
	pthread_mutex_unlock(&tables.lock);
}

static uint64_t memory_of_machine(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);

	return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes :
					UINT64_MAX;
}

/* The lock is held. Would @bytes more be more than half the memory? */
static bool is_too_much(size_t bytes)
{
	if (tables.limit == 0)
		tables.limit = tables.memory_limit ? tables.memory_limit() :
						     memory_of_machine();
	return tables.bytes > tables.limit / 2 ||
	       bytes > tables.limit / 2 - tables.bytes;
}

/* Address space of @bytes that begins where a huge page may, or NULL. */
static char *reserve(size_t bytes)
{
	size_t room = bytes + HUGE_PAGE, before;
	char *at = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)at & (HUGE_PAGE - 1);
	if (before > 0)
		munmap(at, before);
	munmap(at + before + bytes, room - before - bytes);
	return at + before;
}

/* A file of @bytes without a name whose space on the disk is taken, or -1. */
static int open_file(size_t bytes)
{
	int fd = outfile_unnamed(NULL);

	/* A page that finds no space later would be a signal. */
	if (fd >= 0 && posix_fallocate(fd, 0, (off_t)bytes) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Map @bytes of @fd, or of nothing, at @at, which is reserved. */
static bool map_at(char *at, size_t bytes, int fd)
{
	int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

	if (mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_FIXED | flags, fd,
		 0) == MAP_FAILED) {
		munmap(at, bytes);
		return false;
	}
	if (fd < 0)
		madvise(at, bytes, MADV_HUGEPAGE);
	return true;
}

/* The lock is held. */
static void *map_large(size_t bytes)
{
	struct large one = { .bytes = bytes, .fd = -1 };

	if (is_too_much(bytes))
		one.fd = open_file(bytes);
	one.at = reserve(bytes);
	if (!one.at || !map_at(one.at, bytes, one.fd))
		goto fail;
	if (!vec_push(&tables.all, one)) {
		munmap(one.at, bytes);
		goto fail;
	}
	tables.bytes += bytes;
	return one.at;
fail:
	if (one.fd >= 0)
		close(one.fd);
	return NULL;
}

/* The lock is held. */
static struct large *find(const void *table)
{
	for (size_t i = 0; table && i < tables.all.len; i++) {
		if (tables.all.at[i].at == table)
			return &tables.all.at[i];
	}
	return NULL;
}

/* The lock is held. Give back what is behind the first @bytes. */
static void cut(struct large *one, size_t bytes)
{
	if (bytes >= one->bytes)
		return;
	munmap(one->at + bytes, one->bytes - bytes);
	/* Else the space is free when the file is closed. */
	if (one->fd >= 0 && ftruncate(one->fd, (off_t)bytes) != 0)
		errno = 0;
	tables.bytes -= one->bytes - bytes;
	one->bytes = bytes;
}

/* The lock is held. Into @fd, which is closed on failure, or into memory. */
static bool move(struct large *one, size_t bytes, int fd)
{
	char *at = reserve(bytes);

	if (!at || !map_at(at, bytes, fd)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	memcpy(at, one->at, one->bytes);
	munmap(one->at, one->bytes);
	if (one->fd >= 0)
		close(one->fd);
	tables.bytes += bytes - one->bytes;
	*one = (struct large){ at, bytes, fd };
	return true;
}

/* The lock is held. Moved as a whole, pages keep their size. */
static void *stretch(struct large *one, size_t bytes)
{
	bool too_much = one->fd < 0 && is_too_much(bytes - one->bytes);
	int fd = too_much ? open_file(bytes) : -1;
	char *at;

	if (fd >= 0 && move(one, bytes, fd))
		return one->at;
	/* No space on the disk: memory, as for a new table. */
	if (one->fd >= 0 && posix_fallocate(one->fd, 0, (off_t)bytes) != 0)
		return move(one, bytes, -1) ? one->at : NULL;
	at = reserve(bytes);
	if (!at)
		return NULL;
	if (mremap(one->at, one->bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   at) == MAP_FAILED) {
		munmap(at, bytes);
		return NULL;
	}
	if (one->fd < 0)
		madvise(at, bytes, MADV_HUGEPAGE);
	tables.bytes += bytes - one->bytes;
	one->bytes = bytes;
	return one->at = at;
}

/* @n times @size in whole pages; false when that is no size. */
static bool pages_of(size_t n, size_t size, size_t *ret)
{
	if (__builtin_mul_overflow(n, size, ret) ||
	    *ret > SIZE_MAX / 4)
		return false;
	*ret += -*ret & (PAGE - 1);
	return true;
}

void *bulk_alloc(size_t n, size_t size)
{
	size_t bytes;
	void *table;

	if (!pages_of(n, size, &bytes))
		return NULL;
	if (bytes < LARGE)
		return calloc(n ? n : 1, size);
	pthread_mutex_lock(&tables.lock);
	table = map_large(bytes);
	pthread_mutex_unlock(&tables.lock);
	return table;
}

/* The lock is held. A table from malloc() becomes one of @n elements. */
static void *resize_small(void *table, size_t n, size_t size, size_t bytes)
{
	void *large;

	if (bytes < LARGE)
		return reallocarray(table, n ? n : 1, size);
	large = map_large(bytes);
	if (large && table) {
		memcpy(large, table, malloc_usable_size(table));
		free(table);
	}
	return large;
}

void *bulk_resize(void *table, size_t n, size_t size)
{
	struct large *one;
	size_t bytes;
	void *ret;

	if (!pages_of(n, size, &bytes))
		return NULL;
	pthread_mutex_lock(&tables.lock);
	one = find(table);
	if (!one) {
		ret = resize_small(table, n, size, bytes);
	} else if (bytes > one->bytes) {
		ret = stretch(one, bytes);
	} else {
		/* A mapping has at least one page. */
		cut(one, bytes ? bytes : PAGE);
		ret = one->at;
	}
	pthread_mutex_unlock(&tables.lock);
	return ret;
}

void bulk_free(void *table)
{
	struct large *one, gone = { .fd = -1 };

	pthread_mutex_lock(&tables.lock);
	one = find(table);
	if (one) {
		gone = *one;
		tables.bytes -= one->bytes;
		*one = tables.all.at[--tables.all.len];
	}
	pthread_mutex_unlock(&tables.lock);
	if (!one) {
		free(table);
		return;
	}
	munmap(gone.at, gone.bytes);
	if (gone.fd >= 0)
		close(gone.fd);
}
