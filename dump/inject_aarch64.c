/* SPDX-License-Identifier: MIT */
#if defined(__aarch64__)

#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "dump/inject_arch.h"

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

enum { REG_NUMBER = 8, MODE_32_BIT = 1 << 4 };

const uint8_t arch_call_insn[] = { 0x01, 0x00, 0x00, 0xd4 };	/* svc #0 */
const size_t arch_call_size = sizeof(arch_call_insn);
const size_t arch_call_align = sizeof(arch_call_insn);

bool arch_regs_get(uint32_t tid, struct arch_regs *ret)
{
	struct iovec iov = { &ret->user, sizeof(ret->user) };
	struct iovec call = { &ret->syscall, sizeof(ret->syscall) };

	return ptrace(PTRACE_GETREGSET, tid, (uintptr_t)NT_PRSTATUS,
		      &iov) == 0 && iov.iov_len == sizeof(ret->user) &&
	       ptrace(PTRACE_GETREGSET, tid, (uintptr_t)NT_ARM_SYSTEM_CALL,
		      &call) == 0;
}

bool arch_regs_set(uint32_t tid, const struct arch_regs *regs)
{
	struct arch_regs copy = *regs;
	struct iovec iov = { &copy.user, sizeof(copy.user) };
	struct iovec call = { &copy.syscall, sizeof(copy.syscall) };

	return ptrace(PTRACE_SETREGSET, tid, (uintptr_t)NT_PRSTATUS,
		      &iov) == 0 &&
	       ptrace(PTRACE_SETREGSET, tid, (uintptr_t)NT_ARM_SYSTEM_CALL,
		      &call) == 0;
}

/*
 * Before a thread stops here the kernel has set it back to the svc of a call
 * that it will restart (do_signal() in arch/arm64/kernel/signal.c), and when
 * it goes on turns some into restart_syscall, with the time that is left. It
 * forgets that when something else is called in between, so a thread in one
 * of these calls is not borrowed.
 */
bool arch_can_borrow(const struct arch_regs *regs)
{
	if (regs->user.pstate & MODE_32_BIT)
		return false;
	switch (regs->user.regs[REG_NUMBER]) {
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_futex:
	case SYS_ppoll:
		return false;
	default:
		return true;
	}
}

bool arch_in_call(const struct arch_regs *regs)
{
	return regs->syscall >= 0;
}

long arch_call_number(const struct arch_regs *regs)
{
	return regs->syscall;
}

/* The first argument is lost: x0 holds the result. */
bool arch_restart_unless_handled(struct arch_regs *regs)
{
	(void)regs;
	return false;
}

uint64_t arch_pc(const struct arch_regs *regs)
{
	return regs->user.pc;
}

void arch_regs_for_call(struct arch_regs *regs, uint64_t insn, long number,
			const uint64_t args[4])
{
	arch_regs_for_nothing(regs);
	regs->user.pc = insn;
	regs->user.regs[REG_NUMBER] = (uint64_t)number;
	memcpy(regs->user.regs, args, 4 * sizeof(args[0]));
}

void arch_regs_for_nothing(struct arch_regs *regs)
{
	memset(&regs->user, 0, sizeof(regs->user));
	regs->syscall = -1;
}

int64_t arch_result(const struct arch_regs *regs)
{
	return (int64_t)regs->user.regs[0];
}

#else
/* A file of ISO C has at least one declaration. */
extern int inject_aarch64_is_empty;
#endif
