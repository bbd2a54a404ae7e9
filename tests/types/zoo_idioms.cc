/* SPDX-License-Identifier: MIT */
/*
 * Data structures that C++ programs write themselves: intrusive lists and
 * trees, small vectors, open hash tables, pools and arenas, tagged pointers,
 * tables of functions in place of virtual ones, and the ways in which classes
 * are put together. Each block that is made here says what it is.
 */
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "tests/types/truth.hh"

namespace shop {

/* --- hooks: a base hook and a member hook --- */
struct Hook { Hook *next = nullptr, *prev = nullptr; };

template <class T> struct BaseList {
	Hook head;
	BaseList() { head.next = head.prev = &head; }
	void push(T *t)
	{
		Hook *h = t;

		h->next = &head;
		h->prev = head.prev;
		head.prev->next = h;
		head.prev = h;
	}
};

struct Order : Hook {
	unsigned number = 0;
	std::string customer;
	std::vector<int> items;
};

struct Visit {
	uint64_t at = 0;
	Hook by_time;		/* member hooks, two of them */
	Hook by_shop;
	std::string who;
};

template <class T, Hook T::*member> struct MemberList {
	Hook head;
	MemberList() { head.next = head.prev = &head; }
	void push(T *t)
	{
		Hook *h = &(t->*member);

		h->next = &head;
		h->prev = head.prev;
		head.prev->next = h;
		head.prev = h;
	}
};

/* --- a tree with hooks as a base that is not the first --- */
struct TreeHook { TreeHook *up = nullptr, *left = nullptr, *right = nullptr; int color = 0; };
struct Named { std::string name; };
struct Price : Named, TreeHook { double amount = 0; Price *alternative = nullptr; };

/* --- curiously recurring, and an empty base --- */
template <class T> struct Counted { int refs = 0; T *next_free = nullptr; };
struct Empty {};
struct Image : Counted<Image>, Empty { unsigned width = 0, height = 0; unsigned char *pixels = nullptr; };
template <class T> struct IntrusivePtr {
	T *p = nullptr;
	void reset(T *q) { p = q; q->refs++; }
};

/* --- several bases with virtual functions; held by the second only --- */
struct Readable { virtual ~Readable() = default; virtual int read() = 0; };
struct Writable { virtual ~Writable() = default; virtual int write(int) = 0; };
struct Closable { virtual ~Closable() = default; virtual void close() {} int fd = -1; };
struct Pipe : Readable, Writable, Closable {
	std::string buffer;
	int read() override { return 0; }
	int write(int x) override { return x; }
};
struct Device : virtual Closable { int id = 0; };
struct Disk : Device, virtual Readable { std::vector<char> cache; int read() override { return 1; } };

/* --- a pointer with a deleter of its own, functions as handlers --- */
struct Close { void operator()(struct Handle *h) const; };
struct Handle { int fd; char path[52]; };
void Close::operator()(Handle *h) const { delete h; }
struct FreeIt { void operator()(void *p) const { free(p); } };

/* --- type erasure by a table of functions --- */
struct Operations { void (*destroy)(void *); int (*call)(void *, int); const char *name; };
struct Erased { const Operations *ops; void *object; };
struct Adder { int add; std::string label; };
struct Table { std::vector<int> table; int missing = 0; };
template <class T> void destroy(void *p) { delete static_cast<T *>(p); }
int call_adder(void *p, int x) { return static_cast<Adder *>(p)->add + x; }
int call_table(void *p, int x) { return static_cast<Table *>(p)->table[(size_t)x]; }
const Operations adder_operations = { destroy<Adder>, call_adder, "adder" };
const Operations table_operations = { destroy<Table>, call_table, "table" };

/* --- a vector with room inside --- */
template <class T, unsigned N> class SmallVector {
	uint32_t n = 0, cap = N;
	union { T *heap; alignas(T) unsigned char inside[N * sizeof(T)]; };
public:
	SmallVector() { memset(inside, 0, sizeof(inside)); }
	SmallVector(const SmallVector &) = delete;
	T *data() { return cap > N ? heap : reinterpret_cast<T *>(inside); }
	bool on_heap() const { return cap > N; }
	void push(const T &v)
	{
		if (n == cap) {
			T *more = static_cast<T *>(malloc(sizeof(T) * cap * 2));

			memcpy(static_cast<void *>(more), data(), sizeof(T) * n);
			if (on_heap())
				free(heap);
			cap *= 2;
			heap = more;
		}
		new (data() + n++) T(v);
	}
};

struct Cell { int row, column; double value; };
struct Sheet { SmallVector<Cell, 2> cells; SmallVector<Sheet *, 2> children; int id = 0; };

/* --- open addressing, control bytes before the slots --- */
template <class K, class V> class FlatTable {
public:
	struct Slot { K key; V value; };
private:
	signed char *control = nullptr;
	Slot *slots = nullptr;
	size_t used = 0, mask = 0;
	static size_t ahead(size_t n) { return (n + 16 + alignof(Slot) - 1) & ~(alignof(Slot) - 1); }
public:
	explicit FlatTable(size_t n) : mask(n - 1)
	{
		char *all = static_cast<char *>(malloc(ahead(n) + n * sizeof(Slot)));

		control = reinterpret_cast<signed char *>(all);
		memset(control, -128, ahead(n));
		slots = reinterpret_cast<Slot *>(all + ahead(n));
	}
	void insert(const K &k, const V &v)
	{
		size_t i = std::hash<K>()(k) & mask;

		while (control[i] != -128)
			i = (i + 1) & mask;
		control[i] = 7;
		new (slots + i) Slot{k, v};
		used++;
	}
	const void *block() const { return control; }
};

/* --- a sorted vector as a map --- */
template <class K, class V> struct FlatMap {
	std::vector<std::pair<K, V>> sorted;
	void insert(K k, V v) { sorted.emplace_back(std::move(k), std::move(v)); }
};

/* --- memory that objects are placed into --- */
struct Arena {
	struct Chunk { Chunk *next; size_t used; };
	Chunk *chunks = nullptr;
	void *take(size_t n)
	{
		if (!chunks || chunks->used + n > 4096) {
			Chunk *c = static_cast<Chunk *>(malloc(4096));

			c->next = chunks;
			c->used = sizeof(Chunk);
			truth("-", c);
			chunks = c;
		}
		void *p = reinterpret_cast<char *>(chunks) + chunks->used;

		chunks->used += (n + 7) & ~size_t(7);
		return p;
	}
};
struct Expression { int op; Expression *left, *right; const char *text; };

template <class T> struct Pool {
	union Slot { T object; Slot *next_free; Slot() {} ~Slot() {} };
	struct Slab { Slab *next; Slot slots[30]; };
	Slab *slabs = nullptr;
	Slot *free_list = nullptr;
	T *take()
	{
		if (!free_list) {
			Slab *s = made("shop::Pool<shop::Particle>::Slab", new Slab);

			s->next = slabs;
			slabs = s;
			for (Slot &slot : s->slots) {
				slot.next_free = free_list;
				free_list = &slot;
			}
		}
		Slot *slot = free_list;
		free_list = slot->next_free;
		return new (&slot->object) T;
	}
};
struct Particle { double x = 1, y = 2, z = 3; Order *cause = nullptr; int kind = 1; };

/* --- pointers with a bit that says what they point at --- */
struct Branch { uintptr_t child[4]; uint64_t prefix; };
struct Leaf { std::string key; uint64_t value; };

/* --- atomic pointers, a stack without locks, and a skip list --- */
struct Job { std::atomic<Job *> next{nullptr}; void (*run)(Job *); uint64_t deadline; };
struct FileJob : Job { char name[40]; int descriptor; };
struct Skip { int key; int level; Skip *next[1]; };

/* --- observers: raw pointers back and forth --- */
struct Subject;
struct Observer { virtual ~Observer() = default; virtual void notify(Subject &) = 0; };
struct Subject { std::vector<Observer *> observers; std::string topic; };
struct Printer : Observer { Subject *subject = nullptr; char prefix[24]; void notify(Subject &) override {} };
struct Counter : Observer { Subject *subject = nullptr; uint64_t n = 0; void notify(Subject &) override { n++; } };

/* --- a class with virtual functions as first member, not as base --- */
struct Desk { Counter counter; std::vector<int> papers; std::string owner; };

struct Shop {
	BaseList<Order> orders;
	MemberList<Visit, &Visit::by_time> by_time;
	MemberList<Visit, &Visit::by_shop> by_shop;
	TreeHook *prices = nullptr;
	std::vector<IntrusivePtr<Image>> images;
	std::vector<Writable *> writers;
	std::vector<Readable *> readers;
	std::vector<Closable *> closables;
	std::vector<std::unique_ptr<Handle, Close>> handles;
	std::unique_ptr<char, FreeIt> text;
	std::vector<Erased> erased;
	std::vector<Sheet *> sheets;
	FlatTable<int, Cell> flat{128};
	FlatTable<std::string, Order *> flat_orders{64};
	FlatMap<std::string, Cell> sorted;
	std::map<std::string_view, Order *> by_customer;
	Arena arena;
	Expression *expression = nullptr;
	Pool<Particle> particles;
	std::vector<Particle *> alive;
	uintptr_t radix = 0;
	std::atomic<Job *> jobs{nullptr};
	Skip *skip = nullptr;
	std::vector<std::unique_ptr<Subject>> subjects;
	Order *counted_array = nullptr;
	Pipe *pipe_array = nullptr;
	char **lines = nullptr;
	double **matrix = nullptr;
	std::vector<Desk *> desks;
};

Shop *shop;

static void fill_hooks(Shop &s)
{
	for (int i = 0; i < 60; i++) {
		Order *o = made("shop::Order", new Order);
		Visit *v = made("shop::Visit", new Visit);
		Price *p = made("shop::Price", new Price);
		Image *m = made("shop::Image", new Image);

		o->number = (unsigned)i;
		o->customer = words(i);
		o->items.assign((size_t)i % 9 + 1, i);
		s.orders.push(o);
		v->at = 1700000000u + (unsigned)i;
		v->who = words(i);
		s.by_time.push(v);
		if (i % 3 == 0)
			s.by_shop.push(v);
		p->name = words(i);
		p->amount = i * 1.25;
		TreeHook **at = &s.prices, *up = nullptr;
		while (*at) {
			up = *at;
			at = i * 7919 % 1000 < (*at)->color ? &up->left : &up->right;
		}
		p->up = up;
		p->color = i * 7919 % 1000;
		*at = p;
		m->width = m->height = 8;
		m->pixels = made("unsigned char", new unsigned char[192]);
		memset(m->pixels, 0x81 + i, 192);
		s.images.emplace_back();
		s.images.back().reset(m);
		s.by_customer[o->customer] = o;
		s.flat.insert(i, Cell{i, i, 1.5});
		if (i < 40)
			s.flat_orders.insert(o->customer, o);
		s.sorted.insert(words(i), Cell{i, 1, 2.5});
	}
	truth("-", s.flat.block());
	truth("-", s.flat_orders.block());
}

static void fill_classes(Shop &s)
{
	for (int i = 0; i < 30; i++) {
		Pipe *p = made("shop::Pipe", new Pipe);

		p->buffer = words(i);
		s.writers.push_back(p);
		p = made("shop::Pipe", new Pipe);
		s.closables.push_back(p);
		Disk *d = made("shop::Disk", new Disk);
		d->cache.assign(100, 'c');
		if (i % 2)
			s.readers.push_back(d);
		else
			s.closables.push_back(d);
		Handle *h = made("shop::Handle", new Handle{});
		snprintf(h->path, sizeof(h->path), "/var/lib/shop/%d", i);
		s.handles.emplace_back(h);
		if (i % 2)
			s.erased.push_back({&adder_operations, made("shop::Adder", new Adder{i, words(i)})});
		else
			s.erased.push_back({&table_operations, made("shop::Table", new Table{std::vector<int>(5, i), 0})});
		auto subject = std::make_unique<Subject>();
		truth("shop::Subject", subject.get());
		Desk *desk = made("shop::Desk", new Desk);
		desk->papers.assign(9, i);
		desk->owner = words(i);
		s.desks.push_back(desk);
		subject->topic = words(i);
		for (int k = 0; k < i % 4; k++) {
			auto printer = made("shop::Printer", new Printer);
			auto counter = made("shop::Counter", new Counter);

			printer->subject = counter->subject = subject.get();
			subject->observers.push_back(printer);
			subject->observers.push_back(counter);
		}
		s.subjects.push_back(std::move(subject));
	}
	s.text.reset(made("char", strdup("a text that malloc made for a unique_ptr")));
	s.counted_array = new Order[7];
	truth("shop::Order", s.counted_array);
	for (int i = 0; i < 7; i++)
		s.counted_array[i].customer = words(i);
	s.pipe_array = new Pipe[5];
	truth("shop::Pipe", s.pipe_array);
}

static void fill_memory(Shop &s)
{
	Sheet *before = nullptr;

	for (int i = 0; i < 40; i++) {
		Sheet *sheet = made("shop::Sheet", new Sheet);

		sheet->id = i;
		for (int k = 0; k <= i % 6; k++) {
			sheet->cells.push(Cell{i, k, 0.5});
			if (before)
				sheet->children.push(before);
		}
		if (sheet->cells.on_heap())
			truth("shop::Cell", sheet->cells.data());
		if (sheet->children.on_heap())
			truth("shop::Sheet*", sheet->children.data());
		s.sheets.push_back(sheet);
		before = sheet;
	}
	for (int i = 0; i < 300; i++) {
		auto e = static_cast<Expression *>(s.arena.take(sizeof(Expression)));
		char *text = static_cast<char *>(s.arena.take(24));

		snprintf(text, 24, "expression %d", i);
		*e = Expression{i, s.expression, nullptr, text};
		s.expression = e;
		s.alive.push_back(s.particles.take());
	}
}

static void fill_pointers(Shop &s)
{
	for (int i = 0; i < 50; i++) {
		Branch *b = made("shop::Branch", new Branch{});
		Leaf *l = made("shop::Leaf", new Leaf{words(i), (uint64_t)i});

		b->child[0] = s.radix;
		b->child[2] = reinterpret_cast<uintptr_t>(l) | 1;
		s.radix = reinterpret_cast<uintptr_t>(b);
		Job *j = i % 2 ? made("shop::Job", new Job) : made("shop::FileJob", new FileJob);
		j->run = i % 2 ? [](Job *) {} : [](Job *job) { static_cast<FileJob *>(job)->descriptor = 1; };
		j->deadline = 1000 + (unsigned)i;
		j->next = s.jobs.load();
		s.jobs = j;
		int level = i % 4;
		auto k = static_cast<Skip *>(calloc(1, sizeof(Skip) + (size_t)level * sizeof(Skip *)));
		truth("shop::Skip", k);
		k->key = i;
		k->level = level + 1;
		for (int n = 0; n <= level; n++)
			k->next[n] = s.skip;
		s.skip = k;
	}
	s.lines = made("char*", new char *[20]);
	s.matrix = made("double*", new double *[20]);
	for (int i = 0; i < 20; i++) {
		s.lines[i] = made("char", strdup(words(i).c_str()));
		s.matrix[i] = made("double", new double[16]);
		for (int k = 0; k < 16; k++)
			s.matrix[i][k] = i * 0.1 + k;
	}
}

} // namespace shop

int main(int argc, char **argv)
{
	truths_begin(argc, argv);
	shop::shop = made("shop::Shop", new shop::Shop);
	shop::fill_hooks(*shop::shop);
	shop::fill_classes(*shop::shop);
	shop::fill_memory(*shop::shop);
	shop::fill_pointers(*shop::shop);
	truths_end();
	return 0;
}
