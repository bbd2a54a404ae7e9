/* SPDX-License-Identifier: MIT */
/*
 * Modules, symbols, types and variables of this very program: a forked copy
 * of it is the image, and the compiler and the dynamic linker are the oracle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "formats/debug_find.h"
#include "formats/modules.h"
#include "tests/aid_fork_copy.h"
#include "tests/aid_maps_image.h"

struct probe_inner {
	short a;
	char text[12];
};

struct probe {
	struct probe *next;
	unsigned flag : 3, rest : 13;
	struct probe_inner inner[2];
	union {
		long number;
		void *address;
	} either;
	void (*call)(int, struct probe *);
};

typedef struct {
	int x;
} probe_nameless;

struct probe probe_global;
static probe_nameless probe_static = { 1 };
static _Thread_local struct probe probe_tls;

static __attribute__((__noinline__)) int *function_static(void)
{
	static int probe_seen;

	probe_seen++;
	probe_static.x++;
	probe_tls.inner[0].a++;
	return &probe_seen;
}

static struct image image;
static pid_t copy;
static const struct module_search search;

static int open_copy(void **state)
{
	struct err err = {0};

	(void)state;
	function_static();
	copy = fork_copy();
	if (copy < 0 || !maps_image_open(copy, &image) ||
	    !modules_find(&image, &search, &err) ||
	    !modules_load(&image, &search, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	return 0;
}

static int close_copy(void **state)
{
	(void)state;
	image_close(&image);
	end_copy(copy);
	return 0;
}

static const struct module *module_with(uint64_t bias)
{
	for (size_t i = 0; i < image.modules.len; i++) {
		if (image.modules.at[i].bias == bias)
			return &image.modules.at[i];
	}
	return NULL;
}

static int check_object(struct dl_phdr_info *info, size_t size, void *data)
{
	const struct module *m = module_with(info->dlpi_addr);
	uint64_t end = 0, tls = 0;
	char *path;

	(void)size;
	if (strstr(info->dlpi_name, "vdso"))
		return 0;
	++*(size_t *)data;
	assert_non_null(m);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && p->p_vaddr + p->p_memsz > end)
			end = p->p_vaddr + p->p_memsz;
		if (p->p_type == PT_TLS)
			tls = p->p_memsz;
	}
	assert_true(m->end >= info->dlpi_addr + end);
	assert_true(m->end < info->dlpi_addr + end + 4096);
	assert_int_equal(m->tls_size, tls);
	path = realpath(*info->dlpi_name ? info->dlpi_name : "/proc/self/exe",
			NULL);
	assert_string_equal(m->path, path);
	free(path);
	return 0;
}

static void finds_every_object_of_the_dynamic_linker(void **state)
{
	size_t n = 0;

	(void)state;
	dl_iterate_phdr(check_object, &n);
	assert_true(n >= 2);
	assert_int_equal(image.modules.len, n);
}

static void reads_the_build_id_from_memory(void **state)
{
	const struct module *m = image_module(&image, (uint64_t)&probe_global);
	struct elf_file *file;
	struct err err = {0};
	uint8_t id[BUILD_ID_MAX];
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_non_null(m);
	assert_true(elf_file_open(fd, &file, &err));
	close(fd);
	assert_int_equal(elf_file_build_id(file, id), m->build_id_size);
	assert_memory_equal(id, m->build_id, m->build_id_size);
	elf_file_close(file);
}

static const struct section *section_of(const void *addr)
{
	for (size_t i = 0; i < image.sections.len; i++) {
		const struct section *s = &image.sections.at[i];

		if ((uint64_t)addr >= s->start && (uint64_t)addr < s->end)
			return s;
	}
	return NULL;
}

static void sections_lie_where_the_variables_are(void **state)
{
	(void)state;
	assert_non_null(section_of(&probe_global));
	assert_string_equal(section_of(&probe_global)->name, ".bss");
	assert_string_equal(section_of(&probe_static)->name, ".data");
	assert_null(section_of((const void *)(uintptr_t)&check_object));
}

static const struct variable *variable(const char *name)
{
	for (size_t i = 0; i < image.vars.len; i++) {
		if (strcmp(image.vars.at[i].name, name) == 0)
			return &image.vars.at[i];
	}
	fail_msg("no variable %s", name);
	return NULL;
}

static void variables_have_addresses_sizes_and_types(void **state)
{
	const struct variable *v = variable("probe_global");
	char buf[64];

	(void)state;
	assert_int_equal(v->addr, (uint64_t)&probe_global);
	assert_int_equal(v->size, sizeof(probe_global));
	assert_string_equal(types_name(&image.types, v->type, buf,
				       sizeof(buf)), "probe");
	assert_ptr_equal(image_variable(&image, (uint64_t)&probe_global), v);
	v = variable("probe_static");
	assert_int_equal(v->addr, (uint64_t)&probe_static);
	assert_string_equal(types_name(&image.types, v->type, buf,
				       sizeof(buf)), "probe_nameless");
	v = variable("function_static::probe_seen");
	assert_int_equal(v->addr, (uint64_t)function_static());
	assert_int_equal(v->flags, VAR_FUNCTION_STATIC);
}

static int tls_symbol_offset(uint64_t *ret)
{
	for (size_t i = 0; i < image.vars.len; i++) {
		const struct variable *v = &image.vars.at[i];

		if (strcmp(v->name, "probe_tls") == 0 && v->flags & VAR_TLS) {
			*ret = v->addr;
			return 0;
		}
	}
	return -1;
}

/* x86-64, variant II: the program's own block ends at the thread pointer. */
static void thread_local_variables_have_offsets(void **state)
{
	const struct module *m = image_module(&image, (uint64_t)&probe_global);
	uint64_t offset = 0, block;

	(void)state;
	assert_int_equal(tls_symbol_offset(&offset), 0);
	block = (m->tls_size + m->tls_align - 1) & ~(m->tls_align - 1);
	assert_int_equal((uint64_t)__builtin_thread_pointer() - block + offset,
			 (uint64_t)&probe_tls);
}

static const struct member *member(uint32_t type, const char *name)
{
	const struct type *t;

	type = types_strip(&image.types, type);
	assert_int_not_equal(type, TYPE_NONE);
	t = &image.types.types.at[type];
	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&image.types.members.at[t->first_member + i];

		if (strcmp(types_text(&image.types, m->name), name) == 0)
			return m;
	}
	fail_msg("no member %s", name);
	return NULL;
}

static void types_have_the_compilers_layout(void **state)
{
	uint32_t probe = variable("probe_global")->type;
	const struct type *t = &image.types.types.at[probe];
	char buf[80];

	(void)state;
	assert_int_equal(t->size, sizeof(struct probe));
	assert_int_equal(t->kind, TYPE_STRUCT);
	assert_int_equal(member(probe, "inner")->offset,
			 offsetof(struct probe, inner));
	assert_int_equal(member(probe, "call")->offset,
			 offsetof(struct probe, call));
	assert_int_equal(member(probe, "rest")->bit_size, 13);
	assert_int_equal(member(probe, "rest")->offset * 8 +
			 member(probe, "rest")->bit_offset,
			 offsetof(struct probe, next) * 8 + 64 + 3);
	assert_string_equal(types_name(&image.types,
				       member(probe, "call")->type, buf,
				       sizeof(buf)),
			    "void (*)(int, probe *)");
	assert_string_equal(types_field_at(&image.types, probe,
				offsetof(struct probe, inner[1].text[3]), buf,
				sizeof(buf)), "inner[1].text[3]");
	/* The pointer leads back to the type itself. */
	assert_int_equal(image.types.types.at[member(probe, "next")->type]
				 .target, probe);
	assert_true(t->popularity > 0);
}

static void symbols_are_found_by_address(void **state)
{
	const struct symbol *s = image_symbol(&image,
			(uint64_t)(uintptr_t)&function_static, SYMBOL_FUNCTION);

	(void)state;
	assert_non_null(s);
	assert_string_equal(s->name, "function_static");
	for (size_t i = 1; i < image.symbols.len; i++)
		assert_true(image.symbols.at[i - 1].addr <=
			    image.symbols.at[i].addr);
}

/* libc may have no debug information; then its variables have no type. */
static void a_library_without_dwarf_has_symbols(void **state)
{
	const struct symbol *s = image_symbol(&image,
			(uint64_t)(uintptr_t)&getpid, SYMBOL_FUNCTION);

	(void)state;
	assert_non_null(s);
	assert_true(image_module(&image, s->addr) != image_module(&image,
						(uint64_t)&probe_global));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_object_of_the_dynamic_linker),
		cmocka_unit_test(reads_the_build_id_from_memory),
		cmocka_unit_test(sections_lie_where_the_variables_are),
		cmocka_unit_test(variables_have_addresses_sizes_and_types),
		cmocka_unit_test(thread_local_variables_have_offsets),
		cmocka_unit_test(types_have_the_compilers_layout),
		cmocka_unit_test(symbols_are_found_by_address),
		cmocka_unit_test(a_library_without_dwarf_has_symbols),
	};

	return cmocka_run_group_tests(tests, open_copy, close_copy);
}
