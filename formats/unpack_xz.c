/* SPDX-License-Identifier: MIT */
#include <lzma.h>
#include <stdlib.h>

#include "formats/unpack.h"

#define XZ_MEMORY_MAX (UINT64_C(1) << 30)	/* bytes; `xz -9` takes 65 MiB */

struct xz {
	lzma_stream stream;
	bool whole;
};

static void *xz_open(void)
{
	struct xz *xz = calloc(1, sizeof(*xz));

	/* Without LZMA_CONCATENATED: the end of each stream is then known. */
	if (xz && lzma_stream_decoder(&xz->stream, XZ_MEMORY_MAX, 0) !=
	    LZMA_OK) {
		free(xz);
		return NULL;
	}
	return xz;
}

static bool xz_next(void *self, const uint8_t *from, size_t *n_from,
		    uint8_t *to, size_t *n_to, struct err *err)
{
	struct xz *xz = self;
	lzma_stream *s = &xz->stream;
	size_t in = *n_from, out = *n_to;
	lzma_ret status;

	if (xz->whole && in > 0) {
		if (lzma_stream_decoder(s, XZ_MEMORY_MAX, 0) != LZMA_OK)
			return err_nomem(err, "the xz decoder");
		xz->whole = false;
	}
	s->next_in = from;
	s->avail_in = in;
	s->next_out = to;
	s->avail_out = out;
	status = lzma_code(s, LZMA_RUN);
	*n_from = in - s->avail_in;
	*n_to = out - s->avail_out;
	if (status == LZMA_STREAM_END)
		xz->whole = true;
	else if (status != LZMA_OK && status != LZMA_BUF_ERROR)
		return err_set(err, ERR_FORMAT, "damaged xz stream");
	return true;
}

static bool xz_whole(const void *self)
{
	return ((const struct xz *)self)->whole;
}

static void xz_close(void *self)
{
	struct xz *xz = self;

	lzma_end(&xz->stream);
	free(xz);
}

const struct unpack_ops unpack_xz = {
	.open = xz_open,
	.next = xz_next,
	.whole = xz_whole,
	.close = xz_close,
};
