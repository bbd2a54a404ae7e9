/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Index files in memory: written from facts, changed, and read again.
 */
#ifndef TESTS_AID_INDEX_FILE_H
#define TESTS_AID_INDEX_FILE_H

#include "analyze/heap_index_file.h"

/* All-zero is empty. */
struct index_file {
	uint8_t *bytes;		/* owned; release with free() */
	size_t size;
	struct index_layout layout;	/* places are not to be used */
};

extern const struct index_key made_index_key;

/** The index of @facts under made_index_key. Failure ends the program. */
void make_index_file(struct facts *facts, struct index_file *ret);

/**
 * Give @bytes the sums that its columns have now, so that only their content
 * is wrong. False when its trailer does not say how large it is.
 */
bool sign_index_file(uint8_t *bytes, size_t size);

/** index_read() of @bytes, into @facts with an open image and no more. */
bool read_index_file(const uint8_t *bytes, size_t size, struct facts *facts,
		     struct index_mapping *ret, struct err *err) MUST_CHECK;

#endif
