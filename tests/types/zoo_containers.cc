/* SPDX-License-Identifier: MIT */
/*
 * Containers of the standard library, filled, and held in the ways in which
 * programs hold them. Blocks that containers allocate have their truth from
 * the allocation log (who called allocate()); those that are made with `new`
 * here say it themselves: truth("type", pointer).
 */
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
#include <stack>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <valarray>
#include <variant>
#include <vector>

#include "tests/types/truth.hh"

namespace bank {

struct Point { double x, y; };

struct Account {
	std::string owner;
	std::vector<double> history;
	std::map<int, std::string> notes;
	Account *parent = nullptr;
};

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
};

struct Circle : Shape {
	double radius = 1;
	std::string label;
	double area() const override { return radius * radius; }
};

struct Square : Shape {
	double side = 2;
	double area() const override { return side * side; }
};

/* No virtual functions: a base that others begin with. */
struct Header { int kind; Header *next; };
struct Text : Header { char body[40]; };
struct Number : Header { double values[12]; };

struct Left { virtual ~Left() = default; int l = 1; };
struct Right { virtual ~Right() = default; int r = 2; };
struct Both : Left, Right { std::vector<int> all; };

struct Base { virtual ~Base() = default; int b = 0; };
struct A : virtual Base { int a = 1; };
struct B : virtual Base { int c = 2; };
struct Diamond : A, B { std::string name; };

template <class T> struct Tree {
	struct Node { T value; Node *left = nullptr, *right = nullptr; };
	Node *root = nullptr;
	size_t count = 0;
	Node **insert(const T &v) {
		Node **at = &root;
		while (*at)
			at = v < (*at)->value ? &(*at)->left : &(*at)->right;
		*at = new Node{v};
		count++;
		return at;
	}
};

class Hidden {
	struct Inside;
	std::unique_ptr<Inside> inside;
public:
	Hidden();
	Hidden(Hidden &&) noexcept;
	~Hidden();
};

struct Hidden::Inside { std::string secret; std::vector<Point> points; };

Hidden::Hidden() : inside(new Inside{"a secret that is long enough to matter", std::vector<Point>(9)})
{
	truth("bank::Hidden::Inside", inside.get());
}
Hidden::Hidden(Hidden &&) noexcept = default;
Hidden::~Hidden() = default;

struct Listener { std::function<int(int)> call; std::any extra; };

struct Config {
	std::optional<std::string> name;
	std::variant<int, std::string, std::vector<int>> value;
	std::tuple<std::string, std::unique_ptr<Point>> pair;
};

struct Session : std::enable_shared_from_this<Session> {
	std::shared_ptr<Account> account;
	std::weak_ptr<Session> twin;
	std::vector<std::shared_ptr<Session>> friends;
};

} // namespace bank

using namespace bank;

struct World {
	std::vector<int> ints;
	std::vector<std::string> strings;
	std::vector<Account> accounts;
	std::vector<Account *> pointers;
	std::vector<std::unique_ptr<Shape>> shapes;
	std::vector<std::vector<Point>> grid;
	std::vector<bool> bits;
	std::list<int> int_list;
	std::list<Account> account_list;
	std::forward_list<std::string> forward;
	std::deque<int> ints_deque;
	std::deque<Point> points_deque;
	std::set<std::string> names;
	std::multiset<int> numbers;
	std::map<int, int> squares;
	std::map<std::string, Account> by_name;
	std::map<std::string, std::map<int, Point>> nested;
	std::multimap<int, std::string> multi;
	std::unordered_map<int, int> hash_ints;
	std::unordered_map<std::string, Account> hash_accounts;
	std::unordered_set<std::string> hash_names;
	std::unordered_multimap<int, Point> hash_multi;
	std::priority_queue<int> heap;
	std::stack<std::string> stack;
	std::queue<Point> queue;
	std::unique_ptr<int[]> array;
	std::unique_ptr<Account[]> account_array;
	std::valarray<double> values;
	std::shared_ptr<Account> shared, made;
	std::shared_ptr<Point> shared_point;
	std::vector<Listener> listeners;
	std::vector<Config> configs;
	std::vector<std::shared_ptr<Session>> sessions;
	std::wstring wide;
	std::u32string wider;
	Header *headers = nullptr;
	Tree<int> int_tree;
	Tree<std::string> string_tree;
	std::vector<Hidden> hidden;
	std::list<std::shared_ptr<Circle>> circles;
	std::map<int, std::unique_ptr<Shape>> shape_map;
	std::unordered_map<int, std::vector<std::string>> lists;
	std::pair<std::string, std::list<Point>> pair;
	std::vector<std::pair<std::string, int>> pairs;
	std::vector<std::deque<std::string>> deques;
	Left *left = nullptr;
	Right *right = nullptr;
	Base *base = nullptr;
};

World *world;	/* not static: it would be a dead store */

static void fill_sequences(World &w, int n)
{
	for (int i = 0; i < n; i++) {
		w.ints.push_back(i);
		w.strings.push_back(words(i));
		w.bits.push_back(i % 3 == 0);
		w.int_list.push_back(i);
		w.forward.push_front(words(i));
		w.ints_deque.push_back(i);
		w.points_deque.push_back({i * 1.0, 2.0});
		w.grid.push_back(std::vector<Point>(static_cast<size_t>(i % 7 + 1)));
		w.heap.push(i);
		w.stack.push(words(i));
		w.queue.push({1.0, i * 2.0});
		w.pairs.emplace_back(words(i), i);
	}
	for (int i = 0; i < n / 10 + 1; i++) {
		Account *a = new Account{words(i), {1, 2, 3}, {{1, words(1)}, {2, words(2)}}};

		truth("bank::Account", a);
		a->parent = w.pointers.empty() ? nullptr : w.pointers.back();
		w.pointers.push_back(a);
		w.accounts.push_back(*a);
		w.account_list.push_back(*a);
		w.deques.emplace_back(5, words(i));
		w.hidden.emplace_back();
	}
}

static void fill_maps(World &w, int n)
{
	for (int i = 0; i < n; i++) {
		w.names.insert(words(i));
		w.numbers.insert(i / 2);
		w.squares[i] = i * i;
		w.multi.emplace(i / 3, words(i));
		w.hash_ints[i] = i;
		w.hash_names.insert(words(i));
		w.hash_multi.emplace(i / 2, Point{1, 2});
		w.nested[words(i % 10)][i] = Point{3, 4};
		w.lists[i % 20].push_back(words(i));
	}
	for (int i = 0; i < n / 10 + 1; i++) {
		w.by_name[words(i)].history.assign(5, 1.0);
		w.hash_accounts[words(i)].notes[i] = words(i);
	}
}

static void fill_objects(World &w, int n)
{
	for (int i = 0; i < n; i++) {
		if (i % 2) {
			auto c = made("bank::Circle", new Circle);
			c->label = words(i);
			w.shapes.emplace_back(c);
		} else {
			w.shapes.emplace_back(made("bank::Square", new Square));
		}
		w.circles.push_back(std::make_shared<Circle>());
		w.shape_map[i].reset(made("bank::Square", new Square));
		Header *h = i % 3 ? static_cast<Header *>(made("bank::Text", new Text))
				  : static_cast<Header *>(made("bank::Number", new Number));
		h->kind = i % 3 != 0;
		h->next = w.headers;
		w.headers = h;
		truth("bank::Tree<int>::Node", *w.int_tree.insert((i * 7919) % 1000));
		truth("bank::Tree<std::string>::Node", *w.string_tree.insert(words((i * 7919) % 1000)));
	}
	w.array.reset(made("int", new int[100]()));
	w.account_array.reset(new Account[6]);	/* a cookie stands before it */
	w.values.resize(50, 1.5);
	w.shared.reset(made("bank::Account", new Account{words(1), {}, {}}));
	w.made = std::make_shared<Account>();
	w.shared_point = std::make_shared<Point>();
	w.wide.assign(50, L'w');
	w.wider.assign(60, U'x');
	w.left = made("bank::Both", new Both);
	static_cast<Both *>(w.left)->all.assign(10, 1);
	w.right = made("bank::Both", new Both);
	w.base = made("bank::Diamond", new Diamond);
}

static void fill_callables(World &w, int n)
{
	for (int i = 0; i < n; i++) {
		std::string text = words(i);
		Point p{1, 2};
		Listener l;

		if (i % 2)
			l.call = [text, i](int x) { return x + i + (int)text.size(); };
		else
			l.call = [p, text, i](int x) { return x + (int)p.x + i; };
		if (i % 4 == 3)
			l.extra = std::vector<std::string>{"short", "key" + std::to_string(i)};
		else
			l.extra = i % 3 ? std::any(words(i)) : std::any(Account{words(i), {}, {}});
		w.listeners.push_back(std::move(l));
		Config c;
		if (i % 2)
			c.name = words(i);
		if (i % 3 == 0)
			c.value = 7;
		else if (i % 3 == 1)
			c.value = words(i);
		else
			c.value = std::vector<int>(20, i);
		c.pair = {words(i), std::unique_ptr<Point>(made("bank::Point", new Point{1, 2}))};
		w.configs.push_back(std::move(c));
		auto s = std::make_shared<Session>();
		s->account = w.made;
		if (!w.sessions.empty()) {
			s->twin = w.sessions.back();
			s->friends.push_back(w.sessions.front());
		}
		w.sessions.push_back(s);
	}
	w.pair.first = words(1);
	w.pair.second.assign(20, Point{});
}

int main(int argc, char **argv)
{
	truths_begin(argc, argv);
	world = made("World", new World);
	fill_sequences(*world, 300);
	fill_maps(*world, 300);
	fill_objects(*world, 100);
	fill_callables(*world, 60);
	truths_end();
	return 0;
}
