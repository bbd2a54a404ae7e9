/* SPDX-License-Identifier: MIT */
#include "dump/target.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/proc_file.h"

enum { CAP_SYS_PTRACE_BIT = 19, SECCOMP_FILTER = 2 };

/* What containers need, whatever started them. */
#define CONTAINER_HINT "in a container, start it with the right to trace " \
	"(docker run --cap-add SYS_PTRACE, kubectl debug --profile=sysadmin)"

/** The command name of @pid with nothing in it that disturbs a line. */
static const char *name_of(uint32_t pid, struct proc_stat *stat)
{
	if (!proc_stat_read(pid, stat))
		return "unknown";
	for (char *c = stat->comm; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return stat->comm;
}

static bool check_tracer(uint32_t pid, const char *name, struct err *err)
{
	uint64_t tracer = proc_status_number(pid, "TracerPid", 0);
	struct proc_stat stat;

	if (tracer == 0 || tracer > INT32_MAX)
		return true;
	/* It is the number of a thread. */
	tracer = proc_status_number((uint32_t)tracer, "Tgid", tracer);
	return err_set(err, ERR_UNSUPPORTED, "process %u (%s) is traced by "
		       "process %u (%s): make that one detach first", pid,
		       name, (uint32_t)tracer,
		       name_of((uint32_t)tracer, &stat));
}

/** An unreadable executable passes: the registers tell its kind later. */
static bool check_machine(uint32_t pid, const char *name, struct err *err)
{
	unsigned char head[20];
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	got = read(fd, head, sizeof(head));
	close(fd);
	if (got != (ssize_t)sizeof(head) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return true;
	if (head[EI_CLASS] == ELFCLASS64 &&
	    (head[18] | head[19] << 8) == EM_X86_64)
		return true;
	return err_set(err, ERR_UNSUPPORTED, "process %u (%s) runs a %s "
		       "program: only x86-64 ones can be captured", pid, name,
		       head[EI_CLASS] == ELFCLASS32 ? "32-bit" : "foreign");
}

/** A zombie has no thread left; a main thread alone may have exited. */
static bool is_dead(uint32_t pid, char state)
{
	return (state == 'Z' || state == 'X') &&
	       proc_status_number(pid, "Threads", 1) <= 1;
}

/** The last of the numbers that /proc/@pid/status gives as NSpid: its pid in
 * its own namespace; 0 when that is ours. */
static uint32_t inner_pid(uint32_t pid)
{
	struct proc_text text;
	struct err err = {0};
	const char *at, *end;
	unsigned long value = 0;
	int n = 0;

	if (!proc_read(pid, "status", &text, &err))
		return 0;
	at = strstr(text.at, "\nNSpid:");
	end = at ? strchr(at + 1, '\n') : NULL;
	for (at = at ? strchr(at, '\t') : NULL; at && end && at < end;
	     at = strchr(at + 1, '\t'), n++)
		value = strtoul(at, NULL, 10);
	proc_text_free(&text);
	return n > 1 && value <= INT32_MAX ? (uint32_t)value : 0;
}

/** A process of another pid namespace that has the number @pid there. */
static uint32_t find_namesake(uint32_t pid)
{
	uint32_t found = 0;
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && !found && (entry = readdir(proc))) {
		unsigned long outer = strtoul(entry->d_name, NULL, 10);

		if (outer > 0 && outer <= INT32_MAX &&
		    inner_pid((uint32_t)outer) == pid)
			found = (uint32_t)outer;
	}
	if (proc)
		closedir(proc);
	return found;
}

static bool refused_unseen(uint32_t pid, struct err *err)
{
	struct proc_stat stat;
	uint32_t namesake;

	if (access("/proc/self/stat", R_OK) != 0)
		return err_set(err, ERR_IO, "process %u cannot be seen: /proc "
			       "is not mounted", pid);
	if (kill((pid_t)pid, 0) == 0 || errno == EPERM)
		return err_set(err, ERR_IO, "process %u is hidden: /proc is "
			       "mounted with hidepid and it is another "
			       "user's: run as that user or as root", pid);
	namesake = find_namesake(pid);
	if (namesake)
		return err_set(err, ERR_IO, "there is no process %u here, but "
			       "%u (%s) has that number in its own pid "
			       "namespace: give %u", pid, namesake,
			       name_of(namesake, &stat), namesake);
	return err_set(err, ERR_IO, "there is no process %u", pid);
}

bool target_check(uint32_t pid, struct err *err)
{
	struct proc_stat stat, parent;
	const char *name;
	uint64_t tgid;

	if (pid == (uint32_t)getpid())
		return err_set(err, ERR_UNSUPPORTED, "process %u is holdfast "
			       "itself, which cannot stop itself", pid);
	name = name_of(pid, &stat);
	if (!stat.state)
		return refused_unseen(pid, err);
	tgid = proc_status_number(pid, "Tgid", pid);
	if (tgid != pid)
		return err_set(err, ERR_UNSUPPORTED, "%u (%s) is a thread of "
			       "process %u: give that number", pid, name,
			       (uint32_t)tgid);
	if (stat.kernel_thread)
		return err_set(err, ERR_UNSUPPORTED, "process %u (%s) is a "
			       "thread of the kernel, which has no memory of "
			       "its own", pid, name);
	if (is_dead(pid, stat.state))
		return err_set(err, ERR_UNSUPPORTED, "process %u (%s) is a "
			       "zombie: it has exited, its memory is gone, "
			       "and its parent %u (%s) has not reaped it", pid,
			       name, stat.ppid, name_of(stat.ppid, &parent));
	return check_tracer(pid, name, err) && check_machine(pid, name, err);
}

static bool can_trace_others(void)
{
	struct proc_text text;
	struct err err = {0};
	const char *at;
	bool can = false;

	if (!proc_read((uint32_t)getpid(), "status", &text, &err))
		return false;
	at = strstr(text.at, "\nCapEff:");
	if (at)
		can = strtoull(at + 8, NULL, 16) >> CAP_SYS_PTRACE_BIT & 1;
	proc_text_free(&text);
	return can;
}

static int yama_scope(void)
{
	struct proc_text text;
	struct err err = {0};
	int scope = 0;

	if (proc_read_path("/proc/sys/kernel/yama/ptrace_scope", &text, &err))
		scope = (int)strtol(text.at, NULL, 10);
	proc_text_free(&text);
	return scope;
}

/** We may not trace what is not ours. */
static bool refused_to_user(uint32_t pid, const char *name, struct err *err)
{
	uint64_t uid = proc_status_number(pid, "Uid", 0);
	int scope = yama_scope();

	if (getuid() == 0)
		return err_set(err, ERR_IO, "process %u (%s): we are root, but "
			       "without CAP_SYS_PTRACE: " CONTAINER_HINT, pid,
			       name);
	if (uid != getuid())
		return err_set(err, ERR_IO, "process %u (%s) belongs to user "
			       "%llu, we are user %u: run as that user or as "
			       "root (CAP_SYS_PTRACE)", pid, name,
			       (unsigned long long)uid, getuid());
	if (scope == 1)
		return err_set(err, ERR_IO, "process %u (%s): "
			       "kernel.yama.ptrace_scope is 1, which allows "
			       "to trace one's own children only: run as root "
			       "(CAP_SYS_PTRACE), set it to 0, or start the "
			       "program with holdfast run", pid, name);
	if (scope > 1)
		return err_set(err, ERR_IO, "process %u (%s): "
			       "kernel.yama.ptrace_scope is %d: run as root "
			       "(CAP_SYS_PTRACE)", pid, name, scope);
	return err_set(err, ERR_IO, "process %u (%s) is not dumpable (it "
		       "changed its user, has capabilities, or asked for it "
		       "by prctl): run as root (CAP_SYS_PTRACE)", pid, name);
}

bool target_refused(uint32_t pid, int errnum, struct err *err)
{
	struct proc_stat stat;
	const char *name = name_of(pid, &stat);
	int scope = yama_scope();

	if (!stat.state || errnum == ESRCH)
		return err_set(err, ERR_IO, "process %u has exited", pid);
	if (!check_tracer(pid, name, err))
		return false;
	if (errnum != EPERM && errnum != EACCES) {
		errno = errnum;
		return err_errno(err, "process %u (%s): tracing it", pid, name);
	}
	if (scope >= 3)
		return err_set(err, ERR_IO, "process %u (%s): "
			       "kernel.yama.ptrace_scope is 3: nobody may "
			       "trace until the next boot", pid, name);
	if (!can_trace_others())
		return refused_to_user(pid, name, err);
	if (proc_status_number((uint32_t)getpid(), "Seccomp", 0) ==
	    SECCOMP_FILTER)
		return err_set(err, ERR_IO, "process %u (%s): a seccomp filter "
			       "on holdfast forbids to trace (docker run "
			       "--security-opt seccomp=unconfined), or a "
			       "security module does", pid, name);
	return err_set(err, ERR_IO, "process %u (%s): the kernel refused in "
		       "spite of CAP_SYS_PTRACE: a security module (SELinux, "
		       "AppArmor) forbids it, or the process belongs to a "
		       "user namespace outside of ours: try outside of the "
		       "container", pid, name);
}
