/* SPDX-License-Identifier: MIT */
#include "formats/snapshot_renew.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_read.h"
#include "base/progress.h"
#include "base/sorted.h"
#include "formats/seekable.h"
#include "formats/snapshot_read.h"
#include "formats/snapshot_writer.h"

enum { SECTION_ALIGN = 8 };

struct renewal {
	const char *path;
	int fd;
	struct diag damage;	/* of the old file; it stays there */
	struct seekable_table table;
	struct source *source;
	struct core_elf elf;
	Elf64_Ehdr header;
	uint64_t head_end;	/* of the program headers, in the plain file */
	uint64_t keep;		/* plain bytes that stay: head and memory */
	uint64_t lost;		/* bytes of memory behind them */
	uint64_t first_lost;	/* address */
	struct seekable_writer *out;
};

static bool odd(const struct renewal *r, const char *why, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "%s: %s; -o FILE makes a new "
		       "snapshot of it", r->path, why);
}

static bool open_frames(struct renewal *r, struct err *err)
{
	enum seekable_kind kind;
	struct stat st;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &st) != 0)
		return err_errno(err, "%s", r->path);
	if (!S_ISREG(st.st_mode))
		return odd(r, "not a regular file", err);
	return seekable_open(r->fd, (uint64_t)st.st_size, &r->damage, &kind,
			     &r->table, err) &&
	       (kind == SEEKABLE_TABLE ||
		odd(r, "not in the seekable zstd format", err));
}

static void close_frames(struct renewal *r)
{
	if (r->fd >= 0)
		close(r->fd);
	seekable_table_free(&r->table);
	diag_free(&r->damage);
}

bool snapshot_is_renewable(const char *path)
{
	struct renewal r = { .path = path, .fd = -1 };
	struct err err = {0};
	bool ok = open_frames(&r, &err);

	close_frames(&r);
	return ok;
}

/* What the capture noted goes before what was noted since. */
static bool open_skeleton(struct renewal *r, struct image *image,
			  struct err *err)
{
	struct image scratch = {0};
	struct core_notes notes = {0};
	struct diag noted = {0};
	bool ok;

	ok = source_open(r->path, &r->damage, &r->source, err) &&
	     core_elf_read(r->source, r->path, &r->damage, &r->elf, err) &&
	     core_notes_read(r->source, &r->elf, &scratch, &notes, err);
	if (ok)
		snapshot_read_diag(r->source, &r->elf, &notes, &noted);
	if (ok) {
		diag_merge(&noted, &image->diag);
		diag_free(&image->diag);
		image->diag = noted;
	}
	core_notes_free(&notes);
	image_close(&scratch);
	return ok;
}

static bool has_bytes(const struct core_segment *s)
{
	return s->type == PT_LOAD && s->file_size > 0;
}

static const struct seekable_frame *frame_at(const struct renewal *r,
					     uint64_t plain)
{
	size_t i;

	sorted_skip(i, 0, r->table.frames.len,
		    r->table.frames.at[i].plain <= plain);
	return i > 0 ? &r->table.frames.at[i - 1] : NULL;
}

/* The last frame of the memory is compressed anew, so it must be sound. */
static bool is_sound(const struct renewal *r, uint64_t from, uint64_t to)
{
	uint64_t n = to - from;
	uint8_t *bytes = core_read_bytes(r->source, from, &n);
	bool ok = bytes && n == to - from;

	free(bytes);
	return ok;
}

/* Is it laid out as ours are: headers, notes, memory, sections? */
static bool check_layout(struct renewal *r, struct err *err)
{
	const Elf64_Ehdr *h = &r->header;
	uint64_t n = r->elf.segments.len;

	if (source_read(r->source, 0, &r->header, sizeof(r->header)) !=
	    sizeof(r->header))
		return odd(r, "its first bytes are lost", err);
	r->head_end = sizeof(*h) + n * sizeof(Elf64_Phdr);
	if (h->e_phoff != sizeof(*h) ||
	    h->e_phentsize != sizeof(Elf64_Phdr) ||
	    (h->e_phnum != PN_XNUM && h->e_phnum != n) ||
	    h->e_shoff % SECTION_ALIGN != 0)
		return odd(r, "not laid out as a snapshot", err);
	for (uint64_t i = 0; i < n; i++) {
		const struct core_segment *s = &r->elf.segments.at[i];

		if (s->file_size > 0 &&
		    (s->offset < r->head_end || s->offset > h->e_shoff ||
		     s->file_size > h->e_shoff - s->offset))
			return odd(r, "not laid out as a snapshot", err);
	}
	return true;
}

static void count_lost(struct renewal *r)
{
	r->first_lost = DIAG_NO_PLACE;
	for (size_t i = 0; i < r->elf.segments.len; i++) {
		const struct core_segment *s = &r->elf.segments.at[i];
		uint64_t there = s->offset < r->keep ? r->keep - s->offset : 0;

		if (!has_bytes(s) || there >= s->file_size)
			continue;
		if (r->lost == 0)
			r->first_lost = s->addr + there;
		r->lost += s->file_size - there;
	}
}

static bool notes_are_kept(const struct renewal *r)
{
	for (size_t i = 0; i < r->elf.segments.len; i++) {
		const struct core_segment *s = &r->elf.segments.at[i];

		if (s->type == PT_NOTE && s->offset + s->file_size > r->keep)
			return false;
	}
	return r->keep >= r->head_end;
}

/* How much of head and memory is there. */
static bool measure(struct renewal *r, struct err *err)
{
	uint64_t end = r->header.e_shoff, size = source_size(r->source);
	const struct seekable_frame *frame;

	if (size > r->table.plain_size)
		size = r->table.plain_size;
	r->keep = end;
	frame = end < size ? frame_at(r, end) : NULL;
	if (end > size)
		r->keep = size;
	else if (frame && frame->plain < end &&
		 !is_sound(r, frame->plain, end))
		r->keep = frame->plain;
	count_lost(r);
	return notes_are_kept(r) ||
	       odd(r, "it is cut off before its memory", err);
}

/* The untouched memory behind the bytes of @p, as a segment of its own. */
static Elf64_Phdr zero_tail(const Elf64_Phdr *p)
{
	Elf64_Phdr tail = *p;

	if (p->p_memsz <= p->p_filesz ||
	    p->p_filesz > UINT64_MAX - p->p_vaddr)
		return (Elf64_Phdr){ .p_type = PT_NULL };
	tail.p_offset = tail.p_filesz = 0;
	tail.p_vaddr += p->p_filesz;
	tail.p_memsz -= p->p_filesz;
	return tail;
}

/*
 * What of a segment is no longer in the file is taken out. Of the one that is
 * there in part, *@rest is what takes the place of the next that is empty.
 */
static void patch_segment(const struct renewal *r, Elf64_Phdr *p,
			  Elf64_Phdr *rest)
{
	if (p->p_type != PT_LOAD || p->p_filesz == 0)
		return;
	if (p->p_offset >= r->keep) {
		*p = zero_tail(p);
	} else if (p->p_filesz > r->keep - p->p_offset) {
		*rest = zero_tail(p);
		p->p_filesz = r->keep - p->p_offset;
		p->p_memsz = p->p_filesz;
	}
	if (p->p_type == PT_NULL) {
		*p = *rest;
		*rest = (Elf64_Phdr){ .p_type = PT_NULL };
	}
}

static void patch_head(const struct renewal *r, const Elf64_Ehdr *header,
		       uint8_t *head)
{
	Elf64_Phdr rest = { .p_type = PT_NULL };

	memcpy(head, header, sizeof(*header));
	for (size_t i = 0; r->lost > 0 && i < r->elf.segments.len; i++) {
		uint8_t *at = head + sizeof(*header) + i * sizeof(Elf64_Phdr);
		Elf64_Phdr p;

		memcpy(&p, at, sizeof(p));
		patch_segment(r, &p, &rest);
		memcpy(at, &p, sizeof(p));
	}
}

/* Write plain bytes from @from to @to of the old file, compressed anew. */
static bool write_plain(struct renewal *r, uint64_t from, uint64_t to,
			const Elf64_Ehdr *header, struct err *err)
{
	uint64_t n = to - from;
	uint8_t *bytes = core_read_bytes(r->source, from, &n);
	bool ok = bytes || err_nomem(err, "the frames");

	if (ok && n < to - from)
		ok = odd(r, "its head is damaged", err);
	if (ok && header)
		patch_head(r, header, bytes);
	ok = ok && seekable_write(r->out, bytes, (size_t)n, err);
	free(bytes);
	return ok;
}

static bool copy_frame(struct renewal *r, const struct seekable_frame *frame,
		       uint8_t *buf, struct err *err)
{
	uint32_t checksum = frame->checksum;

	if (progress_cancelled())
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (frame->plain_size == 0)
		return true;
	if (frame->size > SEEKABLE_FRAME_MAX)
		return odd(r, "a frame is too large", err);
	if (file_read_at(r->fd, buf, frame->size, frame->offset) !=
	    frame->size)
		return err_set(err, ERR_IO, "%s: it was cut off meanwhile",
			       r->path);
	if (!r->table.checksums &&
	    !seekable_checksum(buf, frame->size, &checksum))
		return odd(r, "its frames carry no checksums", err);
	progress_add(frame->size);
	return seekable_copy(r->out, buf, frame->size, frame->plain_size,
			     checksum, err);
}

/* The plain bytes before r->keep: frames as they are where that is right. */
static bool copy_kept(struct renewal *r, struct err *err)
{
	const struct seekable_frame *frame;
	Elf64_Ehdr header = r->header;
	uint8_t *buf = malloc(SEEKABLE_FRAME_MAX);
	uint64_t at = 0;
	bool ok = buf || err_nomem(err, "a frame");

	header.e_shoff = (r->keep + SECTION_ALIGN - 1) &
			 ~(uint64_t)(SECTION_ALIGN - 1);
	snapshot_writer_shape(&header);
	if (ok && memcmp(&header, &r->header, sizeof(header)) != 0) {
		frame = frame_at(r, r->head_end - 1);
		at = frame->plain + frame->plain_size;
		at = at < r->keep ? at : r->keep;
		ok = write_plain(r, 0, at, &header, err);
	}
	for (size_t i = 0; ok && i < r->table.frames.len; i++) {
		frame = &r->table.frames.at[i];
		if (frame->plain < at)
			continue;
		if (frame->plain + frame->plain_size > r->keep)
			break;
		ok = copy_frame(r, frame, buf, err);
		at = frame->plain + frame->plain_size;
	}
	free(buf);
	return ok && (at >= r->keep || write_plain(r, at, r->keep, NULL, err));
}

static bool write_all(struct renewal *r, bool keep_mode, struct image *image,
		      struct err *err)
{
	struct snapshot_writer *writer;

	if ((keep_mode && !seekable_keep_mode(r->out, err)) ||
	    !copy_kept(r, err))
		return false;
	if (r->lost > 0)
		diag_add_at(&image->diag, r->first_lost, r->lost,
			    "bytes of memory were cut off at the end of the "
			    "file before it was resolved");
	writer = snapshot_writer_behind(r->out, r->elf.segments.len);
	if (!writer)
		return err_nomem(err, "the snapshot");
	r->out = NULL;
	return snapshot_finish(writer, image, err);
}

bool snapshot_renew(const char *path, const struct snapshot_target *target,
		    bool keep_mode, struct image *image, struct err *err)
{
	struct renewal r = { .path = path, .fd = -1 };
	bool ok;

	ok = open_frames(&r, err) && open_skeleton(&r, image, err) &&
	     check_layout(&r, err) && measure(&r, err) &&
	     seekable_create(target->path, target->force, target->level,
			     &r.out, err);
	if (ok) {
		progress_begin("copying memory", r.table.plain_size);
		ok = write_all(&r, keep_mode, image, err);
		progress_end();
	}
	seekable_abort(r.out);
	source_close(r.source);
	core_elf_free(&r.elf);
	close_frames(&r);
	return ok;
}
