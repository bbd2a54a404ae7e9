/* SPDX-License-Identifier: MIT */
/* The C side of lost_values.rs: it states the truth, and is linked last. */
#include "samples/truth.h"

void make_world(void);
double sum_of_world(void);
void tell_held(const void *block);
void tell_leaked(const void *block);

void tell_held(const void *block)
{
	truth_held(block);
}

void tell_leaked(const void *block)
{
	truth_leaked(block);
}

int main(void)
{
	truth_begin("lost_values");
	make_world();
	truth_scrub();
	truth_stop();
	_exit(sum_of_world() < 0);
}
