/* SPDX-License-Identifier: MIT */
#include "dump/fork_safety.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "dump/kernel_version.h"
#include "dump/proc_file.h"
#include "dump/proc_maps.h"

/* Linux 6.5: iov_iter_extract_pages() in direct I/O. */
enum { PINS_SINCE_MAJOR = 6, PINS_SINCE_MINOR = 5 };

static bool is_direct(uint32_t pid, const char *fd)
{
	struct proc_text text;
	struct err ignored = {0};
	unsigned long flags = 0;
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), "fdinfo/%.20s", fd);
	if (!proc_read(pid, name, &text, &ignored))
		return false;
	at = strstr(text.at, "flags:");
	if (at)
		flags = strtoul(at + 6, NULL, 8);
	proc_text_free(&text);
	return flags & O_DIRECT;
}

/** True when @test holds of no entry of /proc/PID/NAME. */
static bool none(uint32_t pid, const char *name,
		 bool (*test)(uint32_t pid, const char *entry))
{
	struct dirent *entry;
	bool found = false;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.' && test(pid, entry->d_name);
	if (dir)
		closedir(dir);
	return !found;
}

static bool has_filter(uint32_t pid, const char *tid)
{
	(void)pid;
	return proc_status_number((uint32_t)strtoul(tid, NULL, 10), "Seccomp",
				  0) != 0;
}

bool fork_safety_process(uint32_t pid, struct err *why)
{
	if (!none(pid, "task", has_filter))
		return err_set(why, ERR_UNSUPPORTED, "a seccomp filter "
			       "restricts its system calls");
	if (!kernel_at_least(PINS_SINCE_MAJOR, PINS_SINCE_MINOR) &&
	    !none(pid, "fd", is_direct))
		return err_set(why, ERR_UNSUPPORTED, "it has files open for "
			       "direct I/O (O_DIRECT), which a fork can break "
			       "on kernels before %d.%d", PINS_SINCE_MAJOR,
			       PINS_SINCE_MINOR);
	return true;
}

bool fork_safety_mappings(const struct image *image, struct err *why)
{
	static const char *const flags[] = { "um", "uw", "ui" };

	for (size_t i = 0; i < image->mappings.len; i++) {
		for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
			if (mapping_has_flag(&image->mappings.at[i], flags[k]))
				return err_set(why, ERR_UNSUPPORTED,
					       "userfaultfd handles its page "
					       "faults");
		}
	}
	return true;
}
