/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From a running process to a snapshot: stop, look, copy, let go, name.
 *
 * Two threads. The tracer stops the process, collects what /proc and ptrace
 * know, copies memory into a queue, lets the process go on and ends. The
 * caller meanwhile finds the modules, begins the file and writes what the
 * queue brings; symbols and types are read when the process runs again, from
 * files that were opened while it stood. A process with less memory than the
 * queue waits only for the copy.
 *
 * Whatever ends holdfast, the kernel lets the process go on (see stop.h).
 */
#ifndef DUMP_CAPTURE_H
#define DUMP_CAPTURE_H

#include "dump/guardian.h"
#include "dump/mapped_files.h"
#include "dump/redact.h"
#include "formats/image.h"
#include "formats/modules.h"
#include "formats/snapshot.h"

enum { SNAPSHOT_PATH_MAX = 4096, EXCLUDES_MAX = 64 };

enum capture_content {
	CONTENT_FULL,
	CONTENT_POINTERS,	/* no text, no numbers: see dump/redact.h */
};

/* What to do when the copy brings the target near a limit on its memory. */
enum low_memory {
	LOW_MEMORY_COPY,	/* end the copy, stop the target for the rest */
	LOW_MEMORY_GIVE_UP,
};

struct capture_options {
	/* Without a path the file is "<comm>.<pid>.core.zst" in @folder. */
	struct snapshot_target target;
	const char *folder;	/* NULL is the current one */
	/* sysroot, exe and debug_dir count; strings may be NULL. */
	struct module_search search;
	const char *options;	/* as given, for the snapshot; may be NULL */
	uint8_t capture_id[16];
	bool no_types;		/* no symbols, types, variables and frames */
	bool no_fork;		/* stop the target for the whole copy */
	enum capture_content content;
	/* Needed for CONTENT_POINTERS; NULL: the heap may be lost. */
	bool (*metadata)(struct image *image, struct heap_spans *ret,
			 struct err *err);
	enum low_memory on_low_memory;
	/* Mappings to leave out: an address in them, or a path. Borrowed. */
	const char *excludes[EXCLUDES_MAX];
	size_t n_excludes;
	/* The signal that is about to end the process, and the thread that got
	 * it, which comes first in the snapshot; 0 is none. */
	int fatal_signal;
	uint32_t fatal_thread;
	/* The process ends when it is let go: nothing of it can be read then. */
	bool dies;
};

struct capture_result {
	char path[SNAPSHOT_PATH_MAX];
	uint64_t memory_bytes;	/* captured, before compression */
	uint64_t pause_ns;
	struct diag diag;	/* owned; release with diag_free() */
};

/**
 * Where the snapshot of process @pid called @comm goes: fills ret->path and
 * @target, which borrows it. Fails when a file is there that may not be
 * replaced, before anything is done to a process.
 */
bool capture_target(const struct capture_options *options, uint32_t pid,
		    const char *comm, struct capture_result *ret,
		    struct snapshot_target *target, struct err *err)
	MUST_CHECK;

/** Capture @pid. ret->diag is filled on failure too. */
bool capture_live(uint32_t pid, const struct capture_options *options,
		  struct capture_result *ret, struct err *err) MUST_CHECK;

/**
 * As capture_live(), of a process that @guardian holds or is to hold; it goes
 * on when the copy is made, as the guardian's body does it, and @guardian can
 * be used again. A process that is about to die anyway needs no fork: set
 * options->no_fork.
 */
bool capture_held(struct guardian *guardian, uint32_t pid,
		  const struct capture_options *options,
		  struct capture_result *ret, struct err *err) MUST_CHECK;

/**
 * Where to look for the files of a process: those that are open, then those
 * below its root, which stays open ("/proc/self/fd/N" outlives the process)
 * when it is not ours. @ret borrows @files and @sysroot.
 */
void capture_search(struct mapped_files *files,
		    const struct capture_options *options,
		    struct module_search *ret, char sysroot[32]);

/**
 * What is to be left out of @image, whose memory can be read; NULL when
 * @options keep all, and when only pointers were left before. Release with
 * redactor_free().
 */
bool capture_redactor(struct image *image,
		      const struct capture_options *options,
		      struct redactor **ret, struct err *err) MUST_CHECK;

/**
 * Add what module files tell to an image whose mappings are known. Damaged
 * and missing files are diagnostics: a snapshot without types is worth
 * having. Fails when the user cancels.
 */
bool capture_find_modules(struct image *image,
			  const struct module_search *search, struct err *err)
	MUST_CHECK;
bool capture_load_modules(struct image *image,
			  const struct capture_options *options,
			  const struct module_search *search, struct err *err)
	MUST_CHECK;

#endif
