/* SPDX-License-Identifier: MIT */
/*
 * Shared objects in every state of their count, for `refcounts`. Prints the
 * addresses of their control blocks as JSON and stops itself.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace game {

struct Player {
	long score = 0;
	char name[40] = "";
	std::shared_ptr<Player> friends;
	virtual ~Player() = default;
};

/* Held by vectors, all of them there. */
std::vector<std::shared_ptr<Player>> players;
/* A holder that is not in use any more, but still has the word. */
std::shared_ptr<Player> released_twice, released_once;
std::vector<std::weak_ptr<Player>> watchers;
std::shared_ptr<Player> raised;
std::shared_ptr<Player> plain;
std::shared_ptr<Player> kept;

/* libstdc++ and libc++ keep the address in the second word. */
static void *block_of(const std::shared_ptr<Player> &p)
{
	return reinterpret_cast<void *const *>(&p)[1];
}

/* A handle that is never destroyed, in memory that is given back. */
static void forget(const std::shared_ptr<Player> &p)
{
	std::aligned_storage_t<sizeof(p), alignof(void *)> place;

	new (&place) std::shared_ptr<Player>(p);
}

__attribute__((noinline)) static void clear_stack()
{
	volatile char bytes[1 << 14];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 0;
}

__attribute__((noinline)) static void play()
{
	for (int i = 0; i < 20; i++)
		players.push_back(std::make_shared<Player>());
	players.push_back(players[3]);
	/* Two that hold each other: lost, but counted rightly. */
	auto a = std::make_shared<Player>(), b = std::make_shared<Player>();

	a->friends = b;
	b->friends = a;
	raised = std::make_shared<Player>();
	forget(raised);
	forget(raised);
	plain = std::shared_ptr<Player>(new Player());
	forget(plain);
	/* The handle itself is on the heap, and nobody has it. Volatile, or a
	 * compiler leaves the allocation out. */
	kept = std::make_shared<Player>();
	std::shared_ptr<Player> *volatile forgotten =
		new std::shared_ptr<Player>(kept);
	forgotten = nullptr;
	released_once = std::make_shared<Player>();
	released_twice = released_once;
	{
		auto gone = std::make_shared<Player>();

		watchers.push_back(gone);
		watchers.push_back(gone);
		printf("{\"weak_only\": \"%p\", ", block_of(gone));
	}
	/* One count too few: as after a release too many. */
	alignas(void *) unsigned char copy[sizeof(released_once)];

	__builtin_memcpy(copy, &released_once, sizeof(copy));
	std::launder(reinterpret_cast<std::shared_ptr<Player> *>(copy))
		->~shared_ptr();
}

} // namespace game

int main()
{
	game::play();
	game::clear_stack();
	printf("\"lost\": \"%p\", ", game::block_of(game::kept));
	printf("\"raised\": \"%p\", \"plain\": \"%p\", \"over\": \"%p\", "
	       "\"pid\": %d, \"players\": %zu}\n",
	       game::block_of(game::raised), game::block_of(game::plain),
	       game::block_of(game::released_once),
	       static_cast<int>(getpid()), game::players.size());
	fflush(stdout);
	game::clear_stack();
	raise(SIGSTOP);
	_exit(0);
}
