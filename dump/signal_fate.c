/* SPDX-License-Identifier: MIT */
#include "dump/signal_fate.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool signal_ends_by_default(int signal)
{
	switch (signal) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return false;
	default:
		return signal > 0;
	}
}

/** Is @signal in the set on the line that begins with @key? */
static bool is_in(const char *status, const char *key, int signal)
{
	const char *line = strstr(status, key);

	return line && strtoull(line + strlen(key), NULL, 16) >>
		       (signal - 1) & 1;
}

bool signal_is_fatal(int status, int signal)
{
	char text[8192];
	ssize_t got;

	if (!signal_ends_by_default(signal) || signal > 64)
		return false;
	got = pread(status, text, sizeof(text) - 1, 0);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return !is_in(text, "\nSigCgt:", signal) &&
	       !is_in(text, "\nSigIgn:", signal);
}
