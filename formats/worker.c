/* SPDX-License-Identifier: MIT */
#include "formats/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"

enum { LONGEST_NAP = 200 };	/* ms */

struct worker {
	int fd;			/* memfd with the answer */
};

/* Whom workers become; set before the first of them. */
static struct {
	bool set;
	uid_t uid;
	gid_t gid;
} owner;

void worker_run_as(uid_t uid, gid_t gid)
{
	owner.set = true;
	owner.uid = uid;
	owner.gid = gid;
}

static bool drop_rights(void)
{
	return !owner.set ||
	       (setgroups(0, NULL) == 0 &&
		setresgid(owner.gid, owner.gid, owner.gid) == 0 &&
		setresuid(owner.uid, owner.uid, owner.uid) == 0 &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

bool worker_answer(struct worker *worker, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		ssize_t done = write(worker->fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

/* The memory we have already, and as much as is allowed more. */
static void limit_memory(unsigned gib)
{
	struct rlimit limit;
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f) {
		if (fscanf(f, "%llu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	if (pages > 0 && getrlimit(RLIMIT_AS, &limit) == 0) {
		rlim_t want = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) +
			      ((rlim_t)gib << 30);

		if (limit.rlim_cur == RLIM_INFINITY || want < limit.rlim_cur)
			limit.rlim_cur = want;
		(void)setrlimit(RLIMIT_AS, &limit);
	}
}

static _Noreturn void be_worker(worker_body *body, void *ctx, int fd,
				pid_t parent, unsigned gib)
{
	/* A handler that the caller installed is not for a crash of ours. */
	static const int signals[] = {
		SIGINT, SIGTERM, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
		SIGXFSZ, SIGPIPE,
	};
	struct worker worker = { .fd = fd };

	/* First: a change of user ends what the next line asks for. */
	if (!drop_rights())
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	limit_memory(gib);
	/* No core: RLIMIT_CORE says nothing of those that go to a program,
	 * which may be holdfast (core(5), "Piping core dumps"). */
	prctl(PR_SET_DUMPABLE, 0);
	_exit(body(ctx, &worker) ? 0 : 1);
}

int64_t worker_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Milliseconds that poll() may sleep: the user may cancel, time may be up. */
static int nap(int64_t deadline)
{
	int64_t left = deadline - worker_now();

	return left < 0 ? 0 : left > LONGEST_NAP ? LONGEST_NAP : (int)left + 1;
}

/* The pipe's other end closes when the worker ends, however it ends. */
static bool has_ended(const struct worker_process *process, int ms)
{
	struct pollfd p = { .fd = process->end, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static bool is_out_of_time(const struct worker_process *process)
{
	return worker_now() > process->deadline;
}

void worker_wait(const struct worker_process *const *at, size_t n)
{
	struct pollfd p[WORKER_MAX];
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		p[i] = (struct pollfd){ .fd = at[i]->end, .events = POLLIN };
		if (at[i]->deadline < first)
			first = at[i]->deadline;
	}
	(void)poll(p, n, nap(first));
}

bool worker_is_over(const struct worker_process *process)
{
	return progress_cancelled() || is_out_of_time(process) ||
	       has_ended(process, 0);
}

static void release(struct worker_process *process)
{
	close(process->end);
	close(process->answer);
	*process = (struct worker_process){ .end = -1, .answer = -1 };
}

static int reap(struct worker_process *process, bool kill_it)
{
	int status = 0;

	if (kill_it)
		kill(process->pid, SIGKILL);
	while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

void worker_kill(struct worker_process *process)
{
	if (process->pid <= 0)
		return;
	(void)reap(process, true);
	release(process);
}

static bool await(struct worker_process *process, struct err *err)
{
	bool ended;
	int status;

	while (!(ended = has_ended(process, nap(process->deadline))) &&
	       !progress_cancelled() && !is_out_of_time(process))
		continue;
	status = reap(process, !ended);
	if (!ended && progress_cancelled())
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (!ended)
		return err_set(err, ERR_LIMIT, "took too long");
	if (WIFSIGNALED(status))
		return err_set(err, ERR_FORMAT, "crashed its reader (%s)",
			       strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status) == 0 ||
	       err_set(err, ERR_LIMIT, "needs too much memory");
}

static bool map_answer(int fd, struct bytes *ret, struct err *err)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) != 0)
		return err_errno(err, "answer of a worker");
	if (st.st_size == 0)
		return err_set(err, ERR_FORMAT, "no answer");
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return err_errno(err, "answer of a worker");
	*ret = bytes_of(at, (size_t)st.st_size);
	return true;
}

bool worker_collect(struct worker_process *process, struct bytes *ret,
		    struct err *err)
{
	bool ok;

	*ret = bytes_of(NULL, 0);
	ok = await(process, err) && map_answer(process->answer, ret, err);
	release(process);
	return ok;
}

bool worker_start(worker_body *body, void *ctx,
		  const struct worker_limits *limits,
		  struct worker_process *ret, struct err *err)
{
	pid_t parent = getpid(), pid;
	int fd, ends[2];

	*ret = (struct worker_process){ .end = -1, .answer = -1 };
	fd = memfd_create("holdfast-worker", MFD_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "a worker");
	if (pipe2(ends, O_CLOEXEC) != 0) {
		err_errno(err, "a worker");
		close(fd);
		return false;
	}
	pid = fork();
	if (pid == 0)
		be_worker(body, ctx, fd, parent, limits->gib);
	if (pid < 0)
		err_errno(err, "a worker");
	close(ends[1]);
	*ret = (struct worker_process){
		.pid = pid, .end = ends[0], .answer = fd,
		.deadline = worker_now() + limits->ms,
	};
	if (pid < 0)
		release(ret);
	return pid > 0;
}

bool worker_run(worker_body *body, void *ctx,
		const struct worker_limits *limits, struct bytes *ret,
		struct err *err)
{
	struct worker_process process;

	*ret = bytes_of(NULL, 0);
	return worker_start(body, ctx, limits, &process, err) &&
	       worker_collect(&process, ret, err);
}

void worker_free(struct bytes *answer)
{
	void *at;

	if (!answer->start)
		return;
	memcpy(&at, &answer->start, sizeof(at));
	munmap(at, answer->size);
	*answer = bytes_of(NULL, 0);
}
