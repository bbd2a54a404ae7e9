/* SPDX-License-Identifier: MIT */
#include "cli/cancel_signals.h"

#include <signal.h>
#include <stddef.h>

#include "base/progress.h"

static void on_signal(int sig)
{
	(void)sig;
	progress_cancel();
}

void cancel_signals_install(void)
{
	static const int signals[] = { SIGTERM, SIGHUP };
	struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = (int)SA_RESETHAND,
	}, old;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}
