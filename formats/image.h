/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The image: a stopped process as data.
 *
 * dump/ makes images of processes, formats/ reads them from cores and
 * snapshots, analyze/ draws conclusions. Nothing in here knows what a heap
 * is. An image is built once and then only read, by any number of threads.
 *
 * Ownership: the image owns everything it points at. Strings lie in its
 * arena; `const char *` fields are never NULL ("" is unknown). Tables are
 * sorted by address, do not overlap, and intervals are half open.
 */
#ifndef FORMATS_IMAGE_H
#define FORMATS_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/vec.h"
#include "formats/slots.h"
#include "formats/types.h"

enum { PAGE_SIZE_X86 = 4096 };

enum presence {
	PRESENCE_CAPTURED,	/* the bytes are in the file */
	PRESENCE_ZERO,		/* never touched: reads as zeros */
	PRESENCE_ABSENT,	/* mapped, but not captured or cut off */
	PRESENCE_TORN,		/* captured while it may have been changing */
};

/* A piece of memory whose bytes share one fate. */
struct range {
	uint64_t start, end;
	uint64_t offset;	/* of its first byte in the plain file, if captured */
	enum presence presence;
};

enum perm { PERM_READ = 1, PERM_WRITE = 2, PERM_EXEC = 4, PERM_SHARED = 8 };

/* A run of pages that were in memory or in swap at the moment of capture. */
struct page_run {
	uint64_t start;		/* address */
	uint32_t pages;
	uint32_t kind;		/* enum page_kind */
};

enum page_kind {
	PAGE_PRESENT,
	PAGE_SWAPPED,
	PAGE_ZERO,		/* present, but the kernel's shared zero page */
	PAGE_FILE,		/* present, and (still) a page of the file */
};

/* One line of /proc/PID/maps, and what smaps adds; sizes in bytes. */
struct mapping {
	uint64_t start, end;
	uint64_t offset;	/* in the file */
	uint32_t perms;		/* enum perm */
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	const char *path;	/* as in maps: "", "[heap]", "/usr/bin/x" */
	const char *vm_flags;	/* "rd wr mr mw me ac sd", "" when unknown */
	bool has_smaps;		/* the figures below were captured */
	uint64_t rss, pss, private_dirty, private_clean, shared_dirty,
		 shared_clean, swap, anonymous, anon_huge;
	size_t first_run, n_runs;	/* in image.page_runs */
};

/* How much a module's debug information says. */
enum debug_state { DEBUG_NONE, DEBUG_SYMBOLS, DEBUG_LINES, DEBUG_FULL };

struct section {
	const char *name;	/* ".data", ".bss" */
	uint64_t start, end;	/* addresses in the process */
};

/* An ELF file mapped into the process. */
struct module {
	const char *path;
	uint8_t build_id[32];
	uint32_t build_id_size;	/* bytes; 0 when there is none */
	uint64_t start, end;	/* lowest and highest mapped address */
	uint64_t bias;		/* address in the process - address in the file */
	enum debug_state debug;
	const char *hint;	/* what would improve it, or "" */
	const char *debug_path;	/* where the debug information was found, or "" */
	/* PT_TLS, zero when there is none; the size is that in memory. */
	uint64_t tls_size, tls_align;
	size_t first_section, n_sections;	/* writable, in image.sections */
};

/* Registers of x86-64 in the order of struct user_regs_struct. */
enum x86_reg {
	X86_R15, X86_R14, X86_R13, X86_R12, X86_RBP, X86_RBX, X86_R11, X86_R10,
	X86_R9, X86_R8, X86_RAX, X86_RCX, X86_RDX, X86_RSI, X86_RDI,
	X86_ORIG_RAX, X86_RIP, X86_CS, X86_EFLAGS, X86_RSP, X86_SS,
	X86_FS_BASE, X86_GS_BASE, X86_DS, X86_ES, X86_FS, X86_GS,
	X86_N_REGS,
};

struct thread {
	uint32_t tid;
	const char *name;	/* comm, or "" */
	uint64_t regs[X86_N_REGS];
	/* NT_FPREGSET and NT_X86_XSTATE as they were in the notes. */
	const uint8_t *fpregs, *xstate;
	size_t fpregs_size, xstate_size;
	const uint8_t *siginfo;	/* siginfo_t of @signal, or NULL */
	size_t siginfo_size;
	int signal;		/* that stopped it; 0 none */
};

enum frame_flags {
	FRAME_INLINED = 1,	/* has no place on the stack of its own */
	FRAME_SIGNAL = 2,	/* made by the kernel to call a handler */
	FRAME_GUESSED = 4,	/* found without unwinding rules */
};

/* One activation of a function. Frames of a thread stand together, the
 * innermost first. */
struct frame {
	uint32_t thread;	/* index in image.threads */
	uint32_t module;	/* index in image.modules, or UINT32_MAX */
	uint64_t pc;		/* where it goes on */
	uint64_t cfa;		/* canonical frame address (DWARF 5, 6.4) */
	const char *function;	/* "ns::f", without parameters; "" unknown */
	const char *file;	/* of the source; "" unknown */
	uint32_t line;		/* 0 unknown */
	uint32_t flags;		/* enum frame_flags */
	size_t first_local, n_locals;	/* in image.locals */
};

enum local_flags {
	LOCAL_PARAMETER = 1,
	LOCAL_REGISTER = 2,	/* @addr is a DWARF register, @value what it held */
	LOCAL_VALUE = 4,	/* has no place: @value was computed */
	LOCAL_LOST = 8,		/* optimised out here */
	LOCAL_UNSET = 16,	/* declared behind the line of its frame */
	LOCAL_REDACTED = 32,	/* lost as well: left out of the capture */
};

/* A parameter or local variable of a frame. */
struct local {
	const char *name;
	uint32_t type;		/* TYPE_NONE when unknown */
	uint32_t flags;		/* enum local_flags */
	uint64_t addr;		/* in the process, unless the flags say else */
	uint64_t size;
	uint64_t value;		/* see the flags */
};

enum var_flags {
	VAR_TLS = 1,		/* addr is an offset into the module's TLS block */
	VAR_FUNCTION_STATIC = 2,
	VAR_SYMBOL_ONLY = 4,	/* known from the symbol table: no type */
	/* No variable: the code of a function that manages values of a type,
	 * which is the last argument of the class @type. */
	VAR_CODE = 8,
	/* With VAR_CODE: @type itself is the frame of a coroutine, and this is
	 * a function whose address its first or second word is. */
	VAR_COROUTINE = 16,
};

/* A global, static or thread-local variable. */
struct variable {
	const char *name;	/* qualified: "ns::cache", "main::seen" */
	uint64_t addr;		/* in the process, see VAR_TLS */
	uint64_t size;
	uint32_t type;		/* TYPE_NONE when unknown */
	uint32_t module;
	uint32_t flags;
};

enum symbol_kind { SYMBOL_FUNCTION, SYMBOL_OBJECT };

struct symbol {
	uint64_t addr, size;
	const char *name;	/* mangled, as in the file */
	uint32_t module;
	uint32_t kind;
};

enum image_kind { IMAGE_SNAPSHOT, IMAGE_CORE };

/* Facts about the process and its capture; 0 and "" are unknown. */
struct image_meta {
	enum image_kind kind;
	uint8_t capture_id[16];
	uint32_t pid, ppid;
	const char *exe;	/* path */
	const char *command;	/* arguments joined by blanks */
	const char *captured_at;	/* "2026-11-21T03:04:05Z" */
	const char *kernel;	/* "Linux 6.1.0-18-amd64 x86_64" */
	const char *options;	/* of the capture, as given */
	uint64_t pause_ns;
	int signal;		/* fatal signal, 0 none */
	bool pointers_only;	/* of the content; see struct redacted */
	/* Text as the kernel gave it, "" when not captured. */
	const char *status, *limits, *cgroup;
	uint64_t page_size;
};

/* Whole pages; bit i of its bits stands for the word at start + 8 i. */
struct redacted_span {
	uint64_t start, end;
	size_t first;		/* in redacted.bits: 8 for each page */
};

/*
 * Words that a capture of pointers alone replaced by zeros. What they were is
 * not known, but that they were neither null nor a pointer is: without that,
 * a row of numbers would look like one of null pointers.
 */
struct redacted {
	VEC(struct redacted_span) spans;
	VEC(uint64_t) bits;
};

/**
 * The memory of an image. `read` and `pin` are thread-safe.
 */
struct memory_ops {
	/**
	 * Copy bytes from @addr on; stop at the first that is absent. Returns
	 * how many were copied. Zero ranges read as zeros.
	 */
	size_t (*read)(void *self, uint64_t addr, void *buf, size_t n);

	/**
	 * Borrow bytes at @addr without a copy. *@n is the wish on entry and
	 * what was granted on return (>= 1, up to 1 MiB); hold few pins, for a
	 * short time, and give each back. NULL when @addr is absent.
	 */
	const uint8_t *(*pin)(void *self, uint64_t addr, size_t *n,
			      void **token);
	void (*unpin)(void *self, void *token);
	void (*close)(void *self);
};

struct image {
	struct image_meta meta;
	uint64_t identity;	/* of the file (source_identity.h); 0: none */
	const struct memory_ops *ops;
	void *memory;
	VEC(struct range) ranges;
	VEC(struct mapping) mappings;
	VEC(struct page_run) page_runs;
	VEC(struct module) modules;
	VEC(struct section) sections;
	VEC(struct thread) threads;
	VEC(struct frame) frames;	/* by thread, then innermost first */
	VEC(struct local) locals;
	VEC(struct variable) vars;	/* sorted by (TLS, addr, size) */
	VEC(struct symbol) symbols;	/* sorted by addr */
	VEC(uint64_t) auxv;		/* (type, value) pairs, ends in 0, 0 */
	struct redacted redacted;
	struct type_table types;
	struct slots slots;		/* sorted; what void pointers held */
	struct diag diag;
	struct arena arena;
};

/**
 * The most bytes that can be mapped from @addr on. A process has the lower
 * half of a 47-bit address space, perhaps a little above that (57 bits, where
 * it asks for it), and one page of the kernel's ([vsyscall]), 10 MiB below
 * the end. More is damage: whoever walked it in steps would never end, and
 * at the very top no step could be added.
 */
static inline uint64_t image_room(uint64_t addr)
{
	const uint64_t user_end = UINT64_C(1) << 47, above = 1 << 30,
		       vsyscall_end = UINT64_C(0xffffffffff601000);

	if (addr < user_end)
		return user_end - addr;
	if (addr >= vsyscall_end)
		return 0;
	return vsyscall_end - addr < above ? vsyscall_end - addr : above;
}

/** Copy exactly @n bytes; false when one of them is absent. */
bool image_read(const struct image *image, uint64_t addr, void *buf, size_t n);

/** The word at @addr, or false. */
static inline bool image_u64(const struct image *image, uint64_t addr,
			     uint64_t *ret)
{
	return image_read(image, addr, ret, sizeof(*ret));
}

/**
 * A C string of at most @size - 1 bytes; longer ones are cut. Returns its
 * length, or SIZE_MAX when it runs into absent memory before its end.
 */
size_t image_text(const struct image *image, uint64_t addr, char *buf,
		  size_t size);

/** The range, mapping, module that holds @addr, or NULL. O(log n). */
const struct range *image_range(const struct image *image, uint64_t addr);
const struct mapping *image_mapping(const struct image *image, uint64_t addr);
const struct module *image_module(const struct image *image, uint64_t addr);

/** Index of the module that is the program itself, or UINT32_MAX. */
uint32_t image_program(const struct image *image);

/** The variable that holds @addr (TLS ones left out), or NULL; of several the
 * largest. O(log n). */
const struct variable *image_variable(const struct image *image, uint64_t addr);

/** The symbol of @kind that holds @addr, or NULL. O(log n). */
const struct symbol *image_symbol(const struct image *image, uint64_t addr,
				  enum symbol_kind kind);

/** Was the aligned word at @addr replaced by zero? Then it was neither null
 * nor a pointer. O(log n), and nothing where all was captured. */
bool image_is_redacted(const struct image *image, uint64_t addr);

/** Was some word that holds one of @n bytes at @addr? Then their value is not
 * known. */
bool image_lost_some(const struct image *image, uint64_t addr, uint64_t n);

/** The last component of a path: "/usr/bin/redis-server" is "redis-server". */
const char *path_name(const char *path);

/** Release all that the image owns. Accepts a zeroed struct. */
void image_close(struct image *image);

/**
 * A sliding window: the fast way to read many words near each other. One
 * window belongs to one thread. It holds at most one pin.
 */
struct window {
	const struct image *image;
	const uint8_t *at;	/* bytes of [start, end) */
	uint64_t start, end;
	void *token;
};

static inline struct window window_of(const struct image *image)
{
	return (struct window){ .image = image };
}

/**
 * Bytes from @addr on, *@n of them (>= @need), valid until the next call;
 * NULL when @need bytes are not there in one piece.
 */
const uint8_t *window_span(struct window *w, uint64_t addr, size_t need,
			   size_t *n);

/** Slow path of window_u64(). */
bool window_word_(struct window *w, uint64_t addr, uint64_t *ret);

static inline bool window_u64(struct window *w, uint64_t addr, uint64_t *ret)
{
	if (addr - w->start <= w->end - w->start &&
	    w->end - addr >= 8 && addr >= w->start) {
		memcpy(ret, w->at + (addr - w->start), sizeof(*ret));
		return true;
	}
	return window_word_(w, addr, ret);
}

void window_close(struct window *w);

#endif
