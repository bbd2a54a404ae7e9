/* SPDX-License-Identifier: MIT */
#include "dump/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump/find_call.h"
#include "dump/proc_file.h"

/* Of linux/ptrace.h, which does not go along with sys/ptrace.h. */
enum { GET_RSEQ_CONFIGURATION = 0x420f };

struct rseq_configuration {
	uint64_t area;		/* address of struct rseq, or 0 */
	uint32_t size, signature, flags, pad;
};

/* The parts of linux/rseq.h that say where a sequence is. */
enum { RSEQ_CS_OFFSET = 8 };

struct rseq_cs {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

/* In-kernel results that mean "again"; linux/errno.h does not show them. */
enum { RESTARTSYS = 512, RESTART_LAST = 516, CALL_TRIES = 16 };

/* The thread has to begin its call within this time; then it will end it. */
static const uint64_t begin_ns = 2000000000, call_ns = UINT64_MAX;

static bool read_exactly(int mem, uint64_t addr, void *buf, size_t n)
{
	return pread(mem, buf, n, (off_t)addr) == (ssize_t)n;
}

/** True when @pc is known not to be in a restartable sequence. */
static bool outside_rseq(uint32_t tid, int mem, uint64_t pc)
{
	struct rseq_configuration config = {0};
	struct rseq_cs cs;
	uint64_t at;

	if (ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, tid,
		   sizeof(config), &config) < 0)
		return false;
	if (config.area == 0)
		return true;
	if (!read_exactly(mem, config.area + RSEQ_CS_OFFSET, &at, sizeof(at)))
		return false;
	return at == 0 || (read_exactly(mem, at, &cs, sizeof(cs)) &&
			   pc - cs.start >= cs.length);
}

/** True when @t can be borrowed; else @why says what is in the way. */
static bool suits(const struct held_thread *t, int mem, bool in_call,
		  struct arch_regs *regs, struct err *why)
{
	err_clear(why);
	if (t->hold != HOLD_STOPPED || t->signal != 0 || t->at_event)
		return err_set(why, ERR_UNSUPPORTED, "no thread stands where "
			       "it could be made to fork");
	if (!arch_regs_get(t->tid, regs) || !arch_can_borrow(regs))
		return err_set(why, ERR_UNSUPPORTED, "thread %u cannot be "
			       "made to fork from where it stands", t->tid);
	if (arch_in_call(regs) != in_call)
		return err_set(why, ERR_UNSUPPORTED, "no thread stands where "
			       "it could be made to fork");
	if (proc_status_number(t->tid, "Seccomp", 0) != 0)
		return err_set(why, ERR_UNSUPPORTED, "a seccomp filter "
			       "restricts its system calls");
	if (!in_call && !outside_rseq(t->tid, mem, arch_pc(regs)))
		return err_set(why, ERR_UNSUPPORTED, "thread %u is, or may "
			       "be, in a restartable sequence", t->tid);
	return true;
}

static struct held_thread *choose(struct stopped *stopped, int mem,
				  struct arch_regs *regs, struct err *why)
{
	for (int in_call = 1; in_call >= 0; in_call--) {
		for (size_t i = 0; i < stopped->threads.len; i++) {
			struct held_thread *t = &stopped->threads.at[i];

			if (suits(t, mem, in_call, regs, why))
				return t;
		}
	}
	return NULL;
}

/** Wait for the next stop of @b. False when it was killed, or in @ns. */
static bool wait_stop(struct borrowed *b, uint64_t ns, int *status,
		      struct err *why)
{
	if (!stop_wait(b->tid, ns, status))
		return err_set(why, ERR_IO, "thread %u does not run (is its "
			       "cgroup frozen?)", b->tid);
	if (!WIFSTOPPED(*status))
		return err_set(why, ERR_IO, "thread %u was killed", b->tid);
	/* No other signal passes the mask. */
	if (*status >> 16 == 0 && WSTOPSIG(*status) == SIGSTOP)
		b->stop_came = true;
	return true;
}

/** Let @b run by @request to its next stop; signals are kept from it. */
static bool step(struct borrowed *b, int request, uint64_t ns, int *status,
		 struct err *why)
{
	if (ptrace((enum __ptrace_request)request, b->tid, NULL, NULL) != 0)
		return err_set(why, ERR_IO, "thread %u was killed", b->tid);
	return wait_stop(b, ns, status, why);
}

/** Run to the next entry to, or exit from, a system call. */
static bool step_to_call(struct borrowed *b, uint64_t ns, uint32_t *child,
			 struct err *why)
{
	unsigned long message;
	int status;

	do {
		if (!step(b, PTRACE_SYSCALL, ns, &status, why))
			return false;
		if (status >> 16 == PTRACE_EVENT_CLONE && child &&
		    ptrace(PTRACE_GETEVENTMSG, b->tid, NULL, &message) == 0)
			*child = (uint32_t)message;
	} while (WSTOPSIG(status) != (SIGTRAP | 0x80));
	return true;
}

/** From anywhere to a stop in get_signal(), running no instruction. */
static bool step_to_event(struct borrowed *b, struct err *why)
{
	int status;

	do {
		if (ptrace(PTRACE_INTERRUPT, b->tid, NULL, NULL) != 0)
			return err_set(why, ERR_IO, "thread %u was killed",
				       b->tid);
		if (!step(b, PTRACE_CONT, call_ns, &status, why))
			return false;
	} while (status >> 16 != PTRACE_EVENT_STOP);
	return true;
}

/** It did not begin its call in time: fetch it back, without the call. */
static void recall(struct borrowed *b)
{
	struct arch_regs regs = b->regs;
	struct err ignored = {0};
	int status = 0;

	if (ptrace(PTRACE_INTERRUPT, b->tid, NULL, NULL) != 0 ||
	    !wait_stop(b, call_ns, &status, &ignored) ||
	    status >> 16 == PTRACE_EVENT_STOP)
		return;
	/* Late, it stands at the entry. */
	arch_regs_for_nothing(&regs);
	if (arch_regs_set(b->tid, &regs))
		(void)step_to_event(b, &ignored);
}

bool inject_borrow(struct stopped *stopped, struct borrowed *ret,
		   struct err *why)
{
	const uint64_t all = UINT64_MAX;
	struct held_thread *t;
	char path[64];
	bool found;
	int mem;

	*ret = (struct borrowed){ .pid = stopped->pid,
				  .options = stopped->options };
	snprintf(path, sizeof(path), "/proc/%u/mem", stop_memory_pid(stopped));
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return err_errno(why, "%s", path);
	t = choose(stopped, mem, &ret->regs, why);
	found = t && find_call_insn(stopped, mem, &ret->insn, why);
	close(mem);
	if (!found)
		return false;
	ret->tid = t->tid;
	if (ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(ret->mask),
		   &ret->mask) != 0 ||
	    ptrace(PTRACE_SETOPTIONS, t->tid, NULL, ret->options |
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE) != 0)
		return err_errno(why, "thread %u: ptrace", t->tid);
	if (ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(all), &all) != 0)
		return err_errno(why, "thread %u: its signal mask", t->tid);
	return true;
}

bool inject_call(struct borrowed *b, long number, const uint64_t args[4],
		 int64_t *result, uint32_t *child, struct err *why)
{
	struct arch_regs regs = b->regs;

	if (child)
		*child = 0;
	for (int i = 0; i < CALL_TRIES; i++) {
		arch_regs_for_call(&regs, b->insn, number, args);
		if (!arch_regs_set(b->tid, &regs))
			return err_errno(why, "thread %u: its registers",
					 b->tid);
		if (!step_to_call(b, begin_ns, NULL, why)) {
			recall(b);
			return false;
		}
		if (!step_to_call(b, call_ns, child, why) ||
		    !arch_regs_get(b->tid, &regs) || !step_to_event(b, why))
			return err_set(why, ERR_IO, "thread %u was killed",
				       b->tid);
		*result = arch_result(&regs);
		if (*result > -RESTARTSYS || *result < -RESTART_LAST)
			return true;
	}
	return err_set(why, ERR_IO, "system call %ld of thread %u was "
		       "interrupted again and again", number, b->tid);
}

void inject_return(struct borrowed *b)
{
	(void)arch_regs_set(b->tid, &b->regs);
	(void)ptrace(PTRACE_SETSIGMASK, b->tid, sizeof(b->mask), &b->mask);
	(void)ptrace(PTRACE_SETOPTIONS, b->tid, NULL, b->options);
	if (b->stop_came)
		(void)kill((pid_t)b->pid, SIGSTOP);
}
