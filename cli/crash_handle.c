/* SPDX-License-Identifier: MIT */
/* `crash handle`: the kernel calls it with the core of a dying process. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/map.h"
#include "base/progress.h"
#include "cli/capture_args.h"
#include "cli/cmd.h"
#include "cli/crash_cmd.h"
#include "dump/crash_capture.h"
#include "dump/crash_watch.h"
#include "dump/proc_file.h"
#include "formats/worker.h"

enum { NOBODY = 65534 };		/* as the kernel and all systems have it */

struct handled {
	struct crash crash;
	struct crash_entry entry;
	struct crash_settings settings;
	char exe[PATH_MAX];
	char comm[64];
	uint64_t key;		/* of the executable */
};

/**
 * The kernel opens no more than standard input: what we open must not become
 * standard output or error.
 */
static void fill_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static bool parse(const struct crash_args *args, struct handled *h,
		  struct err *err)
{
	uint32_t pid, tid, signal, when;

	if (!args->dir || args->n_rest != 4 ||
	    !capture_args_number(args->rest[0], 1, INT32_MAX, &pid) ||
	    !capture_args_number(args->rest[1], 1, INT32_MAX, &tid) ||
	    !capture_args_number(args->rest[2], 0, 64, &signal) ||
	    !capture_args_number(args->rest[3], 0, UINT32_MAX, &when))
		return err_set(err, ERR_FORMAT, "expected --dir DIR PID TID "
			       "SIGNAL TIME");
	h->crash = (struct crash){
		.pid = pid, .tid = tid, .signal = (int)signal,
		.in = STDIN_FILENO, .folder = args->dir,
	};
	h->entry = (struct crash_entry){
		.time = when, .pid = pid, .signal = (int)signal, .exe = h->exe,
	};
	return geteuid() == 0 ||
	       err_set(err, ERR_IO, "only root can handle crashes");
}

/** Which program it is: for the file's name, the list, and its lock. */
static void identify(struct handled *h)
{
	uint64_t id[3] = {0};
	struct proc_stat stat_line = {0};
	struct statx st;
	char path[64];
	ssize_t n;

	if (!proc_stat_read(h->crash.pid, &stat_line))
		stat_line.comm[0] = '\0';
	snprintf(h->comm, sizeof(h->comm), "%s", stat_line.comm);
	snprintf(path, sizeof(path), "/proc/%u/exe", h->crash.tid);
	n = readlink(path, h->exe, sizeof(h->exe) - 1);
	if (n < 0)
		n = snprintf(h->exe, sizeof(h->exe), "%s", h->comm);
	h->exe[n] = '\0';
	/* The file system may not answer: what the kernel knows is enough. */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &st) == 0) {
		id[0] = st.stx_dev_major;
		id[1] = st.stx_dev_minor;
		id[2] = st.stx_ino;
	}
	h->key = hash_bytes(id, sizeof(id), 0);
}

static bool store(struct handled *h, const struct crash_store *folder,
		  const char *name, struct err *err)
{
	struct capture_options options = {
		.no_types = h->settings.no_types != 0,
		.content = h->settings.only_pointers ? CONTENT_POINTERS :
						       CONTENT_FULL,
	};
	char path[PATH_MAX + CRASH_NAME_MAX];
	char *argv[] = { (char *)"crash", (char *)"handle" };
	struct capture_result result;
	char *text;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	/* A program that crashes could leave types there in another's name. */
	setenv("HOLDFAST_NO_CACHE", "1", 1);
	worker_run_as(NOBODY, NOBODY);
	options.target.path = path;
	h->crash.keep_free = crash_settings_keep(&h->settings, folder->path);
	h->crash.max_size = h->settings.max_size < h->settings.max_total ?
			    h->settings.max_size : h->settings.max_total;
	h->crash.seconds = (uint32_t)h->settings.limit_time;
	text = capture_args_settle(2, argv, &options);
	ok = crash_capture(&h->crash, &options, &result, err);
	for (size_t i = 0; i < result.diag.len; i++)
		syslog(LOG_NOTICE, "%s: %s (%" PRIu64 ")", name,
		       result.diag.at[i].what, result.diag.at[i].count);
	diag_free(&result.diag);
	free(text);
	return ok;
}

/** For the list; @file is NULL, or @why is. */
static void note_crash(struct handled *h, struct crash_store *folder,
		       const char *file, const char *why)
{
	struct err err = {0};

	h->entry.file = file;
	h->entry.why = why;
	if (!crash_store_note(folder, &h->entry, &err))
		syslog(LOG_ERR, "%s", err.message);
	h->entry.file = h->entry.why = NULL;
}

/** Store the crash, or note why it is not. */
static bool handle(struct handled *h, struct crash_store *folder,
		   struct err *err)
{
	char name[CRASH_NAME_MAX];
	bool ok = false;

	if (crash_store_claim(folder, h->key)) {
		crash_store_tidy(folder, &h->settings, 1, NULL);
		crash_store_name(h->comm, h->crash.pid, h->entry.time, name);
		ok = store(h, folder, name, err);
		if (ok)
			crash_store_tidy(folder, &h->settings, 0, name);
	} else {
		err_set(err, ERR_LIMIT, "another crash of it was being stored");
	}
	note_crash(h, folder, ok ? name : NULL, ok ? NULL : err->message);
	if (ok)
		syslog(LOG_NOTICE, "crash of %s (process %u, signal %d) kept "
		       "in %s/%s", h->exe, h->crash.pid, h->crash.signal,
		       folder->path, name);
	return ok;
}

/** Let a child do it, and end one that hangs; *@status is ours then. */
static bool handle_watched(struct handled *h, struct crash_store *folder,
			   int *status, struct err *err)
{
	crash_settings_read(folder->folder, &h->settings);
	identify(h);
	if (crash_watch(h->crash.tid,
			h->settings.limit_time + CRASH_GRACE_SECONDS,
			CRASH_FINISH_SECONDS, status)) {
		*status = EXIT_DONE;
		return handle(h, folder, err);
	}
	if (*status >= 0)
		return true;
	err_set(err, ERR_LIMIT, "the handler hung or was ended: a file system "
		"with files of the process may not answer");
	note_crash(h, folder, NULL, err->message);
	return false;
}

int crash_handle(const struct crash_args *args)
{
	struct crash_store folder = { .folder = -1, .lock = -1 };
	struct handled h = {0};
	struct err err = {0};
	int status = EXIT_DONE;
	bool ok;

	fill_descriptors();
	openlog("holdfast", LOG_PID, LOG_DAEMON);
	umask(077);
	ok = parse(args, &h, &err) &&
	     crash_store_open(args->dir, &folder, &err) &&
	     handle_watched(&h, &folder, &status, &err);
	crash_store_close(&folder);
	if (ok)
		return status;
	syslog(LOG_ERR, "crash of process %u (%s) not kept: %s", h.crash.pid,
	       h.exe, err.message);
	return cmd_trouble(&err);
}
