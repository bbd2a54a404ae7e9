/* SPDX-License-Identifier: MIT */
/*
 * Reading DWARF: spelling of names, damaged files.
 *
 * With a FILE as argument it prints the types and variables in it, one a
 * line, for tests/sys_dwarf.py, which knows what a compiler and readelf say:
 *
 *     T kind size name            M offset bits name type-name
 *     V address T|A name type-name
 *     S offset count owner-name, target-name
 *
 * --count FILE prints how many DIEs there are, --time FILE [CODE] how long it
 * takes to read the types, and slots from the code in CODE, for tests/bench.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "formats/dwarf_input.h"
#include "formats/dwarf_name.h"
#include "formats/dwarf_types.h"
#include "formats/dwarf_worker.h"
#include "formats/slot_flows.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void both_compilers_names_become_one(void **state)
{
	static const struct { const char *name, *tidy; } cases[] = {
		{ "long unsigned int", "unsigned long" },
		{ "unsigned long", "unsigned long" },
		{ "long long int", "long long" },
		{ "short int", "short" },
		{ "char", "char" },
		{ "vector<long int, std::allocator<long int> >",
		  "vector<long, std::allocator<long>>" },
		{ "a<b<c<int> > >", "a<b<c<int>>>" },
		{ "ring<app::circle *, 4>", "ring<app::circle*, 4>" },
		{ "operator&", "operator&" },
		{ "along int", "along int" },
		{ "long interval", "long interval" },
		{ "operator> ", "operator> " },
		{ "", "" },
	};
	char buf[128];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		dwarf_name_tidy(cases[i].name, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].tidy);
	}
	dwarf_name_tidy("long unsigned int", buf, 5);
	assert_string_equal(buf, "unsi");
}

/* A copy in memory of the program that is running. */
static uint8_t *own_file(size_t *n)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc((size_t)size);

	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
	close(fd);
	*n = (size_t)size;
	return bytes;
}

/* Read @bytes as a file in a worker; what it says does not matter. */
static void read_bytes(const uint8_t *bytes, size_t n)
{
	int fd = memfd_create("damaged", MFD_CLOEXEC);
	struct image image = {0};
	struct type_table types;
	struct dwarf_job job = { .elf = NULL };
	struct elf_file *file;
	struct err err = {0};

	assert_int_equal(write(fd, bytes, n), n);
	if (elf_file_open(fd, &file, &err)) {
		job.elf = job.symbols = job.code = file;
		if (dwarf_worker_read(&job, &image, &types, &err)) {
			assert_true(types_check(&types, &err));
			types_free(&types);
		}
		elf_file_close(file);
	}
	close(fd);
	vec_free(&image.vars);
	vec_free(&image.slots);
	diag_free(&image.diag);
	arena_free(&image.arena);
}

/* Sections with DWARF lie in the second half of the file. */
static void damaged_files_cost_no_more_than_their_types(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	size_t n;
	uint8_t *bytes = own_file(&n);

	(void)state;
	print_message("seed %u\n", seed);
	for (int run = 0; run < 40; run++) {
		uint8_t old[16];
		size_t at[16];

		for (size_t i = 0; i < N(at); i++) {
			at[i] = run % 2 ? (size_t)rand_r(&seed) % n :
				n / 2 + (size_t)rand_r(&seed) % (n / 2);
			old[i] = bytes[at[i]];
			bytes[at[i]] = (uint8_t)rand_r(&seed);
		}
		read_bytes(bytes, n);
		for (size_t i = N(at); i-- > 0;)
			bytes[at[i]] = old[i];
	}
	for (size_t cut = 1; cut < 8; cut++)
		read_bytes(bytes, n / 8 * cut);
	free(bytes);
}

/* In the place of libc's: elements of @no_memory_for bytes get memory @spared
 * times. */
static size_t no_memory_for;
static _Atomic int spared;

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if ((size == no_memory_for && spared-- <= 0) ||
	    __builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}

static void read_self(struct dwarf_types *ret, struct diag *diag)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_file *file;
	struct err err = {0};

	assert_true(elf_file_open(fd, &file, &err));
	assert_true(dwarf_types_read(file, file, file, NULL, ret, diag, &err));
	elf_file_close(file);
	close(fd);
}

static void without_memory_for_slots_the_types_are_there(void **state)
{
	struct dwarf_types all, types;
	struct diag diag = {0};

	(void)state;
	read_self(&all, &diag);
	if (all.types.types.len == 0)
		skip();		/* built without debug information */
	assert_true(all.slots.len > 0);
	assert_false(all.lacks_slots);
	assert_int_equal(diag.len, 0);

	/* Parts of the code are as large as flows, and come first. */
	for (int i = 0; i < 3; i++) {
		no_memory_for = sizeof(struct flow);
		spared = i;
		read_self(&types, &diag);
		no_memory_for = 0;
		assert_int_equal(types.slots.len, 0);
		assert_true(types.lacks_slots);
		assert_int_equal(diag.len, 1);
		assert_int_equal(types.types.types.len, all.types.types.len);
		assert_int_equal(types.vars.len, all.vars.len);
		dwarf_types_free(&types);
	}
	dwarf_types_free(&all);
	diag_free(&diag);
}

static void print_type(const struct type_table *t, uint32_t id)
{
	const struct type *type = &t->types.at[id];
	char buf[4096];

	printf("T %d %" PRIu64 " %s\n", type->kind, type->size,
	       types_name(t, id, buf, sizeof(buf)));
	for (uint32_t i = 0; i < type->n_members; i++) {
		const struct member *m =
			&t->members.at[type->first_member + i];
		uint64_t bit = m->flags & MEMBER_BITFIELD ? m->bit_offset : 0;

		printf("M %" PRIu64 " %u %s %s\n", m->offset * 8 + bit,
		       m->bit_size, m->name ? types_text(t, m->name) : "-",
		       types_name(t, m->type, buf, sizeof(buf)));
	}
}

static void print_slots(const struct dwarf_types *types)
{
	char owner[4096], target[4096];

	for (size_t i = 0; i < types->slots.len; i++) {
		const struct mined_slot *s = &types->slots.at[i];

		printf("S %u %u %s, %s\n", s->offset, s->count,
		       types_name(&types->types, s->owner, owner,
				  sizeof(owner)),
		       types_name(&types->types, s->target, target,
				  sizeof(target)));
	}
}

static int print_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct dwarf_places places = { .module = path };
	struct elf_file *file = NULL;
	struct dwarf_types types;
	struct diag diag = {0};
	struct err err = {0};
	char buf[4096];

	if (!elf_file_open(fd, &file, &err) ||
	    !dwarf_types_read(file, file, file, &places, &types, &diag, &err)) {
		fprintf(stderr, "%s\n", err.message);
		elf_file_close(file);
		return 1;
	}
	for (uint32_t i = 0; i < types.types.types.len; i++)
		print_type(&types.types, i);
	for (size_t i = 0; i < types.vars.len; i++) {
		const struct dwarf_variable *v = &types.vars.at[i];

		printf("V %" PRIx64 " %c %s %s\n", v->addr,
		       v->flags & VAR_TLS ? 'T' : 'A',
		       types_text(&types.types, v->name),
		       types_name(&types.types, v->type, buf, sizeof(buf)));
	}
	print_slots(&types);
	for (size_t i = 0; i < diag.len; i++)
		printf("D %s\n", diag.at[i].what);
	dwarf_types_free(&types);
	diag_free(&diag);
	elf_file_close(file);
	close(fd);
	return 0;
}

/* DIEs of all units, ends of siblings left out. */
static uint64_t count_dies(struct dwarf_input *input)
{
	uint64_t n = 0;

	for (size_t i = 0; i < input->units.len; i++) {
		struct die_unit *u = input->units.at[i];
		size_t at = u->first;
		struct die die;

		if (!dwarf_input_begin(input, u))
			continue;
		while (at < u->end &&
		       die_read(u, at, &die) != DIE_DAMAGED) {
			n += die.unit != NULL;
			at = die.end;
		}
	}
	return n;
}

static int print_count(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct dwarf_input *input;
	struct elf_file *file;
	struct diag diag = {0};
	struct err err = {0};

	if (!elf_file_open(fd, &file, &err))
		return 1;
	if (!dwarf_input_open(file, NULL, 0, &diag, &input, &err)) {
		elf_file_close(file);
		return 1;
	}
	printf("%" PRIu64 "\n", count_dies(input));
	dwarf_input_close(input);
	diag_free(&diag);
	elf_file_close(file);
	close(fd);
	return 0;
}

static struct elf_file *open_elf(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file *file = NULL;
	struct err err = {0};

	(void)!elf_file_open(fd, &file, &err);
	close(fd);
	return file;
}

/* How long it takes: MB of DIEs, seconds of processors, seconds. */
static int print_time(const char *path, const char *code_path)
{
	struct elf_file *file = open_elf(path);
	struct elf_file *code = code_path ? open_elf(code_path) : NULL;
	struct dwarf_types types;
	struct diag diag = {0};
	struct err err = {0};
	struct timespec from, to;
	clock_t before;
	size_t info;

	if (!file || (code_path && !code))
		return 1;
	info = elf_file_find(file, ".debug_info");
	before = clock();
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!dwarf_types_read(file, file, code, NULL, &types, &diag, &err))
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.2f %.3f %.3f\n",
	       (double)elf_file_section(file, info)->size / 1e6,
	       (double)(clock() - before) / CLOCKS_PER_SEC,
	       (double)(to.tv_sec - from.tv_sec) +
	       (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	dwarf_types_free(&types);
	diag_free(&diag);
	elf_file_close(file);
	elf_file_close(code);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_compilers_names_become_one),
		cmocka_unit_test(damaged_files_cost_no_more_than_their_types),
		cmocka_unit_test(without_memory_for_slots_the_types_are_there),
	};

	if (argc > 2 && strcmp(argv[1], "--count") == 0)
		return print_count(argv[2]);
	if (argc > 2 && strcmp(argv[1], "--time") == 0)
		return print_time(argv[2], argc > 3 ? argv[3] : NULL);
	if (argc > 1)
		return print_file(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
