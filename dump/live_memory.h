/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Memory of a process that exists, through /proc/PID/mem.
 *
 * A process is read in two ways. live_copy() follows a plan, in 1 MiB pieces,
 * into a queue; what does not change is left to the queue's other end. live_memory_ops answer for image_read() while the snapshot is
 * made; they only see ranges that are captured, so that nothing else is
 * touched, and read nothing once the process is gone. Which process it is
 * (the target while it is stopped, or a frozen copy of it) is the caller's.
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

/**
 * Copy the live pieces of @plan (see piece_is_live()) into @queue, one after
 * the other. Bytes that cannot be read are zeros and counted in @diag, with
 * their place. Fails when cancelled, and when the queue was closed (with
 * err->code left at ERR_NONE).
 */
bool live_copy(const struct image *image, const struct plan *plan,
	       struct piece_queue *queue, struct diag *diag, struct err *err)
	MUST_CHECK;

/** Read bytes of a file or object; what is missing is zeros and counted. */
void live_read_file(const struct piece *piece, uint64_t addr, uint8_t *buf,
		    size_t n, struct diag *diag);

#endif
