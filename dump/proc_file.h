/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The text files under /proc/PID, and the parts of them that decide whether
 * and how a process can be captured.
 *
 * A command name may hold any byte, ')' and newline too; parsers here look
 * for its last ')' (proc(5), /proc/pid/stat).
 */
#ifndef DUMP_PROC_FILE_H
#define DUMP_PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct proc_text {
	char *at;		/* owned; a NUL follows the last byte */
	size_t len;		/* bytes, without that NUL */
};

/** Read a whole file. Release with proc_text_free(). */
bool proc_read_path(const char *path, struct proc_text *ret, struct err *err)
	MUST_CHECK;

/** As proc_read_path() for /proc/@pid/@name. */
bool proc_read(uint32_t pid, const char *name, struct proc_text *ret,
	       struct err *err) MUST_CHECK;

void proc_text_free(struct proc_text *text);

/**
 * Step through lines: start with *@pos = 0. The line is not terminated and
 * has no newline. False at the end.
 */
bool proc_line(const struct proc_text *text, size_t *pos, const char **line,
	       size_t *len);

struct proc_stat {
	char comm[64];		/* cut to what fits */
	char state;		/* R S D T t Z X I */
	uint32_t ppid;
	bool kernel_thread;
};

/** Parse the text of /proc/PID/stat; false when it is not one. */
bool proc_stat_parse(const struct proc_text *text, struct proc_stat *ret);

/** Read /proc/@pid/stat; false when the process is gone. */
bool proc_stat_read(uint32_t pid, struct proc_stat *ret);

/** The number behind "@key:" at the beginning of a line, or @missing. */
uint64_t proc_text_number(const struct proc_text *text, const char *key,
			  uint64_t missing);

/** As proc_text_number() for /proc/@pid/status. */
uint64_t proc_status_number(uint32_t pid, const char *key, uint64_t missing);

#endif
