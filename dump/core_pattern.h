/* SPDX-License-Identifier: MIT */
/**
 * @file
 * kernel.core_pattern: who gets the cores of this machine (core(5)).
 *
 * The pattern that makes holdfast the handler is
 *
 *     |/path/holdfast crash handle --dir FOLDER %P %I %s %t
 *
 * with the process and the thread that crashed as the initial pid namespace
 * sees them, the signal, and the time. The kernel has room for 127 bytes.
 *
 * It waits for the handler only when kernel.core_pipe_limit is more than 0,
 * which is also how many crashes it has handled at once (more are dropped,
 * and logged by the kernel): then what /proc says of the process is there
 * until the handler closes the pipe, and many crashes at once cannot bring the
 * machine down. So 0 becomes PIPE_LIMIT, and is 0 again afterwards.
 *
 * What stood there before is kept in the file "previous" in FOLDER.
 */
#ifndef DUMP_CORE_PATTERN_H
#define DUMP_CORE_PATTERN_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"

enum { CORE_PATTERN_MAX = 128, PIPE_LIMIT = 16 };

struct core_pattern {
	char text[CORE_PATTERN_MAX];
	uint64_t pipe_limit;
};

bool core_pattern_read(struct core_pattern *ret, struct err *err) MUST_CHECK;

/** Make it so, and look whether it is. */
bool core_pattern_write(const struct core_pattern *pattern, struct err *err)
	MUST_CHECK;

/** The pattern for @program (a path) and @folder. */
bool core_pattern_make(const char *program, const char *folder,
		       char ret[CORE_PATTERN_MAX], struct err *err) MUST_CHECK;

/** True when the handler is holdfast; then @folder is where crashes go. */
bool core_pattern_ours(const char *pattern, char folder[CORE_PATTERN_MAX]);

/** "systemd-coredump", "apport", "abrt", or NULL. */
const char *core_pattern_owner(const char *pattern);

/** What is kept in the folder with descriptor @folder; false: nothing. */
bool core_pattern_recall(int folder, struct core_pattern *ret);
bool core_pattern_keep(int folder, const struct core_pattern *pattern,
		       struct err *err) MUST_CHECK;
void core_pattern_forget(int folder);

/**
 * Fail in a container: the pattern is the whole machine's, and the kernel
 * starts the handler outside.
 */
bool core_pattern_reachable(struct err *err) MUST_CHECK;

#endif
