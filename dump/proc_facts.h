/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What /proc says about a process beside its memory: image.meta and auxv.
 *
 * None of it can be recovered from a snapshot later. What cannot be read is
 * left empty.
 *
 * meta.cgroup is lines of "KEY VALUE": "version 2", "path /user.slice", then
 * for each file of the process's memory cgroup its name and contents
 * ("memory.current 1234", "memory.max max"), where memory.stat gives a line
 * for each of its own: "memory.stat anon 1234". Files: kernel documentation,
 * admin-guide/cgroup-v2.rst ("Memory Interface Files") and
 * admin-guide/cgroup-v1/memory.rst.
 */
#ifndef DUMP_PROC_FACTS_H
#define DUMP_PROC_FACTS_H

#include "formats/image.h"

/**
 * Fill image->meta (all but capture_id, options and pause_ns) and
 * image->auxv of process @pid, whose memory is seen through @memory_pid.
 */
bool proc_facts_read(uint32_t pid, uint32_t memory_pid, struct image *image,
		     struct err *err) MUST_CHECK;

#endif
