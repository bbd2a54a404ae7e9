/* SPDX-License-Identifier: MIT */
#include "dump/start_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* As shells have it. */
enum { STATUS_CANNOT = 126, STATUS_MISSING = 127 };

static void restore_signals(const sigset_t *ignored)
{
	struct sigaction action = {0};

	for (int sig = 1; sig < NSIG; sig++) {
		action.sa_handler = sigismember(ignored, sig) == 1 ? SIG_IGN :
								     SIG_DFL;
		(void)sigaction(sig, &action, NULL);
	}
}

static _Noreturn void become_program(char *const *argv,
				     const sigset_t *ignored, int go,
				     int *exec_errno)
{
	ssize_t got;
	char byte;

	restore_signals(ignored);
	/* Yama (ptrace_scope 1): the guardian, our sibling, may trace us. */
	(void)prctl(PR_SET_PTRACER, getppid());
	got = send(go, "", 1, MSG_NOSIGNAL);
	do {
		got = got == 1 ? read(go, &byte, 1) : 0;
	} while (got < 0 && errno == EINTR);
	if (got == 1) {
		execvp(argv[0], argv);
		*exec_errno = errno;
	}
	_exit(got == 1 && errno == ENOENT ? STATUS_MISSING : STATUS_CANNOT);
}

bool program_start(char *const *argv, const sigset_t *ignored,
		   struct program *ret, struct err *err)
{
	int ends[2];
	pid_t pid;
	char byte;

	*ret = (struct program){ .go = -1 };
	ret->exec_errno = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ret->exec_errno == MAP_FAILED) {
		ret->exec_errno = NULL;
		return err_nomem(err, "a shared page");
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return err_errno(err, "a socket");
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		become_program(argv, ignored, ends[0], ret->exec_errno);
	}
	close(ends[0]);
	ret->go = ends[1];
	if (pid < 0)
		return err_errno(err, "starting a process");
	ret->pid = (uint32_t)pid;
	/* When it could not do what comes before this, it has ended. */
	while (read(ret->go, &byte, 1) < 0 && errno == EINTR)
		continue;
	return true;
}

void program_go(struct program *program)
{
	ssize_t sent;

	do {
		sent = send(program->go, "", 1, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	close(program->go);
	program->go = -1;
}

int program_failed(const struct program *program)
{
	return *program->exec_errno;
}

void program_close(struct program *program)
{
	if (program->go >= 0)
		close(program->go);
	if (program->exec_errno)
		munmap(program->exec_errno, sizeof(int));
	*program = (struct program){ .go = -1 };
}

static bool file_gains_rights(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	    ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
	     st.st_gid != getegid()))
		return true;
	return getxattr(path, "security.capability", NULL, 0) > 0;
}

bool program_gains_rights(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char file[4096];

	if (geteuid() == 0)
		return false;
	if (strchr(name, '/'))
		return file_gains_rights(name);
	for (; path && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (snprintf(file, sizeof(file), "%.*s%s%s", (int)(end - path),
			     path, end > path ? "/" : "", name) <
			    (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return file_gains_rights(file);
	}
	return false;
}
