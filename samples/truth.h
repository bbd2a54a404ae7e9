/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A sample states its own truth: which of its blocks are lost, which are held.
 *
 * A sample registers blocks, calls truth_stop(), and is then a stopped
 * process with a known heap. The record lives in a mapping of its own, its
 * addresses stored inverted, so that it never keeps a block alive; it is
 * unmapped before the process stops. truth_stop() prints one line of JSON on
 * stdout, wipes what earlier calls left in dead stack and registers, and
 * raises SIGSTOP. After SIGCONT it returns 0, for main to return.
 *
 *     {"sample": NAME, "pid": PID, "bytes": usable bytes of all of "leaked",
 *      "leaked": [addresses of all lost blocks],
 *      "stale_allowed": [those of them that may be called stale instead],
 *      "stale": [those of them that must be called stale],
 *      "weak": [blocks held by weak references only],
 *      "held": [blocks that are reachable],
 *      "groups": [{"kind": "block|cycle", "type", "count", "retained"}],
 *      "types": [{"type", "count"}],        blocks of that type, all states
 *      "roots": [{"addr", "root"}]}         variable that reaches the block
 *
 * Rules for a sample: allocate what is to be lost in TRUTH_APART functions
 * called from main, so that main's own frame never sees the pointer. Call
 * truth_scrub() between such a function and another that stays on the stack,
 * or that blocks: an unused slot of its frame would keep what lay there.
 * Registering is thread-safe.
 */
#ifndef SAMPLES_TRUTH_H
#define SAMPLES_TRUTH_H

#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __clang__
#define TRUTH_APART __attribute__((noinline, unused))
#else
#define TRUTH_APART __attribute__((noinline, noclone, unused))
#endif

enum truth_kind {
	TRUTH_LEAKED, TRUTH_STALE_ALLOWED, TRUTH_STALE, TRUTH_WEAK, TRUTH_HELD,
};

enum {
	TRUTH_MAX_BLOCKS = 1 << 17,
	TRUTH_MAX_NOTES = 32,
	TRUTH_MAX_TEXT = 8 << 20,
};

enum truth_note_kind { TRUTH_GROUP, TRUTH_TYPE, TRUTH_ROOT };

struct truth_note {
	enum truth_note_kind what;
	const char *kind, *name;	/* string literals */
	uintptr_t inverted;		/* of a root's block */
	size_t count, retained;
};

struct truth {
	const char *sample;
	size_t n_blocks, n_notes, n_text;
	size_t leaked_bytes, grouped_bytes;
	struct {
		uintptr_t inverted;
		enum truth_kind kind;
	} blocks[TRUTH_MAX_BLOCKS];
	struct truth_note notes[TRUTH_MAX_NOTES];
	char text[TRUTH_MAX_TEXT];
};

static struct truth *truth;

__attribute__((unused)) static void truth_begin(const char *sample)
{
	void *map = mmap(NULL, sizeof(*truth), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		abort();
	truth = (struct truth *)map;
	truth->sample = sample;
}

TRUTH_APART static void truth_add(const void *block, enum truth_kind kind)
{
	size_t i = __atomic_fetch_add(&truth->n_blocks, 1, __ATOMIC_RELAXED);

	if (i >= TRUTH_MAX_BLOCKS || !block)
		abort();
	truth->blocks[i].inverted = ~(uintptr_t)block;
	truth->blocks[i].kind = kind;
	if (kind <= TRUTH_STALE)
		__atomic_fetch_add(&truth->leaked_bytes,
				   malloc_usable_size((void *)(uintptr_t)block),
				   __ATOMIC_RELAXED);
}

/** @block is reachable. */
__attribute__((unused)) static void truth_held(const void *block)
{
	truth_add(block, TRUTH_HELD);
}

/** @block is lost: no path, not even a doubtful one. */
__attribute__((unused)) static void truth_leaked(const void *block)
{
	truth_add(block, TRUTH_LEAKED);
}

__attribute__((unused)) static struct truth_note *truth_note(void)
{
	if (truth->n_notes == TRUTH_MAX_NOTES)
		abort();
	return &truth->notes[truth->n_notes++];
}

/**
 * All blocks registered as lost since the last group are one leak group:
 * @count instances of a "block" or "cycle" whose (largest) type is @type.
 */
__attribute__((unused)) static void truth_group(const char *kind,
						const char *type, size_t count)
{
	struct truth_note *note = truth_note();

	note->what = TRUTH_GROUP;
	note->kind = kind;
	note->name = type;
	note->count = count;
	note->retained = truth->leaked_bytes - truth->grouped_bytes;
	truth->grouped_bytes = truth->leaked_bytes;
}

/** Exactly @count blocks of the process, in any state, have type @type. */
__attribute__((unused)) static void truth_type(const char *type, size_t count)
{
	struct truth_note *note = truth_note();

	note->what = TRUTH_TYPE;
	note->name = type;
	note->count = count;
}

/** The shortest path to @block starts at variable @root. */
__attribute__((unused)) static void truth_root(const void *block,
					       const char *root)
{
	struct truth_note *note = truth_note();

	truth_held(block);
	note->what = TRUTH_ROOT;
	note->name = root;
	note->inverted = ~(uintptr_t)block;
}

__attribute__((format(printf, 1, 2)))
static void truth_print(const char *format, ...)
{
	size_t left = sizeof(truth->text) - truth->n_text;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(truth->text + truth->n_text, left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= left)
		abort();
	truth->n_text += (size_t)n;
}

/* The addresses registered as one of the kinds @first to @last. */
static void truth_print_blocks(const char *key, enum truth_kind first,
			       enum truth_kind last)
{
	const char *comma = "";

	truth_print(", \"%s\": [", key);
	for (size_t i = 0; i < truth->n_blocks; i++) {
		if (truth->blocks[i].kind < first ||
		    truth->blocks[i].kind > last)
			continue;
		truth_print("%s\"0x%lx\"", comma,
			    (unsigned long)~truth->blocks[i].inverted);
		comma = ", ";
	}
	truth_print("]");
}

static void truth_print_notes(const char *key, enum truth_note_kind what)
{
	const char *comma = "";

	truth_print(", \"%s\": [", key);
	for (size_t i = 0; i < truth->n_notes; i++) {
		const struct truth_note *note = &truth->notes[i];

		if (note->what != what)
			continue;
		truth_print("%s{", comma);
		if (what == TRUTH_ROOT)
			truth_print("\"addr\": \"0x%lx\", \"root\": \"%s\"}",
				    (unsigned long)~note->inverted, note->name);
		else
			truth_print("\"type\": \"%s\", \"count\": %zu%s",
				    note->name, note->count,
				    what == TRUTH_TYPE ? "}" : "");
		if (what == TRUTH_GROUP)
			truth_print(", \"kind\": \"%s\", \"retained\": %zu}",
				    note->kind, note->retained);
		comma = ", ";
	}
	truth_print("]");
}

TRUTH_APART static void truth_publish(void)
{
	truth_print("{\"sample\": \"%s\", \"pid\": %d, \"bytes\": %zu",
		    truth->sample, (int)getpid(), truth->leaked_bytes);
	truth_print_blocks("leaked", TRUTH_LEAKED, TRUTH_STALE);
	truth_print_blocks("stale_allowed", TRUTH_STALE_ALLOWED,
			   TRUTH_STALE_ALLOWED);
	truth_print_blocks("stale", TRUTH_STALE, TRUTH_STALE);
	truth_print_blocks("weak", TRUTH_WEAK, TRUTH_WEAK);
	truth_print_blocks("held", TRUTH_HELD, TRUTH_HELD);
	truth_print_notes("groups", TRUTH_GROUP);
	truth_print_notes("types", TRUTH_TYPE);
	truth_print_notes("roots", TRUTH_ROOT);
	truth_print("}\n");
	for (size_t done = 0; done < truth->n_text; ) {
		ssize_t n = write(STDOUT_FILENO, truth->text + done,
				  truth->n_text - done);

		if (n <= 0)
			abort();
		done += (size_t)n;
	}
	munmap(truth, sizeof(*truth));
	truth = NULL;
}

/*
 * Vector registers keep what memcpy and the like moved last. The upper
 * sixteen exist with AVX-512 only, and libc's string functions use them.
 */
TRUTH_APART static void truth_scrub_vectors(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall" ::: "memory");
	if (__builtin_cpu_supports("avx512f"))
		__asm__ volatile(
			".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
			"vpxorq %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t"
			".endr" ::: "memory");
#endif
}

/**
 * Overwrite the stack below the caller's frame, and registers. What the
 * caller itself keeps in its frame or in callee-saved registers stays.
 */
TRUTH_APART static void truth_scrub(void)
{
	truth_scrub_vectors();
#ifdef __x86_64__
	/* Below sp is nothing of ours: this function has no locals. The stack
	 * pointer goes along, for valgrind maps no stack below it. */
	__asm__ volatile(
		"mov %%rsp, %%r8\n\t"
		"lea -65536(%%rsp), %%rsp\n\t"
		"mov %%rsp, %%rdi\n\t"
		"mov $8192, %%ecx\n\t"
		"xor %%eax, %%eax\n\t"
		"rep stosq\n\t"
		"mov %%r8, %%rsp\n\t"
		"xor %%edi, %%edi\n\t"
		"xor %%esi, %%esi\n\t"
		"xor %%edx, %%edx\n\t"
		"xor %%r8d, %%r8d\n\t"
		"xor %%r9d, %%r9d\n\t"
		"xor %%r10d, %%r10d\n\t"
		"xor %%r11d, %%r11d"
		::: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		    "cc", "memory");
#else
	volatile char dead[65536];

	for (size_t i = 0; i < sizeof(dead); i++)
		dead[i] = 0;
#endif
}

/* There in a build with -fsanitize=leak: prints what LeakSanitizer finds. */
#ifdef __cplusplus
extern "C"
#endif
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/** Print the truth and stop; the exit status of the sample, once continued. */
__attribute__((unused)) static int truth_stop(void)
{
	truth_publish();
	truth_scrub();
	if (__lsan_do_recoverable_leak_check)
		__lsan_do_recoverable_leak_check();
	raise(SIGSTOP);
	return 0;
}

#ifdef __cplusplus
/**
 * The block that counts the owners of a shared or weak pointer: libstdc++
 * keeps its address in the second word. From make_shared the object is in it.
 */
template <class Pointer>
static const void *truth_control_block(const Pointer &pointer)
{
	return reinterpret_cast<const void *const *>(&pointer)[1];
}
#endif

#endif
