/* SPDX-License-Identifier: MIT */
#include "dump/plan_write.h"

#include <stdlib.h>

#include "base/progress.h"
#include "dump/live_memory.h"

/* The bytes at the front of the queue. */
struct front {
	struct piece_queue *queue;
	const uint8_t *bytes;
	size_t left;
};

/** The next *@n bytes (a wish on entry) of the queue; NULL at its end. */
static const uint8_t *take(struct front *front, size_t *n)
{
	const uint8_t *at;

	if (front->left == 0) {
		if (front->bytes)
			piece_queue_drop(front->queue);
		front->bytes = piece_queue_first(front->queue, &front->left);
	}
	if (!front->bytes)
		return NULL;
	at = front->bytes;
	if (*n > front->left)
		*n = front->left;
	front->bytes += *n;
	front->left -= *n;
	return at;
}

/* What plan_write() works with. */
struct output {
	struct front front;
	uint8_t *buf;		/* [PIECE_SIZE] */
	uint8_t *zeros;		/* [PIECE_SIZE] */
	struct redactor *redactor;	/* or NULL */
	struct snapshot_writer *writer;
	struct diag *diag;
};

static bool put(struct output *out, uint64_t addr, const uint8_t *bytes,
		size_t n, struct err *err)
{
	if (out->redactor && bytes != out->zeros) {
		if (!redact_memory(out->redactor, addr, bytes, out->buf, n,
				   err))
			return false;
		bytes = out->buf;
	}
	return snapshot_memory(out->writer, bytes, n, err);
}

static bool write_piece(struct output *out, const struct piece *piece,
			struct err *err)
{
	for (uint64_t at = piece->start; at < piece->end;) {
		const uint8_t *bytes = out->zeros;
		size_t n = PIECE_SIZE;

		if (n > piece->end - at)
			n = (size_t)(piece->end - at);
		if (piece_is_live(piece)) {
			bytes = take(&out->front, &n);
		} else if (piece->from == FROM_FILE) {
			live_read_file(piece, at, out->buf, n, out->diag);
			bytes = out->buf;
		}
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (!bytes || !put(out, at, bytes, n, err))
			return false;
		progress_add(n);
		at += n;
	}
	return true;
}

bool plan_write(const struct plan *plan, struct piece_queue *queue,
		struct redactor *redactor, struct snapshot_writer *writer,
		struct diag *diag, struct err *err)
{
	struct output out = {
		.front = { .queue = queue }, .redactor = redactor,
		.writer = writer, .diag = diag,
		.buf = malloc(PIECE_SIZE), .zeros = calloc(1, PIECE_SIZE),
	};
	bool ok = (out.buf && out.zeros) || err_nomem(err, "buffers");

	for (size_t i = 0; ok && i < plan->pieces.len; i++)
		ok = write_piece(&out, &plan->pieces.at[i], err);
	free(out.buf);
	free(out.zeros);
	return ok;
}
