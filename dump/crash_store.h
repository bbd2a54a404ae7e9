/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The folder in which crashes are kept.
 *
 *     NAME.PID.TIME.core.zst   snapshots; TIME is UTC, 20261121T030405Z
 *     journal                  one line a crash, stored or not
 *     settings, previous       see crash_settings.h, core_pattern.h
 *     lock                     whose bytes are locked (fcntl(2), open file
 *                              description locks): 0 the folder, others an
 *                              executable each
 *
 * Folder and files are for one user alone, root. Only snapshots of the user,
 * by the names above, are ever removed.
 *
 * A line of the journal: TIME, PID, signal, file (or "-"), reason (or "-"),
 * executable, with tabs between; control characters of the last are '?'.
 */
#ifndef DUMP_CRASH_STORE_H
#define DUMP_CRASH_STORE_H

#include <limits.h>

#include "base/arena.h"
#include "base/vec.h"
#include "dump/crash_settings.h"

#define CRASH_FOLDER "/var/lib/holdfast/crash"

enum { CRASH_TIME_MAX = 24, CRASH_NAME_MAX = 128 };

struct crash_store {
	char path[PATH_MAX];
	int folder, lock;	/* descriptors */
};

struct crash_entry {
	int64_t time;		/* seconds since 1970 */
	uint32_t pid;
	int signal;		/* 0 unknown */
	const char *exe;	/* path, or the NAME of the file */
	const char *file;	/* NULL: not stored */
	const char *why;	/* it was not; or NULL */
	uint64_t size;		/* bytes of the file */
};

struct crash_list {
	VEC(struct crash_entry) at;	/* newest first */
	struct arena arena;		/* of the texts */
};

/**
 * Fail unless @path, and every folder above it, belongs to root and can be
 * changed by nobody else (a sticky folder like /tmp may stand above).
 */
bool crash_path_safe(const char *path, struct err *err) MUST_CHECK;

/** Make the folder @path unless it is there. */
bool crash_store_make(const char *path, struct err *err) MUST_CHECK;

/** Open the folder. Release with crash_store_close(). */
bool crash_store_open(const char *path, struct crash_store *ret,
		      struct err *err) MUST_CHECK;
void crash_store_close(struct crash_store *store);

/**
 * Claim the executable whose hash is @key until the store is closed. False
 * when another process has it: a crash of it is being stored.
 */
bool crash_store_claim(const struct crash_store *store, uint64_t key);

/**
 * Remove the oldest snapshots until the limits hold and @more (0 or 1) others
 * may come, and what dead handlers left. @keep (or NULL) stays.
 */
void crash_store_tidy(const struct crash_store *store,
		      const struct crash_settings *settings, uint64_t more,
		      const char *keep);

/** The file of a crash of a program called @comm. */
void crash_store_name(const char *comm, uint32_t pid, int64_t time,
		      char ret[CRASH_NAME_MAX]);

/** Append to the journal. */
bool crash_store_note(const struct crash_store *store,
		      const struct crash_entry *entry, struct err *err)
	MUST_CHECK;

/** What is there, and what is not. Release with crash_list_free(). */
bool crash_store_list(const struct crash_store *store, struct crash_list *ret,
		      struct err *err) MUST_CHECK;
void crash_list_free(struct crash_list *list);

/** "20261121T030405Z", with dashes and colons when @pretty. */
void crash_time_text(int64_t time, bool pretty, char ret[CRASH_TIME_MAX]);

#endif
