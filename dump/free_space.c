/* SPDX-License-Identifier: MIT */
#include "dump/free_space.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/human.h"
#include "dump/proc_file.h"

uint64_t free_space_needed(uint32_t pid)
{
	struct proc_text status;
	struct err err = {0};
	uint64_t kb;

	if (!proc_read(pid, "status", &status, &err))
		return 0;
	kb = proc_text_number(&status, "VmSwap", 0) +
	     proc_text_number(&status, "RssShmem", 0) +
	     proc_text_number(&status, "RssAnon",
			      proc_text_number(&status, "VmRSS", 0));
	proc_text_free(&status);
	return kb * 1024;
}

bool free_space_judge(const char *path, uint64_t bytes, uint64_t free,
		      struct diag *diag, struct err *err)
{
	char memory[HUMAN_MAX], left[HUMAN_MAX];

	human_size(bytes, false, memory);
	human_size(free, false, left);
	if (free < bytes / FREE_SPACE_REFUSE)
		return err_set(err, ERR_LIMIT, "%s: only %s are free there, "
			       "and %s of memory are to be captured: give -o "
			       "with a folder on another disk, or -o - to "
			       "send the snapshot elsewhere", path, left,
			       memory);
	if (free < bytes / FREE_SPACE_NOTE)
		diag_add(diag, "little room for the snapshot: %s were free "
			 "for %s of memory", left, memory);
	return true;
}

bool free_space_suffices(const char *path, uint64_t bytes, struct diag *diag,
			 struct err *err)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct statvfs fs;
	struct stat st;
	size_t n = slash ? (size_t)(slash - path) + 1 : 0;

	if (strcmp(path, "-") == 0 || n >= sizeof(folder) ||
	    (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
		return true;
	memcpy(folder, path, n);
	folder[n] = '\0';
	/* What cannot be looked at is found out when the file is made. */
	if (statvfs(n ? folder : ".", &fs) != 0 || fs.f_frsize == 0)
		return true;
	return free_space_judge(path, bytes, (uint64_t)fs.f_bavail *
				fs.f_frsize, diag, err);
}
