/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The mappings of a process, from /proc/PID/smaps or /proc/PID/maps.
 *
 * smaps repeats each line of maps and adds "Key: N kB" lines and VmFlags, so
 * one parser reads both (proc(5); fs/proc/task_mmu.c). A newline in a path
 * comes as "\012"; paths are kept as they come, " (deleted)" included. Lines
 * that are no mapping, or that break the order of addresses, are counted in
 * the diagnostics and left out.
 */
#ifndef DUMP_PROC_MAPS_H
#define DUMP_PROC_MAPS_H

#include "dump/proc_file.h"
#include "formats/image.h"

/** Append the mappings in @text to @image. */
bool proc_maps_parse(const struct proc_text *text, struct image *image,
		     struct err *err) MUST_CHECK;

/** Read the mappings of @pid, with smaps where the kernel has it. */
bool proc_maps_read(uint32_t pid, struct image *image, struct err *err)
	MUST_CHECK;

/** True when @flag ("dd") is one of the mapping's VmFlags. */
bool mapping_has_flag(const struct mapping *mapping, const char *flag);

#endif
