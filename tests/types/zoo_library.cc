/* SPDX-License-Identifier: MIT */
/*
 * The less common half of the standard library: memory resources, shared
 * pointers in every way, futures, threads, regular expressions, streams,
 * exceptions, coroutines, node handles, containers in containers.
 */
#include <any>
#include <array>
#include <bitset>
#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <typeindex>
#include <unordered_map>
#include <variant>
#include <vector>
#if __has_include(<memory_resource>) && !defined(_LIBCPP_VERSION)
#include <memory_resource>
#define HAVE_PMR 1
#endif
#if defined(__cpp_impl_coroutine) && !defined(__clang__)
#include <coroutine>
#define HAVE_COROUTINES 1
#endif

#include "tests/types/truth.hh"

namespace lab {

struct Sample { int id = 0; double value = 0; std::string label; };
struct Probe { virtual ~Probe() = default; virtual int measure() { return 0; } Sample last; };
struct HotProbe : Probe { std::vector<double> curve; int measure() override { return 1; } };
struct ColdProbe : Probe { std::map<int, int> steps; int measure() override { return 2; } };

/* An allocator that is somebody's own. */
template <class T> struct Mallocator {
	using value_type = T;
	Mallocator() = default;
	template <class U> Mallocator(const Mallocator<U> &) {}
	T *allocate(size_t n)
	{
		T *p = static_cast<T *>(malloc(n * sizeof(T)));

		return p;
	}
	void deallocate(T *p, size_t) { free(p); }
	bool operator==(const Mallocator &) const { return true; }
	bool operator!=(const Mallocator &) const { return false; }
};

struct Compare { std::vector<int> order; bool operator()(int a, int b) const { return a < b; } };
struct Member { int scale = 3; int times(int x) { return x * scale; } };
int plain(int x) { return x; }

struct Event {
	std::variant<std::monostate, std::vector<int>, std::map<int, Sample>, std::unique_ptr<Sample>, std::string> what;
	std::optional<std::unique_ptr<Sample>> maybe;
	std::optional<std::vector<std::string>> lines;
	std::tuple<int, std::list<int>, std::shared_ptr<Sample>> several;
};

template <class K, class V> struct Cache {
	struct Entry { K key; V value; typename std::list<Entry>::iterator *self = nullptr; };
	std::list<Entry> recent;
	std::unordered_map<K, typename std::list<Entry>::iterator> index;
	void put(K k, V v)
	{
		recent.push_front(Entry{k, std::move(v)});
		index[k] = recent.begin();
	}
};

struct Graph {
	struct Vertex;
	struct Edge { std::weak_ptr<Vertex> to; double weight; };
	struct Vertex { std::string name; std::vector<Edge> edges; std::shared_ptr<Vertex> next; };
	std::map<std::string, std::shared_ptr<Vertex>> all;
};

struct Lab {
	int number = 1;
#ifdef HAVE_PMR
	std::pmr::monotonic_buffer_resource monotonic;
	std::pmr::unsynchronized_pool_resource pool;
	std::pmr::vector<std::pmr::string> pmr_strings{&monotonic};
	std::pmr::map<int, std::pmr::string> pmr_map{&pool};
	std::pmr::list<Sample> pmr_list;	/* the default resource: a block each */
	std::pmr::unordered_map<int, Sample> pmr_hash;
#endif
	std::map<int, Sample, std::less<int>, Mallocator<std::pair<const int, Sample>>> own_map;
	std::vector<Sample, Mallocator<Sample>> own_vector;
	std::unordered_map<int, Sample, std::hash<int>, std::equal_to<int>, Mallocator<std::pair<const int, Sample>>> own_hash;
	std::map<int, Sample, Compare> compared;
	std::vector<std::any> anys;
	std::vector<std::function<int(int)>> functions;
	std::vector<Event> events;
	Cache<int, Sample> cache;
	Cache<std::string, std::vector<Sample>> text_cache;
	Graph graph;
	std::shared_ptr<double> aliased;
	std::shared_ptr<Probe> from_unique;
	std::shared_ptr<Probe> with_deleter;
	std::shared_ptr<void> erased;
#if __cpp_lib_shared_ptr_arrays >= 201707L
	std::shared_ptr<Sample[]> shared_array;
#endif
	std::vector<std::weak_ptr<Sample>> only_weak;
	std::deque<std::deque<Sample>> deques;
	std::list<std::list<Sample>> lists;
	std::vector<std::map<std::string, std::vector<std::unique_ptr<Probe>>>> deep;
	std::map<std::type_index, std::unique_ptr<Probe>> by_type;
	std::map<int, Sample>::node_type handle;
	std::vector<std::filesystem::path> paths;
	std::vector<std::regex> patterns;
	std::vector<std::unique_ptr<std::ostringstream>> streams;
	std::vector<std::future<Sample>> futures;
	std::vector<std::promise<Sample>> promises;
	std::packaged_task<int(int)> task;
	std::thread thread;
	std::mutex mutex;
	std::condition_variable changed;
	bool done = false;
	std::vector<std::exception_ptr> errors;
	std::vector<std::array<std::string, 3>> arrays;
	std::vector<std::bitset<200>> bits;
	std::unique_ptr<std::unique_ptr<Sample[]>[]> jagged;
	std::map<int, std::variant<int, Sample>> variants;
	std::vector<std::pair<int, std::unique_ptr<Probe>>> pairs;
	std::multimap<std::string, std::shared_ptr<Probe>> probes;
	std::vector<std::reference_wrapper<Sample>> references;
	std::forward_list<std::unordered_map<int, std::string>> forward;
#ifdef HAVE_COROUTINES
	std::vector<std::coroutine_handle<>> waiting;
#endif
};

Lab *lab;

static Sample sample(int i)
{
	return Sample{i, i * 0.5, words(i)};
}

static void fill_memory(Lab &l)
{
	for (int i = 0; i < 40; i++) {
#ifdef HAVE_PMR
		l.pmr_strings.emplace_back(words(i).c_str());
		l.pmr_map.emplace(i, words(i).c_str());
		l.pmr_list.push_back(sample(i));
		l.pmr_hash.emplace(i, sample(i));
#endif
		l.own_map.emplace(i, sample(i));
		l.own_vector.push_back(sample(i));
		l.own_hash.emplace(i, sample(i));
		l.compared.emplace(i, sample(i));
	}
}

static void fill_values(Lab &l)
{
	static Member member;

	for (int i = 0; i < 48; i++) {
		std::string text = words(i);
		Event e;

		switch (i % 4) {
		case 0: l.anys.emplace_back(std::vector<Sample>(3)); break;
		case 1: l.anys.emplace_back(sample(i)); break;
		case 2: l.anys.emplace_back(i); break;
		default: l.anys.emplace_back(std::make_shared<Sample>(sample(i))); break;
		}
		switch (i % 5) {
		case 0: l.functions.emplace_back(plain); break;
		case 1: l.functions.emplace_back(std::bind(&Member::times, &member, std::placeholders::_1)); break;
		case 2: l.functions.emplace_back([text](int x) { return x + (int)text.size(); }); break;
		case 3: l.functions.emplace_back(std::bind([](const std::string &s, int x) { return (int)s.size() + x; }, text, std::placeholders::_1)); break;
		default: l.functions.emplace_back([p = std::make_shared<Sample>(sample(i)), a = std::array<long, 4>{}](int x) { return x + p->id + (int)a[0]; }); break;
		}
		switch (i % 5) {
		case 0: e.what = std::vector<int>(7, i); break;
		case 1: e.what = std::map<int, Sample>{{1, sample(1)}, {2, sample(2)}}; break;
		case 2: e.what = std::unique_ptr<Sample>(made("lab::Sample", new Sample(sample(i)))); break;
		case 3: e.what = words(i); break;
		default: break;
		}
		if (i % 2)
			e.maybe = std::unique_ptr<Sample>(made("lab::Sample", new Sample(sample(i))));
		if (i % 3)
			e.lines = std::vector<std::string>(3, words(i));
		e.several = {i, std::list<int>{1, 2, 3}, std::make_shared<Sample>(sample(i))};
		l.events.push_back(std::move(e));
		l.cache.put(i, sample(i));
		l.text_cache.put(words(i), std::vector<Sample>(2, sample(i)));
		l.variants[i] = i % 2 ? std::variant<int, Sample>(i) : std::variant<int, Sample>(sample(i));
		l.arrays.push_back({words(i), words(i + 1), "short"});
		l.bits.emplace_back((unsigned long)i);
	}
}

static void fill_shared(Lab &l)
{
	struct Pair { double a, b; std::string c; };
	auto pair = std::make_shared<Pair>(Pair{1, 2, words(3)});
	std::shared_ptr<Graph::Vertex> before;

	l.aliased = std::shared_ptr<double>(pair, &pair->b);
	l.from_unique = std::unique_ptr<Probe>(made("lab::HotProbe", new HotProbe));
	l.with_deleter = std::shared_ptr<Probe>(made("lab::ColdProbe", new ColdProbe), [](Probe *p) { delete p; });
	l.erased = std::make_shared<HotProbe>();
#if __cpp_lib_shared_ptr_arrays >= 201707L
	l.shared_array = std::make_shared<Sample[]>(9);
#endif
	for (int i = 0; i < 30; i++) {
		auto s = std::make_shared<Sample>(sample(i));
		auto v = std::make_shared<Graph::Vertex>();

		l.only_weak.push_back(s);
		v->name = words(i);
		v->next = before;
		for (auto &old : l.graph.all)
			if (v->edges.size() < 3)
				v->edges.push_back({old.second, 1.0});
		l.graph.all[words(i)] = v;
		before = v;
		l.probes.emplace(words(i), i % 2 ? std::shared_ptr<Probe>(std::make_shared<HotProbe>()) : std::make_shared<ColdProbe>());
		l.pairs.emplace_back(i, made("lab::HotProbe", new HotProbe));
	}
}

static void fill_nested(Lab &l)
{
	std::map<int, Sample> source;

	for (int i = 0; i < 20; i++) {
		l.deques.emplace_back((size_t)i, sample(i));
		l.lists.emplace_back((size_t)i % 5, sample(i));
		l.deep.emplace_back();
		l.deep.back()[words(i)].emplace_back(made("lab::HotProbe", new HotProbe));
		l.forward.emplace_front();
		l.forward.front()[i] = words(i);
		l.paths.emplace_back("/usr/share/some/place/with/a/long/name/" + std::to_string(i));
		source[i] = sample(i);
	}
	l.by_type[typeid(int)].reset(made("lab::ColdProbe", new ColdProbe));
	l.by_type[typeid(long)].reset(made("lab::HotProbe", new HotProbe));
	l.handle = source.extract(7);
	l.jagged.reset(new std::unique_ptr<Sample[]>[5]);
	truth("std::unique_ptr<lab::Sample[]>", l.jagged.get());
	for (int i = 0; i < 5; i++) {
		l.jagged[(size_t)i].reset(new Sample[(size_t)i + 1]);
		truth("lab::Sample", l.jagged[(size_t)i].get());
	}
	for (Sample &s : l.own_vector)
		l.references.push_back(s);
}

static void fill_rest(Lab &l)
{
	for (int i = 0; i < 6; i++) {
		auto stream = std::make_unique<std::ostringstream>();

		truth("std::ostringstream|std::basic_ostringstream<char,std::char_traits<char>,std::allocator<char>>", stream.get());
		*stream << words(i) << words(i + 1);
		l.streams.push_back(std::move(stream));
		l.patterns.emplace_back("([a-z]+)@([a-z]+)\\.(com|org)|x*y+" + std::to_string(i));
		l.promises.emplace_back();
		l.futures.push_back(l.promises.back().get_future());
		if (i % 2)
			l.promises.back().set_value(sample(i));
		try {
			throw std::runtime_error(words(i));
		} catch (...) {
			l.errors.push_back(std::current_exception());
		}
	}
	l.futures.push_back(std::async(std::launch::deferred, [] { return sample(4); }));
	l.task = std::packaged_task<int(int)>([text = words(1)](int x) { return x + (int)text.size(); });
	l.thread = std::thread([&l, text = words(2)] {
		std::unique_lock<std::mutex> lock(l.mutex);

		while (!l.done)
			l.changed.wait(lock);
		l.paths.emplace_back(text);
	});
}

#ifdef HAVE_COROUTINES
struct Task {
	struct promise_type {
		Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
		std::suspend_always initial_suspend() noexcept { return {}; }
		std::suspend_always final_suspend() noexcept { return {}; }
		void return_void() {}
		void unhandled_exception() {}
	};
	std::coroutine_handle<promise_type> handle;
};

static Task wait_twice(std::string text, int n)
{
	std::vector<int> local((size_t)n, 1);

	co_await std::suspend_always();
	local.push_back((int)text.size());
	co_await std::suspend_always();
}

static Task count_up(int from)
{
	for (int i = from; i < 100; i++)
		co_await std::suspend_always();
}

static void fill_coroutines(Lab &l)
{
	for (int i = 0; i < 10; i++) {
		Task t = i % 2 ? wait_twice(words(i), i) : count_up(i);

		truth(i % 2 ? "coroutine wait_twice" : "coroutine count_up", t.handle.address());
		t.handle.resume();
		l.waiting.push_back(t.handle);
	}
}
#endif

} // namespace lab

int main(int argc, char **argv)
{
	truths_begin(argc, argv);
	lab::lab = made("lab::Lab", new lab::Lab);
	lab::fill_memory(*lab::lab);
	lab::fill_values(*lab::lab);
	lab::fill_shared(*lab::lab);
	lab::fill_nested(*lab::lab);
	lab::fill_rest(*lab::lab);
#ifdef HAVE_COROUTINES
	lab::fill_coroutines(*lab::lab);
#endif
	truths_end();
	return 0;
}
