/* SPDX-License-Identifier: MIT */
#include "base/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/vec.h"

#define MAGIC "HFCACHE1"
/* Left by a process that died while it wrote: nobody writes for so long. */
#define STALE_SECONDS 3600

enum {
	MAGIC_BYTES = 8,
	PATH_SIZE = 4096,
	NAME_SIZE = 256,
};

static bool is_switched_off(void)
{
	const char *off = getenv("HOLDFAST_NO_CACHE");

	return off && *off != '\0' && strcmp(off, "0") != 0;
}

/* Make @path with what is missing above it, for the owner alone. */
static bool make_folders(char *path)
{
	for (char *at = path + 1; ; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return false;
		*at = c;
		if (c == '\0')
			return true;
	}
}

/*
 * Where the user's caches are. A home of somebody else (sudo that keeps HOME)
 * is not ours to leave files in.
 */
static bool base_folder(char path[PATH_SIZE])
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct stat st;
	int n;

	if (base && base[0] == '/')
		n = snprintf(path, PATH_SIZE, "%s", base);
	else if (home && home[0] == '/' && stat(home, &st) == 0 &&
		 st.st_uid == geteuid())
		n = snprintf(path, PATH_SIZE, "%s/.cache", home);
	else
		return false;
	return n > 0 && n < PATH_SIZE && make_folders(path);
}

/* Open @name in @parent, made when missing; ours, and no one else writes. */
static int open_own_folder(int parent, const char *name)
{
	struct stat st;
	int fd;

	if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -1;
	fd = openat(parent, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return fd;
	close(fd);
	return -1;
}

void cache_open(const char *kind, uint64_t limit, struct cache *ret)
{
	char path[PATH_SIZE];
	int base, own;

	*ret = (struct cache){ .folder = -1, .limit = limit };
	if (is_switched_off() || !base_folder(path))
		return;
	base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return;
	own = open_own_folder(base, "holdfast");
	close(base);
	if (own < 0)
		return;
	ret->folder = open_own_folder(own, kind);
	close(own);
	if (ret->folder >= 0)
		(void)fchmod(ret->folder, 0700);
}

void cache_close(struct cache *cache)
{
	if (cache->folder >= 0)
		close(cache->folder);
	cache->folder = -1;
}

void cache_entry_free(struct cache_entry *entry)
{
	free(entry->file);
	*entry = (struct cache_entry){0};
}

uint64_t cache_sum(const void *bytes, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, n, seed);
}

void cache_drop(const struct cache *cache, const char *name)
{
	if (cache->folder >= 0)
		(void)unlinkat(cache->folder, name, 0);
}

/* Files of others, and what is no file, are none of a cache. */
static bool is_own_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* All of a file that is no larger than the cache; NULL when it is not so. */
static uint8_t *read_file(int fd, uint64_t limit, size_t *ret)
{
	struct stat st;
	uint8_t *file;
	size_t at = 0;

	if (fstat(fd, &st) != 0 || !is_own_file(&st) ||
	    (uint64_t)st.st_size > limit)
		return NULL;
	file = malloc((size_t)st.st_size + 1);
	while (file && at < (size_t)st.st_size) {
		ssize_t n = read(fd, file + at, (size_t)st.st_size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	*ret = at;
	return file;
}

/* Is @file whole? Then *@tag and *@content are its parts. */
static bool take_apart(const uint8_t *file, size_t size, struct bytes *tag,
		       struct bytes *content)
{
	struct bytes b = bytes_of(file, size);
	const uint8_t *magic = bytes_take(&b, MAGIC_BYTES);
	uint64_t sum = bytes_u64(&b), n_tag, n_content;

	if (b.broken || memcmp(magic, MAGIC, MAGIC_BYTES) != 0 ||
	    XXH3_64bits(file + b.pos, size - b.pos) != sum)
		return false;
	n_tag = bytes_u64(&b);
	n_content = bytes_u64(&b);
	*tag = bytes_sub(&b, n_tag);
	*content = bytes_sub(&b, n_content);
	return !b.broken && bytes_left(&b) == 0;
}

/* Whatever stands there, a fifo included, opens at once. */
static int open_kept(const struct cache *cache, const char *name)
{
	if (cache->folder < 0)
		return -1;
	return openat(cache->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
		      O_NONBLOCK | O_NOCTTY);
}

static void note_use(int fd)
{
	const struct timespec now[2] = {{ .tv_nsec = UTIME_NOW },
					{ .tv_nsec = UTIME_NOW }};

	(void)futimens(fd, now);
}

bool cache_get(const struct cache *cache, const char *name, const void *tag,
	       size_t n, struct cache_entry *ret)
{
	struct bytes kept_tag;
	bool whole, ok = false;
	size_t size = 0;
	int fd;

	*ret = (struct cache_entry){0};
	fd = open_kept(cache, name);
	if (fd < 0)
		return false;
	ret->file = read_file(fd, cache->limit, &size);
	whole = ret->file &&
		take_apart(ret->file, size, &kept_tag, &ret->content);
	if (!whole)
		cache_drop(cache, name);
	else
		ok = kept_tag.size == n && memcmp(kept_tag.start, tag, n) == 0;
	if (ok)
		note_use(fd);
	else
		cache_entry_free(ret);
	close(fd);
	return ok;
}

/* One file of the folder. */
struct kept {
	char name[NAME_SIZE];
	uint64_t size;
	struct timespec used;
};

struct listing {
	VEC(struct kept) files;
	uint64_t size;
};

static void list_file(struct listing *list, int folder, const char *name)
{
	struct timespec now;
	struct stat st;
	struct kept k;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !is_own_file(&st) ||
	    snprintf(k.name, sizeof(k.name), "%s", name) >=
	    (int)sizeof(k.name))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (name[0] == '.' && st.st_mtim.tv_sec < now.tv_sec - STALE_SECONDS) {
		(void)unlinkat(folder, name, 0);
		return;
	}
	list->size += (uint64_t)st.st_size;
	k.size = (uint64_t)st.st_size;
	k.used = st.st_mtim;
	if (name[0] != '.')
		(void)vec_push(&list->files, k);
}

static void list_folder(struct listing *list, int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		list_file(list, folder, entry->d_name);
	closedir(dir);
}

static int by_use(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	if (x->used.tv_nsec != y->used.tv_nsec)
		return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Down to the limit; what came in last stays in any case. */
void cache_trim(const struct cache *cache)
{
	struct listing list = { .size = 0 };

	list_folder(&list, cache->folder);
	if (list.size > cache->limit && list.files.len > 1)
		qsort(list.files.at, list.files.len, sizeof(*list.files.at),
		      by_use);
	for (size_t i = 0; i + 1 < list.files.len && list.size > cache->limit;
	     i++) {
		cache_drop(cache, list.files.at[i].name);
		list.size -= list.files.at[i].size;
	}
	vec_free(&list.files);
}

/* The sum of the parts of a file; 0 and false when memory is exhausted. */
static bool sum_of(const uint64_t sizes[2], const void *tag,
		   const struct bytes *content, uint64_t *ret)
{
	XXH3_state_t *state = XXH3_createState();

	if (!state)
		return false;
	XXH3_64bits_reset(state);
	XXH3_64bits_update(state, sizes, 2 * sizeof(*sizes));
	XXH3_64bits_update(state, tag, (size_t)sizes[0]);
	XXH3_64bits_update(state, content->start, content->size);
	*ret = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	return true;
}

void cache_spare_disk(struct cache *cache, unsigned part)
{
	struct statvfs st;
	uint64_t free_bytes;

	if (cache->folder < 0 || fstatvfs(cache->folder, &st) != 0)
		return;
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	if (cache->limit > free_bytes / part)
		cache->limit = free_bytes / part;
}

int cache_open_file(const struct cache *cache, const char *name)
{
	struct stat st;
	int fd = open_kept(cache, name);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && is_own_file(&st)) {
		note_use(fd);
		return fd;
	}
	close(fd);
	return -1;
}

bool cache_create(const struct cache *cache, const char *name,
		  struct outfile *ret, struct err *err)
{
	char path[NAME_SIZE + 32];

	*ret = (struct outfile){ .fd = -1 };
	if (cache->folder < 0)
		return err_set(err, ERR_IO, "there is no cache");
	if (snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", cache->folder,
		     name) >= (int)sizeof(path))
		return err_set(err, ERR_LIMIT, "the name is too long");
	return outfile_replace(path, ret, err);
}

bool cache_commit(const struct cache *cache, struct outfile *of,
		  struct err *err)
{
	if (!outfile_commit(of, err))
		return false;
	cache_trim(cache);
	return true;
}

void cache_put(const struct cache *cache, const char *name, const void *tag,
	       size_t n, struct bytes content)
{
	const uint64_t sizes[2] = { n, content.size };
	struct err ignored = {0};
	struct outfile of;
	uint64_t sum;
	bool ok;

	if (cache->folder < 0 || content.size > cache->limit / 2 ||
	    !sum_of(sizes, tag, &content, &sum) ||
	    !cache_create(cache, name, &of, &ignored))
		return;
	ok = outfile_write(&of, MAGIC, MAGIC_BYTES, &ignored) &&
	     outfile_write(&of, &sum, sizeof(sum), &ignored) &&
	     outfile_write(&of, sizes, sizeof(sizes), &ignored) &&
	     outfile_write(&of, tag, n, &ignored) &&
	     outfile_write(&of, content.start, content.size, &ignored);
	if (!ok || !cache_commit(cache, &of, &ignored))
		outfile_abort(&of);
}
