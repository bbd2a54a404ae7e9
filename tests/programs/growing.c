/* SPDX-License-Identifier: MIT */
/*
 * A process that grows in three known stages, and stops itself after each.
 *
 * Each time it prints its live blocks as one line of JSON:
 *     {"pid": N, "blocks": [["0xADDR", usable bytes, "type", lost], ...]}
 * The record lies in a mapping of its own, addresses inverted, and the line
 * is written without stdio: nothing but what is recorded changes in the heap.
 */
#include <string.h>

#include "samples/truth.h"

enum { MAX_BLOCKS = 4096, MAX_LINE = 1 << 20 };

struct body {
	char text[360];
	double score;
};

struct page {
	struct page *next;
	struct body *body;
	uint64_t id;
};

struct small_index {
	uint64_t used;
	double weight[127];
};

struct big_index {
	uint64_t used;
	double weight[1023];
};

/* Of one size: the second is put where the first was. */
struct visitor {
	struct visitor *next;
	char name[88];
};

struct counter {
	struct counter *next;
	double values[11];
};

struct ticket {
	uint64_t number;
	double price;
	char seat[36];
};

struct page *pages;
struct small_index *small_index;
struct big_index *big_index;
struct visitor *visitors;
struct counter *counters;

static struct record {
	size_t n;
	struct {
		uintptr_t inverted;
		const char *type;
		int lost;
	} blocks[MAX_BLOCKS];
	char line[MAX_LINE];
} *record;

static void *note(void *block, const char *type, int lost)
{
	if (!block || record->n == MAX_BLOCKS)
		abort();
	record->blocks[record->n].inverted = ~(uintptr_t)block;
	record->blocks[record->n].type = type;
	record->blocks[record->n++].lost = lost;
	return block;
}

static void forget(void *block)
{
	size_t i = 0;

	while (record->blocks[i].inverted != ~(uintptr_t)block)
		i++;
	record->blocks[i] = record->blocks[--record->n];
	free(block);
}

static void add_pages(unsigned n)
{
	static uint64_t next_id;

	for (unsigned i = 0; i < n; i++) {
		struct page *page = note(calloc(1, sizeof(*page)), "page", 0);

		page->body = note(calloc(1, sizeof(*page->body)), "body", 0);
		page->body->score = 0.25;
		page->id = next_id++;
		page->next = pages;
		pages = page;
	}
}

static void replace_index(void)
{
	big_index = note(calloc(1, sizeof(*big_index)), "big_index", 0);
	big_index->weight[7] = small_index->weight[7];
	forget(small_index);
	small_index = NULL;
}

static void add_visitors(unsigned n)
{
	while (n-- > 0) {
		struct visitor *v = note(calloc(1, sizeof(*v)), "visitor", 0);

		snprintf(v->name, sizeof(v->name), "visitor number %u", n);
		v->next = visitors;
		visitors = v;
	}
}

static void replace_visitors(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct visitor *v = visitors;

		visitors = v->next;
		forget(v);
	}
	while (n-- > 0) {
		struct counter *c = note(calloc(1, sizeof(*c)), "counter", 0);

		c->values[0] = 1.5;
		c->next = counters;
		counters = c;
	}
}

TRUTH_APART static void lose_tickets(unsigned n)
{
	while (n-- > 0) {
		struct ticket *t = note(calloc(1, sizeof(*t)), "ticket", 1);

		t->number = 1000 + n;
		t->price = 9.5;
		snprintf(t->seat, sizeof(t->seat), "row %u in the middle", n);
	}
}

static void print(size_t *len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	*len += (size_t)vsnprintf(record->line + *len, MAX_LINE - *len, format,
				  args);
	va_end(args);
	if (*len >= MAX_LINE)
		abort();
}

TRUTH_APART static void publish(void)
{
	size_t len = 0, done = 0;

	print(&len, "{\"pid\": %d, \"blocks\": [", (int)getpid());
	for (size_t i = 0; i < record->n; i++) {
		void *block = (void *)~record->blocks[i].inverted;

		print(&len, "%s[\"%p\", %zu, \"%s\", %d]", i ? ", " : "", block,
		      malloc_usable_size(block), record->blocks[i].type,
		      record->blocks[i].lost);
	}
	print(&len, "]}\n");
	while (done < len) {
		ssize_t n = write(STDOUT_FILENO, record->line + done,
				  len - done);

		if (n <= 0)
			abort();
		done += (size_t)n;
	}
	memset(record->line, 0, len);
}

static void stop(void)
{
	publish();
	truth_scrub();
	raise(SIGSTOP);
}

TRUTH_APART static void stage_one(void)
{
	add_pages(300);
	small_index = note(calloc(1, sizeof(*small_index)), "small_index", 0);
	small_index->weight[7] = 0.5;
	add_visitors(40);
	lose_tickets(5);
}

TRUTH_APART static void stage_two(void)
{
	add_pages(200);
	replace_index();
	replace_visitors(30);
	lose_tickets(20);
}

TRUTH_APART static void stage_three(void)
{
	add_pages(100);
	lose_tickets(1);
}

int main(void)
{
	void *volatile first = malloc(700);

	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (record == MAP_FAILED)
		abort();
	/* The allocator's own state looks like itself from the first free on. */
	free(first);
	stage_one();
	stop();
	stage_two();
	stop();
	stage_three();
	stop();
	return 0;
}
