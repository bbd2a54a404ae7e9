/* SPDX-License-Identifier: MIT */
#include "formats/source_convert.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file_read.h"
#include "base/progress.h"
#include "formats/seekable.h"
#include "formats/seekable_write.h"
#include "formats/source_identity.h"
#include "formats/unpack.h"

/*
 * Bytes read, and decoded, at a time. What one decoding step gives before it
 * meets damage is lost, so it is the size of a zstd block.
 */
enum { STEP = 1 << 20, STEP_OUT = 1 << 17, CONVERT_LEVEL = 1 };

/* A conversion under way. */
struct convert {
	int fd;
	uint64_t size;		/* compressed bytes in all */
	const struct unpack_ops *ops;
	void *unpack;
	uint8_t *from, *to;	/* [STEP], [STEP_OUT] */
	struct seekable_writer *out;
};

static enum unpack_kind kind_of(int fd)
{
	uint8_t start[UNPACK_MAGIC];

	return unpack_kind_of(start, file_read_at(fd, start, sizeof(start), 0));
}

bool source_convertible(int fd)
{
	enum unpack_kind kind = kind_of(fd);

	return kind == UNPACK_GZIP || kind == UNPACK_XZ;
}

/* Make @path with what is missing above it, for the owner alone. */
static bool make_dirs(char *path, struct err *err)
{
	for (char *at = path + 1; ; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return err_errno(err, "%s", path);
		*at = c;
		if (c == '\0')
			return true;
	}
}

/* The folder of converted files, made when it is missing; in @arena. */
static char *cache_dir(struct arena *arena, struct err *err)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *dir;

	if (base && base[0] == '/')
		dir = arena_printf(arena, "%s/holdfast/converted", base);
	else if (home && home[0] == '/')
		dir = arena_printf(arena, "%s/.cache/holdfast/converted",
				   home);
	else
		return err_set(err, ERR_IO, "neither XDG_CACHE_HOME nor HOME "
			       "is set: no place for a converted copy"), NULL;
	if (!dir)
		return err_nomem(err, "the cache"), NULL;
	return make_dirs(dir, err) ? dir : NULL;
}

/*
 * Cores shrink to about a tenth, and the copy takes about as much as the
 * original: ask for twice its size, and a little to breathe.
 */
static bool check_space(const char *dir, uint64_t size, struct err *err)
{
	struct statvfs st;
	uint64_t need = size > UINT64_MAX / 4 ? UINT64_MAX :
			2 * size + (64 << 20), have;

	if (statvfs(dir, &st) != 0)
		return true;
	have = (uint64_t)st.f_bavail * st.f_frsize;
	return have >= need ||
	       err_set(err, ERR_IO, "%s: %" PRIu64 " MiB free, converting "
		       "takes up to %" PRIu64 " MiB; set XDG_CACHE_HOME to "
		       "another place", dir, have >> 20, need >> 20);
}

/* Decode all of @from[0 .. n-1] and write it on. */
static bool convert_step(struct convert *c, size_t n, struct err *err)
{
	size_t used = 0, n_to;

	do {
		size_t n_from = n - used;

		n_to = STEP_OUT;
		if (!c->ops->next(c->unpack, c->from + used, &n_from, c->to,
				  &n_to, err))
			return false;
		if (n_to > 0 && !seekable_write(c->out, c->to, n_to, err))
			return false;
		used += n_from;
		if (n_from == 0 && n_to == 0 && used < n)
			return err_set(err, ERR_FORMAT, "damaged stream");
	} while (used < n || n_to == STEP_OUT);
	return true;
}

/* Decode the whole file; *@ret_cut tells that it broke off. */
static bool convert_all(struct convert *c, struct diag *diag, bool *ret_cut,
			struct err *err)
{
	uint64_t pos = 0;
	size_t n;

	*ret_cut = false;
	while ((n = file_read_at(c->fd, c->from, STEP, pos)) > 0) {
		struct err bad = {0};

		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "stopped");
		if (!convert_step(c, n, &bad)) {
			if (bad.code != ERR_FORMAT)
				return err_set(err, bad.code, "%s",
					       bad.message);
			diag_add_at(diag, pos, c->size - pos,
				    "bytes behind a damaged place in the "
				    "compressed file are lost");
			*ret_cut = true;
			return true;
		}
		pos += n;
		progress_add(n);
	}
	if (!c->ops->whole(c->unpack)) {
		diag_add(diag, "the compressed file is cut off");
		*ret_cut = true;
	}
	return true;
}

static bool convert_to(struct convert *c, const char *path, struct diag *diag,
		       bool *ret_cut, struct err *err)
{
	bool ok = false;

	c->unpack = c->ops->open();
	c->from = malloc(STEP);
	c->to = malloc(STEP_OUT);
	if (!c->unpack || !c->from || !c->to) {
		err_nomem(err, "converting");
	} else if (seekable_create(path, true, CONVERT_LEVEL, &c->out, err)) {
		progress_begin("unpacking the core", c->size);
		ok = convert_all(c, diag, ret_cut, err);
		progress_end();
		if (ok)
			ok = seekable_finish(c->out, err);
		else
			seekable_abort(c->out);
	}
	if (c->unpack)
		c->ops->close(c->unpack);
	free(c->from);
	free(c->to);
	return ok;
}

bool source_convert(int fd, const char *path, struct diag *diag, int *ret_fd,
		    struct err *err)
{
	struct convert c = { .fd = fd, .ops = unpack_ops_of(kind_of(fd)) };
	struct arena arena = {0};
	char *dir, *copy = NULL;
	uint64_t hash;
	bool cut = false, ok = true;

	*ret_fd = -1;
	if (!c.ops)
		return err_set(err, ERR_FORMAT, "%s: unknown compression",
			       path);
	if (!file_identity(fd, &hash, &c.size, err))
		return false;
	dir = cache_dir(&arena, err);
	if (dir)
		copy = arena_printf(&arena, "%s/%016" PRIx64 ".zst", dir, hash);
	if (copy)
		*ret_fd = open(copy, O_RDONLY | O_CLOEXEC);
	if (copy && *ret_fd < 0) {
		ok = check_space(dir, c.size, err) &&
		     convert_to(&c, copy, diag, &cut, err);
		if (ok)
			*ret_fd = open(copy, O_RDONLY | O_CLOEXEC);
		if (ok && *ret_fd < 0)
			err_errno(err, "%s", copy);
		/* Not kept: the next look must tell of the damage again. */
		if (ok && cut)
			unlink(copy);
	} else if (dir && !copy) {
		err_nomem(err, "the cache");
	}
	arena_free(&arena);
	return *ret_fd >= 0 || err_wrap(err, "%s", path);
}
