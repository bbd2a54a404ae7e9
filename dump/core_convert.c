/* SPDX-License-Identifier: MIT */
#include "dump/core_convert.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"
#include "dump/core_holes.h"
#include "dump/core_spool.h"
#include "dump/free_space.h"
#include "dump/resolve.h"
#include "formats/module_fill.h"
#include "dump/exclude.h"

enum { COPY_BUFFER = 1 << 20 };

static bool has_bytes(const struct range *range)
{
	return range->presence == PRESENCE_CAPTURED ||
	       range->presence == PRESENCE_TORN;
}

/**
 * Give @image ranges of its own for the snapshot: their offsets will change,
 * while the memory of the core goes on to use the old ones (owned by the
 * caller then, in *@old). A snapshot has whole pages: a page that a cut core
 * has in part is left out. @fd is the core if it is a plain file, or -1.
 */
static bool renew_ranges(int fd, struct image *image, struct range **old,
			 struct err *err)
{
	const uint64_t mask = PAGE_SIZE_X86 - 1;
	size_t n = image->ranges.len;

	*old = image->ranges.at;
	memset(&image->ranges, 0, sizeof(image->ranges));
	for (size_t i = 0; i < n; i++) {
		struct range r = (*old)[i];

		if (has_bytes(&r) && (r.start | r.end) & mask) {
			diag_add_at(&image->diag, r.end, 1,
				    "page that the core has only in part, "
				    "left out");
			r.offset += -r.start & mask;
			r.start = (r.start + mask) & ~mask;
			r.end &= ~mask;
		}
		if (r.start < r.end &&
		    !core_holes_split(has_bytes(&r) ? fd : -1, &r, image, err))
			return false;
	}
	return true;
}

/** The core, if it is a plain file: then its holes can be seen. */
static int open_plain(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4];

	if (fd >= 0 && (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
			memcmp(magic, "\x7f" "ELF", sizeof(magic)) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/** @redactor is NULL where all is kept. */
static bool write_range(struct image *image, const struct range *r,
			uint8_t *buf, struct redactor *redactor,
			struct snapshot_writer *writer, struct err *err)
{
	for (uint64_t at = r->start; at < r->end;) {
		size_t n = COPY_BUFFER, got;

		if (n > r->end - at)
			n = (size_t)(r->end - at);
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		got = image->ops->read(image->memory, at, buf, n);
		if (got < n) {
			/* A damaged block: what was announced is zeros. */
			size_t page = PAGE_SIZE_X86 -
				      (at + got) % PAGE_SIZE_X86;

			memset(buf + got, 0, page);
			diag_add_at(&image->diag, at + got, page,
				    "bytes of memory could not be read and "
				    "are zeros in the snapshot");
			n = got + page;
		}
		progress_add(n);
		if (redactor && !redact_memory(redactor, at, buf, buf, n, err))
			return false;
		if (!snapshot_memory(writer, buf, n, err))
			return false;
		at += n;
	}
	return true;
}

static bool write_memory(struct image *image, struct redactor *redactor,
			 struct snapshot_writer *writer, struct err *err)
{
	uint8_t *buf = malloc(COPY_BUFFER);
	bool ok = buf || err_nomem(err, "a buffer");

	for (size_t i = 0; ok && i < image->ranges.len; i++) {
		if (has_bytes(&image->ranges.at[i]))
			ok = write_range(image, &image->ranges.at[i], buf,
					 redactor, writer, err);
	}
	free(buf);
	return ok;
}

static uint64_t count_bytes(const struct image *image)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < image->ranges.len; i++) {
		if (has_bytes(&image->ranges.at[i]))
			bytes += image->ranges.at[i].end -
				 image->ranges.at[i].start;
	}
	return bytes;
}

static bool write_snapshot(struct image *image,
			   const struct capture_options *options,
			   const struct snapshot_target *target,
			   struct err *err)
{
	struct snapshot_writer *writer = NULL;
	struct redactor *redactor;
	bool ok;

	ok = capture_redactor(image, options, &redactor, err) &&
	     redacted_begin(redactor, target, image, &writer, err) &&
	     write_memory(image, redactor, writer, err) &&
	     resolve_on_top(image, options, err);
	if (ok)
		redact_locals(redactor);
	redactor_free(redactor);
	if (ok)
		return snapshot_finish(writer, image, err);
	if (writer)
		snapshot_abort(writer);
	return false;
}

static bool convert(const char *path, const struct capture_options *options,
		    struct capture_result *ret, struct err *err)
{
	struct snapshot_target target;
	struct image image = {0};
	struct range *old = NULL;
	const char *comm = "";
	bool ok;
	int fd;

	if (!image_open(path, &image, err))
		return false;
	fd = open_plain(path);
	memcpy(image.meta.capture_id, options->capture_id,
	       sizeof(image.meta.capture_id));
	if (image.threads.len > 0)
		comm = image.threads.at[0].name;
	if (!comm[0])
		comm = path_name(image.meta.exe);
	/* A snapshot that is converted has modules, and more of them. */
	ok = (image.modules.len > 0 ||
	      capture_find_modules(&image, &options->search, err)) &&
	     renew_ranges(fd, &image, &old, err) &&
	     module_fill(&image, &options->search, err) &&
	     exclude_apply(options->excludes, options->n_excludes, &image,
			   NULL, err) &&
	     capture_target(options, image.meta.pid, comm, ret, &target, err);
	ret->memory_bytes = count_bytes(&image);
	ok = ok && free_space_suffices(ret->path, ret->memory_bytes,
				       &image.diag, err);
	progress_begin("converting", ret->memory_bytes);
	ok = ok && write_snapshot(&image, options, &target, err);
	progress_end();
	ret->diag = image.diag;
	image.diag = (struct diag){0};
	image_close(&image);
	free(old);
	if (fd >= 0)
		close(fd);
	return ok;
}

/** The folder of the snapshot: there is room for it, so for the core too. */
static void spool_folder(const struct capture_options *options, char *ret,
			 size_t size)
{
	const char *path = options->target.path, *slash;

	snprintf(ret, size, "%s", options->folder ? options->folder : ".");
	if (!path)
		return;
	slash = strrchr(path, '/');
	if (slash && slash != path)
		snprintf(ret, size, "%.*s", (int)(slash - path), path);
	else if (slash)
		snprintf(ret, size, "/");
}

bool core_convert(const char *core, const struct capture_options *options,
		  struct capture_result *ret, struct err *err)
{
	char folder[SNAPSHOT_PATH_MAX], path[64];
	bool ok;
	int fd;

	*ret = (struct capture_result){0};
	if (strcmp(core, "-") != 0)
		return convert(core, options, ret, err);
	spool_folder(options, folder, sizeof(folder));
	progress_begin("reading the core", 0);
	ok = core_spool(STDIN_FILENO, folder, &fd, err);
	progress_end();
	if (!ok)
		return err_wrap(err, "standard input");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok = convert(path, options, ret, err);
	close(fd);
	return ok || err_wrap(err, "standard input");
}
