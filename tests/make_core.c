/* SPDX-License-Identifier: MIT */
#include "tests/make_core.h"

#include <elf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "formats/snapshot.h"

/* The file as it grows. */
struct out {
	VEC(uint8_t) bytes;
};

static void die(const char *what)
{
	fprintf(stderr, "make_core: %s\n", what);
	exit(1);
}

static void put(struct out *out, const void *bytes, size_t n)
{
	if (!vec_reserve(&out->bytes, out->bytes.len + n + 1))
		die("out of memory");
	if (n > 0)
		memcpy(out->bytes.at + out->bytes.len, bytes, n);
	out->bytes.len += n;
}

static void put_u32(struct out *out, size_t value)
{
	uint32_t narrow = (uint32_t)value;

	put(out, &narrow, sizeof(narrow));
}

static void put_u64(struct out *out, uint64_t value)
{
	put(out, &value, sizeof(value));
}

static void put_zeros(struct out *out, size_t n)
{
	static const uint8_t zeros[4096];

	for (; n > 0; n -= n < sizeof(zeros) ? n : sizeof(zeros))
		put(out, zeros, n < sizeof(zeros) ? n : sizeof(zeros));
}

struct make_map *make_core_map(struct make_core *core, uint64_t start,
			       uint64_t size, uint32_t perms,
			       const char *path, uint64_t offset)
{
	struct make_map map = {
		.start = start, .size = size, .dumped = size,
		.offset = offset, .perms = perms, .path = path,
		.bytes = calloc(1, (size_t)size + 1),
	};

	if (!map.bytes || !vec_push(&core->maps, map))
		die("out of memory");
	return &core->maps.at[core->maps.len - 1];
}

void make_core_write(struct make_core *core, uint64_t addr, const void *bytes,
		     size_t n)
{
	for (size_t i = 0; i < core->maps.len; i++) {
		struct make_map *map = &core->maps.at[i];

		if (addr >= map->start && addr - map->start < map->size &&
		    n <= map->size - (addr - map->start)) {
			memcpy(map->bytes + (addr - map->start), bytes, n);
			return;
		}
	}
	die("a write outside of the mappings");
}

void make_core_u64(struct make_core *core, uint64_t addr, uint64_t value)
{
	make_core_write(core, addr, &value, sizeof(value));
}

struct thread *make_core_thread(struct make_core *core, uint32_t tid,
				uint64_t rip, uint64_t rsp)
{
	struct thread thread = { .tid = tid, .name = "" };

	thread.regs[X86_RIP] = rip;
	thread.regs[X86_RSP] = rsp;
	if (!vec_push(&core->threads, thread))
		die("out of memory");
	return &core->threads.at[core->threads.len - 1];
}

void make_core_auxv(struct make_core *core, uint64_t type, uint64_t value)
{
	if (!vec_push(&core->auxv, type) || !vec_push(&core->auxv, value))
		die("out of memory");
}

static void put_note(struct out *out, const char *owner, uint32_t type,
		     const void *desc, size_t n)
{
	put_u32(out, strlen(owner) + 1);
	put_u32(out, n);
	put_u32(out, type);
	put(out, owner, strlen(owner) + 1);
	put_zeros(out, (4 - (strlen(owner) + 1) % 4) % 4);
	put(out, desc, n);
	put_zeros(out, (4 - n % 4) % 4);
}

static void put_thread(const struct make_core *core, const struct thread *t,
		       bool first, struct out *out)
{
	struct elf_prstatus status = {0};

	_Static_assert(sizeof(status.pr_reg) == sizeof(t->regs), "registers");
	status.pr_pid = (int)t->tid;
	status.pr_cursig = (short)(first ? core->signal : t->signal);
	memcpy(&status.pr_reg, t->regs, sizeof(t->regs));
	put_note(out, "CORE", NT_PRSTATUS, &status, sizeof(status));
	if (t->fpregs_size > 0)
		put_note(out, "CORE", NT_FPREGSET, t->fpregs, t->fpregs_size);
	if (t->xstate_size > 0)
		put_note(out, "LINUX", NT_X86_XSTATE, t->xstate,
			 t->xstate_size);
}

static void put_process(const struct make_core *core, struct out *out)
{
	struct elf_prpsinfo info = { .pr_sname = 'R' };
	const char *command = core->command ? core->command : "made";
	int siginfo[32] = { core->signal };

	info.pr_pid = (int)core->pid;
	snprintf(info.pr_fname, sizeof(info.pr_fname), "%s", command);
	snprintf(info.pr_psargs, sizeof(info.pr_psargs), "%s", command);
	put_note(out, "CORE", NT_PRPSINFO, &info, sizeof(info));
	if (core->signal)
		put_note(out, "CORE", NT_SIGINFO, siginfo, sizeof(siginfo));
}

static void put_auxv(const struct make_core *core, struct out *out)
{
	struct out desc = {0};

	put(&desc, core->auxv.at, core->auxv.len * sizeof(uint64_t));
	put_zeros(&desc, 16);
	put_note(out, "CORE", NT_AUXV, desc.bytes.at, desc.bytes.len);
	vec_free(&desc.bytes);
}

static void put_files(const struct make_core *core, struct out *out)
{
	struct out desc = {0};
	uint64_t n = 0;

	for (size_t i = 0; i < core->maps.len; i++)
		n += core->maps.at[i].path[0] != '\0';
	put_u64(&desc, n);
	put_u64(&desc, 4096);
	for (size_t i = 0; i < core->maps.len; i++) {
		const struct make_map *map = &core->maps.at[i];

		if (map->path[0] == '\0')
			continue;
		put_u64(&desc, map->start);
		put_u64(&desc, map->start + map->size);
		put_u64(&desc, map->offset / 4096);
	}
	for (size_t i = 0; i < core->maps.len; i++) {
		const char *path = core->maps.at[i].path;

		if (path[0] != '\0')
			put(&desc, path, strlen(path) + 1);
	}
	put_note(out, "CORE", NT_FILE, desc.bytes.at, desc.bytes.len);
	vec_free(&desc.bytes);
}

static void put_notes(const struct make_core *core, struct out *out)
{
	for (size_t i = 0; i < core->threads.len; i++) {
		put_thread(core, &core->threads.at[i], i == 0, out);
		if (i == 0)
			put_process(core, out);
	}
	if (core->threads.len == 0)
		put_process(core, out);
	put_auxv(core, out);
	put_files(core, out);
}

static uint32_t flags_of(uint32_t perms)
{
	return (perms & PERM_READ ? PF_R : 0u) |
	       (perms & PERM_WRITE ? PF_W : 0u) |
	       (perms & PERM_EXEC ? PF_X : 0u);
}

/* Returns where the memory ends. */
static uint64_t put_loads(const struct make_core *core, uint64_t offset,
			  struct out *out)
{
	for (size_t i = 0; i < core->maps.len; i++) {
		const struct make_map *map = &core->maps.at[i];
		Elf64_Phdr load = {
			.p_type = PT_LOAD, .p_flags = flags_of(map->perms),
			.p_offset = offset, .p_vaddr = map->start,
			.p_filesz = map->dumped, .p_memsz = map->size,
			.p_align = 4096,
		};

		put(out, &load, sizeof(load));
		offset += map->dumped;
	}
	return offset;
}

static void put_header(const struct make_core *core, uint64_t shoff,
		       struct out *out)
{
	size_t n = core->maps.len + 1;
	bool xnum = core->xnum || n >= PN_XNUM;
	Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = xnum ? PN_XNUM : (Elf64_Half)n,
		.e_shoff = xnum ? shoff : 0, .e_shnum = xnum,
		.e_shentsize = sizeof(Elf64_Shdr),
	};

	put(out, &header, sizeof(header));
}

uint8_t *make_core_bytes(const struct make_core *core, size_t *n)
{
	struct out notes = {0}, out = {0}, loads = {0};
	uint64_t head = sizeof(Elf64_Ehdr) +
			(core->maps.len + 1) * sizeof(Elf64_Phdr);
	Elf64_Phdr note = { .p_type = PT_NOTE };
	Elf64_Shdr section = { .sh_info = (uint32_t)core->maps.len + 1 };
	uint64_t memory, end;

	put_notes(core, &notes);
	memory = head + (core->notes_last ? 0 : notes.bytes.len);
	end = put_loads(core, memory, &loads);
	note.p_offset = core->notes_last ? end : head;
	note.p_filesz = notes.bytes.len;
	put_header(core, end + (core->notes_last ? notes.bytes.len : 0), &out);
	put(&out, &note, sizeof(note));
	put(&out, loads.bytes.at, loads.bytes.len);
	if (!core->notes_last)
		put(&out, notes.bytes.at, notes.bytes.len);
	for (size_t i = 0; i < core->maps.len; i++)
		put(&out, core->maps.at[i].bytes, core->maps.at[i].dumped);
	if (core->notes_last)
		put(&out, notes.bytes.at, notes.bytes.len);
	put(&out, &section, sizeof(section));
	vec_free(&notes.bytes);
	vec_free(&loads.bytes);
	*n = out.bytes.len;
	return out.bytes.at;
}

int make_file(const void *bytes, size_t n, char path[64])
{
	int fd = memfd_create("made", MFD_CLOEXEC);
	const char *at = bytes;

	if (fd < 0)
		die("no memory file");
	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done <= 0)
			die("cannot write the memory file");
		at += done;
		n -= (size_t)done;
	}
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

void make_core_image(const struct make_core *core, struct image *ret)
{
	struct err err = {0};
	char path[64];
	size_t n;
	uint8_t *bytes = make_core_bytes(core, &n);
	int fd = make_file(bytes, n, path);

	if (!image_open(path, ret, &err))
		die(err.message);
	close(fd);
	free(bytes);
}

void make_core_free(struct make_core *core)
{
	for (size_t i = 0; i < core->maps.len; i++)
		free(core->maps.at[i].bytes);
	vec_free(&core->maps);
	vec_free(&core->threads);
	vec_free(&core->auxv);
}
