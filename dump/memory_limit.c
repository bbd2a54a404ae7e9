/* SPDX-License-Identifier: MIT */
#include "dump/memory_limit.h"

#include <unistd.h>

#include "dump/cgroup.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t memory_limit(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
	uint64_t limit = CGROUP_NO_LIMIT;
	struct cgroup cgroup;

	if (pages > 0 && bytes > 0)
		limit = (uint64_t)pages * (uint64_t)bytes;
	if (!cgroup_locate("", (uint32_t)getpid(), "memory", &cgroup) ||
	    !cgroup.folder[0])
		return limit;
	do {
		const char *folder = cgroup.folder;

		if (cgroup.version == 1) {
			limit = least(limit, cgroup_number(folder,
						"memory.limit_in_bytes"));
			continue;
		}
		limit = least(limit, cgroup_number(folder, "memory.max"));
		/* Above this one a process is slowed down to a halt. */
		limit = least(limit, cgroup_number(folder, "memory.high"));
	} while (cgroup_to_parent(&cgroup));
	return limit;
}
