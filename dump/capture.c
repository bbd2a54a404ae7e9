/* SPDX-License-Identifier: MIT */
#include "dump/capture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "dump/live_memory.h"
#include "dump/mapped_files.h"
#include "dump/pagemap.h"
#include "dump/plan_write.h"
#include "dump/proc_facts.h"
#include "dump/proc_file.h"
#include "dump/proc_maps.h"
#include "dump/ranges.h"
#include "dump/registers.h"
#include "dump/stop.h"
#include "dump/target.h"

enum { QUEUE_MIN = 16, QUEUE_MAX = 256 };	/* MiB */

struct capture {
	uint32_t pid;
	struct snapshot_target target;
	struct image image;	/* the tracer's until it says that it is done */
	struct mapped_files files;
	struct plan plan;
	struct piece_queue queue;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool collected;		/* under the lock: image and plan are there */
	bool ended;		/* under the lock: or will never be */

	/* The tracer's, until it is joined. */
	struct diag diag;
	struct err err;
	uint64_t pause_ns;
	bool copied;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/** All that must be read while the process stands. */
static bool collect(struct capture *c, const struct stopped *stopped,
		    struct err *err)
{
	uint32_t via = stop_memory_pid(stopped);

	return live_memory_attach(via, &c->image, err) &&
	       registers_read(stopped, &c->image, err) &&
	       proc_maps_read(via, &c->image, err) &&
	       mapped_files_open(via, &c->image, &c->files, err) &&
	       pagemap_read(via, &c->image, err) &&
	       ranges_plan(&c->image, &c->files, &c->plan, err) &&
	       proc_facts_read(c->pid, via, &c->image, err);
}

static void announce(struct capture *c, bool collected)
{
	pthread_mutex_lock(&c->lock);
	c->collected = collected;
	c->ended = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void *trace(void *arg)
{
	struct capture *c = arg;
	struct stopped stopped;
	uint64_t start = now_ns();
	bool ok;

	ok = stop_process(c->pid, -1, &stopped, &c->diag, &c->err) &&
	     collect(c, &stopped, &c->err);
	announce(c, ok);
	ok = ok && live_copy(&c->image, &c->plan, &c->queue, &c->diag,
			     &c->err);
	stop_resume(&stopped);
	c->pause_ns = now_ns() - start;
	c->copied = ok;
	piece_queue_end(&c->queue);
	return NULL;
}

static bool wait_collected(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	while (!c->ended)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return c->collected;
}

bool capture_redactor(struct image *image,
		      const struct capture_options *options,
		      struct redactor **ret, struct err *err)
{
	struct heap_spans spans = {0};

	*ret = NULL;
	if (options->content == CONTENT_FULL || image->meta.pointers_only)
		return true;
	return (!options->metadata ||
		options->metadata(image, &spans, err)) &&
	       redactor_build(image, &spans, ret, err);
}

bool capture_find_modules(struct image *image,
			  const struct module_search *search, struct err *err)
{
	struct err why = {0};

	if (modules_find(image, search, &why))
		return true;
	if (why.code == ERR_CANCELLED) {
		*err = why;
		return false;
	}
	diag_add(&image->diag, "modules could not be read: %s", why.message);
	return true;
}

bool capture_load_modules(struct image *image,
			  const struct capture_options *options,
			  const struct module_search *search, struct err *err)
{
	struct err why = {0};

	if (options->no_types || modules_load(image, search, &why))
		return true;
	if (why.code == ERR_CANCELLED) {
		*err = why;
		return false;
	}
	diag_add(&image->diag, "types could not be read: %s", why.message);
	return true;
}

/** The caller's part while the tracer copies: begin the file, fill it. */
static bool receive(struct capture *c, const struct module_search *search,
		    struct snapshot_writer **writer, struct err *err)
{
	progress_begin("copying memory", c->plan.bytes);
	return capture_find_modules(&c->image, search, err) &&
	       snapshot_begin(&c->target, &c->image, writer, err) &&
	       plan_write(&c->plan, &c->queue, *writer, &c->image.diag, err);
}

void capture_search(struct mapped_files *files,
		    const struct capture_options *options,
		    struct module_search *ret, char sysroot[32])
{
	struct stat theirs, ours;

	*ret = options->search;
	ret->open_mapped = mapped_files_reopen;
	ret->ctx = files;
	if (ret->sysroot || files->root < 0 ||
	    fstat(files->root, &theirs) != 0 || stat("/", &ours) != 0 ||
	    (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino))
		return;
	snprintf(sysroot, 32, "/proc/self/fd/%d", files->root);
	ret->sysroot = sysroot;
}

static bool finish(struct capture *c, const struct capture_options *options,
		   const struct module_search *search,
		   struct snapshot_writer *writer, struct err *err)
{
	bool ok;

	c->image.meta.pause_ns = c->pause_ns;
	progress_begin("reading types", 0);
	ok = capture_load_modules(&c->image, options, search, err);
	if (ok && progress_cancelled())
		ok = err_set(err, ERR_CANCELLED, "cancelled");
	if (ok)
		return snapshot_finish(writer, &c->image, err);
	snapshot_abort(writer);
	return false;
}

static bool run(struct capture *c, const struct capture_options *options,
		struct err *err)
{
	struct snapshot_writer *writer = NULL;
	struct module_search search;
	char sysroot[32];
	pthread_t tracer;
	bool ok;

	if (pthread_create(&tracer, NULL, trace, c) != 0)
		return err_nomem(err, "a thread");
	ok = wait_collected(c);
	if (ok) {
		capture_search(&c->files, options, &search, sysroot);
		ok = receive(c, &search, &writer, err);
		piece_queue_close(&c->queue);
	}
	pthread_join(tracer, NULL);
	diag_merge(&c->image.diag, &c->diag);
	if (!c->copied && err->code == ERR_NONE)
		*err = c->err;
	if (ok && c->copied)
		return finish(c, options, &search, writer, err);
	if (writer)
		snapshot_abort(writer);
	return false;
}

/** True for what a snapshot would replace, so not for a pipe or device. */
static bool is_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode));
}

/** @comm as part of a file name. */
static void file_name(const char *comm, char ret[64])
{
	size_t length = strnlen(comm, 63), n = 0;

	for (; n < length; n++) {
		unsigned char c = (unsigned char)comm[n];

		ret[n] = c <= ' ' || c == '/' || c == 0x7f ||
			 (n == 0 && (c == '-' || c == '.')) ? '_' : (char)c;
	}
	ret[n] = '\0';
}

bool capture_target(const struct capture_options *options, uint32_t pid,
		    const char *comm, struct capture_result *ret,
		    struct snapshot_target *target, struct err *err)
{
	const char *folder = options->folder ? options->folder : "";
	const char *path = options->target.path;
	char name[64];
	int n;

	file_name(comm[0] ? comm : "process", name);
	if (path)
		n = snprintf(ret->path, sizeof(ret->path), "%s", path);
	else
		n = snprintf(ret->path, sizeof(ret->path),
			     "%s%s%s.%u.core.zst", folder, *folder ? "/" : "",
			     name, pid);
	*target = options->target;
	target->path = ret->path;
	if (n < 0 || (size_t)n >= sizeof(ret->path))
		return err_set(err, ERR_LIMIT, "path of the snapshot is too "
			       "long");
	if (!target->force && strcmp(ret->path, "-") != 0 && is_file(ret->path))
		return err_set(err, ERR_IO, "%s exists: give --force to "
			       "replace it, or -o for another name",
			       ret->path);
	return true;
}

static size_t queue_pieces(void)
{
	long pages = sysconf(_SC_AVPHYS_PAGES);
	long pieces = pages / (8 * (PIECE_SIZE / PAGE_SIZE_X86));

	return pieces < QUEUE_MIN ? QUEUE_MIN :
	       pieces > QUEUE_MAX ? QUEUE_MAX : (size_t)pieces;
}

/** About as many as the memory that the process has now. */
static size_t expected_pieces(uint32_t pid)
{
	return (size_t)(proc_status_number(pid, "VmRSS", 0) / 1024 + 1);
}

static bool prepare(struct capture *c, const struct capture_options *options,
		    struct capture_result *ret, struct err *err)
{
	struct image_meta *meta = &c->image.meta;
	struct proc_stat stat;

	memcpy(meta->capture_id, options->capture_id, sizeof(meta->capture_id));
	meta->options = options->options ? options->options : "";
	if (!target_check(c->pid, err))
		return false;
	(void)proc_stat_read(c->pid, &stat);
	return capture_target(options, c->pid, stat.comm, ret, &c->target,
			      err) &&
	       types_init(&c->image.types, err) &&
	       piece_queue_init(&c->queue, queue_pieces(),
				expected_pieces(c->pid), err);
}

bool capture_live(uint32_t pid, const struct capture_options *options,
		  struct capture_result *ret, struct err *err)
{
	struct capture c = {
		.pid = pid,
		.files = { .root = -1 },
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	bool ok;

	*ret = (struct capture_result){0};
	ok = prepare(&c, options, ret, err) && run(&c, options, err);
	progress_end();
	ret->memory_bytes = c.plan.bytes;
	ret->pause_ns = c.pause_ns;
	ret->diag = c.image.diag;
	c.image.diag = (struct diag){0};
	piece_queue_free(&c.queue);
	plan_free(&c.plan);
	mapped_files_close(&c.files);
	diag_free(&c.diag);
	image_close(&c.image);
	return ok;
}
