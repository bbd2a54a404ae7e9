/* SPDX-License-Identifier: MIT */
#include "formats/source.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bitset.h"
#include "base/file_read.h"
#include "base/pool.h"
#include "base/sorted.h"
#include "base/vec.h"
#include "formats/read_ahead.h"
#include "formats/seekable.h"
#include "formats/source_convert.h"
#include "formats/source_identity.h"

enum { CACHE_BLOCKS = 32, N_BUCKETS = 128 };

enum slot_state { SLOT_EMPTY, SLOT_LOADING, SLOT_READY, SLOT_LOST };

/* One decoded block. Changes under the lock, but for bytes while LOADING. */
struct slot {
	uint64_t block;
	uint8_t *bytes;		/* [source->block_max] */
	size_t size;		/* valid ones */
	enum slot_state state;
	uint32_t pins;
	uint64_t used;		/* tick of the last use */
	struct slot *next;	/* in its bucket */
};

/* What one thread needs to decode a frame; kept for the next one. */
struct worker {
	struct seekable_decoder *decoder;
	uint8_t *frame;		/* [SEEKABLE_FRAME_MAX] */
};

struct source {
	int fd;
	bool compressed;
	uint64_t size;		/* plain bytes */
	uint64_t n_blocks;
	size_t block_max;	/* bytes of the largest block */
	struct seekable_table table;
	struct bitset told;	/* frames whose damage was counted */
	bool told_short;
	struct diag *diag;	/* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t loaded;
	struct slot *buckets[N_BUCKETS];
	VEC(struct slot *) slots;
	size_t max_slots;
	uint64_t tick;
	VEC(struct worker) idle;
	struct read_ahead ahead;	/* of compressed blocks */
};

static size_t bucket_of(uint64_t block)
{
	return (size_t)(block % N_BUCKETS);
}

static struct slot *slot_find(struct source *source, uint64_t block)
{
	struct slot *slot = source->buckets[bucket_of(block)];

	while (slot && slot->block != block)
		slot = slot->next;
	return slot;
}

static void slot_unlink(struct source *source, struct slot *slot)
{
	struct slot **at = &source->buckets[bucket_of(slot->block)];

	while (*at && *at != slot)
		at = &(*at)->next;
	if (*at)
		*at = slot->next;
	slot->state = SLOT_EMPTY;
}

static struct slot *slot_new(struct source *source)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	slot->bytes = malloc(source->block_max);
	if (!slot->bytes || !vec_push(&source->slots, slot)) {
		free(slot->bytes);
		free(slot);
		return NULL;
	}
	return slot;
}

/*
 * A slot that may be overwritten: the least recently used one that nobody
 * holds. When all are held the cache grows rather than wait for a thread
 * that may be waiting for this one.
 */
static struct slot *slot_victim(struct source *source)
{
	struct slot *victim = NULL;

	if (source->slots.len < source->max_slots) {
		struct slot *slot = slot_new(source);

		if (slot)
			return slot;
	}
	for (size_t i = 0; i < source->slots.len; i++) {
		struct slot *slot = source->slots.at[i];

		if (slot->pins == 0 && (!victim || slot->used < victim->used))
			victim = slot;
	}
	if (!victim)
		return slot_new(source);
	if (victim->state != SLOT_EMPTY)
		slot_unlink(source, victim);
	return victim;
}

static bool worker_take(struct source *source, struct worker *ret)
{
	bool found;

	pthread_mutex_lock(&source->lock);
	found = source->idle.len > 0;
	if (found)
		*ret = vec_pop(&source->idle);
	pthread_mutex_unlock(&source->lock);
	if (found)
		return true;
	ret->decoder = seekable_decoder_open();
	ret->frame = malloc(SEEKABLE_FRAME_MAX);
	return ret->decoder && ret->frame;
}

static void worker_free(struct worker *worker)
{
	seekable_decoder_close(worker->decoder);
	free(worker->frame);
}

static void worker_give(struct source *source, struct worker *worker)
{
	bool kept;

	pthread_mutex_lock(&source->lock);
	kept = worker->decoder && worker->frame &&
	       vec_push(&source->idle, *worker);
	pthread_mutex_unlock(&source->lock);
	if (!kept)
		worker_free(worker);
}

/* The table repeats the checksum of each frame: they must agree. */
static bool checksums_agree(const struct source *source,
			    const struct slot *slot, const uint8_t *bytes)
{
	const struct seekable_frame *frame =
		&source->table.frames.at[slot->block];
	uint32_t checksum;

	return !source->table.checksums ||
	       !seekable_checksum(bytes, frame->size, &checksum) ||
	       checksum == frame->checksum;
}

static void tell_checksums(struct source *source, const struct slot *slot)
{
	const struct seekable_frame *frame =
		&source->table.frames.at[slot->block];

	pthread_mutex_lock(&source->lock);
	if (bitset_insert(&source->told, (size_t)slot->block))
		diag_add_at(source->diag, frame->offset, 1,
			    "seek table checksums contradict their frame");
	pthread_mutex_unlock(&source->lock);
}

/* @tell: count checksums that contradict; else fail. */
static bool load_frame(struct source *source, struct slot *slot, bool tell)
{
	const struct seekable_frame *frame =
		&source->table.frames.at[slot->block];
	struct worker worker = {0};
	bool ok;

	slot->size = frame->plain_size;
	if (frame->plain_size == 0)
		return true;
	if (frame->size > SEEKABLE_FRAME_MAX)
		return false;
	ok = worker_take(source, &worker) &&
	     file_read_at(source->fd, worker.frame, frame->size,
			  frame->offset) == frame->size &&
	     seekable_decode(worker.decoder, slot->bytes, frame->plain_size,
			     worker.frame, frame->size);
	if (ok && !checksums_agree(source, slot, worker.frame)) {
		ok = tell;
		if (tell)
			tell_checksums(source, slot);
	}
	worker_give(source, &worker);
	return ok;
}

static uint64_t block_start(const struct source *source, uint64_t block)
{
	return source->compressed ? source->table.frames.at[block].plain :
	       block * SOURCE_BLOCK_MAX;
}

/* Bytes that the block should have. */
static size_t block_size(const struct source *source, uint64_t block)
{
	uint64_t left;

	if (source->compressed)
		return source->table.frames.at[block].plain_size;
	left = source->size - block * SOURCE_BLOCK_MAX;
	return left < SOURCE_BLOCK_MAX ? (size_t)left : SOURCE_BLOCK_MAX;
}

static bool load_plain(struct source *source, struct slot *slot)
{
	size_t want = block_size(source, slot->block);

	slot->size = file_read_at(source->fd, slot->bytes, want,
				  block_start(source, slot->block));
	return slot->size == want;
}

/* Count a loss once for each place. Called with the lock held. */
static void tell_loss(struct source *source, const struct slot *slot)
{
	uint64_t place = block_start(source, slot->block);

	if (!source->compressed) {
		if (!source->told_short)
			diag_add_at(source->diag, place + slot->size, 1,
				    "the file could not be read to its end");
		source->told_short = true;
	} else if (bitset_insert(&source->told, (size_t)slot->block)) {
		diag_add_at(source->diag, place, 1,
			    "compressed frames are damaged and lost");
	}
}

/* Called with the lock held, which is released while the block is decoded. */
static void slot_load(struct source *source, struct slot *slot)
{
	bool ok;

	pthread_mutex_unlock(&source->lock);
	ok = source->compressed ? load_frame(source, slot, true) :
	     load_plain(source, slot);
	pthread_mutex_lock(&source->lock);
	if (!ok)
		tell_loss(source, slot);
	/* What was read of a plain file before its end is good. */
	if (!ok && source->compressed)
		slot->size = 0;
	slot->state = slot->size > 0 ? SLOT_READY : SLOT_LOST;
	pthread_cond_broadcast(&source->loaded);
}

/* The slot that will have @block, pinned; NULL on no memory. */
static struct slot *slot_begin(struct source *source, uint64_t block)
{
	struct slot *slot = slot_victim(source);

	if (slot) {
		slot->block = block;
		slot->state = SLOT_LOADING;
		slot->pins = 1;
		slot->next = source->buckets[bucket_of(block)];
		source->buckets[bucket_of(block)] = slot;
	}
	return slot;
}

/*
 * Load @block for whoever wants it next; false when it is there, or no memory.
 * What is damaged is left to them: whether a loss is told must not depend on
 * how far was read ahead. Called with the lock held, which is released while
 * the block is decoded.
 */
static bool load_early(struct source *source, uint64_t block)
{
	struct slot *slot;
	bool ok;

	if (block >= source->n_blocks || slot_find(source, block))
		return false;
	slot = slot_begin(source, block);
	if (!slot)
		return false;
	pthread_mutex_unlock(&source->lock);
	ok = load_frame(source, slot, false);
	pthread_mutex_lock(&source->lock);
	if (ok)
		slot->state = slot->size > 0 ? SLOT_READY : SLOT_LOST;
	else
		slot_unlink(source, slot);
	slot->used = ++source->tick;
	slot->pins--;
	pthread_cond_broadcast(&source->loaded);
	return true;
}

static void load_ahead(void *ctx, uint64_t block)
{
	struct source *source = ctx;

	pthread_mutex_lock(&source->lock);
	(void)load_early(source, block);
	pthread_mutex_unlock(&source->lock);
}

/* The slot of @block, pinned and loaded (perhaps lost); NULL on no memory. */
static struct slot *slot_get(struct source *source, uint64_t block)
{
	struct slot *slot;
	bool in_order;

	pthread_mutex_lock(&source->lock);
	in_order = source->compressed &&
		   read_ahead_note(&source->ahead, block);
	/* One that was read ahead and is damaged is gone when it was waited
	 * for. */
	while ((slot = slot_find(source, block)) &&
	       slot->state == SLOT_LOADING) {
		/* Better to decode the next one than to wait. */
		if (!in_order || !load_early(source, block + 1))
			pthread_cond_wait(&source->loaded, &source->lock);
	}
	if (slot) {
		slot->pins++;
	} else {
		slot = slot_begin(source, block);
		if (slot)
			slot_load(source, slot);
	}
	if (slot)
		slot->used = ++source->tick;
	pthread_mutex_unlock(&source->lock);
	return slot;
}

static void slot_put(struct source *source, struct slot *slot)
{
	pthread_mutex_lock(&source->lock);
	slot->pins--;
	pthread_mutex_unlock(&source->lock);
}

/* The last block that starts at or before @offset and is not empty. */
static uint64_t block_at(const struct source *source, uint64_t offset)
{
	const struct seekable_frame *frames = source->table.frames.at;
	size_t i;

	if (!source->compressed)
		return offset / SOURCE_BLOCK_MAX;
	sorted_skip(i, 0, source->table.frames.len, frames[i].plain <= offset);
	return i > 0 ? i - 1 : 0;
}

const uint8_t *source_pin(struct source *source, uint64_t offset, size_t *n,
			  void **token)
{
	struct slot *slot;
	uint64_t block, skip;

	*token = NULL;
	if (offset >= source->size || *n == 0)
		return NULL;
	block = block_at(source, offset);
	skip = offset - block_start(source, block);
	slot = slot_get(source, block);
	if (!slot)
		return NULL;
	if (skip >= slot->size) {
		slot_put(source, slot);
		return NULL;
	}
	if (*n > slot->size - skip)
		*n = slot->size - (size_t)skip;
	*token = slot;
	return slot->bytes + skip;
}

void source_unpin(struct source *source, void *token)
{
	if (token)
		slot_put(source, token);
}

size_t source_read(struct source *source, uint64_t offset, void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t part = n - done;
		void *token;
		const uint8_t *at = source_pin(source, offset + done, &part,
					       &token);

		if (!at)
			break;
		memcpy((char *)buf + done, at, part);
		source_unpin(source, token);
		done += part;
	}
	return done;
}

uint64_t source_size(const struct source *source)
{
	return source->size;
}

uint64_t source_identity(const struct source *source)
{
	struct err ignored = {0};
	uint64_t sum = 0, size;

	if (source->compressed && source->table.checksums)
		return table_identity(&source->table);
	return file_identity(source->fd, &sum, &size, &ignored) ? sum : 0;
}

static bool open_file(const char *path, int *ret_fd, struct stat *ret_stat,
		      struct err *err)
{
	/* O_NONBLOCK: a named pipe without a writer must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*ret_fd = -1;
	if (fd < 0)
		return err_errno(err, "%s", path);
	if (fstat(fd, ret_stat) != 0) {
		err_errno(err, "%s", path);
	} else if (!S_ISREG(ret_stat->st_mode)) {
		err_set(err, ERR_UNSUPPORTED, "%s: expected a file, found %s",
			path, S_ISDIR(ret_stat->st_mode) ? "a directory" :
			S_ISFIFO(ret_stat->st_mode) ? "a pipe" : "a device");
	} else {
		*ret_fd = fd;
		return true;
	}
	close(fd);
	return false;
}

/* Find out how the bytes of source->fd are packed. */
static bool source_find(struct source *source, const char *path, uint64_t size,
			bool converted, struct err *err)
{
	enum seekable_kind kind;
	struct stat st;
	int fd;

	if (!seekable_open(source->fd, size, source->diag, &kind,
			   &source->table, err))
		return false;
	if (kind == SEEKABLE_TABLE) {
		source->compressed = true;
		source->size = source->table.plain_size;
		source->n_blocks = source->table.frames.len;
		return true;
	}
	if (kind == SEEKABLE_NOT_ZSTD && !source_convertible(source->fd)) {
		source->size = size;
		source->n_blocks = pool_chunks(size, SOURCE_BLOCK_MAX);
		return true;
	}
	if (converted)
		return err_set(err, ERR_FORMAT,
			       "the converted copy in the cache is damaged");
	if (!source_convert(source->fd, path, source->diag, &fd, err))
		return false;
	close(source->fd);
	source->fd = fd;
	if (fstat(fd, &st) != 0)
		return err_errno(err, "%s", path);
	return source_find(source, path, (uint64_t)st.st_size, true, err);
}

bool source_open(const char *path, struct diag *diag, struct source **ret,
		 struct err *err)
{
	struct source *source = calloc(1, sizeof(*source));
	struct stat st;

	*ret = NULL;
	if (!source)
		return err_nomem(err, "a file");
	source->diag = diag;
	source->max_slots = 2 * (size_t)pool_threads();
	if (source->max_slots < CACHE_BLOCKS)
		source->max_slots = CACHE_BLOCKS;
	pthread_mutex_init(&source->lock, NULL);
	pthread_cond_init(&source->loaded, NULL);
	if (!open_file(path, &source->fd, &st, err) ||
	    !source_find(source, path, (uint64_t)st.st_size, false, err) ||
	    (source->compressed &&
	     !bitset_init(&source->told, (size_t)source->n_blocks) &&
	     !err_nomem(err, "the frame table"))) {
		source_close(source);
		return false;
	}
	source->block_max = source->size < SOURCE_BLOCK_MAX ?
			    (size_t)source->size + 1 : SOURCE_BLOCK_MAX;
	read_ahead_init(&source->ahead, source->n_blocks, load_ahead, source);
	*ret = source;
	return true;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	read_ahead_stop(&source->ahead);
	for (size_t i = 0; i < source->slots.len; i++) {
		free(source->slots.at[i]->bytes);
		free(source->slots.at[i]);
	}
	for (size_t i = 0; i < source->idle.len; i++)
		worker_free(&source->idle.at[i]);
	vec_free(&source->slots);
	vec_free(&source->idle);
	seekable_table_free(&source->table);
	bitset_free(&source->told);
	pthread_cond_destroy(&source->loaded);
	pthread_mutex_destroy(&source->lock);
	if (source->fd >= 0)
		close(source->fd);
	free(source);
}
