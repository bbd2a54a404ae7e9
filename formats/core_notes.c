/* SPDX-License-Identifier: MIT */
#include "formats/core_notes.h"

#include <elf.h>

#include "formats/core_layout.h"
#include "formats/elf_note.h"

enum {
	THREADS_MAX = 1 << 22,	/* the kernel's limit of pids */
	SEGMENTS_MAX = 16,	/* cores have one; more bound the work */
};

struct reader {
	struct image *image;
	struct core_notes *notes;
	bool has_signal;	/* NT_SIGINFO was seen */
};

static uint8_t *copy_bytes(struct reader *r, const struct bytes *desc)
{
	uint8_t *copy = arena_alloc(&r->image->arena, desc->size + 1);

	if (copy && desc->size > 0)
		memcpy(copy, desc->start, desc->size);
	return copy;
}

/* Text of at most @n bytes, which need not end in a NUL. */
static const char *fixed_text(struct reader *r, struct bytes *b, size_t n)
{
	const uint8_t *at = bytes_take(b, n);
	const char *text = at ? arena_text(&r->image->arena, (const char *)at,
					   strnlen((const char *)at, n)) : "";

	return text ? text : "";
}

static bool read_prstatus(struct reader *r, struct bytes desc)
{
	struct thread thread = { .name = "" };

	if (desc.size != PRSTATUS_SIZE || r->image->threads.len >= THREADS_MAX) {
		diag_add(&r->image->diag, "thread notes of a wrong size");
		return true;
	}
	(void)bytes_take(&desc, PRSTATUS_CURSIG);
	thread.signal = bytes_u16(&desc);
	desc.pos = PRSTATUS_PID;
	thread.tid = bytes_u32(&desc);
	desc.pos = PRSTATUS_REGS;
	for (int i = 0; i < X86_N_REGS; i++)
		thread.regs[i] = bytes_u64(&desc);
	return vec_push(&r->image->threads, thread);
}

/* These notes belong to the thread of the last NT_PRSTATUS. */
static bool read_registers(struct reader *r, struct bytes desc, uint32_t type)
{
	struct thread *thread;
	uint8_t *copy;

	if (r->image->threads.len == 0) {
		diag_add(&r->image->diag, "register notes without a thread");
		return true;
	}
	thread = &r->image->threads.at[r->image->threads.len - 1];
	copy = copy_bytes(r, &desc);
	if (!copy)
		return false;
	if (type == NT_FPREGSET) {
		thread->fpregs = copy;
		thread->fpregs_size = desc.size;
	} else {
		thread->xstate = copy;
		thread->xstate_size = desc.size;
	}
	return true;
}

static bool read_prpsinfo(struct reader *r, struct bytes desc)
{
	struct image_meta *meta = &r->image->meta;

	if (desc.size != PRPSINFO_SIZE) {
		diag_add(&r->image->diag, "process note of a wrong size");
		return true;
	}
	desc.pos = PRPSINFO_PID;
	meta->pid = bytes_u32(&desc);
	meta->ppid = bytes_u32(&desc);
	desc.pos = PRPSINFO_FNAME;
	meta->exe = fixed_text(r, &desc, FNAME_SIZE);
	meta->command = fixed_text(r, &desc, PSARGS_SIZE);
	return true;
}

/* Does the signal end a process with a core? gcore's are stopped otherwise. */
static bool is_fatal(int signal)
{
	/* QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU, XFSZ, SYS of x86. */
	static const uint8_t fatal[] = { 3, 4, 5, 6, 7, 8, 11, 24, 25, 31 };

	return signal > 0 && signal < 64 &&
	       memchr(fatal, signal, sizeof(fatal)) != NULL;
}

static bool read_siginfo(struct reader *r, struct bytes desc)
{
	int signal = (int)bytes_u32(&desc);
	struct thread *thread;

	/* Of several, the first belongs to the thread that died. */
	if (!r->has_signal && is_fatal(signal))
		r->image->meta.signal = signal;
	r->has_signal = true;
	if (r->image->threads.len == 0)
		return true;
	thread = &r->image->threads.at[r->image->threads.len - 1];
	thread->siginfo = copy_bytes(r, &desc);
	thread->siginfo_size = thread->siginfo ? desc.size : 0;
	return thread->siginfo != NULL;
}

static bool read_auxv(struct reader *r, struct bytes desc)
{
	r->image->auxv.len = 0;
	while (bytes_left(&desc) >= 16) {
		uint64_t type = bytes_u64(&desc), value = bytes_u64(&desc);

		if (!vec_push(&r->image->auxv, type) ||
		    !vec_push(&r->image->auxv, value))
			return false;
		if (type == AT_NULL)
			return true;
	}
	/* Readers rely on the pair of zeros at the end. */
	return vec_push(&r->image->auxv, 0) && vec_push(&r->image->auxv, 0);
}

/* u64 count, u64 page size, (start, end, page offset) each, then the paths. */
static bool read_files(struct reader *r, struct bytes desc)
{
	uint64_t n = bytes_u64(&desc), page = bytes_u64(&desc);
	struct bytes names = desc;

	if (n > bytes_left(&desc) / 24) {
		diag_add(&r->image->diag, "the list of mapped files is cut");
		n = bytes_left(&desc) / 24;
	}
	(void)bytes_take(&names, n * 24);
	for (uint64_t i = 0; i < n; i++) {
		struct core_file file = { .path = "" };
		const uint8_t *at = names.start + names.pos, *end;

		file.start = bytes_u64(&desc);
		file.end = bytes_u64(&desc);
		file.offset = bytes_u64(&desc) * page;
		end = bytes_left(&names) == 0 ? NULL :
		      memchr(at, 0, bytes_left(&names));
		if (!end || file.start >= file.end) {
			diag_add(&r->image->diag,
				 "damaged lines in the list of mapped files");
			continue;
		}
		(void)bytes_take(&names, (uint64_t)(end - at) + 1);
		file.path = arena_text(&r->image->arena, (const char *)at,
				       (size_t)(end - at));
		if (!file.path || !vec_push(&r->notes->files, file))
			return false;
	}
	return true;
}

static bool read_holdfast(struct reader *r, struct bytes desc)
{
	if (r->notes->holdfast)
		return true;
	r->notes->holdfast = malloc(desc.size + 1);
	if (!r->notes->holdfast)
		return false;
	memcpy(r->notes->holdfast, desc.start, desc.size);
	r->notes->holdfast_size = desc.size;
	return true;
}

static bool read_note(struct reader *r, const struct elf_note *note)
{
	if (elf_note_is(note, NOTE_HOLDFAST_OWNER))
		return note->type != NOTE_HOLDFAST ||
		       read_holdfast(r, note->desc);
	if (!elf_note_is(note, "CORE") && !elf_note_is(note, "LINUX"))
		return true;
	switch (note->type) {
	case NT_PRSTATUS:
		return read_prstatus(r, note->desc);
	case NT_PRPSINFO:
		return read_prpsinfo(r, note->desc);
	case NT_SIGINFO:
		return read_siginfo(r, note->desc);
	case NT_AUXV:
		return read_auxv(r, note->desc);
	case NT_FILE:
		return read_files(r, note->desc);
	case NT_FPREGSET:
	case NT_X86_XSTATE:
		return read_registers(r, note->desc, note->type);
	default:
		return true;
	}
}

static bool read_segment(struct reader *r, struct source *source,
			 const struct core_segment *segment)
{
	uint64_t size = segment->file_size;
	uint8_t *bytes = core_read_bytes(source, segment->offset, &size);
	struct bytes b = bytes_of(bytes, bytes ? (size_t)size : 0);
	struct elf_note note;
	bool ok = bytes != NULL;

	while (ok && elf_note_next(&b, &note))
		ok = read_note(r, &note);
	if (ok && (bytes_left(&b) > 0 || size < segment->file_size))
		diag_add_at(&r->image->diag, segment->offset + b.pos,
			    segment->file_size - b.pos,
			    "bytes of notes are damaged or missing");
	free(bytes);
	return ok;
}

static int by_start(const void *a, const void *b)
{
	const struct core_file *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

/* Sort, and drop what overlaps. */
static void order_files(struct core_notes *notes, struct diag *diag)
{
	size_t kept = 0;
	uint64_t end = 0;

	if (notes->files.len > 1)
		qsort(notes->files.at, notes->files.len,
		      sizeof(*notes->files.at), by_start);
	for (size_t i = 0; i < notes->files.len; i++) {
		struct core_file file = notes->files.at[i];

		if (file.start < end) {
			diag_add_at(diag, file.start, 1,
				    "damaged lines in the list of mapped "
				    "files");
			continue;
		}
		end = file.end;
		notes->files.at[kept++] = file;
	}
	notes->files.len = kept;
}

bool core_notes_read(struct source *source, const struct core_elf *elf,
		     struct image *image, struct core_notes *ret,
		     struct err *err)
{
	struct core_notes notes = {0};
	struct reader r = { .image = image, .notes = &notes };
	int n = 0;

	*ret = notes;
	for (size_t i = 0; i < elf->segments.len && n < SEGMENTS_MAX; i++) {
		if (elf->segments.at[i].type != PT_NOTE)
			continue;
		n++;
		if (!read_segment(&r, source, &elf->segments.at[i])) {
			core_notes_free(&notes);
			return err_nomem(err, "the notes");
		}
	}
	order_files(&notes, &image->diag);
	if (!r.has_signal && image->threads.len > 0 &&
	    is_fatal(image->threads.at[0].signal))
		image->meta.signal = image->threads.at[0].signal;
	*ret = notes;
	return true;
}

void core_notes_free(struct core_notes *notes)
{
	vec_free(&notes->files);
	free(notes->holdfast);
	notes->holdfast = NULL;
}
