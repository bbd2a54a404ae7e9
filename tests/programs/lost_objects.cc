// SPDX-License-Identifier: MIT
/*
 * Objects of C++, held and lost in each of the ways that the language has:
 * by a base in their middle, in optionals, variants and functions, behind the
 * cookie of an array, by an exception in flight, in cycles of shared_ptr.
 */
#include <any>
#include <deque>
#include <forward_list>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "samples/truth.h"

namespace shop {

struct Named {
	std::string name;
	virtual ~Named() = default;
};

struct Priced {
	double price = 0;
	virtual ~Priced() = default;
};

struct Item : Named, Priced {
	Item *similar = nullptr;
	explicit Item(int n) { price = n; }
};

struct Basket {
	std::vector<std::unique_ptr<Item>> items;
	std::shared_ptr<Basket> merged;
	std::weak_ptr<Basket> origin;
	~Basket() {}
};

struct Counted {
	long n = 0;
	Item *item = nullptr;
	~Counted() { n = -1; }
};

Priced *by_second_base;
std::optional<std::unique_ptr<Item>> maybe, maybe_not;
std::variant<int, std::unique_ptr<Item>, std::string> either;
std::function<double()> later;
std::any anything;
Counted *counted;
std::map<int, Item *> by_number;
std::unordered_map<std::string, std::unique_ptr<Item>> by_name;
std::deque<Item *> queue;
std::list<std::unique_ptr<Item>> list;
std::forward_list<Item *> stack;
std::set<Priced *> prices;
std::shared_ptr<double> alias;
std::shared_ptr<Basket> baskets;
std::promise<Item *> promise;
std::future<Item *> promised;
std::exception_ptr failure;

static Item *held(int n)
{
	auto *item = new Item(n);

	truth_held(item);
	return item;
}

static Item *lost(int n)
{
	auto *item = new Item(n);

	truth_leaked(item);
	return item;
}

} // namespace shop

using namespace shop;

TRUTH_APART static void hold()
{
	by_second_base = held(1);
	maybe = std::unique_ptr<Item>(held(2));
	either = std::unique_ptr<Item>(held(3));
	auto by_function = std::shared_ptr<Item>(held(4));
	later = [by_function] { return by_function->price; };
	anything = std::shared_ptr<Item>(held(5));
	counted = new Counted[7];
	for (int i = 0; i < 7; i++)
		counted[i].item = held(10 + i);
	for (int i = 0; i < 9; i++)
		by_number[i] = held(20 + i);
	for (int i = 0; i < 9; i++)
		by_name["the item with number " + std::to_string(i)].reset(
			held(30 + i));
	for (int i = 0; i < 99; i++)
		queue.push_back(held(100 + i));
	for (int i = 0; i < 9; i++)
		list.emplace_back(held(200 + i));
	for (int i = 0; i < 9; i++)
		stack.push_front(held(300 + i));
	for (int i = 0; i < 9; i++)
		prices.insert(held(400 + i));
	auto *aliased = held(500);
	alias = std::shared_ptr<double>(std::shared_ptr<Item>(aliased),
					&aliased->price);
	promised = promise.get_future();
	promise.set_value(held(600));
	try {
		throw std::unique_ptr<Item>(held(700));
	} catch (...) {
		failure = std::current_exception();
	}
}

TRUTH_APART static void hold_baskets()
{
	baskets = std::make_shared<Basket>();
	baskets->merged = std::make_shared<Basket>();
	baskets->merged->origin = baskets;
	for (int i = 0; i < 5; i++)
		baskets->items.emplace_back(held(800 + i));
}

/* A basket that was merged into one that was merged into it. */
TRUTH_APART static void lose_baskets(int n)
{
	auto one = std::make_shared<Basket>(), other = std::make_shared<Basket>();

	truth_leaked(truth_control_block(one));
	truth_leaked(truth_control_block(other));
	one->merged = other;
	other->merged = one;
	other->origin = one;
	one->items.reserve(5);
	truth_leaked(one->items.data());
	for (int i = 0; i < 3; i++)
		one->items.emplace_back(lost(900 + 10 * n + i));
}

TRUTH_APART static void lose()
{
	auto *pair = lost(1000);
	auto *array = new Counted[3];
	auto *function = new std::function<void()>;
	auto captured = std::shared_ptr<Item>(lost(1003));

	pair->similar = lost(1001);
	truth_leaked(reinterpret_cast<long *>(array) - 1);
	array[2].item = lost(1002);
	*function = [captured, more = std::string(), n = 1L] {
		(void)more;
		(void)n;
	};
	truth_leaked(function);
	truth_leaked(truth_control_block(captured));
	truth_leaked(*reinterpret_cast<void **>(function));
	truth_leaked(operator new(0));
	new (&pair->name) std::string("a text of more than fifteen bytes");
	truth_leaked(pair->name.data());
	maybe_not = std::unique_ptr<Item>(lost(1004));
	(void)maybe_not->release();
	maybe_not.reset();
}

int main()
{
	truth_begin("lost_objects");
	hold();
	truth_scrub();
	hold_baskets();
	for (int i = 0; i < 4; i++)
		lose_baskets(i);
	truth_scrub();
	lose();
	truth_scrub();
	truth_stop();
	_exit(0);
}
