/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Make a thread of a stopped process call the kernel, and put it back.
 *
 * The thread runs one instruction that the program has anyway (`syscall`);
 * nothing is written to its memory. While it is borrowed all signals are
 * blocked for it, so that no handler runs on its behalf.
 *
 * Putting it back has to be exact for a thread that was stopped in a system
 * call: the kernel restarts the call when the thread leaves a stop in
 * get_signal() with orig_rax >= 0 and rax = -ERESTART... (Linux,
 * arch/x86/kernel/signal.c, arch_do_signal_or_restart()), but not when it
 * leaves the stop at the exit of a system call. So after the borrowed call
 * the thread is interrupted again, to stand in the same kind of stop as
 * before, and only then gets its registers back. The state that
 * -ERESTART_RESTARTBLOCK refers to survives clone and wait4.
 */
#ifndef DUMP_INJECT_H
#define DUMP_INJECT_H

#include "dump/inject_arch.h"
#include "dump/stop.h"

/* A thread whose registers are ours for a while. */
struct borrowed {
	uint32_t pid, tid;
	uint64_t insn;		/* address of an instruction that calls */
	struct arch_regs regs;	/* its own */
	uint64_t mask;		/* of signals, its own */
	uintptr_t options;	/* of ptrace, that it had */
	bool stop_came;		/* SIGSTOP was sent meanwhile */
};

/**
 * Find a thread among those that are held which can be borrowed, and borrow
 * it. Threads in system calls come first. None is taken that has a seccomp
 * filter (it could be killed for our call), that has a signal on its way, that
 * stands at an event of ptrace (the kernel would put the result of its own
 * call over ours), or that is in a restartable sequence (rseq(2): leaving it
 * would end it without its abort). @why says what was wrong with the last one.
 */
bool inject_borrow(struct stopped *stopped, struct borrowed *ret,
		   struct err *why) MUST_CHECK;

/**
 * Have it call @number. False when the call could not be made: the thread was
 * killed, or does not run (a frozen cgroup).
 *
 * @result	>= 0, or -errno.
 * @child	Gets the new process, which is traced and stops by itself; 0
 *		when the call made none. May be NULL.
 */
bool inject_call(struct borrowed *b, long number, const uint64_t args[4],
		 int64_t *result, uint32_t *child, struct err *why)
	MUST_CHECK;

/** Give it back what is its own; it is held as before. */
void inject_return(struct borrowed *b);

#endif
