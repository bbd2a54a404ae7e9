/* SPDX-License-Identifier: MIT */
/*
 * Any words in the memory that the dynamic linker left: what is found names
 * threads and modules that exist, in order. Input: records of a u16 word
 * number and a u64 word, for the data of ld.so, the list of slots, link_maps,
 * vectors and thread control blocks.
 */
#include <elf.h>
#include <stdlib.h>

#include "analyze/tls.h"
#include "base/bytes.h"
#include "tests/aid_heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RW = PERM_READ | PERM_WRITE, PAGES = 4, N_MODULES = 3 };

#define APP UINT64_C(0x400000)
#define MEMORY UINT64_C(0x700000)	/* ld.so's data, then the rest */
#define TCB (MEMORY + 0x3800)

static void add_modules(struct image *image)
{
	made_memory(image, APP, APP + 0x1000, RW, "/bin/app");
	made_memory(image, MEMORY, MEMORY + 0x1000, RW, "/lib/ld-linux.so");
	made_memory(image, MEMORY + 0x1000, MEMORY + PAGES * 0x1000, RW, "");
	made_module(image, "/bin/app", APP, APP + 0x1000);
	made_module(image, "/lib/ld-linux.so", MEMORY, MEMORY + 0x1000);
	made_module(image, "/lib/a.so", MEMORY + 0x1000, MEMORY + 0x1100);
	image->meta.exe = "/bin/app";
	for (uint32_t i = 0; i < N_MODULES; i++)
		image->modules.at[i].tls_size = 0x20;
}

/* A list with one slot, and a vector, as a start. */
static void add_words(struct image *image)
{
	made_word(image, MEMORY + 0x10, MEMORY + 0x1200);
	made_word(image, MEMORY + 0x1200, 4);
	made_word(image, MEMORY + 0x1228, MEMORY + 0x1400);
	made_word(image, MEMORY + 0x1238, MEMORY + 0x1500);
	made_word(image, MEMORY + 0x1410, APP + 8);
	made_word(image, MEMORY + 0x1510, MEMORY + 0x1010);
	made_word(image, TCB + 8, MEMORY + 0x2010);
	made_word(image, MEMORY + 0x2000, 4);
}

static void look(const struct image *image)
{
	struct tls_blocks blocks;
	struct err err = {0};

	if (!tls_blocks_find(image, &blocks, &err))
		return;
	for (size_t i = 0; i < blocks.at.len; i++) {
		const struct tls_block *b = &blocks.at.at[i];

		if (b->thread >= image->threads.len ||
		    b->module >= image->modules.len || b->addr == 0 ||
		    (i > 0 && b->thread < b[-1].thread))
			abort();
	}
	tls_blocks_free(&blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t auxv[] = { AT_PHDR, APP + 0x40, AT_PHNUM, 4, 0, 0 };
	struct bytes in = bytes_of(data, size);
	struct thread thread = { .tid = 1, .name = "" };
	struct image image;
	uint8_t musl = bytes_u8(&in);

	made_image(&image);
	add_modules(&image);
	add_words(&image);
	thread.regs[X86_FS_BASE] = TCB;
	if (!vec_push(&image.threads, thread))
		abort();
	for (size_t i = 0; i < 6; i++)
		if (!vec_push(&image.auxv, auxv[i]))
			abort();
	if (musl & 1)
		image.modules.at[1].path = "/lib/ld-musl.so";
	while (bytes_left(&in) >= 10) {
		uint32_t at = bytes_u16(&in) % (PAGES * 512 + 512);
		uint64_t word = bytes_u64(&in);

		made_word(&image, at < 512 ? APP + at * 8 :
			  MEMORY + (at - 512) * UINT64_C(8), word);
	}
	look(&image);
	image_close(&image);
	return 0;
}
