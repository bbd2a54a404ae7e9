/* SPDX-License-Identifier: MIT */
#include "dump/registers.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "dump/proc_file.h"

/* AMX tiles make 11 KiB of NT_X86_XSTATE; the rest is room for what comes. */
enum { REGSET_MAX = 1 << 15 };

/** Read a register set into the arena; empty when the kernel has none. */
static bool read_set(uint32_t tid, unsigned type, struct image *image,
		     const uint8_t **ret, size_t *size, struct err *err)
{
	uint8_t buf[REGSET_MAX];
	struct iovec iov = { buf, sizeof(buf) };
	char *copy;

	*size = 0;
	if (ptrace(PTRACE_GETREGSET, tid, (uintptr_t)type, &iov) != 0)
		return true;
	copy = arena_text(&image->arena, (const char *)buf, iov.iov_len);
	if (!copy)
		return err_nomem(err, "registers");
	*ret = (const uint8_t *)copy;
	*size = iov.iov_len;
	return true;
}

/** What the kernel says of the signal that the thread is about to get. */
static bool read_siginfo(uint32_t tid, struct image *image,
			 struct thread *thread, struct err *err)
{
	siginfo_t info;
	char *copy;

	if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) != 0 ||
	    info.si_signo != thread->signal)
		return true;
	copy = arena_text(&image->arena, (const char *)&info, sizeof(info));
	if (!copy)
		return err_nomem(err, "registers");
	thread->siginfo = (const uint8_t *)copy;
	thread->siginfo_size = sizeof(info);
	return true;
}

static bool read_stopped(uint32_t tid, struct image *image,
			 struct thread *thread, struct err *err)
{
	struct iovec iov = { thread->regs, sizeof(thread->regs) };

	if (ptrace(PTRACE_GETREGSET, tid, (uintptr_t)NT_PRSTATUS, &iov) != 0) {
		diag_add_at(&image->diag, tid, 1,
			    "registers of a thread could not be read: %s",
			    strerror(errno));
		return true;
	}
	if (iov.iov_len != sizeof(thread->regs))
		return err_set(err, ERR_UNSUPPORTED, "thread %u runs 32-bit "
			       "code: only x86-64 can be captured", tid);
	return (thread->signal == 0 ||
		read_siginfo(tid, image, thread, err)) &&
	       read_set(tid, NT_PRFPREG, image, &thread->fpregs,
			&thread->fpregs_size, err) &&
	       read_set(tid, NT_X86_XSTATE, image, &thread->xstate,
			&thread->xstate_size, err);
}

/* "230 0x0 0x0 0x7ffd 0x0 0x0 0x0 0x7ffd5e 0x7f0e": number, 6 arguments,
 * stack pointer, program counter; "-1 sp pc" outside of a system call. */
static void read_stuck(uint32_t tid, struct thread *thread)
{
	static const enum x86_reg order[] = {
		X86_ORIG_RAX, X86_RDI, X86_RSI, X86_RDX, X86_R10, X86_R8,
		X86_R9, X86_RSP, X86_RIP,
	};
	static const enum x86_reg outside[] = {
		X86_ORIG_RAX, X86_RSP, X86_RIP,
	};
	const enum x86_reg *reg = order;
	size_t n = sizeof(order) / sizeof(order[0]);
	struct proc_text text;
	struct err err = {0};
	char *at, *end;

	if (!proc_read(tid, "syscall", &text, &err))
		return;
	at = text.at;
	if (at[0] == '-') {
		reg = outside;
		n = sizeof(outside) / sizeof(outside[0]);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t value = (uint64_t)strtoll(at, &end, 0);

		if (value == INT64_MAX)
			value = strtoull(at, &end, 0);
		if (end == at)
			break;
		thread->regs[reg[i]] = value;
		at = end;
	}
	proc_text_free(&text);
}

static bool read_name(uint32_t tid, struct image *image, struct thread *thread,
		      struct err *err)
{
	struct proc_text text;
	struct err ignored = {0};

	thread->name = "";
	if (!proc_read(tid, "comm", &text, &ignored))
		return true;
	if (text.len > 0 && text.at[text.len - 1] == '\n')
		text.len--;
	thread->name = arena_text(&image->arena, text.at, text.len);
	proc_text_free(&text);
	return thread->name || err_nomem(err, "thread names");
}

static int by_tid(const void *a, const void *b)
{
	const struct thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

static void put_first(struct image *image, uint32_t pid)
{
	for (size_t i = 1; i < image->threads.len; i++) {
		struct thread main_thread = image->threads.at[i];

		if (main_thread.tid != pid)
			continue;
		memmove(&image->threads.at[1], &image->threads.at[0],
			i * sizeof(main_thread));
		image->threads.at[0] = main_thread;
		return;
	}
}

bool registers_read(const struct stopped *stopped, struct image *image,
		    struct err *err)
{
	for (size_t i = 0; i < stopped->threads.len; i++) {
		const struct held_thread *held = &stopped->threads.at[i];
		struct thread thread = { .tid = held->tid };

		if (held->hold == HOLD_GONE)
			continue;
		thread.signal = held->signal ? held->signal : held->group_stop;
		if (!read_name(held->tid, image, &thread, err))
			return false;
		if (held->hold == HOLD_STUCK)
			read_stuck(held->tid, &thread);
		else if (!read_stopped(held->tid, image, &thread, err))
			return false;
		if (!vec_push(&image->threads, thread))
			return err_nomem(err, "threads");
	}
	qsort(image->threads.at, image->threads.len,
	      sizeof(*image->threads.at), by_tid);
	put_first(image, stopped->pid);
	return true;
}
