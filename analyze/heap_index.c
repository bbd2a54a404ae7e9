/* SPDX-License-Identifier: MIT */
#include "analyze/heap_index.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "analyze/heap_index_file.h"
#include "base/cache.h"

enum {
	SPARE_PART = 4,		/* of the free disk, that all may take */
	NAME_BYTES = 24,
};

/* What all indexes may take. */
#define LIMIT (UINT64_C(16) << 30)
/* Less is not felt. */
#define WORTH_KEEPING_NS (UINT64_C(250) * 1000 * 1000)

struct heap_index {
	struct index_key key;
	struct cache cache;
	struct index_mapping mapping;
	/* The writer. */
	pthread_t thread;
	bool running;
	struct index_layout layout;
	struct blob tables;
	const uint8_t *tables_at;
	struct err err;
};

static bool is_asked_for(const char *when)
{
	const char *asked = getenv("HOLDFAST_INDEX");

	return asked && strcmp(asked, when) == 0;
}

static void name_of(const struct heap_index *index, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%016" PRIx64, index->key.file);
}

static void release(struct heap_index *index)
{
	cache_close(&index->cache);
	blob_free(&index->tables);
	free(index);
}

/* The index of an image, still without content; NULL: it can have none. */
static struct heap_index *prepare(const struct image *image)
{
	struct heap_index *index = calloc(1, sizeof(*index));
	struct err ignored = {0};

	if (!index)
		return NULL;
	cache_open("index", LIMIT, &index->cache);
	if (index->cache.folder >= 0 &&
	    index_key_of(image, &index->key, &ignored))
		return index;
	release(index);
	return NULL;
}

bool heap_index_load(struct facts *facts)
{
	struct err err = {0};
	struct heap_index *index;
	char name[NAME_BYTES];
	bool ok;
	int fd;

	if (is_asked_for("never"))
		return false;
	index = facts->index = prepare(&facts->image);
	if (!index)
		return false;
	name_of(index, name);
	fd = cache_open_file(&index->cache, name);
	if (fd < 0)
		return false;
	ok = index_read(fd, &index->key, facts, &index->mapping, &err);
	close(fd);
	if (!ok && err.code == ERR_FORMAT)
		cache_drop(&index->cache, name);
	return ok;
}

static bool write_file(struct heap_index *index, struct err *err)
{
	char name[NAME_BYTES];
	struct outfile of;

	name_of(index, name);
	cache_spare_disk(&index->cache, SPARE_PART);
	if (index->layout.size > index->cache.limit)
		return err_set(err, ERR_IO, "it takes %" PRIu64 " MiB, and a "
			       "quarter of the free disk is %" PRIu64 " MiB",
			       index->layout.size >> 20,
			       index->cache.limit >> 20);
	if (!cache_create(&index->cache, name, &of, err))
		return false;
	of.keep_pages = true;
	if (index_write(&index->layout, &index->key, &of, err) &&
	    cache_commit(&index->cache, &of, err))
		return true;
	outfile_abort(&of);
	return false;
}

static void *write_body(void *arg)
{
	struct heap_index *index = arg;

	if (!write_file(index, &index->err))
		err_wrap(&index->err, "the analysis was not kept for the "
			 "next time");
	return NULL;
}

/* Signals are for the thread that knows what to do with them. */
static bool start_writer(struct heap_index *index)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	index->running = pthread_create(&index->thread, NULL, write_body,
					index) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return index->running;
}

bool heap_index_is_wanted(const struct facts *facts, uint64_t took_ns)
{
	return facts->index && (took_ns >= WORTH_KEEPING_NS ||
				is_asked_for("always"));
}

void heap_index_keep(struct facts *facts)
{
	struct heap_index *index = facts->index;
	uint64_t counts[N_INDEX_COUNTS] = {0};
	struct err ignored = {0};

	if (!index_tables_write(facts, &index->tables, counts, &ignored) ||
	    !index_layout(facts, &index->tables_at, counts, &index->layout))
		return;
	index->tables_at = index->tables.bytes.at;
	(void)start_writer(index);
}

static void join_writer(struct heap_index *index)
{
	if (!index->running)
		return;
	pthread_join(index->thread, NULL);
	index->running = false;
	blob_free(&index->tables);
}

bool heap_index_finish(struct facts *facts, struct err *err)
{
	struct heap_index *index = facts->index;

	if (!index)
		return true;
	join_writer(index);
	return index->err.code == ERR_NONE || index->err.code == ERR_CANCELLED ||
	       err_set(err, index->err.code, "%s", index->err.message);
}

void heap_index_close(struct facts *facts)
{
	if (!facts->index)
		return;
	join_writer(facts->index);
	index_unmap(facts, &facts->index->mapping);
	release(facts->index);
	facts->index = NULL;
}

bool heap_index_used(const struct facts *facts)
{
	return facts->index && facts->index->mapping.start;
}
