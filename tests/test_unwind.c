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
#include "tests/aid_cmocka.h"

#include <inttypes.h>

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

/*
 * A process of two mappings: code, where a call of "callee" ends at each
 * multiple of 16 above 0x100, and a stack. Everything else reads as absent.
 */
enum {
	CODE = 0x400000, CODE_SIZE = 0x1000, CALLEE = CODE + 0x800,
	STACK = 0x700000, WORDS = 512, STACK_END = STACK + 8 * WORDS,
};

struct fake {
	struct image image;
	struct mapping mappings[2];
	struct symbol symbols[2];
	struct module_search search;
	uint8_t code[CODE_SIZE];
	uint64_t stack[WORDS];
};

static size_t fake_read(void *self, uint64_t addr, void *buf, size_t n)
{
	const struct fake *f = self;
	uint64_t room;

	if (addr >= STACK && addr < STACK_END) {
		room = STACK_END - addr;
		n = n < room ? n : (size_t)room;
		memcpy(buf, (const uint8_t *)f->stack + (addr - STACK), n);
		return n;
	}
	if (addr < CODE || addr >= CODE + CODE_SIZE)
		return 0;
	room = CODE + CODE_SIZE - addr;
	n = n < room ? n : (size_t)room;
	memcpy(buf, f->code + (addr - CODE), n);
	return n;
}

static const uint8_t *fake_pin(void *self, uint64_t addr, size_t *n,
			       void **token)
{
	const struct fake *f = self;

	(void)token;
	if (addr < STACK || addr >= STACK_END)
		return NULL;
	if (*n > STACK_END - addr)
		*n = (size_t)(STACK_END - addr);
	return (const uint8_t *)f->stack + (addr - STACK);
}

static void fake_unpin(void *self, void *token)
{
	(void)self;
	(void)token;
}

static void fake_close(void *self)
{
	(void)self;
}

static const struct memory_ops fake_ops = {
	fake_read, fake_pin, fake_unpin, fake_close,
};

static void make(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	memset(f->code, 0x90, sizeof(f->code));
	for (uint32_t at = 0x110; at < 0x800; at += 16) {
		int32_t distance = (int32_t)(CALLEE - (CODE + at));

		f->code[at - 5] = 0xe8;
		memcpy(&f->code[at - 4], &distance, sizeof(distance));
	}
	f->mappings[0] = (struct mapping){
		.start = CODE, .end = CODE + CODE_SIZE, .path = "",
		.perms = PERM_READ | PERM_EXEC, .vm_flags = "",
	};
	f->mappings[1] = (struct mapping){
		.start = STACK, .end = STACK_END, .path = "[stack]",
		.perms = PERM_READ | PERM_WRITE, .vm_flags = "",
	};
	f->symbols[0] = (struct symbol){ CODE + 0x100, 0x700, "caller", 0, 0 };
	f->symbols[1] = (struct symbol){ CALLEE, 0x100, "callee", 0, 0 };
	f->image.ops = &fake_ops;
	f->image.memory = f;
	f->image.mappings.at = f->mappings;
	f->image.mappings.len = 2;
	f->image.symbols.at = f->symbols;
	f->image.symbols.len = 2;
}

struct seen {
	struct unwind_frame at[64];
	size_t n;
};

static bool keep(void *ctx, const struct unwind_frame *frame)
{
	struct seen *s = ctx;

	if (s->n < 64)
		s->at[s->n] = *frame;
	s->n++;
	return true;
}

static enum unwind_end walk(const struct fake *f, uint64_t pc, uint64_t sp,
			    uint64_t bp, struct seen *ret)
{
	struct thread t = { .tid = 1, .name = "" };
	struct module_files files;
	struct unwinder *u;
	struct err err = {0};
	enum unwind_end end;

	*ret = (struct seen){ .n = 0 };
	t.regs[X86_RIP] = pc;
	t.regs[X86_RSP] = sp;
	t.regs[X86_RBP] = bp;
	assert_true(module_files_open(&f->image, &f->search, NULL, &files,
				      &err));
	assert_true(unwinder_open(&files, &u, &err));
	end = unwind_thread(u, &t, keep, ret);
	unwinder_close(u);
	module_files_close(&files);
	return end;
}

static uint64_t pc_of(const struct seen *s, size_t i)
{
	return s->at[i].regs.at[UNWIND_RA];
}

static void a_call_of_null_returns_to_its_caller(void **state)
{
	static struct fake f;
	struct seen s;

	(void)state;
	make(&f);
	f.stack[10] = CODE + 0x200;
	assert_int_equal(walk(&f, 0, STACK + 80, 0, &s), UNWIND_LOST);
	assert_int_equal(s.n, 2);
	assert_int_equal(pc_of(&s, 0), 0);
	assert_int_equal(s.at[0].cfa, STACK + 88);
	assert_int_equal(s.at[0].flags, 0);
	assert_int_equal(pc_of(&s, 1), CODE + 0x200);
	assert_int_equal(s.at[1].flags, FRAME_GUESSED);
	assert_int_equal(s.at[1].place, CODE + 0x1ff);
	/* What is on top is no return address. */
	f.stack[10] = CODE + 0x201;
	walk(&f, 0, STACK + 80, 0, &s);
	assert_int_equal(s.n, 1);
}

/* push %rbp; mov %rsp, %rbp at the start of both functions */
static void frame_pointers_lead_to_callers(void **state)
{
	static struct fake f;
	struct seen s;

	(void)state;
	make(&f);
	memcpy(&f.code[0x100], "\x55\x48\x89\xe5", 4);
	memcpy(&f.code[0x800], "\x55\x48\x89\xe5", 4);
	f.stack[20] = STACK + 8 * 40;
	f.stack[21] = CODE + 0x300;
	f.stack[40] = STACK + 8 * 60;
	f.stack[41] = CODE + 0x400;
	f.stack[15] = CODE + 0x500;	/* of an earlier call */
	assert_int_equal(walk(&f, CALLEE + 50, STACK + 80, STACK + 160, &s),
			 UNWIND_LOST);
	assert_int_equal(s.n, 3);
	assert_int_equal(pc_of(&s, 1), CODE + 0x300);
	assert_int_equal(s.at[1].regs.at[UNWIND_RBP], STACK + 8 * 40);
	assert_int_equal(s.at[1].regs.saved[UNWIND_RBP], STACK + 8 * 20);
	assert_int_equal(pc_of(&s, 2), CODE + 0x400);
	/* After the first, and after the second instruction. */
	f.stack[10] = CODE + 0x600;
	f.stack[11] = CODE + 0x700;
	walk(&f, CALLEE, STACK + 80, STACK + 160, &s);
	assert_int_equal(pc_of(&s, 1), CODE + 0x600);
	walk(&f, CALLEE + 1, STACK + 80, STACK + 160, &s);
	assert_int_equal(pc_of(&s, 1), CODE + 0x700);
}

static void a_call_of_this_function_is_the_best_guess(void **state)
{
	static struct fake f;
	struct seen s;

	(void)state;
	make(&f);
	/* call *%rax ends at CODE + 0x900. */
	memcpy(&f.code[0x8fe], "\xff\xd0", 2);
	f.stack[12] = CODE + 0x900;
	f.stack[30] = CODE + 0x300;
	walk(&f, CALLEE + 50, STACK + 80, 0, &s);
	assert_int_equal(pc_of(&s, 1), CODE + 0x300);
	assert_int_equal(s.at[1].regs.at[UNWIND_RSP], STACK + 8 * 31);
	f.stack[30] = 0;
	walk(&f, CALLEE + 50, STACK + 80, 0, &s);
	assert_int_equal(pc_of(&s, 1), CODE + 0x900);
}

/* mov $15, %eax; syscall, and the registers that the kernel saved */
static void a_restorer_without_rules_is_a_signal_frame(void **state)
{
	static struct fake f;
	struct seen s;

	(void)state;
	make(&f);
	memcpy(&f.code[0x20], "\xb8\x0f\0\0\0\x0f\x05", 7);
	f.stack[5] = CODE + 0x20;
	/* struct ucontext begins at word 6, its registers at word 11. */
	f.stack[11 + 15] = STACK + 8 * 200;
	f.stack[11 + 16] = 0x1234;
	f.stack[11 + 11] = 77;
	f.stack[200] = CODE + 0x300;
	assert_int_equal(walk(&f, CALLEE, STACK + 40, 0, &s), UNWIND_LOST);
	assert_int_equal(s.n, 4);
	assert_int_equal(pc_of(&s, 1), CODE + 0x20);
	assert_true(s.at[1].flags & FRAME_SIGNAL);
	assert_int_equal(s.at[1].place, CODE + 0x20);
	assert_int_equal(pc_of(&s, 2), 0x1234);
	assert_int_equal(s.at[2].regs.at[3], 77);
	assert_int_equal(s.at[2].place, 0x1234);
	assert_int_equal(pc_of(&s, 3), CODE + 0x300);
}

static void stacks_that_lead_nowhere_end(void **state)
{
	static struct fake f;
	struct seen s;

	(void)state;
	make(&f);
	/* Two frames that call each other. */
	f.stack[20] = STACK + 8 * 30;
	f.stack[21] = CODE + 0x300;
	f.stack[30] = STACK + 8 * 20;
	f.stack[31] = CODE + 0x400;
	memcpy(&f.code[0x100], "\x55\x48\x89\xe5", 4);
	memcpy(&f.code[0x800], "\x55\x48\x89\xe5", 4);
	walk(&f, CALLEE + 50, STACK + 80, STACK + 160, &s);
	assert_in_range(s.n, 3, 4);
	/* A stack that is not there, and none at all. */
	assert_int_equal(walk(&f, CALLEE + 50, 0x900000, 0, &s),
			 UNWIND_ABSENT);
	assert_int_equal(s.n, 1);
	assert_int_equal(walk(&f, CALLEE + 50, UINT64_MAX - 3, UINT64_MAX - 7,
			      &s), UNWIND_ABSENT);
	assert_int_equal(walk(&f, 0, 0, 0, &s), UNWIND_ABSENT);
}

/* Whatever stands on the stack, each frame lies above the one before. */
static void any_stack_is_walked_upward(void **state)
{
	static struct fake f;
	struct seen s;

	(void)state;
	srand((unsigned)rng_seed());
	for (int i = 0; i < 3000; i++) {
		make(&f);
		for (size_t w = 0; w < WORDS; w++) {
			int kind = rand() % 4;

			f.stack[w] = kind == 0 ? (uint64_t)rand() :
				     kind == 1 ? CODE + (uint64_t)rand() %
						 CODE_SIZE :
				     kind == 2 ? CODE + 0x100 +
						 (uint64_t)rand() % 0x70 * 16 :
				     STACK + (uint64_t)rand() % WORDS * 8;
		}
		walk(&f, CODE + (uint64_t)rand() % CODE_SIZE,
		     STACK + (uint64_t)rand() % (8 * WORDS),
		     STACK + (uint64_t)rand() % WORDS * 8, &s);
		for (size_t n = 1; n < s.n && n < 64; n++)
			assert_true(s.at[n].regs.at[UNWIND_RSP] >
				    s.at[n - 1].regs.at[UNWIND_RSP]);
		assert_in_range(s.n, 1, WORDS + 1);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_of_null_returns_to_its_caller),
		cmocka_unit_test(frame_pointers_lead_to_callers),
		cmocka_unit_test(a_call_of_this_function_is_the_best_guess),
		cmocka_unit_test(a_restorer_without_rules_is_a_signal_frame),
		cmocka_unit_test(stacks_that_lead_nowhere_end),
		cmocka_unit_test(any_stack_is_walked_upward),
	};

	if (argc > 1)
		return print_file(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
