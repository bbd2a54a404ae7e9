/* SPDX-License-Identifier: MIT */
/*
 * One very long list held by one variable: what recurses over references
 * falls over here. The argument is its length.
 */
#include "samples/truth.h"

enum { DEFAULT_LENGTH = 20000 };

struct event {
	struct event *next;
	unsigned long when;
	double value;
};

struct event *journal;

TRUTH_APART static void build(unsigned long length)
{
	struct event *last = NULL;

	for (unsigned long i = 0; i < length; i++) {
		struct event *e = (struct event *)calloc(1, sizeof(*e));

		e->when = i;
		e->value = 0.5 * (double)i;
		if (last)
			last->next = e;
		else
			journal = e;
		last = e;
	}
	truth_held(journal);
	truth_root(last, "journal");
}

int main(int argc, char **argv)
{
	unsigned long length = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	if (length == 0)
		length = DEFAULT_LENGTH;
	truth_begin("big_list");
	build(length);
	truth_type("event", length);
	return truth_stop();
}
