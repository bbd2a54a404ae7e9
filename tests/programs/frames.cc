/* SPDX-License-Identifier: MIT */
// Frames and locals in C++, for sys_frames.py: waits in pause().
#include <memory>
#include <semaphore.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <cstdio>

#define FRAME __attribute__((noinline))
#define AFTER __asm__ volatile("" ::: "memory")

static sem_t ready;

namespace shop {

struct Item {
	int id;
	double price;
};

FRAME void halt(int code)
{
	int seen = code + 1;

	sem_post(&ready);
	for (;;)
		pause();
	printf("%d", seen);
}

class Cart {
public:
	explicit Cart(int n) : count_(n)
	{
		for (int i = 0; i < n; i++)
			items_.push_back(std::make_unique<Item>(
				Item{ i, i * 1.5 }));
	}

	int count() const { return count_; }

	template<typename T> FRAME T total(T start, const Item &first)
	{
		T sum = start;

		for (const auto &item : items_) {
			sum += static_cast<T>(item->price);
			if (item->id == 2) {
				halt(item->id + first.id);
				AFTER;
			}
		}
		return sum;
	}

	virtual ~Cart() = default;

private:
	int count_;
	std::vector<std::unique_ptr<Item>> items_;
};

namespace {

FRAME double visit(Cart &cart, const Item &item, bool fast)
{
	long scale = fast ? 3 : 4;
	double got = cart.total<double>(0.5, item);

	AFTER;
	return got * static_cast<double>(scale);
}

}	// namespace

struct Base {
	virtual FRAME double run(int n) = 0;
	virtual ~Base() = default;
};

struct Clerk : Base {
	std::string name = "a name that is too long for its object";
	Cart cart{ 5 };

	FRAME double run(int n) override
	{
		const Item extra{ n, 9.75 };
		auto work = [&](bool fast) {
			double inner = visit(cart, extra, fast);

			AFTER;
			return inner + cart.count();
		};
		double done = work(n > 0);

		AFTER;
		return done;
	}
};

}	// namespace shop

FRAME static double drive(shop::Base *base, int n)
{
	double result = base->run(n);

	AFTER;
	return result;
}

int main()
{
	auto clerk = std::make_unique<shop::Clerk>();
	std::vector<int> numbers(500, 7);

	sem_init(&ready, 0, 0);
	std::thread worker([&] {
		shop::Clerk local;

		printf("%g", drive(&local, static_cast<int>(numbers.size())));
	});
	sem_wait(&ready);
	printf("ready\n");
	fflush(stdout);
	printf("%g", drive(clerk.get(), 1));
	worker.join();
}
