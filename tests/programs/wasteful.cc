/* SPDX-License-Identifier: MIT */
/*
 * Memory wasted in known amounts, for `waste`: equal strings, vectors with
 * room to spare, nearly empty tables, sessions of which every second is
 * gone, and one block at the end of the heap that keeps it from shrinking.
 * Prints what it did as JSON and stops itself.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace shop {

enum {
	N_COUNTRIES = 500, N_ORDERS = 1000, N_VECTORS = 40, VECTOR_ROOM = 1000,
	VECTOR_USED = 10, N_SLOTS = 4096, N_SLOTS_USED = 16, N_SESSIONS = 20000,
	PINNED = 4 << 20,
};

struct Order {
	std::string country;	/* one of two, longer than fits inside */
	long number;
};

struct Session {
	Session *next;
	char state[184];
};

struct Index {
	Order **slots;
	size_t n_slots;
};

struct Last {
	long stamp;
	char text[30000];	/* fits into no hole */
};

std::vector<Order> orders;
std::vector<std::vector<long>> histories;
std::vector<long> empty_but_large;
Index index_by_number;
Session *sessions;
Last *last;
char *unique_text;

static void make_orders()
{
	orders.reserve(N_ORDERS);
	for (long i = 0; i < N_ORDERS; i++)
		orders.push_back({ i < N_COUNTRIES ?
			"The Principality of Liechtenstein" :
			"Number " + std::to_string(1000000000 + i) +
			" of the unique countries", i });
}

static void make_vectors()
{
	for (int i = 0; i < N_VECTORS; i++) {
		std::vector<long> v;

		v.reserve(VECTOR_ROOM);
		for (long k = 0; k < VECTOR_USED; k++)
			v.push_back(i * 1000 + k);
		histories.push_back(std::move(v));
	}
	histories.shrink_to_fit();
	empty_but_large.reserve(5000);
}

static void make_index()
{
	index_by_number.slots = static_cast<Order **>(
		calloc(N_SLOTS, sizeof(Order *)));
	index_by_number.n_slots = N_SLOTS;
	for (int i = 0; i < N_SLOTS_USED; i++)
		index_by_number.slots[i * 100] = &orders[i];
}

static void make_holes()
{
	std::vector<Session *> gone;

	gone.reserve(N_SESSIONS);
	for (int i = 0; i < N_SESSIONS; i++) {
		auto *s = new Session();

		snprintf(s->state, sizeof(s->state), "session %d", i);
		if (i % 2) {
			gone.push_back(s);
			continue;
		}
		s->next = sessions;
		sessions = s;
	}
	for (auto *s : gone)
		delete s;
}

/* Many blocks below one that stays; none of them large enough for mmap. */
static void pin_the_end()
{
	enum { EACH = 64 << 10 };
	std::vector<void *> below;

	below.reserve(PINNED / EACH);
	for (int i = 0; i < PINNED / EACH; i++) {
		below.push_back(malloc(EACH));
		memset(below.back(), 1, EACH);
	}
	last = new Last{ 42, "the end" };
	for (auto *block : below)
		free(block);
}

} // namespace shop

int main()
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	shop::make_orders();
	shop::make_vectors();
	shop::make_index();
	shop::make_holes();
	shop::pin_the_end();
	printf("{\"pid\": %d, \"last\": \"%p\", \"countries\": %d, "
	       "\"vectors\": %d, \"vector_room\": %d, \"vector_used\": %d, "
	       "\"slots\": %d, \"slots_used\": %d, \"sessions\": %d, "
	       "\"pinned\": %d}\n", static_cast<int>(getpid()),
	       static_cast<void *>(shop::last), shop::N_COUNTRIES,
	       shop::N_VECTORS, shop::VECTOR_ROOM, shop::VECTOR_USED,
	       shop::N_SLOTS, shop::N_SLOTS_USED, shop::N_SESSIONS / 2,
	       shop::PINNED);
	fflush(stdout);
	raise(SIGSTOP);
	return 0;
}
