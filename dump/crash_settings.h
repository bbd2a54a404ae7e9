/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Limits on what crashes may take, kept in the file "settings" of the folder
 * of crashes: one "KEY VALUE" a line. kernel.core_pattern has room for 127
 * bytes, so they do not stand there.
 */
#ifndef DUMP_CRASH_SETTINGS_H
#define DUMP_CRASH_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct crash_settings {
	uint64_t max_size;	/* bytes of one snapshot */
	uint64_t max_count;	/* snapshots */
	uint64_t max_total;	/* bytes of all of them */
	uint64_t keep_free;	/* bytes of the disk, or 0 */
	uint64_t keep_percent;	/* of the disk, when keep_free is 0 */
	uint64_t limit_time;	/* seconds that a process may have to wait */
	uint64_t no_types;	/* bool */
	uint64_t only_pointers;	/* bool: see dump/redact.h */
};

/** What holds when nothing else was said. */
struct crash_settings crash_settings_default(void);

/** Bytes of the disk of @folder that are to stay free. */
uint64_t crash_settings_keep(const struct crash_settings *s,
			     const char *folder);

/** Read the file in @folder (a descriptor); missing keys have defaults. */
void crash_settings_read(int folder, struct crash_settings *ret);

bool crash_settings_write(int folder, const struct crash_settings *s,
			  struct err *err) MUST_CHECK;

/**
 * Replace file @name in @folder by @n bytes, as a whole or not at all, for
 * the owner alone.
 */
bool crash_file_write(int folder, const char *name, const char *text,
		      size_t n, struct err *err) MUST_CHECK;

/**
 * Read file @name in @folder: at most @size - 1 bytes and a NUL. False when
 * there is no such file, or one that is not of this user.
 */
bool crash_file_read(int folder, const char *name, char *ret, size_t size);

#endif
