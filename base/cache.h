/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What was expensive to find out, kept on disk for the next run.
 *
 * A cache is a folder, $XDG_CACHE_HOME/holdfast/KIND or, when that is not
 * set, ~/.cache/holdfast/KIND (XDG Base Directory Specification 0.8). Folder
 * and files are for their owner alone. A file appears whole or not at all and
 * is checked when it is read (XXH3), so any number of processes may share the
 * folder; one that is damaged is removed. The total size is bounded: what was
 * not used for longest goes first.
 *
 * Nothing depends on a cache: each failure is a miss, and none is told.
 *
 * A file of cache_put(): "HFCACHE1", u64 XXH3-64 of all that follows, u64 bytes of the tag,
 * u64 bytes of the content, the tag, the content; little-endian.
 */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/outfile.h"

struct cache {
	int folder;		/* descriptor; -1: no cache */
	uint64_t limit;		/* bytes of all files together */
};

/* What cache_get() found; the bytes belong to it. */
struct cache_entry {
	uint8_t *file;		/* owned */
	struct bytes content;	/* borrowed; lives as long as the entry */
};

/**
 * Open the cache of @kind (a literal: "types"). Without a home of the user's
 * own, or with HOLDFAST_NO_CACHE=1 in the environment, there is none: get
 * always misses, and put does nothing.
 *
 * @param ret	Owned by the caller; release with cache_close().
 */
void cache_open(const char *kind, uint64_t limit, struct cache *ret);

void cache_close(struct cache *cache);

/**
 * The content kept as @name (letters, digits and dashes) with the @n bytes of
 * @tag, which tell what it was made from. Counts as a use.
 *
 * @param ret	Owned by the caller; release with cache_entry_free().
 */
bool cache_get(const struct cache *cache, const char *name, const void *tag,
	       size_t n, struct cache_entry *ret);

void cache_entry_free(struct cache_entry *entry);

/**
 * Keep @content as @name with @tag, in place of what was kept so. More than
 * half the limit is not kept.
 */
void cache_put(const struct cache *cache, const char *name, const void *tag,
	       size_t n, struct bytes content);

/*
 * Files of a format of their own, which their reader checks: too large to be
 * read as a whole.
 */

/** Take at most one @part-th of what the disk has free. */
void cache_spare_disk(struct cache *cache, unsigned part);

/**
 * Open the file kept as @name to read it; -1 when there is none. Counts as a
 * use. Only its owner may have written it. It may be replaced and removed
 * while it is open, but does not change.
 */
int cache_open_file(const struct cache *cache, const char *name);

/** Begin a file that will be kept as @name; end with cache_commit() or
 * outfile_abort(). ERR_IO: there is no cache, or it cannot be written. */
bool cache_create(const struct cache *cache, const char *name,
		  struct outfile *ret, struct err *err) MUST_CHECK;

/** Drop what there is no more room for, but not what came last. */
void cache_trim(const struct cache *cache);

/** Keep what was written, then cache_trim(). */
bool cache_commit(const struct cache *cache, struct outfile *of,
		  struct err *err) MUST_CHECK;

/** XXH3-64 of @n bytes, for tags. */
uint64_t cache_sum(const void *bytes, size_t n, uint64_t seed);

/** Forget @name. */
void cache_drop(const struct cache *cache, const char *name);

#endif
