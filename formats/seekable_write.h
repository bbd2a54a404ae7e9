/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Writing a seekable zstd file with all processors.
 *
 * A pipeline: the caller fills blocks of 1 MiB, workers compress them, one
 * thread writes the frames in order. Caller, workers and disk overlap, and
 * the bytes written depend on the input and the level alone. Memory is
 * bounded: about 4 MiB for each worker, and at most 16 workers.
 *
 * The file appears under its name only when seekable_finish() succeeds.
 */
#ifndef FORMATS_SEEKABLE_WRITE_H
#define FORMATS_SEEKABLE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/outfile.h"

struct seekable_writer;

/**
 * Begin the file @path ("-" is standard output); an existing one is replaced
 * only with @force. @level 0 takes the default.
 *
 * @param ret	Owned by the caller; released by seekable_finish() or
 *		seekable_abort().
 */
bool seekable_create(const char *path, bool force, int level,
		     struct seekable_writer **ret, struct err *err) MUST_CHECK;

/** As seekable_create(), into @file, which is moved: also where this fails. */
bool seekable_begin(struct outfile *file, int level,
		    struct seekable_writer **ret, struct err *err) MUST_CHECK;

/** Give the file owner and mode of the one that it replaces. */
bool seekable_keep_mode(struct seekable_writer *writer, struct err *err)
	MUST_CHECK;

/**
 * Append a frame of another seekable file as it is: @size compressed bytes at
 * @frame, that stand for @plain_size plain ones. They are not looked at. What
 * was written before ends its frame.
 */
bool seekable_copy(struct seekable_writer *writer, const uint8_t *frame,
		   uint32_t size, uint32_t plain_size, uint32_t checksum,
		   struct err *err) MUST_CHECK;

/** Append @n plain bytes. Blocks while all workers are busy. */
bool seekable_write(struct seekable_writer *writer, const void *bytes,
		    size_t n, struct err *err) MUST_CHECK;

/** Plain bytes written so far. */
uint64_t seekable_written(const struct seekable_writer *writer);

/** Write what is left and the seek table, sync, give the file its name. */
bool seekable_finish(struct seekable_writer *writer, struct err *err)
	MUST_CHECK;

/** Give up; nothing is left on disk. Accepts NULL. */
void seekable_abort(struct seekable_writer *writer);

#endif
