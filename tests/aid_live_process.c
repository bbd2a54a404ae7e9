/* SPDX-License-Identifier: MIT */
#include "tests/aid_live_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(const char *const *argv, const char *preload, int in,
		   int out)
{
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static bool wait_for(struct live_process *p, const char *ready)
{
	size_t len = 0, cap = 1 << 20;
	ssize_t n;

	p->text = calloc(1, cap);
	if (!p->text)
		abort();
	while (len < cap - 1 &&
	       (n = read(p->out, p->text + len, cap - 1 - len)) > 0) {
		len += (size_t)n;
		p->text[len] = '\0';
		if (strstr(p->text, ready))
			return true;
	}
	return false;
}

bool live_start(const char *const *argv, const char *preload,
		const char *ready, struct live_process *ret)
{
	int in[2], out[2];

	ret->text = NULL;
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		abort();
	ret->pid = fork();
	if (ret->pid == 0)
		become(argv, preload, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	ret->in = in[1];
	ret->out = out[0];
	if (ret->pid > 0 && wait_for(ret, ready))
		return true;
	live_end(ret);
	return false;
}

bool live_freeze(const struct live_process *process)
{
	int status;

	return kill(process->pid, SIGSTOP) == 0 &&
	       waitpid(process->pid, &status, WUNTRACED) == process->pid &&
	       WIFSTOPPED(status);
}

void live_end(struct live_process *process)
{
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
	}
	close(process->in);
	close(process->out);
	free(process->text);
	process->text = NULL;
}
