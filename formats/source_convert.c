/* SPDX-License-Identifier: MIT */
#include "formats/source_convert.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cache.h"
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
enum { STEP = 1 << 20, STEP_OUT = 1 << 17, CONVERT_LEVEL = 1, NAME_SIZE = 24 };

/* Bytes of all copies together; the last one is kept in any case. */
#define LIMIT (UINT64_C(32) << 30)

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

/*
 * Cores shrink to about a tenth, and the copy takes about as much as the
 * original: ask for twice its size, and a little to breathe. @fd lies on the
 * disk where it will be.
 */
static bool check_space(int fd, const char *variable, uint64_t size,
			struct err *err)
{
	struct statvfs st;
	uint64_t need = size > UINT64_MAX / 4 ? UINT64_MAX :
			2 * size + (64 << 20), have;

	if (fstatvfs(fd, &st) != 0)
		return true;
	have = (uint64_t)st.f_bavail * st.f_frsize;
	return have >= need ||
	       err_set(err, ERR_IO, "converting takes up to %" PRIu64 " MiB, "
		       "and %" PRIu64 " MiB are free; set %s to another place",
		       need >> 20, have >> 20, variable);
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

/* Into @file, which is moved. */
static bool convert_to(struct convert *c, struct outfile *file,
		       struct diag *diag, bool *ret_cut, struct err *err)
{
	bool ok = false;

	c->unpack = c->ops->open();
	c->from = malloc(STEP);
	c->to = malloc(STEP_OUT);
	if (!c->unpack || !c->from || !c->to) {
		outfile_abort(file);
		err_nomem(err, "converting");
	} else if (seekable_begin(file, CONVERT_LEVEL, &c->out, err)) {
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

/* Where nothing is kept: a file that goes when it is closed. */
static bool convert_unnamed(struct convert *c, struct diag *diag, int *ret_fd,
			    struct err *err)
{
	int fd = outfile_unnamed(NULL);
	struct outfile file = { .fd = -1 };
	bool cut, ok = false;

	if (fd < 0)
		return err_errno(err, "a converted copy in TMPDIR");
	if (check_space(fd, "TMPDIR", c->size, err)) {
		file.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		file.path = strdup("the converted copy");
		ok = file.fd >= 0 && file.path ?
		     convert_to(c, &file, diag, &cut, err) :
		     (outfile_abort(&file), err_nomem(err, "converting"));
	}
	if (ok)
		*ret_fd = fd;
	else
		close(fd);
	return ok;
}

static bool convert_kept(struct convert *c, const struct cache *cache,
			 const char *name, struct diag *diag, int *ret_fd,
			 struct err *err)
{
	struct err ignored = {0};
	struct outfile file;
	bool cut;

	if (!cache_create(cache, name, &file, &ignored))
		return convert_unnamed(c, diag, ret_fd, err);
	if (!check_space(cache->folder, "XDG_CACHE_HOME", c->size, err)) {
		outfile_abort(&file);
		return false;
	}
	if (!convert_to(c, &file, diag, &cut, err))
		return false;
	*ret_fd = cache_open_file(cache, name);
	/* Not kept: the next look must tell of the damage again. */
	if (cut)
		cache_drop(cache, name);
	else
		cache_trim(cache);
	return *ret_fd >= 0 || err_set(err, ERR_IO, "the converted copy was "
				       "removed from the cache");
}

bool source_convert(int fd, const char *path, struct diag *diag, int *ret_fd,
		    struct err *err)
{
	struct convert c = { .fd = fd, .ops = unpack_ops_of(kind_of(fd)) };
	struct cache cache;
	char name[NAME_SIZE];
	uint64_t hash;
	bool ok = true;

	*ret_fd = -1;
	if (!c.ops)
		return err_set(err, ERR_FORMAT, "%s: unknown compression",
			       path);
	if (!file_identity(fd, &hash, &c.size, err))
		return false;
	snprintf(name, sizeof(name), "%016" PRIx64, hash);
	cache_open("converted", LIMIT, &cache);
	*ret_fd = cache_open_file(&cache, name);
	if (*ret_fd < 0)
		ok = convert_kept(&c, &cache, name, diag, ret_fd, err);
	cache_close(&cache);
	return ok || err_wrap(err, "%s", path);
}
