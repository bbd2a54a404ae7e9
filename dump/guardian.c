/* SPDX-License-Identifier: MIT */
#include "dump/guardian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "dump/guardian_wire.h"

enum { BEAT_MS = GUARDIAN_PATIENCE_MS / 10, CANCEL_POLL_MS = 100 };

struct guardian {
	pid_t pid;
	int socket;
	pthread_t beater;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool holding, ending;	/* under the lock */
};

/** Kernels before 5.9 cannot close a range. */
static void close_one_by_one(int keep)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		long fd = strtol(entry->d_name, NULL, 10);

		if (fd > STDERR_FILENO && fd != keep && fd != dirfd(dir))
			close((int)fd);
	}
	if (dir)
		closedir(dir);
}

/** Nothing but the socket: a pipe that we kept open would never end. */
static void close_all_but(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++) {
		if (fd != keep)
			dup2(null, fd);
	}
#ifdef SYS_close_range
	if ((keep <= 3 || syscall(SYS_close_range, 3, keep - 1, 0) == 0) &&
	    syscall(SYS_close_range, keep < 3 ? 3 : keep + 1, ~0u, 0) == 0)
		return;
#endif
	close_one_by_one(keep);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Refused to users without CAP_SYS_RESOURCE; it is a precaution. */
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;
	close(fd);
}

static _Noreturn void become_guardian(int socket, guardian_body *body,
				      void *ctx)
{
	setsid();
	(void)prctl(PR_SET_NAME, "hf-guardian");
	/* Ignored, it would not tell of stops; it is blocked all the same. */
	signal(SIGCHLD, SIG_DFL);
	write_file("/proc/self/oom_score_adj", "-1000");
	/* No core, which the process that is held would wait for. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	/* Somebody stands still until we are through. */
	(void)setpriority(PRIO_PROCESS, 0, -20);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	if (chdir("/") != 0)
		errno = 0;
	close_all_but(socket);
	body(socket, ctx);
	_exit(0);
}

static pid_t fork_guardian(const int sockets[2], guardian_body *body, void *ctx)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become_guardian(sockets[1], body, ctx);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/** Tell the guardian that we are not stopped, while it holds something. */
static void *beat(void *arg)
{
	const struct guardian_order order = { .kind = ORDER_BEAT };
	struct guardian *g = arg;
	struct timespec until;

	pthread_mutex_lock(&g->lock);
	while (!g->ending) {
		if (!g->holding) {
			pthread_cond_wait(&g->changed, &g->lock);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += BEAT_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_cond_timedwait(&g->changed, &g->lock, &until) ==
			    ETIMEDOUT && g->holding)
			(void)wire_send_order(g->socket, &order);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static bool start_beater(struct guardian *g)
{
	sigset_t all, before;
	bool ok;

	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&g->beater, NULL, beat, g) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

static void set(struct guardian *g, bool *flag, bool value)
{
	pthread_mutex_lock(&g->lock);
	*flag = value;
	pthread_cond_signal(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

/** Close the connection, and wait until all is undone. */
static void hang_up(struct guardian *g)
{
	close(g->socket);
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(g);
}

bool guardian_start(guardian_body *body, void *ctx, struct guardian **ret,
		    struct err *err)
{
	struct guardian *g = calloc(1, sizeof(*g));
	int sockets[2];

	*ret = NULL;
	if (!g)
		return err_nomem(err, "a guardian");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets)) {
		free(g);
		return err_errno(err, "a socket for a guardian");
	}
	g->socket = sockets[0];
	g->pid = fork_guardian(sockets, body, ctx);
	close(sockets[1]);
	if (g->pid < 0) {
		err_errno(err, "a process that watches over the capture");
		close(g->socket);
		free(g);
		return false;
	}
	if (!start_beater(g)) {
		hang_up(g);
		return err_nomem(err, "a thread");
	}
	*ret = g;
	return true;
}

void guardian_end(struct guardian *guardian)
{
	if (!guardian)
		return;
	set(guardian, &guardian->ending, true);
	pthread_join(guardian->beater, NULL);
	pthread_cond_destroy(&guardian->changed);
	pthread_mutex_destroy(&guardian->lock);
	hang_up(guardian);
}

int guardian_socket(const struct guardian *guardian)
{
	return guardian->socket;
}

/** False when the user cancels before an answer comes. */
static bool wait_answer(const struct guardian *g, struct err *err)
{
	struct pollfd fd = { .fd = g->socket, .events = POLLIN };

	while (poll(&fd, 1, CANCEL_POLL_MS) <= 0) {
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
	}
	return true;
}

static void close_fds(int fds[REPLY_FDS])
{
	for (int i = 0; i < REPLY_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/** The answer to an order of this kind: one that was cancelled had nobody who
 * waited for its own. */
static bool get_reply(const struct guardian *g, uint32_t kind,
		      struct guardian_reply *reply, int fds[REPLY_FDS])
{
	do {
		close_fds(fds);
		if (!wire_get_reply(g->socket, reply, fds))
			return false;
	} while (reply->kind != kind);
	return true;
}

/** Give an order, get the answer; @fds when it is good. */
static bool ask(struct guardian *g, uint32_t kind, uint32_t pid,
		struct guardian_reply *reply, int fds[REPLY_FDS],
		struct err *err)
{
	const struct guardian_order order = { .kind = kind, .pid = pid };

	for (int i = 0; i < REPLY_FDS; i++)
		fds[i] = -1;
	if (!wire_send_order(g->socket, &order) ||
	    (kind == ORDER_HOLD && !wait_answer(g, err)) ||
	    !get_reply(g, kind, reply, fds))
		return err_set(err, ERR_IO, "the guardian of the capture "
			       "(process %d) is gone", (int)g->pid);
	if (reply->ok)
		return true;
	close_fds(fds);
	if (err->code == ERR_NONE)
		*err = reply->err;
	return false;
}

bool guardian_hold(struct guardian *guardian, uint32_t pid,
		   struct image *image, struct guardian_view *ret,
		   struct err *err)
{
	struct guardian_reply reply = {0};
	int fds[REPLY_FDS];

	*ret = (struct guardian_view){ .mem = -1 };
	set(guardian, &guardian->holding, true);
	if (!ask(guardian, ORDER_HOLD, pid, &reply, fds, err)) {
		set(guardian, &guardian->holding, false);
		return false;
	}
	if (!wire_take_state(fds[1], image, err)) {
		fds[1] = -1;
		close_fds(fds);
		return false;
	}
	*ret = (struct guardian_view){ .pid = reply.pid, .mem = fds[0] };
	return true;
}

bool guardian_fork(struct guardian *guardian, struct guardian_view *ret,
		   uint64_t *pause_ns, struct err *why)
{
	struct guardian_reply reply = {0};
	int fds[REPLY_FDS];

	*ret = (struct guardian_view){ .mem = -1 };
	if (!ask(guardian, ORDER_FORK, 0, &reply, fds, why))
		return false;
	set(guardian, &guardian->holding, false);
	*ret = (struct guardian_view){ .pid = reply.pid, .mem = fds[0] };
	*pause_ns = reply.pause_ns;
	return true;
}

bool guardian_release(struct guardian *guardian, uint64_t *pause_ns,
		      struct diag *diag, struct err *err)
{
	struct guardian_reply reply = {0};
	struct image state = {0};
	int fds[REPLY_FDS];
	bool ok = ask(guardian, ORDER_RELEASE, 0, &reply, fds, err);

	set(guardian, &guardian->holding, false);
	if (!ok)
		return false;
	if (pause_ns)
		*pause_ns = reply.pause_ns;
	if (fds[1] >= 0 && wire_take_state(fds[1], &state, err) && diag)
		diag_merge(diag, &state.diag);
	diag_free(&state.diag);
	arena_free(&state.arena);
	if (reply.lapsed)
		return err_set(err, ERR_IO, "the process was let go before "
			       "its memory was copied: holdfast itself was "
			       "stopped for more than %d s",
			       GUARDIAN_PATIENCE_MS / 1000);
	return true;
}
