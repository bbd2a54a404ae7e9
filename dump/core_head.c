/* SPDX-License-Identifier: MIT */
#include "dump/core_head.h"

#include <elf.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "dump/core_spool.h"
#include "formats/core_notes.h"

enum {
	START = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
	/* 16,000 threads with AVX-512; the kernel has room for more. */
	HEAD_MAX = 64 << 20,
};

/** Where the notes end, from the header and the first program header. */
static bool find_end(const uint8_t start[START], uint64_t *ret,
		     struct err *err)
{
	struct bytes b = bytes_of(start, START);
	const uint8_t *magic = bytes_take(&b, SELFMAG);
	uint64_t offset, size;

	if (!magic || memcmp(magic, ELFMAG, SELFMAG) != 0)
		return err_set(err, ERR_FORMAT, "not a core");
	b.pos = sizeof(Elf64_Ehdr);
	if (bytes_u32(&b) != PT_NOTE)
		return err_set(err, ERR_FORMAT,
			       "the core does not begin with its notes");
	b.pos = sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_offset);
	offset = bytes_u64(&b);
	b.pos = sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_filesz);
	size = bytes_u64(&b);
	if (offset < START || offset > HEAD_MAX || size > HEAD_MAX - offset)
		return err_set(err, ERR_LIMIT, "the notes of the core are "
			       "larger than %d MiB", HEAD_MAX >> 20);
	*ret = offset + size;
	return true;
}

bool core_head_copy(int in, int fd, uint64_t *ret, struct err *err)
{
	uint8_t start[START];
	uint64_t end = 0, got;

	if (!core_spool_copy(in, fd, 0, START, &got, err))
		return false;
	if (got < START || pread(fd, start, START, 0) != START)
		return err_set(err, ERR_FORMAT, "%s", got == 0 ?
			       "there is no core" : "not a core, or one that "
			       "is cut off in its header");
	if (!find_end(start, &end, err) ||
	    !core_spool_copy(in, fd, START, end - START, &got, err))
		return false;
	*ret = end;
	return got == end - START ||
	       err_set(err, ERR_FORMAT, "the core is cut off in its notes");
}

bool core_head_read(int fd, struct image *image, struct err *err)
{
	struct core_notes notes = {0};
	struct core_elf elf = {0};
	struct source *source;
	char path[32];
	bool ok;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!source_open(path, &image->diag, &source, err))
		return false;
	ok = core_elf_read(source, "the core", &image->diag, &elf, err) &&
	     core_notes_read(source, &elf, image, &notes, err);
	core_notes_free(&notes);
	core_elf_free(&elf);
	source_close(source);
	return ok;
}
