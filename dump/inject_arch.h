/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What borrowing a thread for a system call needs to know of a processor.
 *
 * One of dump/inject_<processor>.c is compiled to more than nothing.
 */
#ifndef DUMP_INJECT_ARCH_H
#define DUMP_INJECT_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

/* All that a system call can change, and what tells the kernel whether to
 * restart one. Vector registers are not touched by system calls. */
struct arch_regs {
#if defined(__aarch64__)
	struct user_regs_struct user;
	int32_t syscall;	/* NT_ARM_SYSTEM_CALL; -1: in none */
#else
	struct user_regs_struct user;
#endif
};

/* The instruction that calls the kernel. */
extern const uint8_t arch_call_insn[];
extern const size_t arch_call_size;	/* bytes, and its alignment */
extern const size_t arch_call_align;

/** Read, write the registers of a traced thread that stands. */
bool arch_regs_get(uint32_t tid, struct arch_regs *ret);
bool arch_regs_set(uint32_t tid, const struct arch_regs *regs);

/** True for code of the same kind as ours, whose system calls, if it is in
 * one, go on when the registers are put back. */
bool arch_can_borrow(const struct arch_regs *regs);

/** True for a thread that the kernel stopped in a system call. */
bool arch_in_call(const struct arch_regs *regs);

/** The number of that call. */
long arch_call_number(const struct arch_regs *regs);

/**
 * Have the kernel begin that call again, as it does for -ERESTARTNOHAND, or
 * return -EINTR from it when a handler runs first. False where that cannot be
 * said from outside.
 */
bool arch_restart_unless_handled(struct arch_regs *regs);

uint64_t arch_pc(const struct arch_regs *regs);

/**
 * Registers for calling @number at @insn: nothing else in them leads
 * anywhere, so that whoever ran on from there would fault.
 */
void arch_regs_for_call(struct arch_regs *regs, uint64_t insn, long number,
			const uint64_t args[4]);

/** Registers with which nothing can run. */
void arch_regs_for_nothing(struct arch_regs *regs);

/** What the system call returned: >= 0, or -errno. */
int64_t arch_result(const struct arch_regs *regs);

#endif
