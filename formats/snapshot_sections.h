/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The sections that make a core a snapshot, as bytes.
 *
 * Each begins with a u32 version. Texts are a u32 length and that many bytes,
 * without NUL. docs/snapshot-format.md describes every field. Types and
 * variables have their bytes from formats/types_io.h.
 */
#ifndef FORMATS_SNAPSHOT_SECTIONS_H
#define FORMATS_SNAPSHOT_SECTIONS_H

#include "base/bytes.h"
#include "formats/image.h"

enum { SNAPSHOT_VERSION = 1, NOTE_VERSION = 1 };

#define SECTION_META ".holdfast.meta"
#define SECTION_MAPS ".holdfast.maps"
#define SECTION_MODULES ".holdfast.modules"
#define SECTION_SYMBOLS ".holdfast.symbols"
#define SECTION_TYPES ".holdfast.types"
#define SECTION_VARS ".holdfast.vars"
#define SECTION_SLOTS ".holdfast.slots"
#define SECTION_REDACTED ".holdfast.redacted"
#define SECTION_PREFIX ".holdfast."

/* Bytes being written. A failed append marks the whole as failed. */
struct blob {
	VEC(uint8_t) bytes;
	bool failed;
};

void blob_bytes(struct blob *blob, const void *bytes, size_t n);
void blob_u32(struct blob *blob, uint32_t value);
void blob_u64(struct blob *blob, uint64_t value);
void blob_text(struct blob *blob, const char *text);
void blob_free(struct blob *blob);

/** Read the version that a section begins with; false when it is not ours. */
bool section_version(struct bytes *b, const char *what, struct err *err)
	MUST_CHECK;

/**
 * @n, when there is room for that many records of @size bytes or more; else 0,
 * and the cursor is broken.
 */
uint64_t section_count(struct bytes *b, uint64_t n, size_t size);

/** A text, in the image's arena; "" and a broken cursor when it is cut. */
const char *section_text(struct bytes *b, struct image *image);

/** Append a section. @runs: with the page runs, which the note leaves out. */
void meta_write(const struct image *image, struct blob *blob);
void maps_write(const struct image *image, bool runs, struct blob *blob);
void modules_write(const struct image *image, struct blob *blob);
void redacted_write(const struct image *image, struct blob *blob);
bool symbols_write(const struct image *image, struct blob *blob,
		   struct err *err) MUST_CHECK;

/**
 * Read a section into @image; texts go to its arena. On failure what was
 * there before stays as it was.
 */
bool meta_read(struct bytes b, struct image *image, struct err *err)
	MUST_CHECK;
bool maps_read(struct bytes b, struct image *image, struct err *err)
	MUST_CHECK;
bool modules_read(struct bytes b, struct image *image, struct err *err)
	MUST_CHECK;
bool redacted_read(struct bytes b, struct image *image, struct err *err)
	MUST_CHECK;
bool symbols_read(struct bytes b, struct image *image, struct err *err)
	MUST_CHECK;

#endif
