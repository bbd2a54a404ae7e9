/* SPDX-License-Identifier: MIT */
#include "formats/debuginfod.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/progress.h"
#include "formats/worker.h"

enum { NAP_MS = 200 };

#define CLIENT "debuginfod-find"

extern char **environ;

/* Signals as a program expects them, standard output into @out. */
static int spawn(char *const argv[], int out, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int status;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null",
					 O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
					POSIX_SPAWN_SETSIGDEF);
	status = posix_spawnp(ret, CLIENT, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return status;
}

/* Read what it says up to its end; false when that does not come in time. */
static bool listen_to(int fd, uint32_t ms, char *ret, size_t size)
{
	int64_t deadline = worker_now() + ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (worker_now() < deadline && !progress_cancelled()) {
		char rest[64];
		bool room = n + 1 < size;
		ssize_t got;

		if (poll(&p, 1, NAP_MS) <= 0)
			continue;
		got = room ? read(fd, ret + n, size - 1 - n) :
			     read(fd, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			ret[n] = '\0';
			return got == 0;
		}
		n += room ? (size_t)got : 0;
	}
	return false;
}

/* True when it ended well; ended by force when it did not end by itself. */
static bool reap(pid_t pid, bool has_ended)
{
	int status = -1;

	if (!has_ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return has_ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool give_up(struct debuginfod *d, struct diag *diag, const char *why)
{
	d->given_up = why;
	if (!d->is_told && !progress_cancelled())
		diag_add(diag, "debuginfod was not asked: %s", why);
	d->is_told = true;
	return false;
}

static bool ask(struct debuginfod *d, char *const argv[], struct diag *diag,
		char *ret, size_t size)
{
	bool has_ended;
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return give_up(d, diag, "no pipe could be made");
	status = spawn(argv, ends[1], &pid);
	close(ends[1]);
	if (status != 0) {
		close(ends[0]);
		return give_up(d, diag, status == ENOENT ?
			       "there is no program " CLIENT " (Debian: "
			       "package debuginfod)" :
			       CLIENT " could not be started");
	}
	has_ended = listen_to(ends[0], d->ms ? d->ms : DEBUGINFOD_MS, ret,
			      size);
	close(ends[0]);
	if (!reap(pid, has_ended))
		return has_ended ? false :
		       give_up(d, diag, "a server did not answer in time");
	ret[strcspn(ret, "\n")] = '\0';
	return ret[0] == '/';
}

bool debuginfod_find(struct debuginfod *d, const struct module *module,
		     struct diag *diag, char *ret, size_t size)
{
	char client[] = CLIENT, what[] = "debuginfo";
	char hex[2 * sizeof(module->build_id) + 1] = "";
	char *const argv[] = { client, what, hex, NULL };
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (d->given_up)
		return give_up(d, diag, d->given_up);
	if (module->build_id_size == 0 ||
	    module->build_id_size > sizeof(module->build_id))
		return false;
	if (!urls || !urls[0])
		return give_up(d, diag, "DEBUGINFOD_URLS is not set");
	for (uint32_t i = 0; i < module->build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", module->build_id[i]);
	return ask(d, argv, diag, ret, size);
}
