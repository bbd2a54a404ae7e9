/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Types of modules, from the cache or from workers, several at once.
 *
 * The answer of dwarf_worker.h depends on the files alone, so it is kept in
 * the cache "types" under the build-id of the module. Its tag says which
 * files it was made from (size, time of change, section headers: a debug
 * package that is installed later is noticed) and by which build of this
 * program. Modules without a build-id are read each time.
 *
 * As many workers run as there are threads in the pool, unless their DWARF is
 * large. One limit of time is for all modules together.
 */
#ifndef FORMATS_TYPE_LOADER_H
#define FORMATS_TYPE_LOADER_H

#include "base/cache.h"
#include "formats/dwarf_worker.h"

struct type_load;

struct type_loader {
	struct cache cache;
	uint64_t program[2];	/* which build of this program: size, time */
	unsigned most;		/* workers at once, <= WORKER_MAX */
	struct type_load *running[WORKER_MAX];	/* borrowed */
	unsigned n_running;
	uint32_t ms;		/* the limit */
	int64_t deadline;	/* as worker_now() */
};

/* The reading of one module. All-zero: there is nothing to read. */
struct type_load {
	struct dwarf_job job;
	char name[2 * BUILD_ID_MAX + 16];	/* in the cache; "" for none */
	uint64_t tag[5];
	uint64_t weight;	/* bytes of plain DWARF, estimated */
	struct worker_process worker;
	bool is_running;
	struct err failure;	/* why there is no answer */
	struct bytes answer;
	bool from_worker;	/* the answer belongs to us, else to @kept */
	struct cache_entry kept;
};

/** @ms for all modules together. Release with type_loader_close(). */
void type_loader_open(uint32_t ms, struct type_loader *ret);

/** The loads that still run must have been ended. */
void type_loader_close(struct type_loader *loader);

/** False while another worker would be one too many. */
bool type_loader_has_room(const struct type_loader *loader);

/**
 * Look @module up in the cache, else start a worker for it.
 *
 * @param job	Copied; its files are borrowed until type_load_end().
 * @param ret	Must stay where it is until type_load_end().
 */
void type_load_begin(struct type_loader *loader, const struct module *module,
		     const struct dwarf_job *job, struct type_load *ret);

/** True when its answer or its failure is there; waits a little for it. */
bool type_load_is_over(struct type_loader *loader, struct type_load *load);

/**
 * Read the answer as dwarf_answer_read() does, and keep it in the cache. When
 * what was kept there is damaged, it is read anew.
 */
bool type_load_read(struct type_loader *loader, struct type_load *load,
		    struct image *image, struct type_table *types,
		    struct err *err) MUST_CHECK;

/** Release what belongs to @load; a worker that still runs is ended. */
void type_load_end(struct type_loader *loader, struct type_load *load);

#endif
