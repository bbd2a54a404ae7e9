/* SPDX-License-Identifier: MIT */
/*
 * Unwinding of stacks made by hand: loops, wild pointers, missing memory.
 *
 * With a snapshot or a core as argument it prints the stacks in it, for
 * tests/sys_unwind.py, which knows what gdb says:
 *
 *     thread TID
 *     frame PC CFA FLAGS FUNCTION
 *     end REASON FRAMES
 *
 * Options before it: --no-files (modules are what memory has of them),
 * --sysroot DIR, --exe FILE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>

#include "formats/snapshot.h"
#include "formats/unwind.h"

enum { PRINTED = 3000 };

struct printer {
	const struct image *image;
	size_t n;
};

static bool print_frame(void *ctx, const struct unwind_frame *f)
{
	struct printer *p = ctx;
	const struct symbol *s = image_symbol(p->image, f->place,
					      SYMBOL_FUNCTION);

	if (p->n++ < PRINTED)
		printf("frame %#" PRIx64 " %#" PRIx64 " %u %s\n",
		       f->regs.at[UNWIND_RA], f->cfa, (unsigned)f->flags,
		       s ? s->name : "?");
	return true;
}

static bool print_stacks(struct image *image,
			 const struct module_search *search, struct err *err)
{
	static const char *const ends[] = {
		"outermost", "lost", "absent", "no-progress", "too-deep",
		"stopped",
	};
	struct module_files files;
	struct unwinder *u;

	if (!module_files_open(image, search, NULL, &files, err))
		return false;
	if (!unwinder_open(&files, &u, err)) {
		module_files_close(&files);
		return false;
	}
	for (size_t i = 0; i < image->threads.len; i++) {
		const struct thread *t = &image->threads.at[i];
		struct printer p = { .image = image };
		enum unwind_end end;

		printf("thread %u\n", (unsigned)t->tid);
		end = unwind_thread(u, t, print_frame, &p);
		printf("end %s %zu\n", ends[end], p.n);
	}
	unwinder_close(u);
	module_files_close(&files);
	return true;
}

static int print_file(int argc, char **argv)
{
	struct module_search search = { .types_ms = 1 };
	struct image image;
	struct err err = {0};
	bool ok;

	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--no-files") == 0)
			search.sysroot = "/nonexistent";
		else if (strcmp(argv[i], "--sysroot") == 0)
			search.sysroot = argv[++i];
		else if (strcmp(argv[i], "--exe") == 0)
			search.exe = argv[++i];
	}
	ok = image_open(argv[argc - 1], &image, &err);
	if (ok) {
		ok = image.modules.len > 0 ||
		     (modules_find(&image, &search, &err) &&
		      modules_load(&image, &search, &err));
		ok = ok && print_stacks(&image, &search, &err);
		image_close(&image);
	}
	if (!ok)
		fprintf(stderr, "%s\n", err.message);
	return !ok;
}

static void none(void **state)
{
	(void)state;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
	};

	if (argc > 1)
		return print_file(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
