/* SPDX-License-Identifier: MIT */
/* `crash install` and `crash uninstall`: who gets the cores. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/crash_cmd.h"
#include "cli/text_table.h"

static bool check_root(struct err *err)
{
	return geteuid() == 0 ||
	       err_set(err, ERR_IO, "only root can change who handles crashes: "
		       "run it with sudo");
}

/** The path of this program, as the kernel is to start it. */
static bool own_path(char ret[PATH_MAX], struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? crash_path_safe(ret, err) :
	       err_errno(err, "/proc/self/exe");
}

/** Open the folder of crashes, made if it is missing. */
static bool open_folder(const struct crash_args *args,
			struct crash_store *store, struct err *err)
{
	char path[PATH_MAX], *real;
	bool ok;

	if (!crash_folder(args, path, err) || !crash_store_make(path, err))
		return false;
	real = realpath(path, NULL);
	if (!real)
		return err_errno(err, "%s", path);
	ok = crash_path_safe(real, err) && crash_store_open(real, store, err);
	free(real);
	return ok;
}

/** What @now, which is ours, had replaced: it stands in another folder. */
static bool recall_from(const char *path, struct core_pattern *ret)
{
	struct err ignored = {0};
	struct crash_store store;
	bool ok;

	if (!crash_store_open(path, &store, &ignored))
		return false;
	ok = core_pattern_recall(store.folder, ret);
	crash_store_close(&store);
	return ok;
}

static void print_before(const struct core_pattern *before)
{
	const char *owner = core_pattern_owner(before->text);

	fputs("before, kernel.core_pattern was \"", stdout);
	text_print(before->text);
	putchar('"');
	if (owner)
		printf(", which is %s: it sees no crashes until `holdfast "
		       "crash uninstall`", owner);
	putchar('\n');
}

/** Remember @now, then take its place. */
static bool replace(const struct crash_store *store, const char *program,
		    const struct crash_settings *settings, struct err *err)
{
	struct core_pattern now, before, pattern;
	char folder[CORE_PATTERN_MAX];

	if (!core_pattern_read(&now, err))
		return false;
	before = now;
	if (core_pattern_ours(now.text, folder) &&
	    !recall_from(folder, &before))
		before = (struct core_pattern){ .text = "core" };
	pattern.pipe_limit = now.pipe_limit ? now.pipe_limit : PIPE_LIMIT;
	if (!core_pattern_make(program, store->path, pattern.text, err) ||
	    !crash_settings_write(store->folder, settings, err) ||
	    !core_pattern_keep(store->folder, &before, err))
		return false;
	if (!core_pattern_write(&pattern, err)) {
		struct err ignored = {0};

		/* Half of it may have been done. */
		if (!core_pattern_write(&now, &ignored))
			err_wrap(err, "%s", ignored.message);
		return false;
	}
	fputs("crashes go to ", stdout);
	text_print(store->path);
	putchar('\n');
	print_before(&before);
	puts("the kernel forgets this when it is booted again");
	return true;
}

int crash_install(const struct crash_args *args)
{
	struct crash_store store = { .folder = -1, .lock = -1 };
	char program[PATH_MAX];
	struct err err = {0};
	bool ok;

	ok = check_root(&err) && core_pattern_reachable(&err) &&
	     own_path(program, &err) && open_folder(args, &store, &err) &&
	     replace(&store, program, &args->settings, &err);
	crash_store_close(&store);
	return ok ? EXIT_DONE : cmd_trouble(&err);
}

static bool restore(const struct crash_args *args, struct err *err)
{
	struct core_pattern now, before;
	char folder[CORE_PATTERN_MAX];
	struct crash_store store;
	bool known = false;

	if (!core_pattern_read(&now, err))
		return false;
	if (!core_pattern_ours(now.text, folder))
		return err_set(err, ERR_IO, "holdfast does not handle crashes: "
			       "kernel.core_pattern is \"%s\", and stays so",
			       now.text);
	if (crash_store_open(args->dir ? args->dir : folder, &store, err)) {
		known = core_pattern_recall(store.folder, &before);
	} else {
		err_clear(err);
	}
	if (!known)
		before = (struct core_pattern){ .text = "core" };
	if (!core_pattern_write(&before, err)) {
		crash_store_close(&store);
		return false;
	}
	core_pattern_forget(store.folder);
	crash_store_close(&store);
	fputs("kernel.core_pattern is \"", stdout);
	text_print(before.text);
	puts(known ? "\" again" : "\", as the kernel has it: what stood there "
				  "before was not found");
	return true;
}

int crash_uninstall(const struct crash_args *args)
{
	struct err err = {0};

	if (check_root(&err) && restore(args, &err))
		return EXIT_DONE;
	return cmd_trouble(&err);
}
