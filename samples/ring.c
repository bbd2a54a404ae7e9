/* SPDX-License-Identifier: MIT */
/* Rings of blocks that refer to each other: lost ones, and one that is held. */
#include "samples/truth.h"

enum { N_LOST = 4, LOST_LENGTH = 5, LIVE_LENGTH = 6, N_TIMERS = 3 };

struct peer {
	struct peer *next;
	double latency;
	unsigned port, failures;
	char host[40];
};

/* Refers to itself until it is armed, as intrusive lists do. */
struct timer {
	struct timer *next;
	double due;
	char label[72];
};

struct peer *neighbours;

static struct peer *peer_new(unsigned i)
{
	struct peer *p = (struct peer *)calloc(1, sizeof(*p));

	p->latency = 0.25 * i;
	p->port = 7000 + i;
	snprintf(p->host, sizeof(p->host), "peer%u.cluster.example.org", i);
	return p;
}

static struct peer *ring_new(unsigned length, void (*note)(const void *))
{
	struct peer *first = peer_new(0), *last = first;

	note(first);
	for (unsigned i = 1; i < length; i++) {
		last->next = peer_new(i);
		last = last->next;
		note(last);
	}
	last->next = first;
	return first;
}

TRUTH_APART static void lose_ring(void)
{
	ring_new(LOST_LENGTH, truth_leaked);
}

TRUTH_APART static void lose_timer(unsigned i)
{
	struct timer *t = (struct timer *)calloc(1, sizeof(*t));

	t->next = t;
	t->due = 3.5 * i;
	snprintf(t->label, sizeof(t->label), "retransmit %u", i);
	truth_leaked(t);
}

TRUTH_APART static void hold_ring(void)
{
	neighbours = ring_new(LIVE_LENGTH, truth_held);
	truth_root(neighbours->next, "neighbours");
}

int main(void)
{
	truth_begin("ring");
	hold_ring();
	for (int i = 0; i < N_LOST; i++)
		lose_ring();
	truth_group("cycle", "peer", N_LOST);
	for (unsigned i = 0; i < N_TIMERS; i++)
		lose_timer(i);
	truth_group("cycle", "timer", N_TIMERS);
	truth_type("peer", N_LOST * LOST_LENGTH + LIVE_LENGTH);
	return truth_stop();
}
