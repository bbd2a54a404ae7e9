/* SPDX-License-Identifier: MIT */
#include "formats/unwind.h"

#include "formats/dwarf_expr.h"
#include "formats/unwind_guess.h"
#include "formats/unwind_rules.h"

enum {
	/* From one stack to another: signal handlers, coroutines. */
	MAX_JUMPS = 64,
	RED_ZONE = 128,
};

struct unwinder {
	struct module_files *files;
	struct unwind_rules rules;
	struct window window;
};

/* DWARF's numbers of the registers of a thread. */
static const enum x86_reg register_of[UNWIND_REGS] = {
	X86_RAX, X86_RDX, X86_RCX, X86_RBX, X86_RSI, X86_RDI, X86_RBP,
	X86_RSP, X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14,
	X86_R15, X86_RIP,
};

/* rbx, rbp, r12-r15: a function that says nothing of them leaves them be. */
static const uint32_t kept_by_calls = 1U << 3 | 1U << 6 | 0xfU << 12;

_Static_assert((int)UNWIND_REGS == (int)CFI_REGS, "one set of registers");

bool unwinder_open(struct module_files *files, struct unwinder **ret,
		   struct err *err)
{
	struct unwinder *u = calloc(1, sizeof(*u));

	*ret = NULL;
	if (!u)
		return err_nomem(err, "unwinding");
	u->files = files;
	u->window = window_of(files->image);
	if (!unwind_rules_open(files, &u->rules, err)) {
		free(u);
		return false;
	}
	*ret = u;
	return true;
}

void unwinder_close(struct unwinder *u)
{
	if (!u)
		return;
	unwind_rules_close(&u->rules);
	window_close(&u->window);
	free(u);
}

/* A frame and what the rules of its caller are computed from. */
struct step {
	struct unwinder *u;
	const struct unwind_frame *frame;
	uint64_t cfa;
};

static bool expr_read(void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct step *s = ctx;

	if (n == sizeof(uint64_t)) {
		uint64_t word;

		if (!window_u64(&s->u->window, addr, &word))
			return false;
		memcpy(buf, &word, sizeof(word));
		return true;
	}
	return image_read(s->u->files->image, addr, buf, n);
}

static bool frame_reg(const struct unwind_frame *f, uint64_t reg,
		      uint64_t *ret)
{
	if (reg >= UNWIND_REGS || !(f->regs.known >> reg & 1))
		return false;
	*ret = f->regs.at[reg];
	return true;
}

static bool expr_reg(void *ctx, uint64_t reg, uint64_t *ret)
{
	const struct step *s = ctx;

	return frame_reg(s->frame, reg, ret);
}

static bool run_expr(struct step *s, struct bytes expr, const uint64_t *first,
		     uint64_t *ret)
{
	static const struct expr_ops ops = {
		.read = expr_read, .reg = expr_reg,
	};
	struct expr_env env = { .ops = &ops, .ctx = s };

	return expr_value(&env, expr, first, ret);
}

static bool find_cfa(struct step *s, const struct cfi_rule *rule)
{
	if (rule->kind == CFI_VALUE_EXPRESSION)
		return run_expr(s, rule->expr, NULL, &s->cfa);
	if (!frame_reg(s->frame, rule->reg, &s->cfa))
		return false;
	s->cfa += (uint64_t)rule->number;
	return true;
}

/* The register is what it was in register @from of the callee. */
static bool keep(const struct step *s, uint64_t from, uint32_t reg,
		 struct unwind_regs *ret)
{
	if (!frame_reg(s->frame, from, &ret->at[reg]))
		return false;
	ret->saved[reg] = s->frame->regs.saved[from];
	return true;
}

static bool load(const struct step *s, uint64_t addr, uint32_t reg,
		 struct unwind_regs *ret)
{
	if (!window_u64(&s->u->window, addr, &ret->at[reg]))
		return false;
	ret->saved[reg] = addr;
	return true;
}

/* What register @reg is in the caller; false when that is not known. */
static bool apply(struct step *s, const struct cfi_rule *rule, uint32_t reg,
		  struct unwind_regs *ret)
{
	uint64_t addr = s->cfa + (uint64_t)rule->number;

	switch (rule->kind) {
	case CFI_UNSPECIFIED:
		if (reg == UNWIND_RSP) {
			ret->at[reg] = s->cfa;
			return true;
		}
		return kept_by_calls >> reg & 1 && keep(s, reg, reg, ret);
	case CFI_OFFSET:
		return load(s, addr, reg, ret);
	case CFI_VALUE:
		ret->at[reg] = addr;
		return true;
	case CFI_REGISTER:
		return keep(s, rule->reg, reg, ret);
	case CFI_EXPRESSION:
		return run_expr(s, rule->expr, &s->cfa, &addr) &&
		       load(s, addr, reg, ret);
	case CFI_VALUE_EXPRESSION:
		return run_expr(s, rule->expr, &s->cfa, &ret->at[reg]);
	default:
		return false;
	}
}

/* The caller of @frame by the rules in @row. */
static enum unwind_end by_rules(struct unwinder *u, struct unwind_frame *frame,
				const struct cfi_row *row,
				struct unwind_frame *ret)
{
	struct step s = { .u = u, .frame = frame };
	uint32_t ra = row->return_column;

	if (ra >= UNWIND_REGS || row->regs[ra].kind == CFI_UNDEFINED)
		return UNWIND_OUTERMOST;
	if (!find_cfa(&s, &row->cfa))
		return UNWIND_LOST;
	frame->cfa = s.cfa;
	for (uint32_t i = 0; i < UNWIND_REGS; i++) {
		if (apply(&s, &row->regs[i], i, &ret->regs))
			ret->regs.known |= 1U << i;
	}
	if (!(ret->regs.known >> ra & 1))
		return UNWIND_ABSENT;
	if (ra != UNWIND_RA)
		ret->regs.at[UNWIND_RA] = ret->regs.at[ra];
	ret->regs.known |= 1U << UNWIND_RA;
	/* A signal may have interrupted a call of NULL. */
	return ret->regs.at[UNWIND_RA] || row->is_signal ? UNWIND_STOPPED
							 : UNWIND_OUTERMOST;
}

static uint64_t sp_of(const struct unwind_frame *f)
{
	return f->regs.known >> UNWIND_RSP & 1 ? f->regs.at[UNWIND_RSP] : 0;
}

/*
 * Stacks grow down, so callers lie above. Only from one stack to another the
 * way may lead anywhere, and nobody changes stacks often.
 */
static bool is_progress(const struct unwinder *u,
			const struct unwind_frame *frame,
			const struct unwind_frame *caller, int *jumps)
{
	const struct image *image = u->files->image;
	uint64_t from = sp_of(frame), to = sp_of(caller);

	if (to > from)
		return true;
	if (!(frame->flags & FRAME_SIGNAL) &&
	    image_mapping(image, from) == image_mapping(image, to))
		return false;
	return ++*jumps <= MAX_JUMPS;
}

/*
 * Set what follows from the registers of @frame. @is_exact: it was
 * interrupted, so that its pc is not behind a call.
 */
static const struct cfi_row *describe(struct unwinder *u,
				      struct unwind_frame *f, bool is_exact)
{
	const struct image *image = u->files->image;
	uint64_t pc = f->regs.at[UNWIND_RA];
	const struct cfi_row *row;
	const struct module *m;

	f->place = is_exact ? pc : pc - 1;
	row = unwind_rules_at(&u->rules, f->place);
	if (row && row->is_signal) {
		f->flags |= FRAME_SIGNAL;
		f->place = pc;
	} else if ((!row || pc >= row->end) &&
		   unwind_is_restorer(u->files, pc)) {
		f->flags |= FRAME_SIGNAL;
		f->place = pc;
		row = NULL;
	}
	m = image_module(image, f->place);
	f->module = m ? (uint32_t)(m - image->modules.at) : UINT32_MAX;
	return row;
}

/* The caller of @frame, or why there is none; STOPPED: it is in @ret. */
static enum unwind_end step_out(struct unwinder *u, struct unwind_frame *frame,
				const struct cfi_row *row, bool is_exact,
				struct unwind_frame *ret)
{
	enum unwind_end end;

	*ret = (struct unwind_frame){ .module = UINT32_MAX };
	if (row)
		return by_rules(u, frame, row, ret);
	if (frame->flags & FRAME_SIGNAL)
		return unwind_signal_context(&u->window, frame, ret) ?
		       UNWIND_STOPPED : UNWIND_ABSENT;
	end = unwind_guess(u->files, &u->window, frame, is_exact, ret);
	if (end == UNWIND_STOPPED)
		frame->cfa = sp_of(ret);
	return end;
}

static struct unwind_frame innermost(const struct thread *t)
{
	struct unwind_frame f = { .module = UINT32_MAX };

	for (size_t i = 0; i < UNWIND_REGS; i++)
		f.regs.at[i] = t->regs[register_of[i]];
	f.regs.known = (1U << UNWIND_REGS) - 1;
	return f;
}

/* Who returned to @f returned to data: what led there was wrong. */
static bool is_nonsense(const struct unwinder *u, const struct unwind_frame *f,
			const struct cfi_row *row)
{
	const struct mapping *m = image_mapping(u->files->image, f->place);

	return !row && !(f->flags & FRAME_SIGNAL) &&
	       (!m || !(m->perms & PERM_EXEC));
}

enum unwind_end unwind_thread(struct unwinder *u, const struct thread *t,
			      unwind_visit *visit, void *ctx)
{
	struct unwind_frame frame = innermost(t), caller;
	bool is_exact = true;
	int jumps = 0;

	for (int n = 0; n < UNWIND_MAX_FRAMES; n++) {
		const struct cfi_row *row = describe(u, &frame, is_exact);
		enum unwind_end end;

		if (!is_exact && is_nonsense(u, &frame, row))
			return UNWIND_LOST;
		end = step_out(u, &frame, row, is_exact, &caller);
		if (!visit(ctx, &frame))
			return UNWIND_STOPPED;
		if (end != UNWIND_STOPPED)
			return end;
		if (!is_progress(u, &frame, &caller, &jumps))
			return UNWIND_NO_PROGRESS;
		is_exact = frame.flags & FRAME_SIGNAL;
		frame = caller;
	}
	return UNWIND_TOO_DEEP;
}
