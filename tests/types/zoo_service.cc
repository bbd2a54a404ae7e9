/* SPDX-License-Identifier: MIT */
/*
 * A web service at rest: sessions, caches, timers, buffers, a router, values
 * of JSON, coroutines that wait, strings that are shared until written, and
 * what was forgotten. In the style of large code bases that bring containers
 * of their own: packed pointers, headers before payloads, private halves.
 */
#if defined(__clang__) && !defined(__cpp_impl_coroutine)
#define __cpp_impl_coroutine 201902L	/* clang 14 has them, and is silent */
#endif
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "tests/types/truth.hh"

namespace web {

/* --- text that is shared until somebody writes: a header, then letters --- */
class SharedText {
	struct Data { std::atomic<int> ref; unsigned size, room; char letters[1]; };
	Data *d = nullptr;
public:
	SharedText() = default;
	SharedText(const char *s)
	{
		size_t n = strlen(s);

		d = static_cast<Data *>(malloc(offsetof(Data, letters) + n + 1));
		truth("web::SharedText::Data", d);
		new (&d->ref) std::atomic<int>(1);
		d->size = d->room = (unsigned)n;
		memcpy(d->letters, s, n + 1);
	}
	SharedText(const SharedText &o) : d(o.d) { if (d) d->ref++; }
	SharedText &operator=(SharedText o) { std::swap(d, o.d); return *this; }
	~SharedText() { if (d && --d->ref == 0) free(d); }
};

/* --- a list whose header stands before the elements --- */
template <class T> class SharedArray {
	struct Header { int ref; int size; int room; };
	Header *header = nullptr;
	T *begin() { return reinterpret_cast<T *>(header + 1) ; }
public:
	void append(const T &v)
	{
		if (!header) {
			header = static_cast<Header *>(malloc(sizeof(Header) + 4 + 16 * sizeof(T)));
			truth("-", header);
			*header = Header{1, 0, 16};
		}
		new (reinterpret_cast<char *>(begin()) + 4 + (size_t)header->size++ * sizeof(T)) T(v);
	}
};

/* --- a pointer and two small numbers in one word --- */
template <class T> class Packed {
	uintptr_t bits = 0;
public:
	Packed() = default;
	Packed(T *p, unsigned n) : bits(reinterpret_cast<uintptr_t>(p) | n) {}
	T *get() const { return reinterpret_cast<T *>(bits & ~uintptr_t(7)); }
	unsigned number() const { return bits & 7; }
};

/* --- counted by itself --- */
class RefBase {
	mutable std::atomic<int> refs{0};
public:
	virtual ~RefBase() = default;
	void ref() const { refs++; }
	void unref() const { if (--refs == 0) delete this; }
};
template <class T> class Ref {
	T *p = nullptr;
public:
	Ref() = default;
	Ref(T *q) : p(q) { if (p) p->ref(); }
	Ref(const Ref &o) : p(o.p) { if (p) p->ref(); }
	Ref(Ref &&o) noexcept : p(o.p) { o.p = nullptr; }
	Ref &operator=(Ref o) { std::swap(p, o.p); return *this; }
	~Ref() { if (p) p->unref(); }
	T *operator->() const { return p; }
	T *get() const { return p; }
};

/* --- a vector with room inside, begin and end as pointers --- */
class RoomyBase {
protected:
	void *first, *last, *limit;
	RoomyBase(void *inside, size_t n) : first(inside), last(inside), limit(static_cast<char *>(inside) + n) {}
};
template <class T, unsigned N> class Roomy : RoomyBase {
	alignas(T) char inside[N * sizeof(T)];
public:
	Roomy() : RoomyBase(inside, sizeof(inside)) {}
	Roomy(const Roomy &) = delete;
	bool is_small() const { return first == inside; }
	T *begin() { return static_cast<T *>(first); }
	T *end() { return static_cast<T *>(last); }
	void push(T v)
	{
		if (last == limit) {
			size_t n = (size_t)(end() - begin());
			T *more = static_cast<T *>(malloc(2 * n * sizeof(T)));

			for (size_t i = 0; i < n; i++)
				new (more + i) T(std::move(begin()[i]));
			if (!is_small())
				free(first);
			first = more;
			last = more + n;
			limit = more + 2 * n;
		}
		new (last) T(std::move(v));
		last = end() + 1;
	}
	const void *block() { return is_small() ? nullptr : first; }
};

/* --- a table of hashes whose slots follow its bytes of control --- */
template <class K, class V> class SwissMap {
	struct Slot { K key; V value; };
	unsigned char *control = nullptr;
	Slot *slots = nullptr;
	size_t size = 0, room = 0, growth_left = 0;
public:
	explicit SwissMap(size_t n) : room(n), growth_left(n)
	{
		void *p = malloc((n + 16 + 7) / 8 * 8 + n * sizeof(Slot));

		truth("-", p);
		control = static_cast<unsigned char *>(p);
		memset(control, 0x80, n + 16);
		slots = reinterpret_cast<Slot *>(control + (n + 16 + 7) / 8 * 8);
	}
	void insert(K k, V v)
	{
		size_t h = std::hash<K>()(k), i = h % room;

		while (control[i] != 0x80)
			i = (i + 1) % room;
		control[i] = h >> 57;
		new (slots + i) Slot{std::move(k), std::move(v)};
		size++;
		growth_left--;
	}
};

/* --- Robin Hood: a distance in each slot --- */
template <class K, class V> class RobinMap {
	struct Bucket { int16_t distance = -1; bool last = false; alignas(std::pair<K, V>) unsigned char storage[sizeof(std::pair<K, V>)]; };
	std::vector<Bucket> buckets{std::vector<Bucket>(32)};
	Bucket *first = buckets.data();
	size_t mask = 31, size = 0;
public:
	void insert(K k, V v)
	{
		size_t i = std::hash<K>()(k) & mask;

		while (buckets[i].distance >= 0)
			i = (i + 1) & mask;
		buckets[i].distance = 0;
		new (buckets[i].storage) std::pair<K, V>(std::move(k), std::move(v));
		size++;
	}
};

/* --- JSON: a kind and a union --- */
enum class Kind : unsigned char { null, number, text, array, object };
struct Json {
	Kind kind = Kind::null;
	union {
		double number;
		std::string *text;
		std::vector<Json> *array;
		std::map<std::string, Json> *object;
	};
	Json() : number(0) {}
};

/* --- a result: the value or an error --- */
struct Failure { int code; std::string why; std::unique_ptr<Failure> cause; };
template <class T, class E> class Result {
	union { T value; E error; };
	bool ok;
public:
	Result(T v) : value(std::move(v)), ok(true) {}
	Result(E e) : error(std::move(e)), ok(false) {}
	Result(Result &&o) : ok(o.ok)
	{
		if (ok)
			new (&value) T(std::move(o.value));
		else
			new (&error) E(std::move(o.error));
	}
	~Result() { if (ok) value.~T(); else error.~E(); }
};
struct Body { std::vector<unsigned char> bytes; std::string kind; };

/* --- private half --- */
class Session {
public:
	struct Private;
	explicit Session(int n);
	~Session();
private:
	std::unique_ptr<Private> d;
};
struct Session::Private {
	Session *q;
	std::string user;
	std::map<std::string, std::string> values;
	std::chrono::steady_clock::time_point expires;
	std::vector<std::weak_ptr<int>> watchers;
};
Session::Session(int n) : d(made("web::Session::Private", new Private{this, words(n), {}, {}, {}}))
{
	d->values["cart"] = words(n + 1);
	d->values["language"] = "en";
}
Session::~Session() = default;

/* --- timers in slots of a wheel, linked by a hook in the middle --- */
struct TimerHook { TimerHook *next; TimerHook **link; };
struct Timer {
	uint64_t due;
	std::function<void()> action;
	TimerHook hook{nullptr, nullptr};
	unsigned turns;
};
struct Wheel { std::array<TimerHook *, 64> slots{}; uint64_t now = 0; };

/* --- a connection: chained buffers, a state, several interfaces --- */
struct Buffer { Buffer *next; uint32_t used, room; unsigned char data[1]; };
struct Reader { virtual ~Reader() = default; virtual void on_read(Buffer *) = 0; };
struct Writer { virtual ~Writer() = default; virtual void on_write() = 0; Buffer *out = nullptr; };
class Loop;
struct Connection : RefBase, Reader, Writer {
	int fd = -1;
	Loop *loop = nullptr;
	Buffer *in = nullptr;
	std::string peer;
	std::optional<Json> request;
	std::weak_ptr<Connection> self;
	std::list<Connection *>::iterator place;
	void on_read(Buffer *) override {}
	void on_write() override {}
};
struct TlsConnection final : Connection { std::array<unsigned char, 48> secret{}; std::unique_ptr<std::vector<std::string>> chain; };
struct Watch { Reader *reader; Writer *writer; int events; };
class Loop {
public:
	std::unordered_map<int, Watch> watches;
	std::list<Connection *> connections;
	std::deque<std::function<void()>> posted;
	std::priority_queue<std::pair<uint64_t, Timer *>> heap;
};

/* --- a router: a trie by parts of a path --- */
struct Request { SharedText path; std::vector<std::pair<SharedText, SharedText>> headers; };
using Handler = std::function<Result<Body, Failure>(const Request &)>;
struct Route {
	std::map<std::string, std::unique_ptr<Route>, std::less<>> literal;
	std::unique_ptr<Route> parameter;
	std::optional<Handler> handler;
	std::vector<std::string> names;
};

/* --- the least recently used is forgotten first; nodes carry both links --- */
struct CacheItem {
	CacheItem *older = nullptr, *newer = nullptr, *in_bucket = nullptr;
	uint32_t hash = 0;
	std::string key;
	std::shared_ptr<const Body> body;
};
struct LruCache {
	std::unique_ptr<CacheItem *[]> buckets;
	size_t n_buckets = 0;
	CacheItem *oldest = nullptr, *newest = nullptr;
};

/* --- signals and slots --- */
template <class... A> struct Signal {
	struct Slot { std::function<void(A...)> call; std::weak_ptr<void> owner; int id; };
	std::list<Slot> slots;
};
struct Logger : std::enable_shared_from_this<Logger> { std::string prefix; std::vector<std::string> lines; };

/* --- delegates: an object and a function that knows its class --- */
template <class R, class... A> class Delegate {
	void *object = nullptr;
	R (*call)(void *, A...) = nullptr;
public:
	template <class T, R (T::*method)(A...)> static Delegate of(T *t)
	{
		Delegate d;

		d.object = t;
		d.call = [](void *o, A... a) -> R { return (static_cast<T *>(o)->*method)(a...); };
		return d;
	}
	R operator()(A... a) const { return call(object, a...); }
};
struct Meter { std::vector<double> samples; std::string unit; void add(int x) { samples.push_back(x); } };
struct Gauge { std::map<int, int> seen; double last = 0; void set(int x) { seen[x]++; } };

/* --- interned names, by view into what owns them --- */
struct Symbol { std::string text; size_t hash; unsigned uses; };
struct SymbolHash {
	using is_transparent = void;
	size_t operator()(const std::unique_ptr<Symbol> &s) const { return s->hash; }
};

/* --- an expression tree of nodes in an arena, and of variants --- */
class Bump {
	std::vector<char *> slabs;
	size_t used = 4096;
public:
	template <class T, class... A> T *make(A &&...a)
	{
		if (used + sizeof(T) > 4096) {
			slabs.push_back(static_cast<char *>(malloc(4096)));
			truth("-", slabs.back());
			used = 0;
		}
		T *t = new (slabs.back() + used) T{std::forward<A>(a)...};
		used += (sizeof(T) + 15) & ~size_t(15);
		return t;
	}
};
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct Number { double value; };
struct Variable { std::string name; };
struct Call { std::string function; std::vector<ExprPtr> arguments; };
struct Binary { char op; ExprPtr left, right; };
struct Expr { std::variant<Number, Variable, Call, Binary> node; int line = 0; };
struct Token { const char *from; unsigned n; Token *next; };

/* --- tagged unions of the kind that compilers have --- */
struct Type { unsigned kind; std::vector<Packed<Type>> parts; std::string name; };

/* --- coroutines: an eager task, a generator, tasks that wait for tasks --- */
template <class T> struct Task {
	struct promise_type {
		std::coroutine_handle<> waiter;
		std::variant<std::monostate, T, std::exception_ptr> result;
		Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
		std::suspend_always initial_suspend() noexcept { return {}; }
		struct Final {
			bool await_ready() noexcept { return false; }
			std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept
			{
				return h.promise().waiter ? h.promise().waiter : std::noop_coroutine();
			}
			void await_resume() noexcept {}
		};
		Final final_suspend() noexcept { return {}; }
		void return_value(T v) { result.template emplace<1>(std::move(v)); }
		void unhandled_exception() { result.template emplace<2>(std::current_exception()); }
	};
	std::coroutine_handle<promise_type> handle;
	explicit Task(std::coroutine_handle<promise_type> h) : handle(h) {}
	Task(Task &&o) noexcept : handle(std::exchange(o.handle, {})) {}
	~Task() { if (handle) handle.destroy(); }
	bool await_ready() { return false; }
	std::coroutine_handle<> await_suspend(std::coroutine_handle<> w)
	{
		handle.promise().waiter = w;
		return handle;
	}
	T await_resume() { return std::move(std::get<1>(handle.promise().result)); }
};
struct Event {
	std::vector<std::coroutine_handle<>> waiting;
	bool await_ready() { return false; }
	void await_suspend(std::coroutine_handle<> h) { waiting.push_back(h); }
	void await_resume() {}
};
template <class T> struct Generator {
	struct promise_type {
		T current{};
		Generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
		std::suspend_always initial_suspend() noexcept { return {}; }
		std::suspend_always final_suspend() noexcept { return {}; }
		std::suspend_always yield_value(T v) { current = std::move(v); return {}; }
		void return_void() {}
		void unhandled_exception() {}
	};
	std::coroutine_handle<promise_type> handle;
};

struct Row { int id; std::string name; std::vector<int> scores; };

static Task<std::string> fetch(Event &ready, std::shared_ptr<Row> row, std::string key)
{
	std::vector<std::string> parts{key, row->name};

	co_await ready;
	co_return parts[0] + parts[1];
}

static Task<int> serve(Event &ready, int n)
{
	auto row = std::make_shared<Row>(Row{n, words(n), {1, 2, 3}});
	std::string got = co_await fetch(ready, row, words(n));

	co_return (int)got.size() + row->id;
}

static Generator<std::unique_ptr<Row>> rows(int n)
{
	for (int i = 0; i < n; i++) {
		std::unique_ptr<Row> row(made("web::Row", new Row));

		row->name = words(i);
		co_yield std::move(row);
	}
}

struct Service {
	Loop loop;
	Wheel wheel;
	Route root;
	LruCache cache;
	std::vector<std::unique_ptr<Session>> sessions;
	std::unordered_map<std::string, std::shared_ptr<Session>> by_token;
	std::vector<Ref<Connection>> connections;
	SwissMap<std::string, std::unique_ptr<Row>> swiss{64};
	RobinMap<int, std::string> robin;
	std::vector<Json> documents;
	std::vector<Result<Body, Failure>> results;
	Signal<int, std::string> changed;
	std::vector<std::shared_ptr<Logger>> loggers;
	std::vector<Delegate<void, int>> delegates;
	std::unordered_set<std::unique_ptr<Symbol>, SymbolHash> symbols;
	std::vector<SharedText> texts;
	std::vector<std::unique_ptr<Roomy<SharedText, 2>>> roomy;
	std::vector<std::unique_ptr<Roomy<Row *, 4>>> roomy_rows;
	SharedArray<SharedText> list;
	Bump bump;
	Token *tokens = nullptr;
	std::vector<ExprPtr> expressions;
	std::vector<Type *> types;
	std::vector<Packed<Type>> roots;
	Event ready;
	std::vector<Task<int>> tasks;
	std::vector<Generator<std::unique_ptr<Row>>> generators;
	std::map<std::pair<int, std::string>, std::tuple<std::string, std::set<int>, double>> index;
	std::multiset<std::shared_ptr<Row>> rows;
	std::vector<std::unique_ptr<Row[]>> tables;
	std::queue<std::variant<int, std::string, std::shared_ptr<Row>>> mailbox;
	std::array<std::vector<std::optional<Row>>, 4> shards;
	Row **sparse = nullptr;
	size_t n_sparse = 0;
	std::mutex lock;
};

static Service *service;

static Json json(int depth, int i)
{
	Json j;

	switch (depth == 0 ? i % 2 : 2 + i % 2) {
	case 0:
		j.kind = Kind::number;
		j.number = i + 0.5;
		break;
	case 1:
		j.kind = Kind::text;
		j.text = made("std::string", new std::string(words(i)));
		break;
	case 2:
		j.kind = Kind::array;
		j.array = made("std::vector<web::Json>", new std::vector<Json>);
		for (int k = 0; k < 3; k++)
			j.array->push_back(json(depth - 1, i + k));
		break;
	default:
		j.kind = Kind::object;
		j.object = made("std::map<std::string, web::Json>", new std::map<std::string, Json>);
		for (int k = 0; k < 2; k++)
			(*j.object)[words(k)] = json(depth - 1, i + k);
		break;
	}
	return j;
}

static Buffer *buffer(int i, size_t room)
{
	auto b = static_cast<Buffer *>(malloc(sizeof(Buffer) + room));

	truth("web::Buffer", b);
	b->next = nullptr;
	b->used = b->room = (uint32_t)room;
	memset(b->data, 'a' + i % 26, room);
	return b;
}

static void fill_connections(Service &s)
{
	for (int i = 0; i < 50; i++) {
		Connection *c = i % 3 ? made("web::Connection", new Connection)
				      : made("web::TlsConnection", new TlsConnection);

		c->fd = i;
		c->loop = &s.loop;
		c->peer = words(i);
		c->in = buffer(i, (size_t)100 + 64 * ((size_t)i % 3));
		c->in->next = i % 2 ? buffer(i, 500) : nullptr;
		c->out = buffer(i, 40);
		if (i % 3 == 0)
			static_cast<TlsConnection *>(c)->chain = std::make_unique<std::vector<std::string>>(2, words(i));
		if (i % 4)
			c->request = json(1, i);
		s.loop.connections.push_front(c);
		c->place = s.loop.connections.begin();
		s.loop.watches[i] = Watch{c, i % 2 ? c : nullptr, 3};
		s.connections.emplace_back(c);
		Timer *t = made("web::Timer", new Timer);
		TimerHook **slot = &s.wheel.slots[(size_t)i % 7];
		t->due = 1000u + (unsigned)i;
		t->turns = (unsigned)i % 2;
		t->action = [c, text = words(i)] { (void)text; c->fd = 0; };
		t->hook.next = *slot;
		t->hook.link = slot;
		if (*slot)
			(*slot)->link = &t->hook.next;
		*slot = &t->hook;
		if (i % 5 == 0)
			s.loop.heap.emplace(t->due, t);
		s.loop.posted.emplace_back([r = Ref<Connection>(c)] { r->fd = 1; });
	}
}

static Result<Body, Failure> answer(int i)
{
	if (i % 3 == 0)
		return Failure{i, words(i), std::make_unique<Failure>(Failure{1, words(1), nullptr})};
	return Body{std::vector<unsigned char>(77, (unsigned char)(200 + i)), words(i)};
}

static void fill_routes(Service &s)
{
	static const char *const parts[] = { "users", "orders", "items of a long name that is not inside", "login" };

	for (int i = 0; i < 40; i++) {
		Route *at = &s.root;

		for (int k = 0; k < 1 + i % 3; k++) {
			auto &next = (i + k) % 5 == 4 ? at->parameter : at->literal[parts[(i * 7 + k) % 4]];

			if (!next)
				next = std::make_unique<Route>();
			at = next.get();
			at->names.push_back(words(k));
		}
		at->handler = [text = words(i), i](const Request &) { return answer(i + (int)text.size()); };
		s.results.push_back(answer(i));
	}
}

static void fill_caches(Service &s)
{
	s.cache.n_buckets = 64;
	s.cache.buckets.reset(made("web::CacheItem *", new CacheItem *[64]()));
	for (int i = 0; i < 60; i++) {
		CacheItem *c = made("web::CacheItem", new CacheItem);

		c->key = words(i);
		c->hash = (uint32_t)std::hash<std::string>()(c->key);
		c->body = std::make_shared<Body>(Body{std::vector<unsigned char>(50, 0xfe), words(i)});
		c->older = s.cache.newest;
		if (s.cache.newest)
			s.cache.newest->newer = c;
		else
			s.cache.oldest = c;
		s.cache.newest = c;
		c->in_bucket = s.cache.buckets[c->hash % 64];
		s.cache.buckets[c->hash % 64] = c;
		s.sessions.push_back(std::make_unique<Session>(i));
		s.by_token[words(i)] = std::make_shared<Session>(i);
		if (i < 40)
			s.swiss.insert(words(i), std::unique_ptr<Row>(made("web::Row", new Row{i, words(i), {i, i}})));
		if (i < 20)
			s.robin.insert(i, words(i));
		s.documents.push_back(json(2, i));
		s.symbols.insert(std::unique_ptr<Symbol>(made("web::Symbol", new Symbol{words(i), (size_t)i * 977, 1})));
	}
}

static void fill_signals(Service &s)
{
	for (int i = 0; i < 30; i++) {
		auto logger = std::make_shared<Logger>();

		logger->prefix = words(i);
		logger->lines.assign(3, words(i));
		s.changed.slots.push_back({[logger](int, const std::string &line) { logger->lines.push_back(line); }, logger, i});
		s.loggers.push_back(logger);
		if (i % 2) {
			auto m = made("web::Meter", new Meter);

			m->samples.assign(5, 1.5);
			m->unit = words(i);
			s.delegates.push_back(Delegate<void, int>::of<Meter, &Meter::add>(m));
		} else {
			auto g = made("web::Gauge", new Gauge);

			g->seen[i] = 1;
			s.delegates.push_back(Delegate<void, int>::of<Gauge, &Gauge::set>(g));
		}
	}
}

static void fill_texts(Service &s)
{
	for (int i = 0; i < 40; i++) {
		s.texts.emplace_back(words(i).c_str());
		s.list = i % 8 ? s.list : SharedArray<SharedText>();
		s.list.append(s.texts.back());
		s.roomy.push_back(std::make_unique<Roomy<SharedText, 2>>());
		s.roomy_rows.push_back(std::make_unique<Roomy<Row *, 4>>());
		for (int k = 0; k < i % 5; k++)
			s.roomy.back()->push(s.texts[(size_t)(i * k) % s.texts.size()]);
		if (s.roomy.back()->block())
			truth("web::SharedText", s.roomy.back()->block());
		for (int k = 0; k < i % 9; k++)
			s.roomy_rows.back()->push(made("web::Row", new Row{k, words(k), {}}));
		if (s.roomy_rows.back()->block())
			truth("web::Row *", s.roomy_rows.back()->block());
	}
}

static ExprPtr expression(int depth, int i)
{
	auto e = std::make_unique<Expr>();

	truth("web::Expr", e.get());
	e->line = i;
	if (depth == 0 && i % 2)
		e->node = Number{i * 0.5};
	else if (depth == 0)
		e->node = Variable{words(i)};
	else if (i % 3 == 0)
		e->node = Binary{'+', expression(depth - 1, i + 1), expression(depth - 1, i + 2)};
	else {
		Call call{words(i), {}};

		for (int k = 0; k < 3; k++)
			call.arguments.push_back(expression(depth - 1, i + k));
		e->node = std::move(call);
	}
	return e;
}

static void fill_compiler(Service &s)
{
	static const char text[] = "a program of many tokens, in read-only memory";

	for (int i = 0; i < 300; i++)
		s.tokens = s.bump.make<Token>(text + i % 40, (unsigned)i % 5, s.tokens);
	for (int i = 0; i < 20; i++)
		s.expressions.push_back(expression(3, i));
	for (int i = 0; i < 50; i++) {
		Type *t = made("web::Type", new Type);

		t->kind = (unsigned)i % 3;
		t->name = words(i);
		for (int k = 0; k < i % 4; k++)
			t->parts.emplace_back(s.roots[(size_t)(i * k) % s.roots.size()].get(), (unsigned)k % 3);
		s.roots.emplace_back(t, (unsigned)i % 3);
		if (i % 10 == 0)
			s.types.push_back(t);
	}
}

static void fill_tasks(Service &s)
{
	for (int i = 0; i < 24; i++) {
		s.tasks.push_back(serve(s.ready, i));
		truth("coroutine serve", s.tasks.back().handle.address());
		s.tasks.back().handle.resume();
		truth("coroutine fetch", s.ready.waiting.back().address());
		s.generators.push_back(rows(i));
		truth("coroutine rows", s.generators.back().handle.address());
		s.generators.back().handle.resume();
	}
	for (int i = 0; i < 12; i++) {
		auto forgotten = rows(i + 1);

		truth("coroutine rows", forgotten.handle.address());
		forgotten.handle.resume();
		auto lost = std::make_shared<Logger>();
		lost->prefix = words(i);
		lost->lines.push_back(words(i));
		new std::shared_ptr<Logger>(lost);
	}
}

static void fill_rest(Service &s)
{
	s.n_sparse = 200;
	s.sparse = made("web::Row *", new Row *[200]());
	for (int i = 0; i < 30; i++) {
		auto row = std::make_shared<Row>(Row{i, words(i), {1, 2, i}});

		s.index[{i, words(i)}] = {words(i + 1), {i, i + 1}, 0.25};
		s.rows.insert(row);
		s.tables.emplace_back(new Row[(size_t)i % 4 + 1]);
		truth("web::Row", s.tables.back().get());
		for (int k = 0; k <= i % 4; k++)
			s.tables.back()[(size_t)k] = Row{k, words(k), {k}};
		if (i % 3 == 0)
			s.mailbox.emplace(i);
		else if (i % 3 == 1)
			s.mailbox.emplace(words(i));
		else
			s.mailbox.emplace(row);
		s.shards[(size_t)i % 4].emplace_back();
		if (i % 2)
			s.shards[(size_t)i % 4].back() = Row{i, words(i), {i}};
		s.sparse[i * 6] = made("web::Row", new Row{i, words(i), {9}});
	}
}

} // namespace web

int main(int argc, char **argv)
{
	truths_begin(argc, argv);
	web::service = made("web::Service", new web::Service);
	web::fill_connections(*web::service);
	web::fill_routes(*web::service);
	web::fill_caches(*web::service);
	web::fill_signals(*web::service);
	web::fill_texts(*web::service);
	web::fill_compiler(*web::service);
	web::fill_tasks(*web::service);
	web::fill_rest(*web::service);
	truths_end();
	return 0;
}
