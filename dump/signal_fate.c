/* SPDX-License-Identifier: MIT */
#include "dump/signal_fate.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum signal_fate by_default(int signal)
{
	switch (signal) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
		return FATE_IGNORED;
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return FATE_STOPPED;
	case SIGQUIT:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGSEGV:
	case SIGXCPU:
	case SIGXFSZ:
	case SIGSYS:
		return FATE_CRASHED;
	default:
		return FATE_ENDED;
	}
}

/** Is @signal in the set on the line that begins with @key? */
static bool is_in(const char *status, const char *key, int signal)
{
	const char *line = strstr(status, key);

	return line && strtoull(line + strlen(key), NULL, 16) >>
		       (signal - 1) & 1;
}

enum signal_fate signal_fate(int status, int signal)
{
	char text[8192];
	ssize_t got;

	got = pread(status, text, sizeof(text) - 1, 0);
	if (got <= 0 || signal < 1 || signal > 64)
		return FATE_HANDLED;
	text[got] = '\0';
	if (is_in(text, "\nSigCgt:", signal))
		return FATE_HANDLED;
	if (is_in(text, "\nSigIgn:", signal))
		return FATE_IGNORED;
	return by_default(signal);
}
