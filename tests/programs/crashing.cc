/* SPDX-License-Identifier: MIT */
/*
 * A program that crashes, exits, or goes on, as its first argument says.
 *
 * Each function that ends it is named after the argument, so that a debugger
 * can tell where it died. No argument waits for time to pass: what has to
 * come first is waited for.
 */
#include <cerrno>
#include <csignal>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART extern "C" __attribute__((noinline, noclone))

extern char **environ;

static char *self;
static pthread_barrier_t all_there;
static void *volatile kept;

APART void crash_segv(void)
{
	*(volatile int *)0x10 = 1;
}

static void *wait_or_crash(void *culprit)
{
	if (culprit)
		pthread_setname_np(pthread_self(), "culprit");
	pthread_barrier_wait(&all_there);
	if (culprit)
		crash_segv();
	for (;;)
		pause();
}

static void thread_segv(void)
{
	pthread_t thread;

	pthread_barrier_init(&all_there, nullptr, 9);
	for (int i = 0; i < 8; i++)
		pthread_create(&thread, nullptr, wait_or_crash,
			       i == 5 ? &all_there : nullptr);
	wait_or_crash(nullptr);
}

APART void crash_abort(void)
{
	abort();
}

APART void crash_throw(void)
{
	throw std::runtime_error("nobody catches this");
}

static volatile int depth_max = INT32_MAX;

APART int crash_overflow(int depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	if (depth == depth_max)
		return 0;
	return crash_overflow(depth + 1) + frame[0];
}

static void *overflowing(void *)
{
	crash_overflow(0);
	return nullptr;
}

static void overflow_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, nullptr, overflowing, nullptr);
	pthread_join(thread, nullptr);
}

APART void crash_free(void)
{
	char *block = static_cast<char *>(malloc(100));

	kept = block + 8;
	free(kept);
}

static void limit_memory(void)
{
	const struct rlimit limit = { 256 << 20, 256 << 20 };

	setrlimit(RLIMIT_AS, &limit);
}

APART void crash_bad_alloc(void)
{
	static std::vector<std::string *> all;

	limit_memory();
	for (;;)
		all.push_back(new std::string(1 << 20, 'x'));
}

APART void crash_xmalloc(void)
{
	limit_memory();
	for (;;) {
		void **block = static_cast<void **>(malloc(1 << 20));

		if (!block) {
			fputs("out of memory\n", stderr);
			abort();
		}
		*block = kept;
		kept = block;
	}
}

static sigjmp_buf back;

static void jump(int)
{
	siglongjmp(back, 1);
}

/* Handles its faults and goes on, as runtimes do. */
static void recover(void)
{
	volatile int caught = 0;

	signal(SIGSEGV, jump);
	for (int i = 0; i < 100; i++) {
		if (sigsetjmp(back, 1) == 0)
			crash_segv();
		else
			caught = caught + 1;
	}
	printf("caught %d\n", caught);
}

static void say_and_raise(int sig)
{
	static const char text[] = "my own crash report\n";

	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(99);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Handles its fault, then dies of it, as crash reporters do. */
static void reraise(void)
{
	signal(SIGSEGV, say_and_raise);
	crash_segv();
}

/* A fault while its signal is blocked: the kernel takes the handler away. */
static void blocked(void)
{
	sigset_t one;

	signal(SIGSEGV, say_and_raise);
	sigemptyset(&one);
	sigaddset(&one, SIGSEGV);
	sigprocmask(SIG_BLOCK, &one, nullptr);
	crash_segv();
}

static volatile sig_atomic_t ticks;

static void on_tick(int)
{
	ticks = ticks + 1;
}

/* Timers, ignored signals, and queued ones of which none may be lost. */
static void signals(void)
{
	const struct itimerval timer = { { 0, 500 }, { 0, 500 } };
	struct sigaction action = {};
	union sigval value = {};
	volatile double x = 1;
	sigset_t one;

	action.sa_handler = on_tick;
	action.sa_flags = SA_RESTART;
	sigaction(SIGRTMIN, &action, nullptr);
	signal(SIGALRM, SIG_IGN);
	signal(SIGPROF, [](int) {});
	setitimer(ITIMER_PROF, &timer, nullptr);
	setitimer(ITIMER_REAL, &timer, nullptr);
	sigemptyset(&one);
	sigaddset(&one, SIGRTMIN);
	for (int i = 0; i < 2000; i++) {
		if (i % 10 == 0)
			sigprocmask(SIG_BLOCK, &one, nullptr);
		if (sigqueue(getpid(), SIGRTMIN, value) != 0)
			exit(98);
		if (i % 10 == 9)
			sigprocmask(SIG_UNBLOCK, &one, nullptr);
		for (int j = 0; j < 1000; j++)
			x = x * 1.0000001;
	}
	printf("ticks %d\n", (int)ticks);
}

static int ends[2];

static void *annoy(void *victim)
{
	for (int i = 0; i < 1000; i++) {
		pthread_kill(*static_cast<pthread_t *>(victim),
			     i % 2 ? SIGWINCH : SIGALRM);
		sched_yield();
	}
	if (write(ends[1], "x", 1) != 1)
		exit(92);
	return nullptr;
}

/* A call that is not begun again ends for no signal that is ignored. */
static void ignored(void)
{
	struct epoll_event event = {};
	pthread_t self_thread = pthread_self(), thread;
	int epoll = epoll_create1(0), got;

	event.events = EPOLLIN;
	signal(SIGALRM, SIG_IGN);
	if (pipe(ends) != 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) != 0)
		exit(91);
	pthread_create(&thread, nullptr, annoy, &self_thread);
	got = epoll_wait(epoll, &event, 1, -1);
	pthread_join(thread, nullptr);
	printf("epoll_wait %d\n", got);
}

static void *nothing(void *arg)
{
	return arg;
}

static void many_threads(void)
{
	pthread_t threads[10];

	for (int i = 0; i < 300; i++) {
		for (pthread_t &t : threads)
			if (pthread_create(&t, nullptr, nothing, nullptr) != 0)
				exit(97);
		for (pthread_t t : threads)
			pthread_join(t, nullptr);
	}
	puts("3000 threads");
}

/* Threads that are in clone() nearly always, beside one that is in no call. */
static void spawning(void)
{
	static volatile bool over;
	pthread_t thread;

	pthread_create(&thread, nullptr, [](void *arg) {
		for (int i = 0; i < 3; i++)
			many_threads();
		over = true;
		return arg;
	}, nullptr);
	while (!over)
		continue;
	pthread_join(thread, nullptr);
}

static void *executing(void *)
{
	pthread_barrier_wait(&all_there);
	execl(self, self, "exit", "5", nullptr);
	_exit(96);
}

/* Another thread than the first becomes a new program. */
static void thread_exec(void)
{
	pthread_t thread;

	pthread_barrier_init(&all_there, nullptr, 5);
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, nullptr, wait_or_crash, nullptr);
	pthread_create(&thread, nullptr, executing, nullptr);
	wait_or_crash(nullptr);
}

static void *leaver(void *)
{
	exit(6);
}

/* The first thread ends before the others. */
static void main_leaves(void)
{
	pthread_t thread;

	pthread_create(&thread, nullptr, leaver, nullptr);
	pthread_exit(nullptr);
}

static void *crasher_after_main(void *first)
{
	pthread_join(*static_cast<pthread_t *>(first), nullptr);
	crash_segv();
	return nullptr;
}

static void main_left(void)
{
	static pthread_t first;
	pthread_t thread;

	first = pthread_self();
	pthread_create(&thread, nullptr, crasher_after_main, &first);
	pthread_exit(nullptr);
}

/* A child that crashes; the parent goes on and says how it died. */
static void fork_crash(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		crash_segv();
	waitpid(child, &status, 0);
	printf("child %d signal %d\n", (int)child, WTERMSIG(status));
}

static void children(void)
{
	char *argv[] = { self, const_cast<char *>("exit"),
			 const_cast<char *>("4"), nullptr };
	pid_t child;
	int status;

	for (static int i = 0; i < 20; i++) {
		status = system("exit 3");
		if (WEXITSTATUS(status) != 3)
			exit(95);
		if (posix_spawn(&child, self, nullptr, nullptr, argv,
				environ) != 0 ||
		    waitpid(child, &status, 0) != child ||
		    WEXITSTATUS(status) != 4)
			exit(94);
		child = vfork();
		if (child == 0)
			execv(self, argv);
		if (waitpid(child, &status, 0) != child ||
		    WEXITSTATUS(status) != 4)
			exit(93);
	}
	puts("60 children");
}

/* Says what it is, then does what the lines of its input say. */
static void obey(void)
{
	char line[64];
	size_t mib;

	printf("pid %d tracer ", (int)getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "touch %zu", &mib) == 1) {
			char *block = static_cast<char *>(malloc(mib << 20));

			memset(block, 1, mib << 20);
			kept = block;
		} else if (!strcmp(line, "crash\n")) {
			crash_segv();
		} else if (!strcmp(line, "stop\n")) {
			raise(SIGSTOP);
		} else if (!strcmp(line, "quit\n")) {
			exit(9);
		}
		printf("did %s", line);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "thread_segv", thread_segv }, { "segv", crash_segv },
		{ "abort", crash_abort }, { "throw", crash_throw },
		{ "overflow", [] { crash_overflow(0); } },
		{ "overflow_thread", overflow_thread },
		{ "free", crash_free }, { "bad_alloc", crash_bad_alloc },
		{ "xmalloc", crash_xmalloc }, { "recover", recover },
		{ "reraise", reraise }, { "blocked", blocked },
		{ "signals", signals }, { "ignored", ignored },
		{ "many_threads", many_threads }, { "spawning", spawning },
		{ "thread_exec", thread_exec },
		{ "main_leaves", main_leaves }, { "main_left", main_left },
		{ "fork_crash", fork_crash }, { "children", children },
		{ "obey", obey },
	};

	self = argv[0];
	if (argc > 2 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "kill")) {
		kill(getpid(), atoi(argv[2]));
		for (;;)
			pause();
	}
	for (const auto &mode : modes) {
		if (argc > 1 && !strcmp(argv[1], mode.name)) {
			mode.run();
			return 0;
		}
	}
	return 100;
}
