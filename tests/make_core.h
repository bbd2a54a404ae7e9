/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Synthetic cores: ELF core files built by tests, byte by byte.
 *
 * Written apart from formats/, as the oracle of its tests: the layout comes
 * from elf.h and the kernel's fs/binfmt_elf.c. Failures end the test program.
 *
 *     struct make_core core = {0};
 *     struct image image;
 *
 *     make_core_map(&core, 0x10000, 0x2000, PERM_READ | PERM_WRITE, "", 0);
 *     make_core_u64(&core, 0x10008, 0x11000);
 *     make_core_thread(&core, 42, 0x401000, 0x10ff0);
 *     make_core_image(&core, &image);
 *     ...
 *     image_close(&image);
 *     make_core_free(&core);
 */
#ifndef TESTS_MAKE_CORE_H
#define TESTS_MAKE_CORE_H

#include "formats/image.h"

/* A mapping, zero-filled; [dumped] bytes of it are in the core. */
struct make_map {
	uint64_t start, size;
	uint64_t dumped;	/* bytes; make_core_map() sets all */
	uint64_t offset;	/* in the file @path */
	uint32_t perms;		/* enum perm */
	const char *path;	/* "" is anonymous: not in NT_FILE; borrowed */
	uint8_t *bytes;		/* [size], owned */
};

struct make_core {
	VEC(struct make_map) maps;	/* in the order of their segments */
	VEC(struct thread) threads;
	VEC(uint64_t) auxv;	/* pairs; the end is added */
	const char *command;	/* NULL: "made" */
	uint32_t pid;
	int signal;		/* NT_SIGINFO and the first thread's */
	bool xnum;		/* PN_XNUM though there are few segments */
	bool notes_last;	/* as gcore does it */
};

/** Add a mapping and return it (valid until the next one is added). */
struct make_map *make_core_map(struct make_core *core, uint64_t start,
			       uint64_t size, uint32_t perms,
			       const char *path, uint64_t offset);

/** Change memory inside one mapping. */
void make_core_write(struct make_core *core, uint64_t addr, const void *bytes,
		     size_t n);
void make_core_u64(struct make_core *core, uint64_t addr, uint64_t value);

/** Add a thread; more registers can be set in what is returned. */
struct thread *make_core_thread(struct make_core *core, uint32_t tid,
				uint64_t rip, uint64_t rsp);

/** Add a pair to the auxiliary vector. */
void make_core_auxv(struct make_core *core, uint64_t type, uint64_t value);

/** The core's bytes; release with free(). */
uint8_t *make_core_bytes(const struct make_core *core, size_t *n);

/**
 * A memory file that holds @n bytes. @path gets its name, which is valid
 * until the returned descriptor is closed.
 */
int make_file(const void *bytes, size_t n, char path[64]);

/** Build the core and open it; ends the program when that fails. */
void make_core_image(const struct make_core *core, struct image *ret);

void make_core_free(struct make_core *core);

#endif
