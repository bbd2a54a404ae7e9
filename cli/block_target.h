/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a user means by ADDR or TYPE on the command line.
 */
#ifndef CLI_BLOCK_TARGET_H
#define CLI_BLOCK_TARGET_H

#include "analyze/facts.h"

/** A number as in "0x7f00c0de" or "1234"; false when @text is none. */
bool target_address(const char *text, uint64_t *ret);

/**
 * The block that holds address @text. ERR_FAULT says what lies there instead:
 * a free chunk, a module, a stack, nothing.
 */
bool target_block(const struct facts *facts, const char *text, uint32_t *ret,
		  struct err *err) MUST_CHECK;

/**
 * The blocks that @text names: the one at an address, or all of a type as
 * `types` spells it. Owned by the caller; release with free().
 */
bool target_blocks(const struct facts *facts, const char *text, uint32_t **ret,
		   size_t *n, struct err *err) MUST_CHECK;

#endif
