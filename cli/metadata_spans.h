/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a capture of pointers must keep for its analysis to find the same
 * blocks: dump/ asks, analyze/ knows.
 */
#ifndef CLI_METADATA_SPANS_H
#define CLI_METADATA_SPANS_H

#include "dump/redact.h"

/**
 * Walk the allocators of @image, whose mappings and memory are there: as
 * metadata all that lies between blocks and free chunks, the allocators' own
 * state, and the sizes of thread stacks. Cost: a walk (see analyze/), 16 bytes
 * a block. @ret is owned by the caller; release with heap_spans_free().
 */
bool metadata_spans(struct image *image, struct heap_spans *ret,
		    struct err *err) MUST_CHECK;

#endif
