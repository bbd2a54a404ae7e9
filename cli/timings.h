/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What an analysis costs, phase by phase: for `info --timings`.
 *
 * The phases are those of base/progress.h; what runs between two of them is
 * counted as "between". Anonymous memory is what is resident and no page of a
 * file (/proc/self/statm): tables, and not the file that is analysed. A thread
 * looks at it every few milliseconds, and its highest value stands beside the
 * phase in which it was seen.
 */
#ifndef CLI_TIMINGS_H
#define CLI_TIMINGS_H

#include <stdint.h>

/** Begin to measure; takes the place of the line of progress. */
void timings_begin(void);

/** Stop, and print a line for each phase in the order of their beginnings,
 * and one for the whole, on stderr; blocks and references to set it against. */
void timings_end(uint64_t blocks, uint64_t references);

#endif
