/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "formats/unpack.h"

enum { GZIP_WINDOW = 15 + 16 };	/* largest window, gzip framing */

struct gzip {
	z_stream stream;
	bool whole;	/* between two members */
};

static void *gzip_open(void)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (gzip && inflateInit2(&gzip->stream, GZIP_WINDOW) != Z_OK) {
		free(gzip);
		return NULL;
	}
	return gzip;
}

static bool gzip_next(void *self, const uint8_t *from, size_t *n_from,
		      uint8_t *to, size_t *n_to, struct err *err)
{
	struct gzip *gzip = self;
	z_stream *z = &gzip->stream;
	unsigned in = *n_from < UINT_MAX ? (unsigned)*n_from : UINT_MAX;
	unsigned out = *n_to < UINT_MAX ? (unsigned)*n_to : UINT_MAX;
	int status;

	/* zlib's interface lacks the const; it does not write here. */
	z->next_in = (Bytef *)(uintptr_t)from;
	z->avail_in = in;
	z->next_out = to;
	z->avail_out = out;
	if (gzip->whole && in > 0 && inflateReset(z) != Z_OK)
		return err_set(err, ERR_FORMAT, "damaged gzip stream");
	if (in > 0)
		gzip->whole = false;
	status = inflate(z, Z_NO_FLUSH);
	*n_from = in - z->avail_in;
	*n_to = out - z->avail_out;
	if (status == Z_STREAM_END)
		gzip->whole = true;
	else if (status != Z_OK && status != Z_BUF_ERROR)
		return err_set(err, ERR_FORMAT, "damaged gzip stream");
	return true;
}

static bool gzip_whole(const void *self)
{
	return ((const struct gzip *)self)->whole;
}

static void gzip_close(void *self)
{
	struct gzip *gzip = self;

	inflateEnd(&gzip->stream);
	free(gzip);
}

const struct unpack_ops unpack_gzip = {
	.open = gzip_open,
	.next = gzip_next,
	.whole = gzip_whole,
	.close = gzip_close,
};
