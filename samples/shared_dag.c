/* SPDX-License-Identifier: MIT */
/*
 * Lost structures that share a part: two orders lead to one customer, who is
 * no leak root, and whose bytes must be counted once.
 */
#include "samples/truth.h"

enum { N_PAIRS = 6 };

struct customer {
	char name[40];
	double credit;
	unsigned long orders;
};

struct order {
	struct customer *customer;
	double total;
	unsigned number, items;
	char status[8];
};

struct customer *best_customer;

static struct customer *customer_new(unsigned i)
{
	struct customer *c = (struct customer *)calloc(1, sizeof(*c));

	snprintf(c->name, sizeof(c->name), "Customer number %u", i);
	c->credit = 1.5 * i;
	c->orders = 2;
	return c;
}

static struct order *order_new(struct customer *customer, unsigned number)
{
	struct order *o = (struct order *)calloc(1, sizeof(*o));

	o->customer = customer;
	o->total = 12.75 * number;
	o->number = number;
	o->items = 3;
	snprintf(o->status, sizeof(o->status), "paid");
	return o;
}

TRUTH_APART static void lose_pair(unsigned i)
{
	struct customer *c = customer_new(i);

	truth_leaked(c);
	truth_leaked(order_new(c, 2 * i));
	truth_leaked(order_new(c, 2 * i + 1));
}

/* A lost order whose customer is still known. */
TRUTH_APART static void lose_order_of_best(void)
{
	best_customer = customer_new(99);
	truth_root(best_customer, "best_customer");
	truth_leaked(order_new(best_customer, 99));
}

int main(void)
{
	truth_begin("shared_dag");
	for (unsigned i = 0; i < N_PAIRS; i++)
		lose_pair(i);
	lose_order_of_best();
	truth_group("block", "order", 2 * N_PAIRS + 1);
	return truth_stop();
}
