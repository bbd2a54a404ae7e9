/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Zstandard frames and the seekable zstd format.
 *
 * A seekable file is a row of independent frames and, at its end, a skippable
 * frame with the seek table: for each frame its compressed size, its plain
 * size and the low half of the XXH64 of its plain bytes. All numbers are
 * little-endian. Any zstd decoder reads such a file as one stream.
 *
 *     entry   u32 compressed size, u32 plain size [, u32 checksum]
 *     footer  u32 number of frames, u8 descriptor (bit 7: checksums),
 *             u32 0x8F92EAB1
 *
 * Sources: RFC 8878 (frames), zstd contrib/seekable_format,
 * zstd_seekable_compression_format.md version 0.1.0 (the table).
 *
 * Our frames hold at most 1 MiB of plain bytes, know their plain size and end
 * in a checksum. Only formats/seekable.c knows the zstd library; the table is in
 * formats/seekable_table.c.
 */
#ifndef FORMATS_SEEKABLE_H
#define FORMATS_SEEKABLE_H

#include <stddef.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/vec.h"

enum {
	SEEKABLE_PLAIN_MAX = 1 << 20,	/* plain bytes of a frame */
	SEEKABLE_FRAME_MAX = 2 << 20,	/* compressed, with room to spare */
	SEEKABLE_LEVEL = 1,	/* on heaps as small as 3, in half the time */
	SEEKABLE_HEAD_MAX = 18,		/* bytes of the longest frame header */
	SEEKABLE_SKIPPABLE_HEADER = 8,
};

struct seekable_frame {
	uint64_t offset;	/* in the file */
	uint64_t plain;		/* offset of its first plain byte */
	uint32_t size;		/* compressed bytes */
	uint32_t plain_size;
	uint32_t checksum;	/* valid when the table has checksums */
};

/* The frames of a file, in order, without gaps in the plain bytes. */
struct seekable_table {
	VEC(struct seekable_frame) frames;
	uint64_t plain_size;	/* bytes in all */
	bool checksums;
};

/** Append a frame that follows the last one. False on no memory. */
bool seekable_table_add(struct seekable_table *table, uint32_t size,
			uint32_t plain_size, uint32_t checksum);

/**
 * The bytes of the seek table for @table, skippable frame header included.
 * *@ret is owned by the caller; release with free().
 */
bool seekable_table_write(const struct seekable_table *table, uint8_t **ret,
			  size_t *ret_size, struct err *err) MUST_CHECK;

void seekable_table_free(struct seekable_table *table);

enum seekable_kind {
	SEEKABLE_TABLE,		/* random access is possible */
	SEEKABLE_STREAM,	/* zstd, but its frames are too large for that */
	SEEKABLE_NOT_ZSTD,
};

/**
 * Find the frames of file @fd of @size bytes: by its seek table or, when that
 * is missing or contradicts the file, by walking from frame to frame. What is
 * damaged is counted in @diag. A walk reads the whole file once.
 *
 * @param ret	Owned by the caller; release with seekable_table_free().
 */
bool seekable_open(int fd, uint64_t size, struct diag *diag,
		   enum seekable_kind *ret_kind, struct seekable_table *ret,
		   struct err *err) MUST_CHECK;

/* What the first bytes of a frame say. */
enum seekable_frame_kind { FRAME_BAD, FRAME_DATA, FRAME_SKIPPABLE };

struct seekable_head {
	enum seekable_frame_kind kind;
	uint64_t size;		/* FRAME_SKIPPABLE: bytes in all */
	uint64_t plain_size;	/* FRAME_DATA; UINT64_MAX is unknown */
};

/** Read a frame header from @n bytes; SEEKABLE_HEAD_MAX suffice. */
struct seekable_head seekable_frame_head(const uint8_t *at, size_t n);

/** The size of the whole frame at @at; 0 when it is damaged or not whole. */
size_t seekable_frame_size(const uint8_t *at, size_t n);

/** The largest frame that @plain_size bytes can become. */
size_t seekable_bound(size_t plain_size);

/* Compresses one frame at a time; belongs to one thread. */
struct seekable_encoder;

struct seekable_encoder *seekable_encoder_open(int level);
void seekable_encoder_close(struct seekable_encoder *encoder);

/**
 * Compress @n bytes (<= SEEKABLE_PLAIN_MAX) into a frame at @to, which has
 * room for seekable_bound(@n). Returns its size, 0 on failure; *@checksum is
 * what the table records.
 */
size_t seekable_encode(struct seekable_encoder *encoder, uint8_t *to,
		       size_t room, const void *from, size_t n,
		       uint32_t *checksum);

/* Decompresses one frame at a time; belongs to one thread at a time. */
struct seekable_decoder;

struct seekable_decoder *seekable_decoder_open(void);
void seekable_decoder_close(struct seekable_decoder *decoder);

/**
 * Decompress the frame at @from to exactly @plain_size bytes at @to, checking
 * the checksum that it carries. False when anything is wrong with it.
 */
bool seekable_decode(struct seekable_decoder *decoder, void *to,
		     size_t plain_size, const uint8_t *from, size_t size);

/**
 * The checksum that the frame at @from carries, after a successful
 * seekable_decode(); false when it carries none.
 */
bool seekable_checksum(const uint8_t *from, size_t size, uint32_t *ret);

#endif
