/* SPDX-License-Identifier: MIT */
/*
 * Blocks that the program forgot and libc still knows: an open file, a string
 * in the environment, the argument of an exit handler. They are no leaks.
 */
#include <stdio.h>
#include <string.h>

#include "samples/truth.h"

enum { N_FILES = 3 };

struct report {
	double total;
	unsigned lines;
	char title[24];
};

static void print_report(int status, void *arg)
{
	struct report *report = (struct report *)arg;

	(void)status;
	report->lines++;
}

TRUTH_APART static void forget_files(void)
{
	char line[16];

	for (int i = 0; i < N_FILES; i++) {
		FILE *file = fopen("/proc/self/comm", "r");

		if (!file || !fgets(line, sizeof(line), file))
			abort();
		truth_held(file);
	}
}

TRUTH_APART static void forget_report(void)
{
	struct report *report = (struct report *)calloc(1, sizeof(*report));

	report->total = 99.5;
	snprintf(report->title, sizeof(report->title), "totals");
	on_exit(print_report, report);
	truth_held(report);
}

TRUTH_APART static void forget_variables(void)
{
	char *assignment = strdup("SAMPLE_PUT=a string that putenv keeps");

	putenv(assignment);
	truth_held(assignment);
	setenv("SAMPLE_SET", "a string that setenv copies", 1);
	truth_held(getenv("SAMPLE_SET") - strlen("SAMPLE_SET="));
}

TRUTH_APART static void lose_report(void)
{
	struct report *report = (struct report *)calloc(1, sizeof(*report));

	report->total = 11.5;
	snprintf(report->title, sizeof(report->title), "never printed");
	truth_leaked(report);
}

int main(void)
{
	truth_begin("libc_held");
	forget_files();
	forget_report();
	forget_variables();
	lose_report();
	return truth_stop();
}
