/* SPDX-License-Identifier: MIT */
/*
 * Tickets taken off a vector and forgotten. The vector's array still has
 * their addresses, past its end: words that mean nothing, but look as if they
 * held something. What knows the type says stale; what does not is fooled.
 */
#include <vector>

#include "samples/truth.h"

namespace desk {

enum { N_TICKETS = 48, N_FORGOTTEN = 9 };

struct Ticket {
	unsigned long number;
	double opened;
	char subject[40];
};

std::vector<Ticket *> pending;

static Ticket *open_ticket(unsigned long number)
{
	auto *ticket = new Ticket{ number, 0.5 * double(number), "" };

	snprintf(ticket->subject, sizeof(ticket->subject), "Ticket %lu", number);
	return ticket;
}

} // namespace desk

TRUTH_APART static void work()
{
	for (unsigned long i = 0; i < desk::N_TICKETS; i++)
		desk::pending.push_back(desk::open_ticket(i));
	for (int i = 0; i < desk::N_FORGOTTEN; i++) {
		truth_add(desk::pending.back(), TRUTH_STALE);
		desk::pending.pop_back();
	}
	for (const auto *ticket : desk::pending)
		truth_held(ticket);
	truth_root(desk::pending.data(), "pending");
}

int main()
{
	truth_begin("dead_capacity");
	work();
	truth_type("desk::Ticket", desk::N_TICKETS);
	return truth_stop();
}
