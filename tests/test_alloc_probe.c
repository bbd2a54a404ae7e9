/* SPDX-License-Identifier: MIT */
/*
 * The probes against real processes, read without modules or symbols: each
 * allocator is found where it is, with the addresses that it handed out, and
 * nowhere else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "analyze/allocator.h"
#include "tests/aid_live_image.h"
#include "tests/aid_live_process.h"

extern const struct allocator alloc_jemalloc, alloc_gperftools, alloc_tcmalloc,
	alloc_mimalloc, alloc_mallocng, alloc_oldmalloc, alloc_obmalloc,
	alloc_go;

static const struct allocator *const probes[] = {
	&alloc_jemalloc, &alloc_gperftools, &alloc_tcmalloc, &alloc_mimalloc,
	&alloc_mallocng, &alloc_oldmalloc, &alloc_obmalloc, &alloc_go,
};

enum { N_PROBES = sizeof(probes) / sizeof(probes[0]), OWN_MAX = 4096 };

struct seen {
	struct allocator_finding finding[N_PROBES];
	struct arena arena;
};

static void probe_all(const struct image *image, struct seen *ret)
{
	*ret = (struct seen){0};
	for (int i = 0; i < N_PROBES; i++) {
		struct err err = {0};

		assert_true(probes[i]->probe(image, &ret->arena,
					     &ret->finding[i], &err));
		assert_int_equal(err.code, ERR_NONE);
	}
}

static void forget(struct seen *seen)
{
	for (int i = 0; i < N_PROBES; i++)
		allocator_finding_free(&seen->finding[i]);
	arena_free(&seen->arena);
}

static const struct allocator_finding *found(const struct seen *seen,
					     const struct allocator *allocator)
{
	for (int i = 0; i < N_PROBES; i++) {
		if (probes[i] == allocator)
			return &seen->finding[i];
	}
	return NULL;
}

/* Only @wanted (NULL-terminated) are found; extents are sorted and add up. */
static void assert_only(const struct seen *seen,
			const struct allocator *const *wanted)
{
	for (int i = 0; i < N_PROBES; i++) {
		const struct allocator_finding *f = &seen->finding[i];
		uint64_t sum = 0, end = 0;
		bool want = false;

		for (int k = 0; wanted[k]; k++)
			want |= wanted[k] == probes[i];
		if (f->found != want)
			fail_msg("%s is %sfound", probes[i]->name,
				 f->found ? "" : "not ");
		for (size_t k = 0; k < f->extents.len; k++) {
			assert_true(f->extents.at[k].start > end ||
				    (k == 0 && f->extents.at[k].start > 0));
			end = f->extents.at[k].end;
			sum += end - f->extents.at[k].start;
		}
		assert_int_equal(sum, f->mapped_bytes);
		assert_true(want == (sum > 0));
		if (want)
			print_message("    %s %s: %llu KiB in %zu extents\n",
				      probes[i]->name, f->version,
				      (unsigned long long)sum / 1024,
				      f->extents.len);
	}
}

static bool covers(const struct allocator_finding *f, uint64_t addr)
{
	for (size_t i = 0; i < f->extents.len; i++) {
		if (addr >= f->extents.at[i].start &&
		    addr < f->extents.at[i].end)
			return true;
	}
	return false;
}

/* Python through malloc: 20,000 blocks of 24 .. 5,000 bytes and a large one. */
static const char python_malloc[] =
	"import ctypes, sys\n"
	"c = ctypes.CDLL(None)\n"
	"c.malloc.restype = ctypes.c_void_p\n"
	"p = [c.malloc(24 + i * 7919 % 5000) for i in range(20000)]\n"
	"p.append(c.malloc(3 << 20))\n"
	"print(*p[::8], p[-1], 'ready', flush=True)\n"
	"sys.stdin.read()\n";

static const char *const python_argv[] = {
	"/usr/bin/python3", "-c", python_malloc, NULL
};

/*
 * Start Python over @library and look at the image; what it printed are
 * addresses that its malloc gave out.
 */
static void check_preload(const char *library,
			  const struct allocator *allocator)
{
	const struct allocator *const wanted[] = { allocator, NULL };
	struct live_process p;
	struct image image;
	struct seen seen;
	char *text, *next;
	uint64_t addr;
	unsigned n = 0;

	if (access(library, R_OK) != 0) {
		print_message("    %s is not installed\n", library);
		skip();
	}
	setenv("PYTHONMALLOC", "malloc", 1);
	assert_true(live_start(python_argv, library, "ready", &p));
	unsetenv("PYTHONMALLOC");
	text = p.text;
	assert_true(live_freeze(&p));
	assert_true(live_image_open(p.pid, &image));
	probe_all(&image, &seen);
	assert_only(&seen, wanted);
	for (; (addr = strtoull(text, &next, 10)) != 0; text = next, n++)
		assert_true(covers(found(&seen, allocator), addr));
	assert_int_equal(n, 2501 + 1);
	forget(&seen);
	live_image_close(&image);
	live_end(&p);
}

#define LIBRARY(name) "/usr/lib/x86_64-linux-gnu/" name

static void finds_jemalloc_without_symbols(void **state)
{
	(void)state;
	check_preload(LIBRARY("libjemalloc.so.2"), &alloc_jemalloc);
}

static void finds_gperftools_without_symbols(void **state)
{
	(void)state;
	check_preload(LIBRARY("libtcmalloc_minimal.so.4"), &alloc_gperftools);
}

static void finds_mimalloc_without_symbols(void **state)
{
	(void)state;
	check_preload(LIBRARY("libmimalloc.so.2.0"), &alloc_mimalloc);
}

/* Start @argv, and expect only @wanted in it. False when it did not start. */
static bool check_program(const char *const *argv, const char *ready,
			  const struct allocator *const *wanted)
{
	struct live_process p;
	struct image image;
	struct seen seen;

	if (!live_start(argv, NULL, ready, &p))
		return false;
	assert_true(live_freeze(&p));
	assert_true(live_image_open(p.pid, &image));
	probe_all(&image, &seen);
	assert_only(&seen, wanted);
	forget(&seen);
	live_image_close(&image);
	live_end(&p);
	return true;
}

static void finds_nothing_in_programs_of_glibc(void **state)
{
	static const struct allocator *const none[] = { NULL };
	static const char *const cat[] = {
		"/bin/sh", "-c", "echo ready; cat; :", NULL
	};
	static const char *const gdb[] = {
		"gdb", "-nx", "-q", "-ex", "python 1", "-ex", "echo ready\\n",
		NULL
	};
	static const struct allocator *const python[] = {
		&alloc_obmalloc, NULL
	};

	(void)state;
	assert_true(check_program(cat, "ready", none));
	(void)check_program(gdb, "ready", python);	/* embeds Python */
	setenv("PYTHONMALLOC", "malloc", 1);
	assert_true(check_program(python_argv, "ready", none));
	unsetenv("PYTHONMALLOC");
}

static void finds_jemalloc_in_redis(void **state)
{
	static const struct allocator *const wanted[] = {
		&alloc_jemalloc, NULL
	};
	char folder[] = "/tmp/holdfast-probe-XXXXXX", socket[64];
	const char *argv[] = {
		"redis-server", "--port", "0", "--save", "", "--unixsocket",
		socket, "--dir", folder, NULL
	};
	bool started;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(socket, sizeof(socket), "%s/socket", folder);
	started = check_program(argv, "ready to accept", wanted);
	unlink(socket);
	rmdir(folder);
	if (!started)
		skip();
}

/* Where there are more releases than the system's, they are tried as well. */
#define PYENV(v) "python" v

/* Python tells the addresses of its own small objects. */
static void finds_the_arenas_of_obmalloc(void **state)
{
	static const char script[] =
		"import sys\n"
		"p = [(i, ) for i in range(300000)]\n"
		"print(*map(id, p[::100]), 'ready', flush=True)\n"
		"sys.stdin.read()\n";
	static const char *const argv[][4] = {
		{ "/usr/bin/python3", "-c", script, NULL },
		{ PYENV("3.10"), "-c", script, NULL },
		{ PYENV("3.12"), "-c", script, NULL },
		{ PYENV("3.13"), "-c", script, NULL },
	};
	static const struct allocator *const wanted[] = {
		&alloc_obmalloc, NULL
	};

	(void)state;
	for (size_t i = 0; i < sizeof(argv) / sizeof(argv[0]); i++) {
		struct live_process p;
		struct image image;
		struct seen seen;
		char *text, *next;
		uint64_t addr;
		unsigned n = 0;

		if (!live_start(argv[i], NULL, "ready", &p)) {
			print_message("    %s does not run here\n", argv[i][0]);
			assert_true(i > 0);
			continue;
		}
		assert_true(live_freeze(&p));
		assert_true(live_image_open(p.pid, &image));
		probe_all(&image, &seen);
		assert_only(&seen, wanted);
		for (text = p.text; (addr = strtoull(text, &next, 10)) != 0;
		     text = next, n++)
			assert_true(covers(found(&seen, &alloc_obmalloc),
					   addr));
		assert_int_equal(n, 3000);
		forget(&seen);
		live_image_close(&image);
		live_end(&p);
	}
}

/* Write @text to a new file in a new folder; both are left in @path. */
static void write_source(const char *name, const char *text, char *path,
			 size_t size)
{
	char folder[] = "/tmp/holdfast-probe-XXXXXX";
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(path, size, "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Compile with @format (source, program), start it, expect only @wanted. */
static void check_compiled(const char *format, const char *name,
			   const char *text, const struct allocator *wanted,
			   unsigned n_addresses)
{
	const struct allocator *const list[] = { wanted, NULL };
	char source[256], program[300], command[900], *next, *at;
	const char *argv[] = { program, NULL };
	struct live_process p;
	struct image image;
	struct seen seen;
	uint64_t addr;
	unsigned n = 0;

	write_source(name, text, source, sizeof(source));
	snprintf(program, sizeof(program), "%s.program", source);
	snprintf(command, sizeof(command), format, source, program);
	if (system(command) != 0 || access(program, X_OK) != 0) {
		print_message("    cannot build: %s\n", command);
		skip();
	}
	assert_true(live_start(argv, NULL, "ready", &p));
	assert_true(live_freeze(&p));
	assert_true(live_image_open(p.pid, &image));
	probe_all(&image, &seen);
	assert_only(&seen, list);
	for (at = p.text; (addr = strtoull(at, &next, 0)) != 0; at = next, n++)
		assert_true(covers(found(&seen, wanted), addr));
	assert_int_equal(n, n_addresses);
	forget(&seen);
	live_image_close(&image);
	live_end(&p);
	snprintf(command, sizeof(command), "rm -rf -- \"$(dirname %s)\"",
		 source);
	assert_int_equal(system(command), 0);
}

/* Without a free() musl links another malloc, which keeps no records. */
static void finds_mallocng_in_a_stripped_static_program(void **state)
{
	static const char source[] =
		"#include <stdio.h>\n"
		"#include <stdlib.h>\n"
		"int main(void) {\n"
		"	for (int i = 0; i < 3000; i++) {\n"
		"		void *p = malloc(24 + i * 7919 % 200000);\n"
		"		if (i % 10 == 9) printf(\"%p \", p);\n"
		"		else if (i % 3 == 0) free(p);\n"
		"	}\n"
		"	puts(\"ready\"); fflush(stdout); getchar();\n"
		"}\n";

	(void)state;
	check_compiled("musl-gcc -static -s -o %2$s %1$s 2>/dev/null",
		       "musl.c", source, &alloc_mallocng, 300);
}

static void finds_the_heap_of_a_stripped_go_program(void **state)
{
	static const char source[] =
		"package main\n"
		"import (\"fmt\"; \"os\")\n"
		"var keep []*[100]int\n"
		"func main() {\n"
		"	for i := 0; i < 200000; i++ {\n"
		"		p := new([100]int)\n"
		"		keep = append(keep, p)\n"
		"		if i%1000 == 999 { fmt.Printf(\"%p \", p) }\n"
		"	}\n"
		"	fmt.Println(\"ready\")\n"
		"	os.Stdin.Read(make([]byte, 1))\n"
		"	fmt.Println(len(keep))\n"
		"}\n";

	(void)state;
	check_compiled("GOCACHE=$(dirname %1$s)/cache GO111MODULE=off "
		       "go build -ldflags=-s -o %2$s %1$s 2>/dev/null",
		       "heap.go", source, &alloc_go, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_jemalloc_without_symbols),
		cmocka_unit_test(finds_gperftools_without_symbols),
		cmocka_unit_test(finds_mimalloc_without_symbols),
		cmocka_unit_test(finds_nothing_in_programs_of_glibc),
		cmocka_unit_test(finds_jemalloc_in_redis),
		cmocka_unit_test(finds_the_arenas_of_obmalloc),
		cmocka_unit_test(finds_mallocng_in_a_stripped_static_program),
		cmocka_unit_test(finds_the_heap_of_a_stripped_go_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
