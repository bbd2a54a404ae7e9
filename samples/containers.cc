/* SPDX-License-Identifier: MIT */
/* One of each container of the standard library, all held: no leak. */
#include <any>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "samples/truth.h"

enum { N = 60 };

struct Item {
	std::string name;
	double price;
	int stock;
};

struct Inventory {
	std::map<std::string, std::unique_ptr<Item>> by_name;
	std::unordered_map<int, std::shared_ptr<Item>> by_number;
	std::multimap<double, Item *> by_price;
	std::list<std::string> log;
	std::forward_list<Item> returned;
	std::deque<Item> incoming;
	std::set<std::string> tags;
	std::unordered_set<std::string> countries;
	std::vector<std::vector<Item>> shelves;
	std::vector<bool> sold_out;
	std::priority_queue<double> prices;
	std::vector<std::function<int()>> callbacks;
	std::vector<std::variant<int, std::string>> cells;
	std::optional<std::string> note;
	std::any extra;
	std::u32string wide;
};

std::unique_ptr<Inventory> inventory;

static Item item(int i)
{
	return { "an item whose name is too long for the inline buffer " +
		 std::to_string(i), 0.5 * i, i };
}

static void add(Inventory &v, int i)
{
	auto owned = std::make_unique<Item>(item(i));
	auto shared = std::make_shared<Item>(item(i));

	truth_held(owned.get());
	truth_held(owned->name.data());
	truth_held(truth_control_block(shared));
	truth_held(shared->name.data());
	v.by_price.emplace(owned->price, owned.get());
	v.by_name.emplace(owned->name, std::move(owned));
	v.by_number.emplace(i, std::move(shared));
	v.log.push_back("received item number " + std::to_string(i));
	truth_held(v.log.back().data());
	v.returned.push_front(item(i));
	truth_held(v.returned.front().name.data());
	v.incoming.push_back(item(i));
	v.tags.insert("a tag that does not fit inline " + std::to_string(i));
	v.countries.insert("a country of a long name " + std::to_string(i));
	v.shelves.emplace_back(3, item(i));
	truth_held(v.shelves.back().data());
	truth_held(v.shelves.back()[1].name.data());
	v.sold_out.push_back(i % 2);
	v.prices.push(i);
	v.callbacks.push_back([a = item(i)] { return a.stock; });
	v.cells.emplace_back(item(i).name);
	truth_held(std::get<std::string>(v.cells.back()).data());
}

TRUTH_APART static void fill()
{
	inventory = std::make_unique<Inventory>();
	truth_root(inventory.get(), "inventory");
	for (int i = 0; i < N; i++)
		add(*inventory, i);
	for (int i = 0; i < 10; i++)
		inventory->incoming.pop_front();
	for (const Item &i : inventory->incoming)
		truth_held(i.name.data());
	inventory->note = "a note that is long enough to need a block";
	truth_held(inventory->note->data());
	inventory->extra = item(1);
	inventory->wide.assign(30, U'w');
	truth_held(inventory->wide.data());
	truth_held(inventory->shelves.data());
	truth_held(inventory->callbacks.data());
	truth_held(inventory->cells.data());
}

int main()
{
	truth_begin("containers");
	fill();
	return truth_stop();
}
