/* SPDX-License-Identifier: MIT */
#include "cli/inherited_signals.h"

#include <stddef.h>

static sigset_t ignored;

void inherited_signals_save(void)
{
	struct sigaction action;

	sigemptyset(&ignored);
	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN)
			sigaddset(&ignored, sig);
	}
}

const sigset_t *inherited_signals_ignored(void)
{
	return &ignored;
}
