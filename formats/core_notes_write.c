/* SPDX-License-Identifier: MIT */
#include "formats/core_notes_write.h"

#include <elf.h>

#include "formats/core_layout.h"
#include "formats/core_notes.h"

static void put_note(struct blob *blob, const char *owner, uint32_t type,
		     const void *desc, size_t n)
{
	static const uint8_t pad[4];
	size_t name_size = strlen(owner) + 1;

	if (n > UINT32_MAX) {
		blob->failed = true;
		return;
	}
	blob_u32(blob, (uint32_t)name_size);
	blob_u32(blob, (uint32_t)n);
	blob_u32(blob, type);
	blob_bytes(blob, owner, name_size);
	blob_bytes(blob, pad, -name_size & 3);
	blob_bytes(blob, desc, n);
	blob_bytes(blob, pad, -n & 3);
}

static void put_int(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static void put_prstatus(const struct image *image, const struct thread *t,
			 struct blob *blob)
{
	uint8_t desc[PRSTATUS_SIZE] = {0};
	uint16_t signal = (uint16_t)t->signal;

	put_int(desc + PRSTATUS_SIGNO, (uint32_t)t->signal);
	memcpy(desc + PRSTATUS_CURSIG, &signal, sizeof(signal));
	put_int(desc + PRSTATUS_PID, t->tid);
	put_int(desc + PRSTATUS_PPID, image->meta.ppid);
	memcpy(desc + PRSTATUS_REGS, t->regs, sizeof(t->regs));
	put_int(desc + PRSTATUS_FPVALID, t->fpregs_size > 0);
	put_note(blob, "CORE", NT_PRSTATUS, desc, sizeof(desc));
}

/* Text in a field of fixed size that ends in a NUL. */
static void put_text(uint8_t *to, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);

	memcpy(to, text, n);
}

static void put_prpsinfo(const struct image *image, struct blob *blob)
{
	const struct image_meta *meta = &image->meta;
	uint8_t desc[PRPSINFO_SIZE] = {0};

	desc[PRPSINFO_SNAME] = 'R';
	put_int(desc + PRPSINFO_PID, meta->pid);
	put_int(desc + PRPSINFO_PPID, meta->ppid);
	put_text(desc + PRPSINFO_FNAME, FNAME_SIZE, path_name(meta->exe));
	put_text(desc + PRPSINFO_PSARGS, PSARGS_SIZE, meta->command);
	put_note(blob, "CORE", NT_PRPSINFO, desc, sizeof(desc));
}

static void put_siginfo(const struct thread *t, struct blob *blob)
{
	uint8_t desc[SIGINFO_SIZE] = {0};

	put_int(desc, (uint32_t)t->signal);
	if (t->siginfo_size > 0)
		put_note(blob, "CORE", NT_SIGINFO, t->siginfo,
			 t->siginfo_size);
	else if (t->signal > 0)
		put_note(blob, "CORE", NT_SIGINFO, desc, sizeof(desc));
}

static void put_registers(const struct thread *t, struct blob *blob)
{
	if (t->fpregs_size > 0)
		put_note(blob, "CORE", NT_FPREGSET, t->fpregs, t->fpregs_size);
	if (t->xstate_size > 0)
		put_note(blob, "LINUX", NT_X86_XSTATE, t->xstate,
			 t->xstate_size);
}

/* Anonymous memory and names like [heap] are no files. */
static bool is_file(const struct mapping *m)
{
	return m->path[0] == '/';
}

static void put_files(const struct image *image, struct blob *blob)
{
	struct blob desc = {0};
	uint64_t n = 0;

	for (size_t i = 0; i < image->mappings.len; i++)
		n += is_file(&image->mappings.at[i]);
	blob_u64(&desc, n);
	blob_u64(&desc, PAGE_SIZE_X86);
	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (!is_file(m))
			continue;
		blob_u64(&desc, m->start);
		blob_u64(&desc, m->end);
		blob_u64(&desc, m->offset / PAGE_SIZE_X86);
	}
	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (is_file(m))
			blob_bytes(&desc, m->path, strlen(m->path) + 1);
	}
	if (desc.failed)
		blob->failed = true;
	else
		put_note(blob, "CORE", NT_FILE, desc.bytes.at, desc.bytes.len);
	blob_free(&desc);
}

static void put_holdfast(const struct image *image, uint64_t n_segments,
			 struct blob *blob)
{
	struct blob parts[3] = {{{0}, false}}, desc = {0};

	meta_write(image, &parts[0]);
	maps_write(image, false, &parts[1]);
	modules_write(image, &parts[2]);
	blob_u32(&desc, NOTE_VERSION);
	blob_u32(&desc, 0);
	blob_u64(&desc, n_segments);
	for (int i = 0; i < 3; i++)
		blob_u64(&desc, parts[i].bytes.len);
	for (int i = 0; i < 3; i++) {
		desc.failed |= parts[i].failed;
		blob_bytes(&desc, parts[i].bytes.at, parts[i].bytes.len);
		blob_free(&parts[i]);
	}
	if (desc.failed)
		blob->failed = true;
	else
		put_note(blob, NOTE_HOLDFAST_OWNER, NOTE_HOLDFAST,
			 desc.bytes.at, desc.bytes.len);
	blob_free(&desc);
}

bool core_notes_write(const struct image *image, uint64_t n_segments,
		      struct blob *blob, struct err *err)
{
	for (size_t i = 0; i < image->threads.len; i++) {
		const struct thread *t = &image->threads.at[i];

		put_prstatus(image, t, blob);
		if (i == 0) {
			put_prpsinfo(image, blob);
			put_siginfo(t, blob);
			put_note(blob, "CORE", NT_AUXV, image->auxv.at,
				 image->auxv.len * sizeof(*image->auxv.at));
			put_files(image, blob);
		}
		put_registers(t, blob);
		if (i > 0)
			put_siginfo(t, blob);
	}
	if (image->threads.len == 0) {
		put_prpsinfo(image, blob);
		put_files(image, blob);
	}
	put_holdfast(image, n_segments, blob);
	return !blob->failed || err_nomem(err, "the notes");
}
