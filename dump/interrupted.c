/* SPDX-License-Identifier: MIT */
#include "dump/interrupted.h"

#include <errno.h>
#include <sys/syscall.h>

/* Left out are calls that do another thing the second time (connect). */
static const long calls[] = {
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_epoll_pwait,
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
	SYS_semtimedop,
#ifdef SYS_semop
	SYS_semop,
#endif
	SYS_rt_sigtimedwait,
	SYS_io_getevents,
	/* Of sockets that have a timeout. */
	SYS_accept,
	SYS_accept4,
	SYS_read,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_recvmmsg,
	SYS_sendto,
	SYS_sendmsg,
	SYS_write,
};

bool interrupted_restart(struct arch_regs *regs)
{
	if (!arch_in_call(regs) || arch_result(regs) != -EINTR)
		return false;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (arch_call_number(regs) == calls[i])
			return arch_restart_unless_handled(regs);
	}
	return false;
}
