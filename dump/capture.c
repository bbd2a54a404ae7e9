/* SPDX-License-Identifier: MIT */
#include "dump/capture.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/progress.h"
#include "dump/copier.h"
#include "dump/early_maps.h"
#include "dump/exclude.h"
#include "dump/fork_safety.h"
#include "dump/free_space.h"
#include "dump/live_memory.h"
#include "dump/mapped_files.h"
#include "dump/pagemap.h"
#include "dump/plan_write.h"
#include "dump/proc_facts.h"
#include "dump/proc_file.h"
#include "dump/ranges.h"
#include "dump/target.h"
#include "formats/frames.h"

enum { QUEUE_MIN = 16, QUEUE_MAX = 256 };	/* MiB */

struct capture {
	uint32_t pid;
	const struct capture_options *options;
	struct guardian *guardian;
	struct snapshot_target target;
	struct image image;
	struct mapped_files files;
	struct plan plan;
	struct piece_queue queue;
	struct headroom_watch watch;
	struct copier copier;
	struct redactor *redactor;	/* NULL: all is kept */
	struct early_maps early;
	bool stale;		/* sizes of mappings are of before */
	bool may_fork;		/* as far as is known before the stop */
	struct err why_not;	/* else */
};

/** What must be read of the process itself, while it stands. */
static bool collect(struct capture *c, uint32_t via, struct err *err)
{
	enum pagemap_part part = c->may_fork ? PAGEMAP_NOT_COPIED : PAGEMAP_ALL;

	return early_maps_finish(&c->early, via, &c->image, &c->stale, err) &&
	       mapped_files_open(via, &c->image, &c->files, err) &&
	       pagemap_read_part(via, &c->image, part, c->stale, err) &&
	       proc_facts_read(c->pid, via, &c->image, err);
}

/** What can be read of a copy as well, through @via, and what follows. */
static bool collect_rest(struct capture *c, uint32_t via, struct err *err)
{
	if (c->may_fork) {
		if (!pagemap_read_part(via, &c->image, PAGEMAP_COPIED,
				       c->stale, err))
			return false;
		pagemap_join(&c->image);
	}
	return ranges_plan(&c->image, &c->files, &c->plan, err) &&
	       exclude_apply(c->options->excludes, c->options->n_excludes,
			     &c->image, &c->plan, err);
}

/** Set aside what a copy will lack, by a plan for that alone. */
static bool keep_lacking(struct capture *c, struct err *err)
{
	struct image part = c->image;
	struct plan plan;
	bool ok;

	memset(&part.ranges, 0, sizeof(part.ranges));
	part.diag = (struct diag){0};
	ok = ranges_plan(&part, &c->files, &plan, err) &&
	     live_memory_keep(&c->image, &plan, &c->image.diag, err);
	plan_free(&plan);
	vec_free(&part.ranges);
	diag_free(&part.diag);
	return ok;
}

/** Who got the fatal signal comes first, as in the kernel's cores. */
static void put_fatal_first(struct capture *c)
{
	struct thread *at = c->image.threads.at, fatal;

	for (size_t i = 0; i < c->image.threads.len; i++) {
		if (at[i].tid != c->options->fatal_thread)
			continue;
		fatal = at[i];
		memmove(&at[1], &at[0], i * sizeof(fatal));
		at[0] = fatal;
		return;
	}
}

/** Replace the process by a frozen copy, so that it can go on; *@via becomes
 * that. Without one the process stands. */
static bool fork_target(struct capture *c, uint32_t *via, struct err *err)
{
	struct guardian_view view;

	if (!c->may_fork || !fork_safety_mappings(&c->image, &c->why_not))
		return true;
	if (!keep_lacking(c, err))
		return false;
	if (!guardian_fork(c->guardian, &view, &c->image.meta.pause_ns,
			   &c->why_not))
		return true;
	*via = view.pid;
	live_memory_use_copy(&c->image, view.mem);
	piece_queue_flow(&c->queue);
	c->copier.forked = true;
	return true;
}

static void note_fork(struct capture *c)
{
	if (c->copier.forked)
		ranges_forked(&c->image, &c->plan);
	else if (!c->options->no_fork)
		diag_add(&c->image.diag, "the process stood still while its "
			 "memory was copied, since it could not be forked: %s",
			 c->why_not.message);
}

/** From a running process to one that can be read at leisure, or nearly. */
static bool seize(struct capture *c, struct err *err)
{
	struct guardian_view view;
	struct err ignored = {0};

	if (!guardian_hold(c->guardian, c->pid, &c->image, &view, err))
		return false;
	put_fatal_first(c);
	if (live_memory_adopt(view.mem, &c->image, err) &&
	    collect(c, view.pid, err) && fork_target(c, &view.pid, err) &&
	    collect_rest(c, view.pid, err)) {
		note_fork(c);
		return true;
	}
	if (!guardian_release(c->guardian, NULL, NULL, &ignored))
		diag_add(&c->image.diag, "%s", ignored.message);
	return false;
}

/** The process waits for this thread: it goes first, where that may be. */
static bool seize_in_haste(struct capture *c, struct err *err)
{
	int nice = getpriority(PRIO_PROCESS, 0);
	bool ok;

	(void)setpriority(PRIO_PROCESS, 0, -20);
	ok = seize(c, err);
	(void)setpriority(PRIO_PROCESS, 0, nice);
	return ok;
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

	if (options->no_types || (modules_load(image, search, &why) &&
				  frames_build(image, search, &why)))
		return true;
	if (why.code == ERR_CANCELLED) {
		*err = why;
		return false;
	}
	diag_add(&image->diag, "types could not be read: %s", why.message);
	return true;
}

/** While the copier copies: begin the file, fill it. */
static bool receive(struct capture *c, const struct module_search *search,
		    struct snapshot_writer **writer, struct err *err)
{
	progress_begin("copying memory", c->plan.bytes);
	return (c->options->dies ||
		capture_find_modules(&c->image, search, err)) &&
	       redacted_begin(c->redactor, &c->target, &c->image, writer,
			      err) &&
	       plan_write(&c->plan, &c->queue, c->redactor, *writer,
			  &c->image.diag, err);
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

static bool finish(struct capture *c, const struct module_search *search,
		   struct snapshot_writer *writer, struct err *err)
{
	bool ok;

	progress_begin("reading types", 0);
	ok = capture_load_modules(&c->image, c->options, search, err);
	if (ok && progress_cancelled())
		ok = err_set(err, ERR_CANCELLED, "cancelled");
	if (ok)
		redact_locals(c->redactor);
	if (ok)
		return snapshot_finish(writer, &c->image, err);
	snapshot_abort(writer);
	return false;
}

/** What was read after @from, when the process was no longer what it was. */
static void mark_torn(struct image *image, uint64_t from)
{
	for (size_t i = 0; i < image->ranges.len; i++) {
		struct range *range = &image->ranges.at[i];

		if (range->presence == PRESENCE_CAPTURED && range->end > from)
			range->presence = PRESENCE_TORN;
	}
}

/** The copier has ended: its findings, and stacks in place of all memory. */
static void take_over(struct capture *c)
{
	struct copier *copier = &c->copier;

	copier_join(copier);
	c->image.meta.pause_ns += copier->pause_ns;
	diag_merge(&c->image.diag, &copier->diag);
	mark_torn(&c->image, copier->torn_from);
	if (copier->stacks)
		stack_memory_install(copier->stacks, &c->image);
}

static bool run(struct capture *c, struct err *err)
{
	struct snapshot_writer *writer = NULL;
	struct module_search search;
	char sysroot[32];
	bool ok;

	/* While nobody else reads, and before the process is let go. */
	ok = capture_redactor(&c->image, c->options, &c->redactor, err);
	capture_search(&c->files, c->options, &search, sysroot);
	/* Else that is done while it is copied: it needs the live memory. */
	if (ok && c->options->dies)
		ok = capture_find_modules(&c->image, &search, err);
	if (ok)
		copier_start(&c->copier);
	ok = ok && receive(c, &search, &writer, err);
	piece_queue_close(&c->queue);
	take_over(c);
	if (!c->copier.copied && err->code == ERR_NONE)
		*err = c->copier.err;
	if (ok && c->copier.copied)
		return finish(c, &search, writer, err);
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

/** Beside a copy a few are enough; else, about as much as the process has. */
static bool prepare_queue(struct capture *c, struct err *err)
{
	uint64_t room = headroom_for_buffers() / PIECE_SIZE;
	uint64_t used = proc_status_number(c->pid, "VmRSS", 0) / 1024 + 1;

	if (c->may_fork || room < QUEUE_MIN)
		room = QUEUE_MIN;
	if (room > QUEUE_MAX)
		room = QUEUE_MAX;
	return piece_queue_init(&c->queue, (size_t)room, (size_t)used, err);
}

static bool may_fork(const struct capture *c, struct err *why)
{
	if (c->options->no_fork)
		return err_set(why, ERR_UNSUPPORTED, "as asked");
	return fork_safety_process(c->pid, why) &&
	       headroom_allows_fork(c->pid, why);
}

static bool prepare(struct capture *c, struct capture_result *ret,
		    struct err *err)
{
	const struct capture_options *options = c->options;
	struct image_meta *meta = &c->image.meta;
	struct proc_stat stat;

	memcpy(meta->capture_id, options->capture_id, sizeof(meta->capture_id));
	meta->options = options->options ? options->options : "";
	meta->signal = options->fatal_signal;
	(void)proc_stat_read(c->pid, &stat);
	if (!capture_target(options, c->pid, stat.comm, ret, &c->target, err) ||
	    !free_space_suffices(ret->path, free_space_needed(c->pid),
				 &c->image.diag, err) ||
	    !types_init(&c->image.types, err))
		return false;
	c->may_fork = may_fork(c, &c->why_not);
	if (c->may_fork)
		headroom_watch_open(&c->watch, c->pid);
	if (!prepare_queue(c, err))
		return false;
	c->copier = (struct copier){
		.guardian = c->guardian, .pid = c->pid, .image = &c->image,
		.plan = &c->plan, .queue = &c->queue,
		.watch = c->may_fork ? &c->watch : NULL,
		.give_up = options->on_low_memory == LOW_MEMORY_GIVE_UP,
	};
	early_maps_read(&c->early, c->pid);
	return true;
}

static void clean_up(struct capture *c)
{
	if (c->may_fork)
		headroom_watch_close(&c->watch);
	redactor_free(c->redactor);
	piece_queue_free(&c->queue);
	plan_free(&c->plan);
	early_maps_free(&c->early);
	mapped_files_close(&c->files);
	diag_free(&c->copier.diag);
	image_close(&c->image);
}

bool capture_held(struct guardian *guardian, uint32_t pid,
		  const struct capture_options *options,
		  struct capture_result *ret, struct err *err)
{
	struct capture c = {
		.pid = pid, .options = options, .guardian = guardian,
		.files = { .root = -1 },
	};
	bool ok;

	*ret = (struct capture_result){0};
	ok = prepare(&c, ret, err) && seize_in_haste(&c, err) && run(&c, err);
	progress_end();
	ret->memory_bytes = c.plan.bytes;
	ret->pause_ns = c.image.meta.pause_ns;
	ret->diag = c.image.diag;
	c.image.diag = (struct diag){0};
	clean_up(&c);
	return ok;
}

bool capture_live(uint32_t pid, const struct capture_options *options,
		  struct capture_result *ret, struct err *err)
{
	struct guardian *guardian;
	bool ok;

	*ret = (struct capture_result){0};
	if (!target_check(pid, err) ||
	    !guardian_start(guardian_main, NULL, &guardian, err))
		return false;
	ok = capture_held(guardian, pid, options, ret, err);
	guardian_end(guardian);
	return ok;
}
