/* SPDX-License-Identifier: MIT */
#include "formats/snapshot_sections.h"

enum { THREAD_MIN = 4 * 3, DIAG_MIN = 4 + 8 * 2 };

void blob_bytes(struct blob *blob, const void *bytes, size_t n)
{
	if (blob->failed || !vec_reserve(&blob->bytes, blob->bytes.len + n)) {
		blob->failed = true;
		return;
	}
	if (n > 0)
		memcpy(blob->bytes.at + blob->bytes.len, bytes, n);
	blob->bytes.len += n;
}

void blob_u32(struct blob *blob, uint32_t value)
{
	blob_bytes(blob, &value, sizeof(value));
}

void blob_u64(struct blob *blob, uint64_t value)
{
	blob_bytes(blob, &value, sizeof(value));
}

void blob_text(struct blob *blob, const char *text)
{
	size_t n = strlen(text);

	if (n > UINT32_MAX) {
		blob->failed = true;
		return;
	}
	blob_u32(blob, (uint32_t)n);
	blob_bytes(blob, text, n);
}

void blob_free(struct blob *blob)
{
	vec_free(&blob->bytes);
}

bool section_version(struct bytes *b, const char *what, struct err *err)
{
	uint32_t version = bytes_u32(b);

	if (!bytes_ok(b, what, err))
		return false;
	return version == SNAPSHOT_VERSION ||
	       err_set(err, ERR_UNSUPPORTED,
		       "%s of version %u, this program reads version %d",
		       what, version, SNAPSHOT_VERSION);
}

uint64_t section_count(struct bytes *b, uint64_t n, size_t size)
{
	if (n > bytes_left(b) / size)
		b->broken = true;
	return b->broken ? 0 : n;
}

const char *section_text(struct bytes *b, struct image *image)
{
	uint32_t n = bytes_u32(b);
	const uint8_t *at = bytes_take(b, n);
	const char *text;

	if (!at || n == 0)
		return "";
	text = arena_text(&image->arena, (const char *)at, n);
	if (!text)
		b->broken = true;
	return text ? text : "";
}

void meta_write(const struct image *image, struct blob *blob)
{
	const struct image_meta *meta = &image->meta;

	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, meta->pid);
	blob_u32(blob, meta->ppid);
	blob_u32(blob, (uint32_t)meta->signal);
	blob_u64(blob, meta->pause_ns);
	blob_u64(blob, meta->page_size);
	blob_bytes(blob, meta->capture_id, sizeof(meta->capture_id));
	blob_text(blob, meta->exe);
	blob_text(blob, meta->command);
	blob_text(blob, meta->captured_at);
	blob_text(blob, meta->kernel);
	blob_text(blob, meta->options);
	blob_text(blob, meta->status);
	blob_text(blob, meta->limits);
	blob_text(blob, meta->cgroup);
	blob_u32(blob, (uint32_t)image->threads.len);
	for (size_t i = 0; i < image->threads.len; i++) {
		blob_u32(blob, image->threads.at[i].tid);
		blob_u32(blob, (uint32_t)image->threads.at[i].signal);
		blob_text(blob, image->threads.at[i].name);
	}
	blob_u32(blob, (uint32_t)image->diag.len);
	for (size_t i = 0; i < image->diag.len; i++) {
		blob_u64(blob, image->diag.at[i].count);
		blob_u64(blob, image->diag.at[i].first);
		blob_text(blob, image->diag.at[i].what);
	}
	blob_u32(blob, meta->pointers_only);
}

/* Names belong to the threads of the notes: both in the same order. */
static void read_threads(struct bytes *b, struct image *image)
{
	uint64_t n = section_count(b, bytes_u32(b), THREAD_MIN);

	for (uint64_t i = 0; i < n && !b->broken; i++) {
		uint32_t tid = bytes_u32(b), signal = bytes_u32(b);
		const char *name = section_text(b, image);
		struct thread *thread;

		if (b->broken || i >= image->threads.len)
			continue;
		thread = &image->threads.at[i];
		if (thread->tid != tid || signal > 64)
			continue;
		thread->name = name;
		thread->signal = (int)signal;
	}
}

static void read_diag(struct bytes *b, struct image *image)
{
	uint64_t n = section_count(b, bytes_u32(b), DIAG_MIN);

	for (uint64_t i = 0; i < n && !b->broken; i++) {
		uint64_t count = bytes_u64(b), first = bytes_u64(b);
		const char *what = section_text(b, image);

		if (!b->broken)
			diag_add_at(&image->diag, first, count, "%s", what);
	}
}

bool meta_read(struct bytes b, struct image *image, struct err *err)
{
	struct image_meta meta = image->meta;
	const uint8_t *id;
	uint32_t signal;

	if (!section_version(&b, SECTION_META, err))
		return false;
	meta.pid = bytes_u32(&b);
	meta.ppid = bytes_u32(&b);
	signal = bytes_u32(&b);
	meta.signal = signal <= 64 ? (int)signal : 0;
	meta.pause_ns = bytes_u64(&b);
	meta.page_size = bytes_u64(&b);
	id = bytes_take(&b, sizeof(meta.capture_id));
	if (id)
		memcpy(meta.capture_id, id, sizeof(meta.capture_id));
	meta.exe = section_text(&b, image);
	meta.command = section_text(&b, image);
	meta.captured_at = section_text(&b, image);
	meta.kernel = section_text(&b, image);
	meta.options = section_text(&b, image);
	meta.status = section_text(&b, image);
	meta.limits = section_text(&b, image);
	meta.cgroup = section_text(&b, image);
	if (!bytes_ok(&b, SECTION_META, err))
		return false;
	image->meta = meta;
	read_threads(&b, image);
	read_diag(&b, image);
	if (bytes_left(&b) >= 4)
		image->meta.pointers_only = bytes_u32(&b) != 0;
	return bytes_ok(&b, SECTION_META, err);
}
