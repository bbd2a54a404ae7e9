/* SPDX-License-Identifier: MIT */
/*
 * Which words of a snapshot of pointers were replaced by zeros: one bit for
 * each word of the pages that have some, 16 MiB for a GiB, mostly the same.
 */
#include "formats/snapshot_sections.h"

enum { SPAN_SIZE = 16, PAGE_BITS = PAGE_SIZE_X86 / 8 / 64 };

void redacted_write(const struct image *image, struct blob *blob)
{
	const struct redacted *redacted = &image->redacted;

	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, 0);
	blob_u64(blob, redacted->spans.len);
	blob_u64(blob, redacted->bits.len);
	for (size_t i = 0; i < redacted->spans.len; i++) {
		blob_u64(blob, redacted->spans.at[i].start);
		blob_u64(blob, redacted->spans.at[i].end);
	}
	blob_bytes(blob, redacted->bits.at,
		   redacted->bits.len * sizeof(*redacted->bits.at));
}

/* The next span: whole pages, behind the last one, with bits for each. */
static bool read_span(struct bytes *b, struct redacted *r, uint64_t *bits,
		      struct err *err)
{
	struct redacted_span span = {
		.start = bytes_u64(b), .end = bytes_u64(b),
		.first = (size_t)*bits,
	};
	uint64_t after = r->spans.len ? r->spans.at[r->spans.len - 1].end : 0;

	if (b->broken)
		return true;
	if (span.start < after || span.end <= span.start ||
	    span.end - span.start > image_room(span.start) ||
	    (span.start | span.end) % PAGE_SIZE_X86 != 0)
		return err_set(err, ERR_FORMAT, "redacted span %zu contradicts "
			       "the others", r->spans.len);
	*bits += (span.end - span.start) / PAGE_SIZE_X86 * PAGE_BITS;
	return vec_push(&r->spans, span) || err_nomem(err, "redacted words");
}

static bool parse(struct bytes *b, struct redacted *ret, struct err *err)
{
	uint64_t n, n_bits, bits = 0;
	const uint8_t *at;

	(void)bytes_u32(b);
	n = bytes_u64(b);
	n_bits = bytes_u64(b);
	n = section_count(b, n, SPAN_SIZE);
	for (uint64_t i = 0; i < n && !b->broken; i++) {
		if (!read_span(b, ret, &bits, err))
			return false;
	}
	n_bits = section_count(b, n_bits, sizeof(uint64_t));
	if (!bytes_ok(b, SECTION_REDACTED, err))
		return false;
	if (bits != n_bits)
		return err_set(err, ERR_FORMAT, "%s has bits for other pages "
			       "than it names", SECTION_REDACTED);
	at = bytes_take(b, n_bits * sizeof(uint64_t));
	if (n_bits == 0 || !at)
		return bytes_ok(b, SECTION_REDACTED, err);
	if (!vec_reserve(&ret->bits, (size_t)n_bits))
		return err_nomem(err, "redacted words");
	memcpy(ret->bits.at, at, (size_t)n_bits * sizeof(uint64_t));
	ret->bits.len = (size_t)n_bits;
	return true;
}

bool redacted_read(struct bytes b, struct image *image, struct err *err)
{
	struct redacted redacted = {0};

	if (section_version(&b, SECTION_REDACTED, err) &&
	    parse(&b, &redacted, err)) {
		vec_free(&image->redacted.spans);
		vec_free(&image->redacted.bits);
		image->redacted = redacted;
		return true;
	}
	vec_free(&redacted.spans);
	vec_free(&redacted.bits);
	return false;
}
