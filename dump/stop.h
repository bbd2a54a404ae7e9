/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Hold all threads of a process still, and let them go unharmed.
 *
 * PTRACE_SEIZE and PTRACE_INTERRUPT (ptrace(2), Linux >= 3.4) send no signal
 * and disturb no system call that the kernel cannot restart. A process that
 * job control had stopped is stopped again afterwards.
 *
 * Stops are looked at with WNOWAIT: the kernel then keeps a signal that it
 * was about to deliver, and delivers it even when the tracer dies.
 *
 * ptrace ties a traced thread to the thread that seized it: stop_process(),
 * registers_read() and stop_resume() are called by one thread. When that
 * thread ends, the kernel lets go of whatever is still held; this is the only
 * way to let go of a thread that never stopped, so it should end soon.
 */
#ifndef DUMP_STOP_H
#define DUMP_STOP_H

#include "base/diag.h"
#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"

enum thread_hold {
	HOLD_RUNNING,		/* seized, not yet seen to stop */
	HOLD_STOPPED,
	HOLD_STUCK,		/* in a wait of the kernel that nothing ends */
	HOLD_GONE,		/* exited meanwhile */
};

struct held_thread {
	uint32_t tid;
	enum thread_hold hold;
	int signal;		/* on its way to the thread: goes with resume */
	int group_stop;		/* signal that job control stopped it by, or 0 */
	bool at_event;		/* in the midst of a clone, an execve, its end: not
				 * where its registers could be changed */
};

struct stopped {
	uint32_t pid;
	uintptr_t options;	/* of ptrace, that its threads have */
	int watch;		/* see stop_process() */
	bool traced;		/* before they were stopped, and after it */
	VEC(struct held_thread) threads;
	struct map known;	/* tid -> 1 + index in threads */
};

/**
 * Stop every thread of @pid. Release with stop_resume(), also on failure.
 *
 * A thread that does not stop within two seconds (it waits in the kernel, as
 * the parent of a vfork() does) is left as HOLD_STUCK and counted in @diag:
 * it cannot run the program's code before it is let go either. One that only
 * waits for a processor has more time.
 *
 * @watch	A socket: when its other end closes, this gives up. -1 is none.
 */
bool stop_process(uint32_t pid, int watch, struct stopped *ret,
		  struct diag *diag, struct err *err) MUST_CHECK;

/**
 * As stop_process(), of a process whose threads the caller traces for reasons
 * of its own. Release with stop_continue(), also on failure. The caller sets
 * ret->options to those that the threads have.
 */
bool stop_traced(uint32_t pid, struct stopped *ret, struct diag *diag,
		 struct err *err) MUST_CHECK;

/**
 * Stop one more thread of stopped->pid, waiting half a second at most; false
 * without an error when it does not, which may be tried again. Release with
 * stop_resume() in any case.
 */
bool stop_thread(struct stopped *stopped, uint32_t tid, struct err *err)
	MUST_CHECK;

/**
 * Let the threads go on, with the signals they had coming.
 *
 * Some system calls end with EINTR although no handler ran (signal(7),
 * "Interruption of system calls and library functions by stop signals");
 * these are begun again, with the whole of their timeout.
 */
void stop_resume(struct stopped *stopped);

/**
 * Wait for the next stop or the end of a traced thread, and take note of it:
 * *@status is as of waitpid(2). False when none came in @ns nanoseconds;
 * UINT64_MAX is forever.
 */
bool stop_wait(uint32_t tid, uint64_t ns, int *status);


/**
 * Let the threads go on and trace them further. Those that something else
 * than the stop had stopped (a signal on its way, an event, their end) are
 * left as they are: the caller's next wait tells of it.
 */
void stop_continue(struct stopped *stopped);

/**
 * A thread through which /proc shows the memory: the main thread may have
 * exited while others go on, and then its /proc/PID/maps is empty.
 */
uint32_t stop_memory_pid(const struct stopped *stopped);

#endif
