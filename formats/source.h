/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Random access to the plain bytes of a file, compressed or not.
 *
 * A source cuts its plain bytes into blocks of at most 1 MiB (for a seekable
 * zstd file: its frames) and keeps a bounded number of them decoded. Blocks
 * are pinned while somebody looks at them; the least recently used unpinned
 * one makes room. Thread-safe: decoding runs outside the lock, and two
 * threads that want one block decode it once. Where blocks of a compressed file
 * are read in order, the next few are decoded beforehand (read_ahead.h).
 *
 * Bytes that are lost (a file cut short, a frame whose checksum fails) read
 * as missing; what is lost is counted in the diagnostics given at opening.
 */
#ifndef FORMATS_SOURCE_H
#define FORMATS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"

enum { SOURCE_BLOCK_MAX = 1 << 20 };

struct source;

/**
 * Open @path: a plain file, a seekable zstd file, or a zstd file of many
 * small frames. A zstd stream without random access is converted once into
 * $XDG_CACHE_HOME/holdfast/converted/ and read from there.
 *
 * @param diag	Borrowed until source_close(); gets what is damaged.
 * @param ret	Owned by the caller; release with source_close().
 */
bool source_open(const char *path, struct diag *diag, struct source **ret,
		 struct err *err) MUST_CHECK;

void source_close(struct source *source);

/** Plain bytes in all, as far as known; lost ones included. */
uint64_t source_size(const struct source *source);

/** What tells this file from others (source_identity.h); 0: not known. */
uint64_t source_identity(const struct source *source);

/** Copy up to @n bytes at @offset; returns how many, stopping at a lost one. */
size_t source_read(struct source *source, uint64_t offset, void *buf, size_t n);

/**
 * Borrow bytes at @offset: *@n is the wish on entry and the grant (within one
 * block) on return. NULL when they are lost or past the end.
 */
const uint8_t *source_pin(struct source *source, uint64_t offset, size_t *n,
			  void **token);
void source_unpin(struct source *source, void *token);

#endif
