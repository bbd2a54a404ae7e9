/* SPDX-License-Identifier: MIT */
#include "formats/snapshot_frames.h"

enum { FRAME_SIZE = 48, LOCAL_SIZE = 40 };

enum {
	FRAME_FLAGS = FRAME_INLINED | FRAME_SIGNAL | FRAME_GUESSED,
	LOCAL_FLAGS = LOCAL_PARAMETER | LOCAL_REGISTER | LOCAL_VALUE |
		      LOCAL_LOST | LOCAL_UNSET | LOCAL_REDACTED,
};

/* --- writing --- */

/* Each text once: frames of one function share its names. */
struct strings {
	VEC(char) text;
	struct map ids;		/* pointer -> offset + 1 */
	bool failed;
};

static uint32_t put_string(struct strings *s, const char *text)
{
	uint64_t *slot = map_slot(&s->ids, (uint64_t)(uintptr_t)text, NULL);
	size_t n = strlen(text) + 1, at = s->text.len;

	if (slot && *slot)
		return (uint32_t)(*slot - 1);
	if (!slot || n > UINT32_MAX - at ||
	    !vec_reserve(&s->text, at + n)) {
		s->failed = true;
		return 0;
	}
	memcpy(s->text.at + at, text, n);
	s->text.len = at + n;
	*slot = at + 1;
	return (uint32_t)at;
}

static void put_frame(const struct frame *f, struct strings *s,
		      struct blob *blob)
{
	blob_u64(blob, f->pc);
	blob_u64(blob, f->cfa);
	blob_u32(blob, f->thread);
	blob_u32(blob, f->module);
	blob_u32(blob, put_string(s, f->function));
	blob_u32(blob, put_string(s, f->file));
	blob_u32(blob, f->line);
	blob_u32(blob, f->flags);
	blob_u32(blob, (uint32_t)f->n_locals);
	blob_u32(blob, 0);
}

static void put_local(const struct local *l, struct strings *s,
		      struct blob *blob)
{
	blob_u64(blob, l->addr);
	blob_u64(blob, l->size);
	blob_u64(blob, l->value);
	blob_u32(blob, put_string(s, l->name));
	blob_u32(blob, l->type);
	blob_u32(blob, l->flags);
	blob_u32(blob, 0);
}

void frames_write(const struct frames_part *part, struct blob *blob)
{
	struct strings s = {0};
	struct blob records = {0};

	if (part->n_frames > UINT32_MAX || part->n_locals > UINT32_MAX) {
		blob->failed = true;
		return;
	}
	for (size_t i = 0; i < part->n_frames; i++)
		put_frame(&part->frames[i], &s, &records);
	for (size_t i = 0; i < part->n_locals; i++)
		put_local(&part->locals[i], &s, &records);
	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, (uint32_t)part->n_frames);
	blob_u32(blob, (uint32_t)part->n_locals);
	blob_u32(blob, 0);
	blob_u64(blob, s.text.len);
	blob_bytes(blob, records.bytes.at, records.bytes.len);
	blob_bytes(blob, s.text.at, s.text.len);
	blob->failed |= s.failed || records.failed;
	blob_free(&records);
	vec_free(&s.text);
	map_free(&s.ids);
}

/* --- reading --- */

struct strings_read {
	const char *text;	/* ends in a NUL */
	uint64_t n;
};

static const char *get_string(struct bytes *b, const struct strings_read *s)
{
	uint32_t at = bytes_u32(b);

	if (at >= s->n)
		b->broken = true;
	return b->broken ? "" : s->text + at;
}

static struct frame get_frame(struct bytes *b, const struct strings_read *s)
{
	struct frame f = { .pc = bytes_u64(b) };

	f.cfa = bytes_u64(b);
	f.thread = bytes_u32(b);
	f.module = bytes_u32(b);
	f.function = get_string(b, s);
	f.file = get_string(b, s);
	f.line = bytes_u32(b);
	f.flags = bytes_u32(b) & FRAME_FLAGS;
	f.n_locals = bytes_u32(b);
	(void)bytes_u32(b);
	return f;
}

static struct local get_local(struct bytes *b, const struct strings_read *s)
{
	struct local l = { .addr = bytes_u64(b) };

	l.size = bytes_u64(b);
	l.value = bytes_u64(b);
	l.name = get_string(b, s);
	l.type = bytes_u32(b);
	l.flags = bytes_u32(b) & LOCAL_FLAGS;
	(void)bytes_u32(b);
	return l;
}

static bool damaged(const struct bytes *b, struct err *err)
{
	return err_at(err, ERR_FORMAT, b->pos, "damaged section %s",
		      SECTION_FRAMES);
}

static bool read_frames(struct bytes *b, const struct strings_read *s,
			uint64_t n, uint64_t n_locals, struct image *image,
			struct err *err)
{
	size_t local = image->locals.len, end = local + (size_t)n_locals;
	uint32_t thread = 0;

	if (!vec_reserve(&image->frames, image->frames.len + (size_t)n))
		return err_nomem(err, "frames");
	for (uint64_t i = 0; i < n; i++) {
		struct frame f = get_frame(b, s);

		if (b->broken || f.thread < thread ||
		    f.thread >= image->threads.len ||
		    (f.module >= image->modules.len &&
		     f.module != UINT32_MAX) || f.n_locals > end - local)
			return damaged(b, err);
		thread = f.thread;
		f.first_local = local;
		local += f.n_locals;
		image->frames.at[image->frames.len++] = f;
	}
	return local == end || damaged(b, err);
}

static bool read_locals(struct bytes *b, const struct strings_read *s,
			uint64_t n, size_t n_types, struct image *image,
			struct err *err)
{
	if (!vec_reserve(&image->locals, image->locals.len + (size_t)n))
		return err_nomem(err, "frames");
	for (uint64_t i = 0; i < n; i++) {
		struct local l = get_local(b, s);

		if (b->broken || (l.type >= n_types && l.type != TYPE_NONE) ||
		    l.size > image_room(0))
			return damaged(b, err);
		image->locals.at[image->locals.len++] = l;
	}
	return true;
}

static bool read_parts(struct bytes *b, size_t n_types, struct image *image,
		       struct err *err)
{
	uint64_t n_frames, n_locals;
	struct bytes frames, locals;
	struct strings_read s = {0};
	const uint8_t *text;

	if (!section_version(b, SECTION_FRAMES, err))
		return false;
	n_frames = bytes_u32(b);
	n_locals = bytes_u32(b);
	(void)bytes_u32(b);
	s.n = bytes_u64(b);
	frames = bytes_sub(b, n_frames * FRAME_SIZE);
	locals = bytes_sub(b, n_locals * LOCAL_SIZE);
	text = bytes_take(b, s.n);
	if (b->broken || (s.n > 0 && text[s.n - 1] != '\0'))
		return damaged(b, err);
	s.text = arena_text(&image->arena, (const char *)text, (size_t)s.n);
	if (!s.text)
		return err_nomem(err, "frames");
	/* Frames first: they say where the locals begin. */
	return read_frames(&frames, &s, n_frames, n_locals, image, err) &&
	       read_locals(&locals, &s, n_locals, n_types, image, err);
}

bool frames_read(struct bytes b, size_t n_types, struct image *image,
		 struct err *err)
{
	size_t n_frames = image->frames.len, n_locals = image->locals.len;

	if (read_parts(&b, n_types, image, err))
		return true;
	image->frames.len = n_frames;
	image->locals.len = n_locals;
	return false;
}
