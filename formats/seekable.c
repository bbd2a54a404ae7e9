/* SPDX-License-Identifier: MIT */
#include "formats/seekable.h"

#include <zstd.h>

#include "base/bytes.h"
#include "formats/unpack.h"

enum {
	SKIPPABLE_MAGIC = 0x184D2A50,	/* and the 15 after it */
	FRAME_MIN = 9,			/* magic, descriptor, size, one block */
};

#define FRAME_MAGIC UINT32_C(0xFD2FB528)

struct seekable_head seekable_frame_head(const uint8_t *at, size_t n)
{
	struct seekable_head head = {0};
	struct bytes b = bytes_of(at, n);
	uint32_t magic = bytes_u32(&b), size;

	if (b.broken)
		return head;
	if ((magic & ~UINT32_C(15)) == SKIPPABLE_MAGIC) {
		size = bytes_u32(&b);
		if (b.broken)
			return head;
		head.kind = FRAME_SKIPPABLE;
		head.size = (uint64_t)size + SEEKABLE_SKIPPABLE_HEADER;
	} else if (magic == FRAME_MAGIC) {
		head.plain_size = ZSTD_getFrameContentSize(at, n);
		if (head.plain_size == ZSTD_CONTENTSIZE_ERROR)
			return head;
		head.kind = FRAME_DATA;
	}
	return head;
}

size_t seekable_frame_size(const uint8_t *at, size_t n)
{
	size_t size = ZSTD_findFrameCompressedSize(at, n);

	return ZSTD_isError(size) ? 0 : size;
}

size_t seekable_bound(size_t plain_size)
{
	return ZSTD_compressBound(plain_size) + SEEKABLE_HEAD_MAX;
}

/* The library's contexts under names of our own. */
struct seekable_encoder {
	ZSTD_CCtx *context;
};

struct seekable_decoder {
	ZSTD_DCtx *context;
};

struct seekable_encoder *seekable_encoder_open(int level)
{
	struct seekable_encoder *encoder = calloc(1, sizeof(*encoder));

	if (!encoder)
		return NULL;
	encoder->context = ZSTD_createCCtx();
	if (!encoder->context ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(encoder->context,
						ZSTD_c_compressionLevel,
						level ? level : SEEKABLE_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(encoder->context,
						ZSTD_c_checksumFlag, 1))) {
		seekable_encoder_close(encoder);
		return NULL;
	}
	return encoder;
}

void seekable_encoder_close(struct seekable_encoder *encoder)
{
	if (encoder)
		ZSTD_freeCCtx(encoder->context);
	free(encoder);
}

size_t seekable_encode(struct seekable_encoder *encoder, uint8_t *to,
		       size_t room, const void *from, size_t n,
		       uint32_t *checksum)
{
	size_t size = ZSTD_compress2(encoder->context, to, room, from, n);

	if (ZSTD_isError(size) || !seekable_checksum(to, size, checksum))
		return 0;
	return size;
}

struct seekable_decoder *seekable_decoder_open(void)
{
	struct seekable_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	decoder->context = ZSTD_createDCtx();
	if (!decoder->context) {
		free(decoder);
		return NULL;
	}
	return decoder;
}

void seekable_decoder_close(struct seekable_decoder *decoder)
{
	if (decoder)
		ZSTD_freeDCtx(decoder->context);
	free(decoder);
}

bool seekable_decode(struct seekable_decoder *decoder, void *to,
		     size_t plain_size, const uint8_t *from, size_t size)
{
	size_t n;

	if (seekable_frame_head(from, size).kind != FRAME_DATA ||
	    seekable_frame_size(from, size) != size)
		return false;
	n = ZSTD_decompressDCtx(decoder->context, to, plain_size, from, size);
	return !ZSTD_isError(n) && n == plain_size;
}

bool seekable_checksum(const uint8_t *from, size_t size, uint32_t *ret)
{
	/* Bit 2 of the frame header descriptor, behind the magic number. */
	if (size < FRAME_MIN || !(from[4] & 4))
		return false;
	memcpy(ret, from + size - 4, 4);
	return true;
}

/* A zstd stream of any shape, decoded front to back. */
struct stream {
	ZSTD_DCtx *context;
	bool whole;		/* between two frames */
};

static void stream_close(void *self)
{
	struct stream *stream = self;

	ZSTD_freeDCtx(stream->context);
	free(stream);
}

static void *stream_open(void)
{
	enum { WINDOW_LOG = 27 };	/* 128 MiB: what `zstd -d` allows */
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->context = ZSTD_createDCtx();
	if (!stream->context ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(stream->context,
						ZSTD_d_windowLogMax,
						WINDOW_LOG))) {
		stream_close(stream);
		return NULL;
	}
	return stream;
}

static bool stream_next(void *self, const uint8_t *from, size_t *n_from,
			uint8_t *to, size_t *n_to, struct err *err)
{
	struct stream *stream = self;
	ZSTD_inBuffer in = { .src = from, .size = *n_from };
	ZSTD_outBuffer out = { .dst = to, .size = *n_to };
	size_t left = ZSTD_decompressStream(stream->context, &out, &in);

	*n_from = in.pos;
	*n_to = out.pos;
	if (ZSTD_isError(left))
		return err_set(err, ERR_FORMAT, "damaged zstd stream: %s",
			       ZSTD_getErrorName(left));
	/* An idle call between frames asks for the next header. */
	if (in.pos > 0 || out.pos > 0)
		stream->whole = left == 0;
	return true;
}

static bool stream_whole(const void *self)
{
	return ((const struct stream *)self)->whole;
}

const struct unpack_ops unpack_zstd = {
	.open = stream_open,
	.next = stream_next,
	.whole = stream_whole,
	.close = stream_close,
};
