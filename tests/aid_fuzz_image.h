/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the fuzz targets of cores and snapshots share: valid files to start
 * from, edits, and a look at every corner of what was opened.
 */
#ifndef TESTS_AID_FUZZ_IMAGE_H
#define TESTS_AID_FUZZ_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_base {
	uint8_t *bytes;		/* owned */
	size_t n;
};

/** A core, a snapshot, and the plain bytes of that snapshot. */
struct fuzz_base fuzz_base_core(void);
struct fuzz_base fuzz_base_snapshot(void);
struct fuzz_base fuzz_base_plain(void);

/**
 * Open @base with the edits in @data applied - each is u24 offset, u8 size and
 * that many bytes; size 0 cuts the file there - and look at what comes out.
 */
void fuzz_edited(const struct fuzz_base *base, const uint8_t *data, size_t n);

/** Open @n bytes as they are. */
void fuzz_raw(const uint8_t *data, size_t n);

#endif
