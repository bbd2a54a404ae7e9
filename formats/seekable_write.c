/* SPDX-License-Identifier: MIT */
#include "formats/seekable_write.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/outfile.h"
#include "base/pool.h"
#include "formats/seekable.h"

enum { WORKERS_MAX = 16 };

/* A block on its way from the caller to the disk. */
struct job {
	uint8_t *plain;		/* [SEEKABLE_PLAIN_MAX] */
	uint8_t *frame;		/* [seekable_bound(SEEKABLE_PLAIN_MAX)] */
	size_t n, size;		/* plain, compressed */
	uint32_t checksum;
	bool done;		/* compressed, waits to be written */
};

/*
 * Blocks are numbered as they come; job number i is jobs[i % n_jobs].
 * written <= taken <= filled <= written + n_jobs.
 */
struct seekable_writer {
	struct outfile out;
	bool out_open;
	int level;
	struct seekable_table table;
	uint64_t plain;		/* bytes taken from the caller */
	size_t fill;		/* bytes in the block being filled */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *jobs;	/* [n_jobs] */
	size_t n_jobs;
	uint64_t filled, taken, written;
	bool closing;		/* no more blocks will come */
	bool failed;
	struct err err;		/* why */
	pthread_t threads[WORKERS_MAX + 1];
	size_t n_threads;
};

static struct job *job_of(struct seekable_writer *w, uint64_t number)
{
	return &w->jobs[number % w->n_jobs];
}

/* Called with the lock held. */
static void fail(struct seekable_writer *w, const struct err *err)
{
	if (!w->failed)
		w->err = *err;
	w->failed = true;
	pthread_cond_broadcast(&w->changed);
}

/* Wait for a block to compress; NULL when there are no more. */
static struct job *take_job(struct seekable_writer *w)
{
	struct job *job = NULL;

	pthread_mutex_lock(&w->lock);
	while (w->taken == w->filled && !w->closing && !w->failed)
		pthread_cond_wait(&w->changed, &w->lock);
	if (w->taken < w->filled && !w->failed)
		job = job_of(w, w->taken++);
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void *compress_blocks(void *arg)
{
	struct seekable_writer *w = arg;
	struct seekable_encoder *encoder = seekable_encoder_open(w->level);
	size_t room = seekable_bound(SEEKABLE_PLAIN_MAX);
	struct job *job;

	while ((job = take_job(w)) != NULL) {
		struct err err = {0};

		job->size = encoder ?
			    seekable_encode(encoder, job->frame, room,
					    job->plain, job->n, &job->checksum)
			    : 0;
		pthread_mutex_lock(&w->lock);
		if (job->size == 0) {
			err_nomem(&err, "compressing");
			fail(w, &err);
		}
		job->done = true;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
	}
	seekable_encoder_close(encoder);
	return NULL;
}

/* Wait for the next block in order to be compressed; NULL at the end. */
static struct job *next_done(struct seekable_writer *w)
{
	struct job *job = NULL;

	pthread_mutex_lock(&w->lock);
	while (!w->failed && !job_of(w, w->written)->done &&
	       !(w->closing && w->written == w->filled))
		pthread_cond_wait(&w->changed, &w->lock);
	if (!w->failed && job_of(w, w->written)->done)
		job = job_of(w, w->written);
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void *write_frames(void *arg)
{
	struct seekable_writer *w = arg;
	struct job *job;

	while ((job = next_done(w)) != NULL) {
		struct err err = {0};
		bool ok = outfile_write(&w->out, job->frame, job->size, &err) &&
			  (seekable_table_add(&w->table, (uint32_t)job->size,
					      (uint32_t)job->n,
					      job->checksum) ||
			   err_nomem(&err, "the seek table"));

		pthread_mutex_lock(&w->lock);
		if (!ok)
			fail(w, &err);
		job->done = false;
		w->written++;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

/* Signals are for the threads that the program made itself. */
static bool start_thread(struct seekable_writer *w, void *(*body)(void *))
{
	sigset_t all, old;
	int status;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	status = pthread_create(&w->threads[w->n_threads], NULL, body, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->n_threads += status == 0;
	return status == 0;
}

static bool alloc_jobs(struct seekable_writer *w, size_t n)
{
	w->jobs = calloc(n, sizeof(*w->jobs));
	if (!w->jobs)
		return false;
	w->n_jobs = n;
	for (size_t i = 0; i < n; i++) {
		w->jobs[i].plain = malloc(SEEKABLE_PLAIN_MAX);
		w->jobs[i].frame = malloc(seekable_bound(SEEKABLE_PLAIN_MAX));
		if (!w->jobs[i].plain || !w->jobs[i].frame)
			return false;
	}
	return true;
}

/* Let the threads end: after the last block, or at once on failure. */
static void join_threads(struct seekable_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	w->n_threads = 0;
}

static void release(struct seekable_writer *w)
{
	if (w->out_open)
		outfile_abort(&w->out);
	for (size_t i = 0; i < w->n_jobs; i++) {
		free(w->jobs[i].plain);
		free(w->jobs[i].frame);
	}
	free(w->jobs);
	seekable_table_free(&w->table);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

bool seekable_create(const char *path, bool force, int level,
		     struct seekable_writer **ret, struct err *err)
{
	struct outfile file;

	*ret = NULL;
	return outfile_open(path, force, &file, err) &&
	       seekable_begin(&file, level, ret, err);
}

bool seekable_begin(struct outfile *file, int level,
		    struct seekable_writer **ret, struct err *err)
{
	struct seekable_writer *w = calloc(1, sizeof(*w));
	size_t workers = pool_threads();

	*ret = NULL;
	if (!w) {
		outfile_abort(file);
		return err_nomem(err, "the writer");
	}
	w->out = *file;
	w->out_open = true;
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	w->level = level;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	if (!alloc_jobs(w, 2 * workers + 2)) {
		err_nomem(err, "the writer");
		goto fail;
	}
	if (!start_thread(w, write_frames)) {
		err_set(err, ERR_NOMEM, "could not start a thread");
		goto fail;
	}
	/* One worker is enough to come to an end. */
	for (size_t i = 0; i < workers; i++) {
		if (!start_thread(w, compress_blocks) && i == 0) {
			err_set(err, ERR_NOMEM, "could not start a thread");
			goto fail;
		}
	}
	*ret = w;
	return true;
fail:
	seekable_abort(w);
	return false;
}

/* Hand the block being filled to the workers, and wait for an empty one. */
static bool pass_block(struct seekable_writer *w, struct err *err)
{
	bool ok;

	pthread_mutex_lock(&w->lock);
	job_of(w, w->filled)->n = w->fill;
	w->filled++;
	w->fill = 0;
	pthread_cond_broadcast(&w->changed);
	while (!w->failed && w->filled - w->written >= w->n_jobs)
		pthread_cond_wait(&w->changed, &w->lock);
	ok = !w->failed;
	if (!ok)
		*err = w->err;
	pthread_mutex_unlock(&w->lock);
	return ok;
}

bool seekable_write(struct seekable_writer *w, const void *bytes, size_t n,
		    struct err *err)
{
	const uint8_t *from = bytes;

	while (n > 0) {
		size_t part = SEEKABLE_PLAIN_MAX - w->fill;

		if (part > n)
			part = n;
		memcpy(job_of(w, w->filled)->plain + w->fill, from, part);
		w->fill += part;
		w->plain += part;
		from += part;
		n -= part;
		if (w->fill == SEEKABLE_PLAIN_MAX && !pass_block(w, err))
			return false;
	}
	return true;
}

bool seekable_keep_mode(struct seekable_writer *w, struct err *err)
{
	return outfile_keep_mode(&w->out, err);
}

/* Wait until all that was filled is on its way to the disk. */
static bool drain(struct seekable_writer *w, struct err *err)
{
	bool ok;

	pthread_mutex_lock(&w->lock);
	while (!w->failed && w->written < w->filled)
		pthread_cond_wait(&w->changed, &w->lock);
	ok = !w->failed;
	if (!ok)
		*err = w->err;
	pthread_mutex_unlock(&w->lock);
	return ok;
}

bool seekable_copy(struct seekable_writer *w, const uint8_t *frame,
		   uint32_t size, uint32_t plain_size, uint32_t checksum,
		   struct err *err)
{
	/* The thread that writes has nothing to do then: no lock. */
	if ((w->fill > 0 && !pass_block(w, err)) || !drain(w, err) ||
	    !outfile_write(&w->out, frame, size, err))
		return false;
	w->plain += plain_size;
	return seekable_table_add(&w->table, size, plain_size, checksum) ||
	       err_nomem(err, "the seek table");
}

uint64_t seekable_written(const struct seekable_writer *w)
{
	return w->plain;
}

bool seekable_finish(struct seekable_writer *w, struct err *err)
{
	uint8_t *table = NULL;
	size_t size = 0;
	bool ok = w->fill == 0 || pass_block(w, err);

	join_threads(w);
	if (ok && w->failed) {
		*err = w->err;
		ok = false;
	}
	ok = ok && seekable_table_write(&w->table, &table, &size, err) &&
	     outfile_write(&w->out, table, size, err);
	if (ok) {
		w->out_open = false;
		ok = outfile_commit(&w->out, err);
	}
	free(table);
	release(w);
	return ok;
}

void seekable_abort(struct seekable_writer *w)
{
	struct err err = {0};

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	err_set(&err, ERR_CANCELLED, "given up");
	fail(w, &err);
	pthread_mutex_unlock(&w->lock);
	join_threads(w);
	release(w);
}
