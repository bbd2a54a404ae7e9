/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From a process that is just dying to a snapshot.
 *
 * Linux starts the handler of kernel.core_pattern and pipes the core into it
 * (core(5)). Of that stream only the head is needed: registers, signal. All
 * else is taken from the process, which the kernel keeps until the core is
 * written, and with kernel.core_pipe_limit > 0 until the handler has closed
 * the pipe: the pages that exist and no others, through /proc/PID/mem, as
 * for a live process. So 64 GiB of untouched reservations, which the kernel
 * would send as zeros, cost nothing, and memory of our own stays bounded.
 * Then the rest of the stream is dropped (for at most DRAIN_MS: a parent that
 * waits hears "core dumped" if the kernel could write all of it), and the
 * process may go. Types are read after that.
 *
 * Where the memory of the process cannot be read (it was killed meanwhile;
 * kernel.yama.ptrace_scope is 3), the stream is kept in an unnamed file and
 * converted like any core.
 *
 * A crash that does not fit (time, size, disk) is tried once more
 * without its heap, see crash_trim.h.
 */
#ifndef DUMP_CRASH_CAPTURE_H
#define DUMP_CRASH_CAPTURE_H

#include "dump/capture.h"

enum {
	DRAIN_MS = 1000,
	/* What it takes at most, beyond the seconds of struct crash: while the
	 * process waits, and after that. */
	CRASH_GRACE_SECONDS = 50,
	CRASH_FINISH_SECONDS = 200,
};

struct crash {
	uint32_t pid, tid;	/* of the thread that crashed: %P and %I */
	int signal;		/* %s */
	int in;			/* the core; ends as /dev/null */
	const char *folder;	/* for the unnamed file; borrowed */
	uint64_t keep_free;	/* bytes of the disk of @folder */
	uint64_t max_size;	/* bytes of the snapshot */
	uint32_t seconds;	/* that the process may have to wait */
};

/**
 * Capture @crash into options->target.path. ret->diag is filled on failure
 * too. Uses SIGALRM and the listener of base/progress.h; when all else hangs
 * the process ends with status 2.
 */
bool crash_capture(const struct crash *crash,
		   const struct capture_options *options,
		   struct capture_result *ret, struct err *err) MUST_CHECK;

#endif
