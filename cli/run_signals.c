/* SPDX-License-Identifier: MIT */
#include "cli/run_signals.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/progress.h"

static const struct supervisor *supervisor;
static volatile sig_atomic_t final;

static bool ends_work(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP ||
	       sig == SIGQUIT;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (ends_work(sig) && (final || !supervisor->running))
		progress_cancel();
	/* Those of the kernel are of the terminal, for the whole group. */
	if (info->si_code <= 0)
		supervise_signal(supervisor, sig);
}

static void listen_to(int sig, const sigset_t *ignored)
{
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | (int)SA_RESTART,
	};

	if (sigismember(ignored, sig) == 1)
		signal(sig, SIG_IGN);
	else
		(void)sigaction(sig, &action, NULL);
}

void run_signals_install(const struct supervisor *of, const sigset_t *ignored,
			 int also)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				       SIGUSR1, SIGUSR2, SIGTSTP };

	supervisor = of;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		listen_to(signals[i], ignored);
	if (also)
		listen_to(also, ignored);
}

void run_signals_set_final(bool is_final)
{
	final = is_final;
}

/** The default of @sig, at once. */
static void suffer(int sig)
{
	sigset_t one;

	signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	(void)raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

void run_signals_stop(int sig)
{
	struct sigaction before;

	if (sigaction(sig, NULL, &before) != 0)
		return;
	suffer(sig);
	(void)sigaction(sig, &before, NULL);
}

void run_signals_die(int sig)
{
	const struct rlimit none = {0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	suffer(sig);
}

static int parse_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return isdigit((unsigned char)text[0]) && *end == '\0' &&
	       number < NSIG ? (int)number : 0;
}

int run_signals_parse(const char *name)
{
	int number = parse_number(name);

	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int sig = 1; number == 0 && sig < SIGRTMIN; sig++) {
		const char *known = sigabbrev_np(sig);

		if (known && strcasecmp(known, name) == 0)
			number = sig;
	}
	if (strncasecmp(name, "RTMIN", 5) == 0) {
		if (name[5] == '\0')
			number = SIGRTMIN;
		else if (name[5] == '+' && parse_number(name + 6) > 0 &&
			 parse_number(name + 6) <= SIGRTMAX - SIGRTMIN)
			number = SIGRTMIN + parse_number(name + 6);
	}
	return number;
}
