/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The memory cgroup of a process, versions 1 and 2.
 *
 * /proc/PID/cgroup names the cgroup relative to the root of our own cgroup
 * namespace, /proc/self/mountinfo where that hierarchy is mounted and which
 * part of it (cgroups(7), cgroup_namespaces(7)). In a container only part of
 * the tree may be visible; then there is nothing to report.
 */
#ifndef DUMP_CGROUP_H
#define DUMP_CGROUP_H

#include "dump/proc_file.h"

enum { CGROUP_PATH_MAX = 4096 };

/**
 * Find the cgroup of the memory controller in the text of /proc/PID/cgroup:
 * its path and version. False when there is none.
 */
bool cgroup_find(const struct proc_text *text, char path[CGROUP_PATH_MAX],
		 int *version);

/**
 * The folder in which that cgroup is visible, from the text of
 * /proc/self/mountinfo. False when it is not mounted.
 */
bool cgroup_folder(const struct proc_text *mountinfo, int version,
		   const char *path, char folder[CGROUP_PATH_MAX]);

/**
 * The lines of proc_facts.h about the cgroup of @pid. Owned by the caller;
 * release with proc_text_free(). False when nothing is known.
 */
bool cgroup_describe(uint32_t pid, struct proc_text *ret);

#endif
