/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The cgroups of a process, versions 1 and 2.
 *
 * /proc/PID/cgroup names the cgroup relative to the root of our own cgroup
 * namespace, /proc/self/mountinfo where that hierarchy is mounted and which
 * part of it (cgroups(7), cgroup_namespaces(7)). In a container only part of
 * the tree may be visible; then there may be nothing to report.
 */
#ifndef DUMP_CGROUP_H
#define DUMP_CGROUP_H

#include "dump/proc_file.h"

enum { CGROUP_PATH_MAX = 4096 };

/**
 * Find the cgroup of @controller ("memory", "pids") in the text of
 * /proc/PID/cgroup: its path and version. False when there is none.
 */
bool cgroup_find(const struct proc_text *text, const char *controller,
		 char path[CGROUP_PATH_MAX], int *version);

/**
 * The folder in which that cgroup is visible, from the text of
 * /proc/PID/mountinfo, and how many bytes of it are the mount point. False
 * when it is not mounted.
 */
bool cgroup_folder(const struct proc_text *mountinfo, const char *controller,
		   int version, const char *path, char folder[CGROUP_PATH_MAX],
		   size_t *mount_len);

struct cgroup {
	char path[CGROUP_PATH_MAX];
	char folder[CGROUP_PATH_MAX];	/* "" when it cannot be seen */
	size_t mount_len;	/* parents are visible down to this length */
	int version;
};

/**
 * The cgroup of @pid and where it can be seen: among our own mounts, or among
 * those of the process, below /proc/PID/root. (A container sees its own
 * cgroup and not its neighbours'.) False when the controller is not in use.
 *
 * @param root	"" or a folder to be taken for "/".
 */
bool cgroup_locate(const char *root, uint32_t pid, const char *controller,
		   struct cgroup *ret);

/** Step to the folder of the parent; false when that cannot be seen. */
bool cgroup_to_parent(struct cgroup *cgroup);

#define CGROUP_NO_LIMIT UINT64_MAX

/** A number in a file of a cgroup; CGROUP_NO_LIMIT for "max" and for what is
 * not there. Version 1 has LONG_MAX, cut to pages, for no limit. */
uint64_t cgroup_number(const char *folder, const char *name);

/**
 * The lines of proc_facts.h about the cgroup of @pid. Owned by the caller;
 * release with proc_text_free(). False when nothing is known.
 */
bool cgroup_describe(uint32_t pid, struct proc_text *ret);

#endif
