/* SPDX-License-Identifier: MIT */
#include "cli/run_target.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dump/proc_file.h"

bool run_target_check(struct capture_options *options, struct err *err)
{
	struct snapshot_target ignored;
	struct capture_result result;
	struct stat st;

	if (!options->target.path)
		return true;
	if (strcmp(options->target.path, "-") == 0)
		return err_set(err, ERR_UNSUPPORTED, "standard output is the "
			       "program's: name a file for the snapshot");
	if (stat(options->target.path, &st) != 0 || !S_ISDIR(st.st_mode))
		return capture_target(options, 0, "", &result, &ignored, err);
	options->folder = options->target.path;
	options->target.path = NULL;
	return true;
}

/** Put ".NUMBER" before the suffix of @path, or at its end. */
static bool insert(char path[SNAPSHOT_PATH_MAX], uint32_t number,
		   struct err *err)
{
	static const char suffix[] = ".core.zst";
	const size_t n_suffix = sizeof(suffix) - 1;
	size_t n = strlen(path);
	bool has_suffix = n > n_suffix &&
			  strcmp(path + n - n_suffix, suffix) == 0;
	int added;

	if (has_suffix)
		n -= n_suffix;
	added = snprintf(path + n, SNAPSHOT_PATH_MAX - n, ".%u%s", number,
			 has_suffix ? suffix : "");
	if (added < 0 || (size_t)added >= SNAPSHOT_PATH_MAX - n)
		return err_set(err, ERR_LIMIT, "path of the snapshot is too "
			       "long");
	return true;
}

bool run_target(const struct capture_options *options, uint32_t pid,
		bool first, uint32_t number, char ret[SNAPSHOT_PATH_MAX],
		struct err *err)
{
	struct capture_options any = *options;
	struct snapshot_target ignored;
	struct capture_result result;
	struct proc_stat stat;

	/* Whether the file may be replaced is asked when its name is known. */
	any.target.force = true;
	(void)proc_stat_read(pid, &stat);
	if (!capture_target(&any, pid, stat.comm, &result, &ignored, err))
		return false;
	memcpy(ret, result.path, SNAPSHOT_PATH_MAX);
	return (first || !options->target.path || insert(ret, pid, err)) &&
	       (number == 0 || insert(ret, number, err));
}
