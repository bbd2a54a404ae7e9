/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Memory for large tables: columns of a heap, rows of a graph.
 *
 * Tables of a few MiB and more are mappings of their own, aligned to huge
 * pages and asked to be in them (madvise(2), MADV_HUGEPAGE). They are written
 * once and then read in random order: in pages of 4 KiB the first costs a
 * fault for each page, and the second a walk through the page tables for most
 * reads. Measured on 10 M blocks: a third of the faults are left, and random
 * look-ups take a sixth less time.
 *
 * When all large tables together would take more than half the memory, the
 * next one is a mapping of a file without a name, in $TMPDIR or /var/tmp, of
 * which the kernel can write pages to the disk and drop them. So a heap whose
 * tables are larger than the memory is analysed slowly, and not killed. The
 * disk's space is taken beforehand; where there is none, the table is like all
 * others.
 *
 * Smaller tables come from malloc(), and bulk_free() also takes what did.
 * Functions may be called from any thread.
 */
#ifndef BASE_BULK_H
#define BASE_BULK_H

#include <stddef.h>
#include <stdint.h>

/** @n elements of @size bytes, all zero; NULL when memory is exhausted.
 * Release with bulk_free(). */
void *bulk_alloc(size_t n, size_t size);

/**
 * Make @table (of bulk_alloc() or bulk_resize(); NULL is an empty one) have
 * room for @n elements of @size bytes. It may move; what it held stays, the
 * rest is zero if the table is large and anything if it is not. NULL when
 * memory is exhausted: @table is as it was. To less than it was: gives back
 * what is behind, and does not fail.
 */
void *bulk_resize(void *table, size_t n, size_t size);

/** Release @table; NULL is none. */
void bulk_free(void *table);

/** Where to learn how many bytes of memory this process may use, at the first
 * large table; else half the memory is half of the machine's. */
void bulk_limit_by(uint64_t (*memory_limit)(void));

#endif
