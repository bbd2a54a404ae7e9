/* SPDX-License-Identifier: MIT */
#include "formats/worker.h"

#include <errno.h>
#include <fcntl.h>
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

struct worker {
	int fd;			/* memfd with the answer */
};

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
	struct rlimit limit, none = { 0, 0 };
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
	(void)setrlimit(RLIMIT_CORE, &none);
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

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	limit_memory(gib);
	_exit(body(ctx, &worker) ? 0 : 1);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The pipe's other end closes when the worker ends, however it ends. */
static bool await(pid_t pid, int pipe_fd, unsigned seconds, struct err *err)
{
	long end = now_ms() + (long)seconds * 1000;
	const char *why = NULL;
	int status = 0;

	for (;;) {
		struct pollfd p = { .fd = pipe_fd, .events = POLLIN };

		if (poll(&p, 1, 200) > 0)
			break;
		if (progress_cancelled())
			why = "cancelled";
		else if (now_ms() > end)
			why = "took too long";
		if (why) {
			kill(pid, SIGKILL);
			break;
		}
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (why)
		return err_set(err, progress_cancelled() ? ERR_CANCELLED
							 : ERR_LIMIT, "%s", why);
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

bool worker_run(worker_body *body, void *ctx,
		const struct worker_limits *limits, struct bytes *ret,
		struct err *err)
{
	int fd = memfd_create("holdfast-worker", MFD_CLOEXEC);
	int ends[2] = { -1, -1 };
	pid_t parent = getpid(), pid = -1;
	bool ok = false;

	*ret = bytes_of(NULL, 0);
	if (fd < 0 || pipe2(ends, O_CLOEXEC) != 0) {
		err_errno(err, "a worker");
		goto out;
	}
	pid = fork();
	if (pid == 0)
		be_worker(body, ctx, fd, parent, limits->gib);
	if (pid < 0) {
		err_errno(err, "a worker");
		goto out;
	}
	close(ends[1]);
	ends[1] = -1;
	ok = await(pid, ends[0], limits->seconds, err) &&
	     map_answer(fd, ret, err);
out:
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
	}
	if (fd >= 0)
		close(fd);
	return ok;
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
