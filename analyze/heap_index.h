/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The results of an analysis, kept for the next time that the same file is
 * opened: blocks, types, references, leaks, dominators and summaries.
 *
 * An index is one file in $XDG_CACHE_HOME/holdfast/index/ (base/cache.h): for
 * its owner alone, written whole or not at all, the least recently used ones
 * dropped when they take too much room. It is mapped, and the columns of
 * struct heap, leaks and dominators then point into the mapping: what nobody
 * looks at is never read into this process. What it holds is described in
 * heap_index_file.h.
 *
 * It belongs to one file, one program and one set of types: the key follows
 * from the identity of the file (formats/source_identity.h), the bytes of
 * this program, and, for a core, from the modules, symbols, types and frames
 * that were found for it on this machine. Where another key stands, or a
 * byte is not what it was, the index is dropped and the analysis done again.
 * So results are the same to the byte with and without it.
 *
 * That holds for a file whose bytes are what its seek table says. Damage to a
 * frame after an index was kept is told by whoever reads the frame.
 *
 * No index is kept of a file that turned out to be damaged while it was read
 * (each look must tell of that again), and none of one that is analysed in a
 * blink, unless HOLDFAST_INDEX=always. HOLDFAST_INDEX=never does without.
 *
 * Cost: opening reads the whole index once to check it, at some 4 GB/s a core
 * from the page cache, and decodes the types, about 1 us each; some 90 bytes a
 * block on disk.
 */
#ifndef ANALYZE_HEAP_INDEX_H
#define ANALYZE_HEAP_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct facts;
struct heap_index;

/**
 * Fill heap, leaks, dominators and summaries of @facts, whose image is open and
 * whose other parts are all-zero, from the index of its file. False: there is
 * none, and @facts is as it was.
 */
bool heap_index_load(struct facts *facts);

/** Is an analysis that takes @took_ns to be kept? After heap_index_load(). */
bool heap_index_is_wanted(const struct facts *facts, uint64_t took_ns);

/**
 * Keep @facts, with all summaries: writing begins in a thread of its own and
 * is over by heap_index_finish(). Till then @facts must not change.
 */
void heap_index_keep(struct facts *facts);

/** Do the columns of @facts lie in an index? */
bool heap_index_used(const struct facts *facts);

/** Wait until it is written. False: it could not be; a reason to tell, no
 * more. */
bool heap_index_finish(struct facts *facts, struct err *err) MUST_CHECK;

/**
 * Finish and release the index of @facts: what points into the mapping is
 * null afterwards. Nothing when it has none.
 */
void heap_index_close(struct facts *facts);

#endif
