/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which crashes there were: the snapshots in the folder of crashes, and the
 * journal beside them, which knows more of each and those that were not
 * stored. See crash_store.h for both.
 *
 * The journal is bounded: when it is larger than JOURNAL_MAX, its older half
 * is forgotten.
 */
#ifndef DUMP_CRASH_JOURNAL_H
#define DUMP_CRASH_JOURNAL_H

#include "dump/crash_store.h"

enum { JOURNAL_MAX = 256 << 10 };

/** The caller holds the lock of the folder. */
bool crash_journal_append(int folder, const struct crash_entry *entry,
			  struct err *err) MUST_CHECK;

/**
 * Take apart one line of @len bytes. Texts go to @arena; false when it is
 * none, or memory is exhausted.
 */
bool crash_journal_parse(const char *line, size_t len, struct arena *arena,
			 struct crash_entry *ret);

/** Take apart the name of a snapshot. */
bool crash_journal_parse_name(const char *name, struct arena *arena,
			      struct crash_entry *ret);

#endif
