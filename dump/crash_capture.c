/* SPDX-License-Identifier: MIT */
#include "dump/crash_capture.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "dump/core_convert.h"
#include "dump/core_head.h"
#include "dump/core_spool.h"
#include "dump/crash_threads.h"
#include "dump/crash_trim.h"
#include "dump/exclude.h"
#include "dump/live_memory.h"
#include "dump/pagemap.h"
#include "dump/plan_write.h"
#include "dump/proc_facts.h"
#include "dump/proc_file.h"
#include "dump/proc_maps.h"
#include "dump/stack_memory.h"

enum {
	QUEUE = 16,		/* pieces of 1 MiB */
	HANG_SECONDS = 15,	/* from being told to stop to being ended */
	TRIM_SECONDS = 15,
	FINISH_SECONDS = 180,	/* symbols, types, frames: own budgets */
	STATUS_TROUBLE = 2,
};

struct job {
	const struct crash *crash;
	const struct capture_options *options;
	struct snapshot_target target;
	int spool;		/* the head, perhaps all, of the core */
	uint64_t head;		/* bytes */
	struct image image;
	struct mapped_files files;
	struct plan plan;
	struct snapshot_writer *writer;
	struct redactor *redactor;	/* NULL: all is kept */

	/* Of one attempt to copy. */
	struct piece_queue queue;
	struct diag diag;
	struct err err;
	bool copied;
};

/* What the listener watches; it runs on any thread that makes progress. */
struct disk {
	const char *folder;
	uint64_t keep_free;
	bool full;
};

static void on_alarm(int signal)
{
	(void)signal;
	if (progress_cancelled())
		_exit(STATUS_TROUBLE);
	progress_cancel();
	alarm(HANG_SECONDS);
}

/** From now on there are @seconds, whatever was asked before. */
static void start_clock(uint32_t seconds)
{
	struct sigaction action = { .sa_handler = on_alarm };

	alarm(0);
	progress_rearm();
	sigaction(SIGALRM, &action, NULL);
	alarm(seconds);
}

/** Files that we write may not grow beyond @bytes. */
static void limit_files(uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
		return;
	signal(SIGXFSZ, SIG_IGN);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static uint64_t disk_free(const char *folder)
{
	struct statvfs st;

	return statvfs(folder, &st) == 0 ?
	       (uint64_t)st.f_bavail * st.f_frsize : UINT64_MAX;
}

static void watch_disk(void *ctx, const char *phase, uint64_t done,
		       uint64_t total)
{
	struct disk *disk = ctx;

	(void)phase;
	(void)done;
	(void)total;
	if (disk_free(disk->folder) >= disk->keep_free)
		return;
	disk->full = true;
	progress_cancel();
}

/** False when the process is gone, or its pid is another's now. */
static bool is_dying(uint32_t tid)
{
	return proc_status_number(tid, "CoreDumping", 0) == 1;
}

/** What the process can still tell; false: nothing, and @why says why. */
static bool collect(struct job *j, struct err *why)
{
	uint32_t pid = j->crash->pid, tid = j->crash->tid;
	struct image *image = &j->image;

	if (!is_dying(tid))
		return err_set(why, ERR_IO, "process %u is gone", pid);
	if (!live_memory_attach(tid, image, why) ||
	    !proc_maps_read(tid, image, why) ||
	    !mapped_files_open(tid, image, &j->files, why) ||
	    !pagemap_read(tid, image, why) ||
	    !ranges_plan(image, &j->files, &j->plan, why) ||
	    !exclude_apply(j->options->excludes, j->options->n_excludes, image,
			   &j->plan, why))
		return false;
	/* That of the notes is the same. */
	image->auxv.len = 0;
	if (!proc_facts_read(pid, tid, image, why))
		return false;
	crash_threads_name(pid, image);
	return true;
}

static void *copy(void *arg)
{
	struct job *j = arg;

	j->copied = live_copy(&j->image, &j->plan, &j->queue, &j->diag,
			      &j->err);
	piece_queue_end(&j->queue);
	return NULL;
}

/** Begin the file and write all memory of the plan. */
static bool copy_memory(struct job *j, struct err *err)
{
	pthread_t copier;
	bool ok;

	if (!redacted_begin(j->redactor, &j->target, &j->image, &j->writer,
			    err) ||
	    !piece_queue_init(&j->queue, QUEUE, 0, err))
		return false;
	if (pthread_create(&copier, NULL, copy, j) != 0) {
		piece_queue_free(&j->queue);
		return err_nomem(err, "a thread");
	}
	ok = plan_write(&j->plan, &j->queue, j->redactor, j->writer, &j->diag,
			err);
	piece_queue_close(&j->queue);
	pthread_join(copier, NULL);
	piece_queue_free(&j->queue);
	if (!j->copied && err->code == ERR_NONE)
		*err = j->err;
	return ok && j->copied;
}

static void forget_copy(struct job *j)
{
	snapshot_abort(j->writer);
	j->writer = NULL;
	diag_free(&j->diag);
	j->diag = (struct diag){0};
	j->err = (struct err){0};
}

/** The message of @err without the name of our own file. */
static const char *plain_reason(const struct job *j, const struct err *err)
{
	size_t n = strlen(j->target.path);

	return strncmp(err->message, j->target.path, n) == 0 &&
	       strncmp(err->message + n, ": ", 2) == 0 ?
	       err->message + n + 2 : err->message;
}

static bool copy_within(struct job *j, const char **why, struct err *err)
{
	struct disk disk = { j->crash->folder, j->crash->keep_free, false };
	bool ok;

	progress_listen(watch_disk, &disk);
	progress_begin("copying memory", j->plan.bytes);
	ok = copy_memory(j, err);
	progress_end();
	progress_listen(NULL, NULL);
	*why = disk.full ? "the disk has no room for it" :
	       err->code == ERR_CANCELLED ? "there was no time to copy it" :
	       plain_reason(j, err);
	return ok;
}

/** Copy all, or, where that cannot be, what a backtrace needs. */
static bool copy_what_fits(struct job *j, struct err *err)
{
	struct err first = {0}, second = {0};
	const char *why;
	bool ok = copy_within(j, &why, &first);

	if (!ok) {
		forget_copy(j);
		diag_add(&j->image.diag, "the heap was left out: %s", why);
		start_clock(TRIM_SECONDS);
		ok = crash_trim(&j->image, &j->plan, err) &&
		     (copy_within(j, &why, &second) ||
		      err_set(err, ERR_LIMIT, "%s", why));
	}
	if (!is_dying(j->crash->tid))
		diag_add(&j->image.diag, "the process was gone before all of "
			 "its memory was copied");
	diag_merge(&j->image.diag, &j->diag);
	return ok;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** Take the rest of the core off the kernel's hands, then let go of it. */
static void release(int in)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int64_t end = now_ms() + DRAIN_MS, left;
	struct pollfd p = { .fd = in, .events = POLLIN };
	ssize_t n = 1;

	while (null >= 0 && n > 0 && (left = end - now_ms()) > 0 &&
	       poll(&p, 1, (int)left) > 0)
		n = splice(in, NULL, null, NULL, 1 << 20, SPLICE_F_NONBLOCK);
	if (null >= 0 && null != in) {
		dup2(null, in);
		close(null);
	} else if (null < 0) {
		close(in);
	}
}

static bool finish(struct job *j, const struct module_search *search,
		   struct err *err)
{
	bool ok;

	start_clock(FINISH_SECONDS);
	/* Workers answer in files, too. */
	limit_files(RLIM_INFINITY);
	ok = capture_load_modules(&j->image, j->options, search, err);
	limit_files(j->crash->max_size);
	if (ok) {
		redact_locals(j->redactor);
		ok = snapshot_finish(j->writer, &j->image, err);
		j->writer = NULL;
	}
	alarm(0);
	return ok;
}

static bool capture_dying(struct job *j, struct err *err)
{
	struct module_search search;
	struct stack_memory *stacks;
	char sysroot[32];
	bool ok;

	/* The rest is for symbols, types, frames. */
	limit_files(j->crash->max_size - j->crash->max_size / 16);
	capture_search(&j->files, j->options, &search, sysroot);
	ok = capture_find_modules(&j->image, &search, err) &&
	     capture_redactor(&j->image, j->options, &j->redactor, err) &&
	     copy_what_fits(j, err);
	/* Frames are built when the process is gone. */
	stacks = ok ? stack_memory_take(&j->image, &j->image.diag) : NULL;
	release(j->crash->in);
	if (stacks)
		stack_memory_install(stacks, &j->image);
	return ok && finish(j, &search, err);
}

/** The process tells nothing: keep what the kernel sends. */
static bool convert_stream(struct job *j, struct capture_result *ret,
			   struct err *err)
{
	struct capture_options options = *j->options;
	uint64_t room = disk_free(j->crash->folder), got;
	struct err why = {0};
	char path[32];
	bool ok;

	if (room <= j->crash->keep_free) {
		release(j->crash->in);
		return err_set(err, ERR_LIMIT, "the disk has no room for it");
	}
	room -= j->crash->keep_free;
	if (!core_spool_copy(j->crash->in, j->spool, j->head, room, &got,
			     &why))
		diag_add(&j->image.diag, "the core was not read to its end: "
			 "%s", why.message);
	release(j->crash->in);
	start_clock(FINISH_SECONDS);
	limit_files(j->crash->max_size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", j->spool);
	ok = core_convert(path, &options, ret, err);
	alarm(0);
	diag_merge(&ret->diag, &j->image.diag);
	return ok;
}

static bool read_head(struct job *j, struct err *err)
{
	struct image *image = &j->image;

	image->meta = (struct image_meta){
		.exe = "", .command = "", .captured_at = "", .kernel = "",
		.options = j->options->options ? j->options->options : "",
		.status = "", .limits = "", .cgroup = "",
	};
	memcpy(image->meta.capture_id, j->options->capture_id,
	       sizeof(image->meta.capture_id));
	if (!types_init(&image->types, err) ||
	    !core_spool_open(j->crash->folder, &j->spool, err) ||
	    !core_head_copy(j->crash->in, j->spool, &j->head, err) ||
	    !core_head_read(j->spool, image, err))
		return false;
	if (!image->meta.signal)
		image->meta.signal = j->crash->signal;
	return true;
}

bool crash_capture(const struct crash *crash,
		   const struct capture_options *options,
		   struct capture_result *ret, struct err *err)
{
	struct job j = {
		.crash = crash, .options = options, .spool = -1,
		.files = { .root = -1 },
	};
	struct err why = {0};
	bool ok, told;

	*ret = (struct capture_result){0};
	start_clock(crash->seconds);
	ok = read_head(&j, err) &&
	     capture_target(options, crash->pid, "", ret, &j.target, err);
	told = ok && collect(&j, &why);
	if (told) {
		ok = capture_dying(&j, err);
		ret->memory_bytes = j.plan.bytes;
		ret->diag = j.image.diag;
		j.image.diag = (struct diag){0};
	} else if (ok) {
		diag_add(&j.image.diag, "only what the kernel sent is there: "
			 "%s", why.message);
		ok = convert_stream(&j, ret, err);
	}
	alarm(0);
	limit_files(RLIM_INFINITY);
	forget_copy(&j);
	redactor_free(j.redactor);
	plan_free(&j.plan);
	mapped_files_close(&j.files);
	image_close(&j.image);
	if (j.spool >= 0)
		close(j.spool);
	return ok;
}
