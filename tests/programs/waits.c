/* SPDX-License-Identifier: MIT */
/*
 * One thread that waits in a system call and checks that the call ends as
 * if nothing had happened meanwhile: no EINTR, and at the right time.
 *
 * Prints "ready" when it is about to wait, then waits for MS, or for what
 * somebody else does after that time. Exit status 0: all was well; 3: all but
 * the end, which came late by 2/5 of the time.
 *
 * usage: waits CALL MS | --list
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LATE = 3 };

static int wait_ms;
static struct timespec span;
static int ends[2];
static pid_t helper;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct timespec later(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += span.tv_sec;
	t.tv_nsec += span.tv_nsec;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A process that does something to us when the time has come. */
static void help(void (*act)(void))
{
	pid_t parent = getpid();

	helper = fork();
	if (helper != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	nanosleep(&span, NULL);
	act();
	_exit(7);
}

static void act_nothing(void) { }
static void act_write(void) { (void)!write(ends[1], "x", 1); }
/* Again, should we have been late and sent it before somebody waited. */
static void act_usr1(void)
{
	for (;;) {
		kill(getppid(), SIGUSR1);
		nanosleep(&span, NULL);
	}
}

static int do_nanosleep(void) { return nanosleep(&span, NULL); }

static int do_clock_relative(void)
{
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

static int do_clock_absolute(void)
{
	struct timespec t = later();

	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int do_futex(void)
{
	static uint32_t word;

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &span, NULL,
		       0) == -1 && errno == ETIMEDOUT ? 0 : -1;
}

static int do_futex_absolute(void)
{
	static uint32_t word;
	struct timespec t = later();

	return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &t,
		       NULL, FUTEX_BITSET_MATCH_ANY) == -1 &&
	       errno == ETIMEDOUT ? 0 : -1;
}

static int do_epoll(void)
{
	int fd = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event) != 0)
		return -1;
	help(act_write);
	return epoll_wait(fd, &event, 1, -1) == 1 ? 0 : -1;
}

static int do_epoll_timeout(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_create1(0), &event, 1, wait_ms);
}

static int do_poll(void) { return poll(NULL, 0, wait_ms); }
static int do_ppoll(void) { return ppoll(NULL, 0, &span, NULL); }

static int do_select(void)
{
	struct timeval t = { span.tv_sec, span.tv_nsec / 1000 };

	return select(0, NULL, NULL, NULL, &t);
}

static int do_read(void)
{
	char c;

	help(act_write);
	return read(ends[0], &c, 1) == 1 && c == 'x' ? 0 : -1;
}

static struct sockaddr_in address;

static void act_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int do_accept(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(address);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, n) != 0 ||
	    listen(fd, 1) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) != 0)
		return -1;
	help(act_connect);
	return accept(fd, NULL, NULL) >= 0 ? 0 : -1;
}

static int do_pause(void)
{
	help(act_usr1);
	return pause() == -1 && errno == EINTR ? 0 : -1;
}

/* The signal is blocked but for this call, before it and behind it. */
static int do_sigsuspend(void)
{
	sigset_t mask, now;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	help(act_usr1);
	sigemptyset(&mask);
	if (sigsuspend(&mask) != -1 || errno != EINTR)
		return -1;
	sigprocmask(SIG_SETMASK, NULL, &now);
	return sigismember(&now, SIGUSR1) == 1 ? 0 : -1;
}

static int do_wait4(void)
{
	int status = 0;

	help(act_nothing);
	return wait4(-1, &status, 0, NULL) == helper &&
	       WIFEXITED(status) && WEXITSTATUS(status) == 7 &&
	       wait4(-1, &status, 0, NULL) == -1 && errno == ECHILD ? 0 : -1;
}

static int do_sigwait(void)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	help(act_usr1);
	return sigwaitinfo(&set, &info) == SIGUSR1 ? 0 : -1;
}

static int sem;

static void act_sem(void)
{
	struct sembuf up = { 0, 1, 0 };

	(void)!semop(sem, &up, 1);
}

static int do_semop(void)
{
	struct sembuf down = { 0, -1, 0 };
	int result;

	sem = semget(IPC_PRIVATE, 1, 0600);
	help(act_sem);
	result = semop(sem, &down, 1);
	semctl(sem, 0, IPC_RMID);
	return result;
}

static int do_recv(void)
{
	struct timeval t = { 600, 0 };
	int pair[2];
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	ends[1] = pair[1];
	help(act_write);
	return recv(pair[0], &c, 1, 0) == 1 ? 0 : -1;
}

/* In user mode, too. */
static int do_spin(void)
{
	int64_t end = now_ms() + wait_ms;
	volatile uint64_t sum = 0;

	while (now_ms() < end) {
		for (uint64_t i = 0; i < 100000; i++)
			sum += i;
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} calls[] = {
	{ "nanosleep", do_nanosleep },
	{ "clock_nanosleep", do_clock_relative },
	{ "clock_nanosleep_absolute", do_clock_absolute },
	{ "futex", do_futex },
	{ "futex_absolute", do_futex_absolute },
	{ "epoll", do_epoll },
	{ "epoll_timeout", do_epoll_timeout },
	{ "poll", do_poll },
	{ "ppoll", do_ppoll },
	{ "select", do_select },
	{ "read", do_read },
	{ "accept", do_accept },
	{ "pause", do_pause },
	{ "sigsuspend", do_sigsuspend },
	{ "wait4", do_wait4 },
	{ "sigwait", do_sigwait },
	{ "semop", do_semop },
	{ "recv", do_recv },
	{ "spin", do_spin },
};

static int wait_in(size_t i)
{
	int64_t start, took;
	int result;

	(void)!write(1, "ready\n", 6);
	start = now_ms();
	errno = 0;
	result = calls[i].run();
	took = now_ms() - start;
	if (result == 0 && took >= wait_ms - 5 &&
	    took <= wait_ms + wait_ms / 5 * 2)
		return 0;
	fprintf(stderr, "%s: %d (%s) after %d ms instead of %d\n",
		calls[i].name, result, strerror(errno), (int)took, wait_ms);
	return result == 0 && took > wait_ms ? LATE : 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	const char *name = argc > 1 ? argv[1] : "";

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	sigaction(SIGUSR1, &action, NULL);
	if (pipe(ends) != 0)
		return 2;
	wait_ms = argc > 2 ? atoi(argv[2]) : 1000;
	span.tv_sec = wait_ms / 1000;
	span.tv_nsec = wait_ms % 1000 * 1000000L;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(name, "--list") == 0)
			puts(calls[i].name);
		else if (strcmp(name, calls[i].name) == 0)
			return wait_in(i);
	}
	return strcmp(name, "--list") == 0 ? 0 : 2;
}
