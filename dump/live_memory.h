/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Memory of a process that exists, through /proc/PID/mem.
 *
 * A process is read in two ways. live_copy() follows a plan, in 1 MiB pieces,
 * into a queue; what does not change is left to the queue's other end.
 * live_memory_ops answer for image_read() while the snapshot is made; they
 * only see ranges that are captured, so that nothing else is touched, and
 * read nothing once the process is gone.
 *
 * Which process it is changes on the way: the target while it is held, then a
 * frozen copy of it, if there is one, and if that has to go, the target again.
 */
#ifndef DUMP_LIVE_MEMORY_H
#define DUMP_LIVE_MEMORY_H

#include "dump/piece_queue.h"
#include "dump/ranges.h"
#include "formats/image.h"

/** Open /proc/@pid/mem and attach it to @image, which owns it from then on:
 * image_close() releases it. */
bool live_memory_attach(uint32_t pid, struct image *image, struct err *err)
	MUST_CHECK;

/** The same with a descriptor of /proc/PID/mem, which it takes over in any
 * case. */
bool live_memory_adopt(int mem, struct image *image, struct err *err)
	MUST_CHECK;

/**
 * Set the pieces aside that @plan wants copied while the process is held,
 * into memory of our own (IN_PAUSE_MAX at most). Another plan may follow, of
 * which pieces that are in_pause are sought among these.
 */
bool live_memory_keep(struct image *image, const struct plan *plan,
		      struct diag *diag, struct err *err) MUST_CHECK;

/** From here on read @mem, of a frozen copy, but for pieces that a copy does
 * not have. Takes it over. */
void live_memory_use_copy(struct image *image, int mem);

/** The copy is gone: read @mem, of the target that is held again. Takes it
 * over. Others may be reading. */
void live_memory_use_target(struct image *image, int mem);

/** The copy is about to go: whoever still reads, reads of the target as it
 * runs. */
void live_memory_use_running(struct image *image);

/**
 * Asked now and then by live_copy(): false, with the reason, ends it, to be
 * called again from where it ended.
 */
typedef bool live_go_on(void *ctx, struct err *why);

/**
 * Copy the live pieces of @plan (see piece_is_live()) into @queue, one after
 * the other. Bytes that cannot be read are zeros and counted in @diag, with
 * their place. Fails when cancelled, when the queue was closed (with
 * err->code left at ERR_NONE), and with ERR_LIMIT when the frozen copy is
 * gone or may not be used further: *@at, which is 0
 * at first, tells where to go on. @go_on may be NULL.
 */
bool live_copy_from(const struct image *image, const struct plan *plan,
		    uint64_t *at, struct piece_queue *queue,
		    live_go_on *go_on, void *ctx, struct diag *diag,
		    struct err *err) MUST_CHECK;

/** From the start, of a process that stays. */
static inline bool live_copy(const struct image *image,
			     const struct plan *plan,
			     struct piece_queue *queue, struct diag *diag,
			     struct err *err)
{
	uint64_t at = 0;

	return live_copy_from(image, plan, &at, queue, NULL, NULL, diag, err);
}

/** Read bytes of a file or object; what is missing is zeros and counted. */
void live_read_file(const struct piece *piece, uint64_t addr, uint8_t *buf,
		    size_t n, struct diag *diag);

#endif
