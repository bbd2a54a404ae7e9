/* SPDX-License-Identifier: MIT */
/*
 * Thread-local storage in a process made by hand: a program, two libraries,
 * ld.so of glibc or of musl, two threads.
 */
#include "tests/aid_cmocka.h"

#include <elf.h>

#include "analyze/tls.h"
#include "tests/aid_heap.h"

enum { RW = PERM_READ | PERM_WRITE };

/* Modules, by address. */
enum { PROGRAM, LD_SO, LIB_A, LIB_B };

#define APP UINT64_C(0x400000)
#define LINKER UINT64_C(0x700000)	/* its data; one word names the list */
#define LIBS UINT64_C(0x900000)		/* dynamic sections of two libraries */
#define HEAP UINT64_C(0x1000000)	/* the list, link_maps, vectors, blocks */
#define TCB UINT64_C(0x2000800)		/* of thread 0; 1 is a page further */

#define LIST (HEAP + 0x100)
#define MAP(i) (HEAP + 0x1000 + (i) * UINT64_C(0x800))
#define DTV(t) (HEAP + 0x4000 + (t) * UINT64_C(0x800))
#define BLOCK(t, i) (HEAP + 0x6000 + (t) * UINT64_C(0x1000) + (i) * 0x100)

enum { L_TLS_OFFSET = 0x480, L_TLS_MODID = 0x488 };

static struct image image;

static uint64_t tcb(uint32_t t)
{
	return TCB + t * UINT64_C(0x1000);
}

static int set_up(void **state)
{
	(void)state;
	made_image(&image);
	made_memory(&image, APP, APP + 0x1000, RW, "/bin/app");
	made_memory(&image, LINKER, LINKER + 0x1000, RW, "/lib/ld.so");
	made_memory(&image, LIBS, LIBS + 0x1000, RW, "/lib/a.so");
	made_memory(&image, LIBS + 0x1000, LIBS + 0x2000, RW, "/lib/b.so");
	made_memory(&image, HEAP, HEAP + 0x8000, RW, "");
	made_memory(&image, TCB & ~UINT64_C(4095), TCB + 0x1800, RW, "");
	made_module(&image, "/bin/app", APP, APP + 0x1000);
	made_module(&image, "/lib/other.so", LINKER, LINKER + 0x1000);
	made_module(&image, "/lib/a.so", LIBS, LIBS + 0x1000);
	made_module(&image, "/lib/b.so", LIBS + 0x1000, LIBS + 0x2000);
	image.meta.exe = "/bin/app";
	for (uint32_t i = PROGRAM; i <= LIB_B; i++) {
		image.modules.at[i].tls_size = i == LD_SO ? 0 : 0x2c;
		image.modules.at[i].tls_align = 0x10;
	}
	for (uint32_t t = 0; t < 2; t++) {
		struct thread thread = { .tid = 100 + t, .name = "" };

		thread.regs[X86_FS_BASE] = tcb(t);
		assert_true(vec_push(&image.threads, thread));
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_close(&image);
	return 0;
}

static const uint64_t dynamic_of[] = { APP + 0x100, LIBS + 0x100,
				       LIBS + 0x1100 };

static void put_map(uint32_t i, uint64_t modid, uint64_t offset, uint64_t next)
{
	made_word(&image, MAP(i) + 16, dynamic_of[i]);
	made_word(&image, MAP(i) + 24, next);
	made_word(&image, MAP(i) + L_TLS_MODID, modid);
	made_word(&image, MAP(i) + L_TLS_OFFSET, offset);
}

static void put_slot(uint32_t id, uint64_t generation, uint64_t map)
{
	made_word(&image, LIST + 16 + id * 16, generation);
	made_word(&image, LIST + 16 + id * 16 + 8, map);
}

/* Entries of 16 bytes; the length stands before entry 0, the generation is
 * entry 0. */
static void put_vector(uint32_t t, uint64_t generation)
{
	made_word(&image, tcb(t) + 8, DTV(t));
	made_word(&image, DTV(t) - 16, 8);
	made_word(&image, DTV(t), generation);
	for (uint32_t id = 1; id <= 3; id++)
		made_word(&image, DTV(t) + id * 16, BLOCK(t, id));
}

/* Numbers 1, 2 and 3 for the program, a.so and b.so. */
static void put_glibc(void)
{
	image.modules.at[LD_SO].path = "/lib64/ld-linux-x86-64.so.2";
	made_word(&image, LINKER + 0x808, LIST);
	made_word(&image, LIST, 65);
	put_slot(0, 0, MAP(0));
	for (uint32_t i = 0; i < 3; i++) {
		put_map(i, i + 1, 0, 0);
		put_slot(i + 1, 1, MAP(i));
	}
	put_vector(0, 1);
	put_vector(1, 1);
}

static void put_constant(const char *name, uint64_t addr, uint32_t offset)
{
	const uint32_t desc[3] = { 64, 1, offset };
	struct symbol s = { .addr = addr, .size = 12, .name = name,
			    .kind = SYMBOL_OBJECT };

	made_bytes(&image, addr, desc, sizeof(desc));
	assert_true(vec_push(&image.symbols, s));
}

static void put_constants(void)
{
	struct symbol s = { .addr = LINKER + 0x800, .size = 0x100,
			    .name = "_rtld_global", .kind = SYMBOL_OBJECT };

	put_constant("_thread_db_rtld_global__dl_tls_dtv_slotinfo_list",
		     LIBS + 0x800, 8);
	put_constant("_thread_db_link_map_l_tls_offset", LIBS + 0x810,
		     L_TLS_OFFSET);
	put_constant("_thread_db_link_map_l_tls_modid", LIBS + 0x820,
		     L_TLS_MODID);
	assert_true(vec_push(&image.symbols, s));
}

/* "thread.module=address" of all that is found, addresses by a letter. */
static const char *found(void)
{
	static char text[512];
	struct tls_blocks blocks;
	struct err err = {0};
	size_t n = 0;

	text[0] = '\0';
	assert_true(tls_blocks_find(&image, &blocks, &err));
	for (size_t i = 0; i < blocks.at.len; i++) {
		const struct tls_block *b = &blocks.at.at[i];
		uint64_t top = tcb(b->thread);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%u.%u=",
				      b->thread, b->module);
		if (b->addr < top && top - b->addr < 0x1000)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "fs-0x%x ",
					      (unsigned)(top - b->addr));
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n,
				"block%u ", (unsigned)((b->addr -
				BLOCK(b->thread, 0)) / 0x100));
	}
	tls_blocks_free(&blocks);
	return text;
}

static void without_a_linker_the_block_of_the_program_is_known(void **state)
{
	(void)state;
	assert_string_equal(found(), "0.0=fs-0x30 1.0=fs-0x30 ");
}

static void the_list_is_found_by_its_shape(void **state)
{
	(void)state;
	put_glibc();
	/* Words that look like the list at first sight. */
	made_word(&image, LINKER + 0x10, HEAP + 0x7f00);
	made_word(&image, HEAP + 0x7f00, 3);
	made_word(&image, HEAP + 0x7f00 + 16 + 24, 0x123450);
	assert_string_equal(found(), "0.0=block1 0.2=block2 0.3=block3 "
				     "1.0=block1 1.2=block2 1.3=block3 ");
}

/* The offsets of libc's constants: blocks at a fixed place are there. */
static void constants_of_libc_give_fixed_places(void **state)
{
	(void)state;
	put_glibc();
	put_constants();
	put_map(0, 1, 0x40, 0);
	put_map(1, 2, 0x80, 0);
	put_map(2, 3, UINT64_MAX, 0);
	made_word(&image, DTV(0) + 2 * 16, UINT64_MAX);
	assert_string_equal(found(), "0.0=fs-0x40 0.2=fs-0x80 0.3=block3 "
				     "1.0=fs-0x40 1.2=fs-0x80 1.3=block3 ");
}

static void a_slot_that_its_module_denies_is_left_out(void **state)
{
	(void)state;
	put_glibc();
	put_constants();
	/* A slot whose module says that it has another number. */
	put_map(2, 7, 0, 0);
	assert_string_equal(found(), "0.0=block1 0.2=block2 "
				     "1.0=block1 1.2=block2 ");
}

/* Its number was another's when this thread last looked. */
static void entries_of_an_older_generation_do_not_count(void **state)
{
	(void)state;
	put_glibc();
	put_slot(3, 5, MAP(2));
	put_vector(1, 5);
	assert_string_equal(found(), "0.0=block1 0.2=block2 "
				     "1.0=block1 1.2=block2 1.3=block3 ");
}

static void blocks_that_are_not_made_yet_are_left_out(void **state)
{
	(void)state;
	put_glibc();
	made_word(&image, DTV(0) + 2 * 16, UINT64_MAX);
	made_word(&image, DTV(0) + 3 * 16, 0);
	made_word(&image, DTV(1) - 16, 1);	/* a short vector */
	assert_string_equal(found(), "0.0=block1 1.0=block1 ");
}

/* A list that leads to itself, or nowhere, ends. */
static void a_damaged_list_is_none(void **state)
{
	(void)state;
	put_glibc();
	made_word(&image, LIST + 8, LIST);
	assert_string_equal(found(), "0.0=fs-0x30 1.0=fs-0x30 ");
	made_word(&image, LIST + 8, UINT64_C(0xdeadbeef0));
	assert_string_equal(found(), "0.0=fs-0x30 1.0=fs-0x30 ");
	made_word(&image, LIST + 8, 0);
	made_word(&image, LIST, UINT64_MAX);
	assert_string_equal(found(), "0.0=fs-0x30 1.0=fs-0x30 ");
}

static void a_damaged_vector_costs_the_libraries_of_that_thread(void **state)
{
	(void)state;
	put_glibc();
	made_word(&image, tcb(0) + 8, UINT64_C(0xdeadbeef0));
	image.threads.at[1].regs[X86_FS_BASE] = 0;
	assert_string_equal(found(), "0.0=fs-0x30 ");
}

static void put_header(uint64_t at, uint32_t type, uint64_t vaddr)
{
	Elf64_Phdr p = { .p_type = type, .p_vaddr = vaddr };

	made_bytes(&image, at, &p, sizeof(p));
}

/* musl: the order of the link_maps; entries of 8 bytes, the first of them is
 * how many there are. The program has no TLS here, so a.so comes first. */
static void musl_numbers_modules_in_their_order(void **state)
{
	const uint64_t auxv[] = { AT_PHDR, APP + 0x40, AT_PHNUM, 2, 0, 0 };

	(void)state;
	image.modules.at[LD_SO].path = "/lib/ld-musl-x86_64.so.1";
	for (size_t i = 0; i < 6; i++)
		assert_true(vec_push(&image.auxv, auxv[i]));
	put_header(APP + 0x40, PT_PHDR, 0x40);
	put_header(APP + 0x40 + sizeof(Elf64_Phdr), PT_DYNAMIC, 0x200);
	made_word(&image, APP + 0x200, DT_INIT);
	made_word(&image, APP + 0x210, DT_DEBUG);
	made_word(&image, APP + 0x218, LINKER + 0x100);
	made_word(&image, LINKER + 0x108, MAP(0));
	image.modules.at[PROGRAM].tls_size = 0;
	put_map(0, 0, 0, MAP(1));
	put_map(1, 0, 0, MAP(2));
	put_map(2, 0, 0, 0);
	for (uint32_t t = 0; t < 2; t++) {
		made_word(&image, tcb(t) + 8, DTV(t));
		made_word(&image, DTV(t), t ? 1 : 2);
		made_word(&image, DTV(t) + 8, BLOCK(t, 4));
		made_word(&image, DTV(t) + 16, BLOCK(t, 5));
	}
	assert_string_equal(found(), "0.2=block4 0.3=block5 1.2=block4 ");
}

#define ON_IMAGE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_IMAGE(without_a_linker_the_block_of_the_program_is_known),
		ON_IMAGE(the_list_is_found_by_its_shape),
		ON_IMAGE(constants_of_libc_give_fixed_places),
		ON_IMAGE(a_slot_that_its_module_denies_is_left_out),
		ON_IMAGE(entries_of_an_older_generation_do_not_count),
		ON_IMAGE(blocks_that_are_not_made_yet_are_left_out),
		ON_IMAGE(a_damaged_list_is_none),
		ON_IMAGE(a_damaged_vector_costs_the_libraries_of_that_thread),
		ON_IMAGE(musl_numbers_modules_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
