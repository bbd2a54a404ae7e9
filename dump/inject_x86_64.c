/* SPDX-License-Identifier: MIT */
#if defined(__x86_64__)

#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "dump/inject_arch.h"

/* Code segment of 64-bit programs (__USER_CS of Linux); 32-bit ones have
 * 0x23. */
enum { CS_64_BIT = 0x33 };

/* ERESTARTNOHAND of the kernel's own linux/errno.h. */
enum { RESTART_NO_HANDLER = 514 };

const uint8_t arch_call_insn[] = { 0x0f, 0x05 };	/* syscall */
const size_t arch_call_size = sizeof(arch_call_insn);
const size_t arch_call_align = 1;

bool arch_regs_get(uint32_t tid, struct arch_regs *ret)
{
	struct iovec iov = { &ret->user, sizeof(ret->user) };

	/* A 32-bit thread has a shorter set. */
	return ptrace(PTRACE_GETREGSET, tid, (uintptr_t)NT_PRSTATUS,
		      &iov) == 0 && iov.iov_len == sizeof(ret->user);
}

bool arch_regs_set(uint32_t tid, const struct arch_regs *regs)
{
	struct user_regs_struct copy = regs->user;
	struct iovec iov = { &copy, sizeof(copy) };

	return ptrace(PTRACE_SETREGSET, tid, (uintptr_t)NT_PRSTATUS,
		      &iov) == 0;
}

bool arch_can_borrow(const struct arch_regs *regs)
{
	return regs->user.cs == CS_64_BIT;
}

bool arch_in_call(const struct arch_regs *regs)
{
	return (int64_t)regs->user.orig_rax >= 0;
}

long arch_call_number(const struct arch_regs *regs)
{
	return (long)regs->user.orig_rax;
}

bool arch_restart_unless_handled(struct arch_regs *regs)
{
	regs->user.rax = (uint64_t)-RESTART_NO_HANDLER;
	return true;
}

uint64_t arch_pc(const struct arch_regs *regs)
{
	return regs->user.rip;
}

/* Segments and the base of thread-local storage stay what they are. */
static void clear(struct user_regs_struct *user)
{
	struct user_regs_struct keep = *user;

	memset(user, 0, sizeof(*user));
	user->cs = keep.cs;
	user->ss = keep.ss;
	user->ds = keep.ds;
	user->es = keep.es;
	user->fs = keep.fs;
	user->gs = keep.gs;
	user->fs_base = keep.fs_base;
	user->gs_base = keep.gs_base;
	/* No single step, no direction flag; interrupts are on. */
	user->eflags = 0x202;
	/* In no system call: there is none to restart. */
	user->orig_rax = UINT64_MAX;
}

void arch_regs_for_call(struct arch_regs *regs, uint64_t insn, long number,
			const uint64_t args[4])
{
	clear(&regs->user);
	regs->user.rip = insn;
	regs->user.rax = (uint64_t)number;
	regs->user.rdi = args[0];
	regs->user.rsi = args[1];
	regs->user.rdx = args[2];
	regs->user.r10 = args[3];
}

void arch_regs_for_nothing(struct arch_regs *regs)
{
	clear(&regs->user);
}

int64_t arch_result(const struct arch_regs *regs)
{
	return (int64_t)regs->user.rax;
}

#else
/* A file of ISO C has at least one declaration. */
extern int inject_x86_64_is_empty;
#endif
