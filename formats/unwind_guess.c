/* SPDX-License-Identifier: MIT */
#include "formats/unwind_guess.h"

#include <elf.h>

enum {
	LONGEST_CALL = 8,
	SCANNED_WORDS = 1024,
	FARTHEST_FRAME = 1 << 24,	/* from the stack to the frame pointer */
	/* struct ucontext: flags, link and stack_t, then the registers. */
	CONTEXT_REGISTERS = 40,
};

/* What shows that a word is a return address. */
enum proof {
	NO_PROOF,	/* its place does: code that is not there will do */
	IS_CALL,	/* a call stands before it */
	CALLS_US,	/* a call of the function that we are in */
};

struct guess {
	struct module_files *files;
	struct window *w;
	const struct unwind_frame *frame;
	const struct symbol *function;	/* that holds its place, or NULL */
	uint64_t pc, sp, bp;
	bool has_bp;
};

static bool is_code(const struct guess *g, uint64_t addr)
{
	const struct mapping *m = image_mapping(g->files->image, addr);

	return m && m->perms & PERM_EXEC;
}

/* mov $15, %rax (or %eax); syscall: rt_sigreturn, as every libc has it. */
bool unwind_is_restorer(struct module_files *files, uint64_t pc)
{
	static const uint8_t wide[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0,
					0x0f, 0x05 };
	static const uint8_t narrow[] = { 0xb8, 15, 0, 0, 0, 0x0f, 0x05 };
	uint8_t code[sizeof(wide)];

	if (!module_files_read(files, pc, code, sizeof(narrow)))
		return false;
	if (memcmp(code, narrow, sizeof(narrow)) == 0)
		return true;
	return module_files_read(files, pc, code, sizeof(wide)) &&
	       memcmp(code, wide, sizeof(wide)) == 0;
}

/* struct sigcontext of x86-64 (arch/x86/include/uapi/asm/sigcontext.h). */
bool unwind_signal_context(struct window *w, const struct unwind_frame *frame,
			   struct unwind_frame *ret)
{
	static const uint8_t order[UNWIND_REGS] = {
		8, 9, 10, 11, 12, 13, 14, 15, 5, 4, UNWIND_RBP, 3, 1, 0, 2,
		UNWIND_RSP, UNWIND_RA,
	};
	uint64_t at = frame->regs.at[UNWIND_RSP] + CONTEXT_REGISTERS;

	if (!(frame->regs.known >> UNWIND_RSP & 1))
		return false;
	for (size_t i = 0; i < UNWIND_REGS; i++) {
		if (!window_u64(w, at + 8 * i, &ret->regs.at[order[i]]))
			return false;
		ret->regs.saved[order[i]] = at + 8 * i;
	}
	ret->regs.known = (1U << UNWIND_REGS) - 1;
	return true;
}

/* The length of "ff /2" with this ModRM byte and what follows it. */
static size_t indirect_call_length(uint8_t modrm, uint8_t sib)
{
	unsigned mod = modrm >> 6, rm = modrm & 7;
	size_t length = 2;

	if ((modrm & 0x38) != 0x10)
		return 0;
	if (mod == 3)
		return length;
	if (rm == 4)
		length++;
	if (mod == 0 && (rm == 5 || (rm == 4 && (sib & 7) == 5)))
		return length + 4;
	return length + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

/*
 * Does a call end at @addr? *@target is where it leads when the code says so,
 * else 0. Snapshots hold no code: then *@is_unknown.
 */
static bool is_after_call(const struct guess *g, uint64_t addr,
			  uint64_t *target, bool *is_unknown)
{
	uint8_t code[LONGEST_CALL];
	int32_t distance;

	*target = 0;
	*is_unknown = false;
	if (addr < LONGEST_CALL || !is_code(g, addr - 1))
		return false;
	if (!module_files_read(g->files, addr - LONGEST_CALL, code,
			       sizeof(code))) {
		*is_unknown = true;
		return false;
	}
	if (code[LONGEST_CALL - 5] == 0xe8) {
		memcpy(&distance, code + LONGEST_CALL - 4, sizeof(distance));
		*target = addr + (uint64_t)(int64_t)distance;
		if (is_code(g, *target))
			return true;
		*target = 0;
	}
	for (size_t n = 2; n < LONGEST_CALL; n++) {
		const uint8_t *at = code + LONGEST_CALL - n;

		if (at[0] == 0xff &&
		    indirect_call_length(at[1], n > 2 ? at[2] : 0) == n)
			return true;
	}
	return false;
}

/* Is @addr where a call of our function goes on, as far as @proof asks? */
static bool is_return(const struct guess *g, uint64_t addr, enum proof proof)
{
	bool is_call, is_unknown;
	uint64_t target;

	is_call = is_after_call(g, addr, &target, &is_unknown);
	if (proof == CALLS_US)
		return is_call && g->function && target == g->function->addr;
	if (!is_call && is_code(g, addr))
		is_call = unwind_is_restorer(g->files, addr);
	return is_call || (proof == NO_PROOF && is_unknown);
}

/* The caller whose return address lies at @slot. */
static bool take_return(const struct guess *g, uint64_t slot,
			enum proof proof, struct unwind_frame *ret)
{
	uint64_t addr;

	if (!window_u64(g->w, slot, &addr) || !is_return(g, addr, proof))
		return false;
	*ret = (struct unwind_frame){
		.module = UINT32_MAX, .flags = FRAME_GUESSED,
	};
	ret->regs.at[UNWIND_RA] = addr;
	ret->regs.at[UNWIND_RSP] = slot + 8;
	ret->regs.known = 1U << UNWIND_RA | 1U << UNWIND_RSP;
	return true;
}

/* The same, and the frame pointer is what it was. */
static bool take_return_keep(const struct guess *g, uint64_t slot,
			     struct unwind_frame *ret)
{
	if (!take_return(g, slot, NO_PROOF, ret))
		return false;
	ret->regs.at[UNWIND_RBP] = g->bp;
	ret->regs.saved[UNWIND_RBP] = g->frame->regs.saved[UNWIND_RBP];
	ret->regs.known |= g->has_bp ? 1U << UNWIND_RBP : 0;
	return true;
}

static bool code_is(const struct guess *g, uint64_t addr, const char *code,
		    size_t n)
{
	char at[LONGEST_CALL];

	return module_files_read(g->files, addr, at, n) &&
	       memcmp(at, code, n) == 0;
}

#define PUSH_RBP "\x55"
#define MOV_RSP_RBP "\x48\x89\xe5"
#define ENDBR64 "\xf3\x0f\x1e\xfa"
#define CODE_IS(g, addr, code) code_is(g, addr, code, sizeof(code) - 1)

/* Where no frame has been made yet, or it is gone already. */
static bool at_border(const struct guess *g, struct unwind_frame *ret)
{
	uint64_t pc = g->pc;

	if ((g->function && g->function->addr == pc) ||
	    CODE_IS(g, pc, PUSH_RBP MOV_RSP_RBP) ||
	    CODE_IS(g, pc, ENDBR64) || CODE_IS(g, pc, "\xc3"))
		return take_return_keep(g, g->sp, ret);
	if (CODE_IS(g, pc, MOV_RSP_RBP) && CODE_IS(g, pc - 1, PUSH_RBP))
		return take_return_keep(g, g->sp + 8, ret);
	return false;
}

/* Does the function that we are in make rbp its frame pointer? */
static bool sets_frame_pointer(const struct guess *g)
{
	uint64_t at = g->function ? g->function->addr : 0;

	if (!at)
		return true;	/* who knows */
	if (CODE_IS(g, at, ENDBR64))
		at += sizeof(ENDBR64) - 1;
	return CODE_IS(g, at, PUSH_RBP MOV_RSP_RBP);
}

static bool by_frame_pointer(const struct guess *g, struct unwind_frame *ret)
{
	uint64_t outer;

	if (!g->has_bp || g->bp % 8 != 0 || g->bp < g->sp ||
	    g->bp - g->sp > FARTHEST_FRAME || !sets_frame_pointer(g) ||
	    !window_u64(g->w, g->bp, &outer) ||
	    !take_return(g, g->bp + 8, NO_PROOF, ret))
		return false;
	ret->regs.at[UNWIND_RBP] = outer;
	ret->regs.saved[UNWIND_RBP] = g->bp;
	ret->regs.known |= 1U << UNWIND_RBP;
	return true;
}

/* A return address anywhere: first one behind a call of this function. */
static bool by_search(const struct guess *g, struct unwind_frame *ret)
{
	uint64_t start = (g->sp + 7) & ~UINT64_C(7);

	for (enum proof proof = CALLS_US; proof > NO_PROOF; proof--) {
		for (uint64_t i = 0; i < SCANNED_WORDS; i++) {
			if (take_return(g, start + 8 * i, proof, ret))
				return true;
		}
	}
	return false;
}

static uint64_t entry_point(const struct image *image)
{
	for (size_t i = 0; i + 1 < image->auxv.len; i += 2) {
		if (image->auxv.at[i] == AT_ENTRY)
			return image->auxv.at[i + 1];
	}
	return 0;
}

/* Functions that nobody has called. */
static bool is_outermost(const struct guess *g)
{
	static const char *const names[] = {
		"_start", "_start_c", "__clone", "clone", "__clone3", "clone3",
	};
	uint64_t entry = entry_point(g->files->image);

	if (!g->function)
		return entry && g->pc >= entry && g->pc - entry < 64;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(g->function->name, names[i]) == 0)
			return true;
	}
	return g->function->addr == entry;
}

enum unwind_end unwind_guess(struct module_files *files, struct window *w,
			     const struct unwind_frame *frame, bool is_exact,
			     struct unwind_frame *ret)
{
	struct guess g = {
		.files = files, .w = w, .frame = frame,
		.function = image_symbol(files->image, frame->place,
					 SYMBOL_FUNCTION),
		.pc = frame->regs.at[UNWIND_RA],
		.sp = frame->regs.at[UNWIND_RSP],
		.bp = frame->regs.at[UNWIND_RBP],
		.has_bp = frame->regs.known >> UNWIND_RBP & 1,
	};
	uint64_t word;

	if (is_outermost(&g))
		return UNWIND_OUTERMOST;
	if (!(frame->regs.known >> UNWIND_RSP & 1) ||
	    !window_u64(w, g.sp & ~UINT64_C(7), &word))
		return UNWIND_ABSENT;
	if (is_exact && !is_code(&g, g.pc))
		return take_return_keep(&g, g.sp, ret) ? UNWIND_STOPPED
						       : UNWIND_LOST;
	if ((is_exact && at_border(&g, ret)) || by_frame_pointer(&g, ret) ||
	    by_search(&g, ret))
		return UNWIND_STOPPED;
	return UNWIND_LOST;
}
