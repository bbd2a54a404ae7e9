/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"
#include "base/file_read.h"
#include "formats/seekable.h"

enum {
	TABLE_MAGIC = 0x184D2A5E,	/* skippable frame 14 */
	FOOTER_SIZE = 9,
	DESCRIPTOR_CHECKSUMS = 0x80,
	DESCRIPTOR_RESERVED = 0x7c,
	WALK_BUFFER = 4 << 20,
};

#define FOOTER_MAGIC UINT32_C(0x8F92EAB1)

bool seekable_table_add(struct seekable_table *table, uint32_t size,
			uint32_t plain_size, uint32_t checksum)
{
	struct seekable_frame frame = {
		.plain = table->plain_size,
		.size = size,
		.plain_size = plain_size,
		.checksum = checksum,
	};

	if (table->frames.len > 0) {
		const struct seekable_frame *last =
			&table->frames.at[table->frames.len - 1];

		frame.offset = last->offset + last->size;
	}
	if (!vec_push(&table->frames, frame))
		return false;
	table->plain_size += plain_size;
	return true;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

bool seekable_table_write(const struct seekable_table *table, uint8_t **ret,
			  size_t *ret_size, struct err *err)
{
	size_t entries = table->frames.len * 12;
	size_t size = SEEKABLE_SKIPPABLE_HEADER + entries + FOOTER_SIZE;
	uint8_t *at;

	*ret = NULL;
	if (entries > UINT32_MAX - FOOTER_SIZE)
		return err_set(err, ERR_LIMIT, "too many frames: %zu",
			       table->frames.len);
	at = malloc(size);
	if (!at)
		return err_nomem(err, "the seek table");
	*ret = at;
	*ret_size = size;
	at = put_u32(at, TABLE_MAGIC);
	at = put_u32(at, (uint32_t)(entries + FOOTER_SIZE));
	for (size_t i = 0; i < table->frames.len; i++) {
		at = put_u32(at, table->frames.at[i].size);
		at = put_u32(at, table->frames.at[i].plain_size);
		at = put_u32(at, table->frames.at[i].checksum);
	}
	at = put_u32(at, (uint32_t)table->frames.len);
	*at++ = DESCRIPTOR_CHECKSUMS;
	put_u32(at, FOOTER_MAGIC);
	return true;
}

void seekable_table_free(struct seekable_table *table)
{
	vec_free(&table->frames);
	*table = (struct seekable_table){0};
}

/* A file read in large steps, for the walk. */
struct walk {
	int fd;
	uint64_t size, pos;	/* of the file; of the next frame */
	uint8_t *buffer;	/* [WALK_BUFFER] holds [start, end) */
	uint64_t start, end;
};

/* Bytes at the walk's position: at least @need, unless the file ends. */
static const uint8_t *walk_look(struct walk *w, size_t need, size_t *n)
{
	if (w->pos < w->start || w->pos > w->end ||
	    (w->end - w->pos < need && w->end < w->size)) {
		w->start = w->pos;
		w->end = w->start + file_read_at(w->fd, w->buffer, WALK_BUFFER,
						 w->start);
		if (w->end - w->start < WALK_BUFFER)
			w->size = w->end;
	}
	*n = (size_t)(w->end - w->pos);
	return w->buffer + (w->pos - w->start);
}

enum walk_step { WALK_ON, WALK_END, WALK_LOST, WALK_STREAM, WALK_NOMEM };

static enum walk_step walk_frame(struct walk *w, struct seekable_table *table)
{
	size_t n, size;
	const uint8_t *at = walk_look(w, SEEKABLE_FRAME_MAX, &n);
	struct seekable_head head;

	if (n == 0)
		return WALK_END;
	head = seekable_frame_head(at, n);
	if (head.kind == FRAME_BAD)
		return WALK_LOST;
	if (head.kind == FRAME_SKIPPABLE) {
		if (head.size > w->size - w->pos)
			return WALK_LOST;
		w->pos += head.size;
		return WALK_ON;
	}
	if (head.plain_size > SEEKABLE_PLAIN_MAX)
		return WALK_STREAM;
	size = seekable_frame_size(at, n);
	/* Cut or damaged; what a first one still holds, a stream decoder gives. */
	if (size == 0)
		return n > SEEKABLE_FRAME_MAX || table->frames.len == 0 ?
		       WALK_STREAM : WALK_LOST;
	if (size > SEEKABLE_FRAME_MAX)
		return WALK_STREAM;
	if (!seekable_table_add(table, (uint32_t)size,
				(uint32_t)head.plain_size, 0))
		return WALK_NOMEM;
	table->frames.at[table->frames.len - 1].offset = w->pos;
	w->pos += size;
	return WALK_ON;
}

/* Walk from frame to frame; says where the frames end in w->pos. */
static bool walk_file(int fd, uint64_t size, struct diag *diag,
		      enum seekable_kind *ret_kind,
		      struct seekable_table *ret, struct err *err)
{
	struct walk w = { .fd = fd, .size = size };
	enum walk_step step = WALK_ON;

	w.buffer = malloc(WALK_BUFFER);
	if (!w.buffer)
		return err_nomem(err, "walking the frames");
	while (step == WALK_ON)
		step = walk_frame(&w, ret);
	free(w.buffer);
	if (step == WALK_NOMEM)
		return err_nomem(err, "the frame table");
	if (step == WALK_LOST && w.pos < size)
		diag_add_at(diag, w.pos, size - w.pos,
			    "compressed bytes behind the last whole frame "
			    "are lost");
	/* A damaged header looks like a large frame: trust what went before. */
	if (step == WALK_STREAM && ret->frames.len == 0)
		*ret_kind = SEEKABLE_STREAM;
	else if (step == WALK_STREAM)
		diag_add_at(diag, w.pos, size - w.pos,
			    "compressed bytes from an oversized frame on "
			    "are lost");
	return true;
}

/* Read the seek table as it stands; false when it contradicts itself. */
static bool table_parse(struct bytes b, uint64_t table_start, uint32_t n,
			bool checksums, struct seekable_table *ret)
{
	ret->checksums = checksums;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t size = bytes_u32(&b), plain_size = bytes_u32(&b);
		uint32_t checksum = checksums ? bytes_u32(&b) : 0;

		if (b.broken || size < SEEKABLE_SKIPPABLE_HEADER ||
		    !seekable_table_add(ret, size, plain_size, checksum))
			return false;
	}
	if (ret->frames.len == 0)
		return table_start == 0;
	return ret->frames.at[n - 1].offset + ret->frames.at[n - 1].size ==
	       table_start;
}

/* Find and read the seek table at the end of the file. */
static bool table_read(int fd, uint64_t size, struct seekable_table *ret)
{
	uint8_t footer[FOOTER_SIZE], header[SEEKABLE_SKIPPABLE_HEADER], *entries;
	struct bytes b;
	uint64_t n, table_size;
	uint8_t descriptor;
	bool ok = false;

	if (size < FOOTER_SIZE + SEEKABLE_SKIPPABLE_HEADER ||
	    file_read_at(fd, footer, FOOTER_SIZE, size - FOOTER_SIZE) !=
	    FOOTER_SIZE)
		return false;
	b = bytes_of(footer, FOOTER_SIZE);
	n = bytes_u32(&b);
	descriptor = bytes_u8(&b);
	table_size = n * (descriptor & DESCRIPTOR_CHECKSUMS ? 12 : 8);
	if (bytes_u32(&b) != FOOTER_MAGIC || descriptor & DESCRIPTOR_RESERVED ||
	    table_size > size - FOOTER_SIZE - SEEKABLE_SKIPPABLE_HEADER)
		return false;
	size -= FOOTER_SIZE + table_size + SEEKABLE_SKIPPABLE_HEADER;
	b = bytes_of(header, SEEKABLE_SKIPPABLE_HEADER);
	if (file_read_at(fd, header, SEEKABLE_SKIPPABLE_HEADER, size) !=
	    SEEKABLE_SKIPPABLE_HEADER || bytes_u32(&b) != TABLE_MAGIC ||
	    bytes_u32(&b) != table_size + FOOTER_SIZE)
		return false;
	entries = malloc((size_t)table_size + 1);
	if (entries &&
	    file_read_at(fd, entries, (size_t)table_size,
			 size + SEEKABLE_SKIPPABLE_HEADER) == table_size)
		ok = table_parse(bytes_of(entries, (size_t)table_size), size,
				 (uint32_t)n, descriptor & DESCRIPTOR_CHECKSUMS,
				 ret);
	free(entries);
	if (!ok)
		seekable_table_free(ret);
	return ok;
}

/*
 * Three frames or more, all of one plain size but the last: then no single
 * wrong entry can have moved the others.
 */
static bool table_is_regular(const struct seekable_table *table)
{
	size_t n = table->frames.len;
	const struct seekable_frame *f = table->frames.at;

	if (n < 3 || f[n - 1].plain_size > f[0].plain_size)
		return false;
	for (size_t i = 1; i + 1 < n; i++) {
		if (f[i].plain_size != f[0].plain_size)
			return false;
	}
	return true;
}

/* Does the frame decode to the @plain_size that its own header states? */
static bool frame_proves(int fd, const struct seekable_frame *frame,
			 uint64_t plain_size)
{
	struct seekable_decoder *decoder;
	uint8_t *from, *to;
	bool ok;

	if (frame->size > SEEKABLE_FRAME_MAX || plain_size > SEEKABLE_PLAIN_MAX)
		return false;
	decoder = seekable_decoder_open();
	from = malloc(frame->size);
	to = malloc(SEEKABLE_PLAIN_MAX);
	ok = decoder && from && to &&
	     file_read_at(fd, from, frame->size, frame->offset) == frame->size &&
	     seekable_decode(decoder, to, (size_t)plain_size, from,
			     frame->size);
	free(from);
	free(to);
	seekable_decoder_close(decoder);
	return ok;
}

/*
 * Compare entry @i with the header of its frame. Of two that differ, the one
 * that lets the frame decode is right.
 */
static void table_check_entry(int fd, struct seekable_table *table, size_t i,
			      struct diag *diag)
{
	struct seekable_frame *frame = &table->frames.at[i];
	uint8_t bytes[SEEKABLE_HEAD_MAX];
	size_t n = file_read_at(fd, bytes, sizeof(bytes), frame->offset);
	struct seekable_head head = seekable_frame_head(bytes, n);

	if (head.kind == FRAME_SKIPPABLE)
		head.plain_size = 0;
	else if (head.kind == FRAME_BAD)
		return;
	if (head.plain_size == frame->plain_size)
		return;
	if (head.kind == FRAME_DATA &&
	    !frame_proves(fd, frame, head.plain_size))
		return;
	diag_add_at(diag, frame->offset, 1,
		    "seek table entries contradict their frame");
	frame->plain_size = (uint32_t)head.plain_size;
}

static void table_check(int fd, struct seekable_table *table,
			struct diag *diag)
{
	size_t n = table->frames.len;
	uint64_t plain = 0;

	/* The last entry decides nothing but where the plain bytes end. */
	for (size_t i = table_is_regular(table) ? n - 1 : 0; i < n; i++)
		table_check_entry(fd, table, i, diag);
	for (size_t i = 0; i < n; i++) {
		table->frames.at[i].plain = plain;
		plain += table->frames.at[i].plain_size;
	}
	table->plain_size = plain;
}

/* A seekable file of others may have frames that are too large for us. */
static bool table_is_small(const struct seekable_table *table)
{
	for (size_t i = 0; i < table->frames.len; i++) {
		if (table->frames.at[i].plain_size > SEEKABLE_PLAIN_MAX ||
		    (table->frames.at[i].size > SEEKABLE_FRAME_MAX &&
		     table->frames.at[i].plain_size > 0))
			return false;
	}
	return true;
}

bool seekable_open(int fd, uint64_t size, struct diag *diag,
		   enum seekable_kind *ret_kind, struct seekable_table *ret,
		   struct err *err)
{
	struct seekable_table table = {0};
	uint8_t start[SEEKABLE_HEAD_MAX];
	size_t n = file_read_at(fd, start, sizeof(start), 0);
	bool had_table, ok;

	*ret = table;
	*ret_kind = SEEKABLE_TABLE;
	had_table = table_read(fd, size, &table);
	if (!had_table && seekable_frame_head(start, n).kind == FRAME_BAD) {
		*ret_kind = SEEKABLE_NOT_ZSTD;
		return true;
	}
	if (had_table) {
		table_check(fd, &table, diag);
		if (table_is_small(&table)) {
			*ret = table;
			return true;
		}
		seekable_table_free(&table);
	}
	ok = walk_file(fd, size, diag, ret_kind, &table, err);
	if (ok && *ret_kind == SEEKABLE_TABLE)
		diag_add(diag, "no valid seek table: walked the frames");
	if (ok && *ret_kind == SEEKABLE_TABLE)
		*ret = table;
	else
		seekable_table_free(&table);
	return ok;
}
