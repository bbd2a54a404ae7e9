/* SPDX-License-Identifier: MIT */
/*
 * Objects with room behind them: one allocation holds a polymorphic object
 * and, behind its end, slots that its type knows nothing of. What they refer
 * to is held; the ledger that was lost takes its entries with it.
 */
#include <cstdlib>
#include <new>

#include "samples/truth.h"

namespace books {

enum { N_SLOTS = 24, N_ENTRIES = 17, ENTRY_BYTES = 90 };

struct Ledger {
	virtual ~Ledger() {}
	virtual int year() const { return 1999; }
	void **slots() { return reinterpret_cast<void **>(this + 1); }

	unsigned long used = 0;
};

Ledger *current;

static Ledger *open_ledger()
{
	void *room = calloc(1, sizeof(Ledger) + N_SLOTS * sizeof(void *));
	auto *ledger = new (room) Ledger;

	for (int i = 0; i < N_ENTRIES; i++)
		ledger->slots()[ledger->used++] = calloc(1, ENTRY_BYTES);
	return ledger;
}

} // namespace books

TRUTH_APART static void keep()
{
	books::current = books::open_ledger();
	truth_held(books::current);
	truth_root(books::current, "current");
	for (unsigned long i = 0; i < books::current->used; i++) {
		truth_held(books::current->slots()[i]);
		truth_root(books::current->slots()[i], "current");
	}
}

TRUTH_APART static void lose()
{
	auto *ledger = books::open_ledger();

	truth_add(ledger, TRUTH_LEAKED);
	for (unsigned long i = 0; i < ledger->used; i++)
		truth_add(ledger->slots()[i], TRUTH_LEAKED);
}

int main()
{
	truth_begin("trailing");
	keep();
	truth_scrub();
	lose();
	truth_type("books::Ledger", 2);
	return truth_stop();
}
