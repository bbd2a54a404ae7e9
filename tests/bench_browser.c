/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How long the browser takes to answer keys on heaps of millions of blocks.
 *
 *     bench_browser [MILLIONS OF BLOCKS...]    (1 10 unless given)
 *
 * Each line is one step: the slowest of its keys, from the key to the drawn
 * grid, in milliseconds of processor time and of the wall clock, which is held
 * against the budget; then the longest time in which no other key was looked
 * for, so that the work could not have been cancelled. Facts are made by hand,
 * with all that an index keeps, and their memory is a file in memory: opening
 * and unpacking a snapshot and putting the grid on a terminal are not in the
 * figures.
 *
 * The heap is a server's: one array holds the sessions, which are half of all
 * blocks and all refer to one configuration; every session holds a text or an
 * item of a thousand other types. One pair of sessions in 64 is lost, as a
 * cycle. A step that does not lead where it should ends the program.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/states.h"
#include "base/progress.h"
#include "tests/aid_graph.h"
#include "tests/make_core.h"
#include "tui/browser.h"

enum {
	MILLION = 1000000, ROWS = 50, COLS = 160,
	FIRST_SCREEN_MS = 300, KEY_MS = 50,
	DATA = 0x600000, STACK = 0x700000, HEAP = 0x10000000, SPAN = 0x1000,
	STRIDE = 48, N_ITEM_TYPES = 1000, LOST_ONE_IN = 64,
};

/* Nodes with a part of their own; fours of blocks follow. */
enum { CONFIG, TABLE, FIRST_FOUR };
enum { FOUR_READER, FOUR_NAME, FOUR_WRITER, FOUR_ITEM };

/* Types by number, until the image is there that has a table for them. */
enum { MADE_NONE, MADE_SESSION, MADE_POINTER, MADE_ITEM };

struct maker {
	struct make_core core;
	struct facts *f;
	VEC(struct edge) edges;
	uint64_t table_bytes;
	uint64_t seed;
};

static void must(bool ok, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "bench_browser: %s\n",
		err && err->message[0] ? err->message : "out of memory");
	exit(2);
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n, size);

	must(p, NULL);
	return p;
}

static uint64_t address(const struct maker *m, uint32_t node)
{
	return HEAP + 16 + (uint64_t)node * STRIDE +
	       (node > TABLE ? m->table_bytes : 0);
}

static void block(struct maker *m, uint32_t node, uint64_t size,
		  uint32_t made_type)
{
	struct heap *h = &m->f->heap;

	h->addr[node] = address(m, node);
	must(block_set_size(&h->sizes, node, size), NULL);
	h->type[node] = made_type;
	heap_set_count(h, node, 1);
	h->why_node[node] = made_type ? TABLE : NODE_NONE;
	h->evidence[node] = made_type ? EVIDENCE_FIELD : EVIDENCE_NONE;
	h->confidence[node] = made_type ? 97 : 0;
}

/* A pointer in the memory, and the reference that it is. */
static void refer(struct maker *m, uint32_t from, uint64_t offset, uint32_t to)
{
	struct edge edge = { .from = from, .to = to, .kind = REF_STRONG };

	make_core_u64(&m->core, address(m, from) + offset, address(m, to));
	must(vec_push(&m->edges, edge), NULL);
}

static void allocate(struct maker *m, uint32_t n)
{
	struct heap *h = &m->f->heap;

	h->addr = zeroed(n, sizeof(*h->addr));
	must(block_sizes_init(&h->sizes, n), NULL);
	h->type = zeroed(n, sizeof(*h->type));
	h->why_node = zeroed(n, sizeof(*h->why_node));
	h->why_offset = zeroed(n, sizeof(*h->why_offset));
	h->evidence = zeroed(n, 1);
	h->confidence = zeroed(n, 1);
	h->state = zeroed(n, 1);
	h->content = zeroed(n, 1);
	h->owner = zeroed(n, 1);
	h->roots = zeroed(2, sizeof(*h->roots));
	h->image = &m->f->image;
	h->n_blocks = n;
	h->n_roots = 2;
	h->n_nodes = n + 2;
}

/* The session at @node: its name or item follows it. */
static void add_session(struct maker *m, uint32_t node, uint32_t in_table)
{
	bool reads = (node - FIRST_FOUR) % 4 == FOUR_READER;
	/* Never the last four of a round million, which steps look at. */
	bool lost = (node - FIRST_FOUR) / 4 % LOST_ONE_IN == LOST_ONE_IN / 2;
	uint32_t partner = reads ? node + 2 : node - 2;

	block(m, node, 32, MADE_SESSION);
	refer(m, node, 0, CONFIG);
	if (node + 1 < m->f->heap.n_blocks)
		refer(m, node, 8, node + 1);
	if (!lost)
		refer(m, TABLE, (uint64_t)in_table * 8, node);
	else if (partner < m->f->heap.n_blocks)
		refer(m, node, 16, partner);
}

static void add_name(struct maker *m, uint32_t node)
{
	char text[24] = "";
	int n = snprintf(text, sizeof(text), "user number %u", node);

	block(m, node, sizeof(text), MADE_NONE);
	m->f->heap.content[node] = CONTENT_TEXT;
	make_core_write(&m->core, address(m, node), text, (size_t)n);
}

/* Some types have many items and most have few. */
static void add_item(struct maker *m, uint32_t node)
{
	uint32_t below = 1 + random_below(&m->seed, N_ITEM_TYPES);

	block(m, node, 16 + 8 * (node % 3),
	      MADE_ITEM + random_below(&m->seed, below));
}

static void add_blocks(struct maker *m, uint32_t n)
{
	uint32_t in_table = 0;

	block(m, CONFIG, 32, MADE_ITEM);
	block(m, TABLE, m->table_bytes, MADE_POINTER);
	heap_set_count(&m->f->heap, TABLE, n / 2);
	for (uint32_t node = FIRST_FOUR; node < n; node++) {
		switch ((node - FIRST_FOUR) % 4) {
		case FOUR_NAME:
			add_name(m, node);
			break;
		case FOUR_ITEM:
			add_item(m, node);
			break;
		default:
			add_session(m, node, in_table++);
			break;
		}
	}
}

static void add_root(struct maker *m, uint32_t i, const char *name,
		     uint32_t to)
{
	struct heap *h = &m->f->heap;

	h->roots[i] = (struct root){
		.name = name, .addr = DATA + 8 * i, .size = 8,
		.type = TYPE_NONE, .thread = UINT32_MAX,
		.kind = ROOT_VARIABLE,
	};
	make_core_u64(&m->core, DATA + 8 * i, address(m, to));
	must(vec_push(&m->edges, ((struct edge){
		.from = h->n_blocks + i, .to = to, .kind = REF_STRONG })),
	     NULL);
}

static uint32_t add_type(struct type_table *t, const char *name,
			 const struct member *members, uint32_t n)
{
	struct type type = {
		.name = types_string(t, name), .kind = TYPE_STRUCT,
		.size = n * 8, .target = TYPE_NONE, .scope = TYPE_NONE,
		.n_members = n, .module = UINT32_MAX,
	};
	uint32_t id = types_add(t, &type, members, NULL);

	must(id != TYPE_NONE, NULL);
	return id;
}

/* Real ids in place of made ones. */
static void add_types(struct heap *h)
{
	static const char *const names[] = { "config", "holds", "partner",
					     "reserved" };
	struct type_table *t = &h->image->types;
	uint32_t ids[MADE_ITEM + N_ITEM_TYPES];
	struct member members[4] = {0};
	char name[32];

	for (uint32_t i = 0; i < 4; i++) {
		members[i].name = types_string(t, names[i]);
		members[i].type = types_pointer_to(t, TYPE_NONE);
		members[i].offset = i * 8;
	}
	ids[MADE_NONE] = TYPE_NONE;
	ids[MADE_SESSION] = add_type(t, "Session", members, 4);
	ids[MADE_POINTER] = types_pointer_to(t, ids[MADE_SESSION]);
	for (uint32_t i = 0; i < N_ITEM_TYPES; i++) {
		snprintf(name, sizeof(name), "item::Kind%04u", i);
		ids[MADE_ITEM + i] = add_type(t, name, members, 2);
	}
	for (uint32_t i = 0; i < h->n_blocks; i++)
		h->type[i] = ids[h->type[i]];
}

static void make_facts(uint32_t n, struct facts *ret)
{
	uint32_t rw = PERM_READ | PERM_WRITE;
	struct maker m = {
		.f = ret, .table_bytes = (uint64_t)(n / 2) * 8, .seed = 1,
	};
	struct heap *h = &ret->heap;
	struct err err = {0};

	*ret = (struct facts){0};
	allocate(&m, n);
	/* Most writes go to the first. */
	make_core_map(&m.core, HEAP, (address(&m, n) - HEAP + SPAN) / SPAN *
		      SPAN, rw, "[heap]", 0);
	make_core_map(&m.core, DATA, SPAN, rw, "/usr/bin/server", 0);
	make_core_map(&m.core, STACK, SPAN, rw, "[stack]", 0);
	make_core_thread(&m.core, 1, 0x401000, STACK);
	add_blocks(&m, n);
	add_root(&m, 0, "server:sessions", TABLE);
	add_root(&m, 1, "server:config", CONFIG);
	make_core_image(&m.core, &ret->image);
	make_core_free(&m.core);
	add_types(h);
	must(block_index_build(h->addr, &h->sizes, n, &h->index, &err),
	     &err);
	h->refs = graph_of(h->n_nodes, m.edges.at, m.edges.len);
	vec_free(&m.edges);
	must(graph_reverse(&h->refs, &h->referrers, &err) &&
	     states_build(h, &err) && facts_conclude(ret, &err), &err);
}

/*
 * What is measured, from the first screen on. Keys are characters, as the
 * help lists them; \r is Enter and \177 Backspace.
 */
static const struct step {
	const char *what;
	const char *before;	/* keys that are not measured */
	const char *keys;	/* the slowest of these counts */
	const char *title;	/* what the view is called then, or begins with */
	bool fails;		/* the last line says so */
} steps[] = {
	{ "Types, the first time", "", "2", "Types", false },
	{ "  Down", "", "jjjjjjjjjj", "Types", false },
	{ "  PgDn", "g", "          ", "Types", false },
	{ "  End", "g", "G", "Types", false },
	{ "  sort by name", "g", "T", "Types", false },
	{ "  sort by retained bytes", "", "R", "Types", false },
	{ "  search, found", "g", "/Kind0999\r", "Types", false },
	{ "paths to half of all blocks", "Bg", "p", "paths to", false },
	{ "a type's blocks: half of all", "h", "\r", "all Session", false },
	{ "  Down", "", "jjjjjjjjjj", "all Session", false },
	{ "  PgDn", "g", "          ", "all Session", false },
	{ "  End", "g", "G", "all Session", false },
	{ "  sort by retained bytes", "g", "R", "all Session", false },
	{ "  sort by address", "", "A", "all Session", false },
	{ "  search, found soon", "g", "/leaked\r", "all Session", false },
	{ "  next match", "", "n", "all Session", false },
	{ "  search, found nowhere", "g", "/nowhere\r", "all Session", true },
	{ "  filter", "g", "&leaked\r", "all Session", false },
	{ "  no filter", "", "&\177\177\177\177\177\177\r", "all Session",
	  false },
	{ "fields of a block", "g", "\r", "Session", false },
	{ "  back", "", "h", "all Session", false },
	{ "bytes of a block", "", "x", "bytes of Session", false },
	{ "referrers of a block", "h", "r", "who refers to Session", false },
	{ "path to a block", "h", "p", "path to", false },
	{ "dominators of a block", "h", "d", "dominators of Session", false },
	{ "why a block has its type", "h", "w", "why the type", false },
	{ "fields of the array of all", "h", ":0x10000040\r", "Session *[]",
	  false },
	{ "  End", "", "G", "Session *[]", false },
	{ "  its dominators", "g", "d", "dominators of", false },
	{ "a block that half of all hold", "", ":0x10000010\r",
	  "item::Kind0000", false },
	{ "  its referrers", "", "r", "who refers to", false },
	{ "  path to it", "h", "p", "path to", false },
	{ "Overview, again", "", "1", "Overview", false },
	{ "Dominators, the first time", "", "3", "Dominators", false },
	{ "Leaks, the first time", "", "4", "Leaks", false },
	{ "Cycles, the first time", "", "5", "Cycles", false },
	{ "Threads, the first time", "", "6", "Threads", false },
	{ "Globals, the first time", "", "7", "Globals", false },
	{ "Memory, the first time", "", "8", "Memory", false },
};

/* Milliseconds. */
struct lap {
	double cpu, wall;
	double deaf;		/* the longest without a look for keys */
};

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct lap lap_since(struct lap start)
{
	return (struct lap){
		.cpu = now(CLOCK_PROCESS_CPUTIME_ID) - start.cpu,
		.wall = now(CLOCK_MONOTONIC) - start.wall,
	};
}

/* When a key was looked for, and the longest time between two looks. */
static struct {
	double last, longest;
} ears;

static void listen(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
	double at = now(CLOCK_MONOTONIC);

	(void)ctx;
	(void)phase;
	(void)done;
	(void)total;
	if (at - ears.last > ears.longest)
		ears.longest = at - ears.last;
	ears.last = at;
}

static void print(const char *what, struct lap took, int budget)
{
	printf("  %-30s %9.2f %9.2f %9.2f %7d  %s\n", what, took.cpu,
	       took.wall, took.deaf, budget, took.wall <= budget ? "within" :
	       "over");
	fflush(stdout);
}

/* Press @keys; returns what the slowest took. */
static struct lap press(struct browser *b, const char *keys)
{
	struct lap slowest = {0};

	for (; *keys; keys++) {
		struct lap took;

		ears.longest = 0;
		ears.last = now(CLOCK_MONOTONIC);
		took = lap_since((struct lap){0});
		browser_key(b, *keys == '\r' ? VKEY_ENTER :
			       *keys == '\177' ? VKEY_BACKSPACE :
			       (unsigned char)*keys);
		browser_draw(b);
		took = lap_since(took);
		listen(NULL, NULL, 0, 0);
		took.deaf = ears.longest;
		if (took.wall > slowest.wall)
			slowest = took;
	}
	return slowest;
}

static void run_step(struct browser *b, const struct step *step)
{
	struct lap took;
	bool failed;

	press(b, step->before);
	took = press(b, step->keys);
	failed = b->message[0] && b->is_error;
	if (failed != step->fails ||
	    strncmp(b->current->title, step->title, strlen(step->title)) != 0) {
		fprintf(stderr, "%s: led to \"%s\": %s\n", step->what,
			b->current->title, b->message);
		exit(2);
	}
	print(step->what, took, KEY_MS);
}

static void bench(uint32_t n)
{
	struct browser browser;
	struct facts facts;
	struct err err = {0};
	struct lap start;

	make_facts(n, &facts);
	printf("%.2f M blocks, %.2f M references, %d x %d cells\n"
	       "  %-30s %9s %9s %9s %7s\n", (double)n / 1e6,
	       (double)graph_n_edges(&facts.heap.refs) / 1e6, COLS,
	       ROWS, "", "cpu ms", "wall ms", "deaf ms", "budget");
	/* What an index holds. */
	start = lap_since((struct lap){0});
	must(summaries_build(&facts, &err), &err);
	start = lap_since(start);
	printf("  %-30s %9.2f %9.2f\n", "(summing up once)", start.cpu,
	       start.wall);
	start = lap_since((struct lap){0});
	must(browser_open(&facts, "server.core.zst", HUMAN_UTF8, &browser,
			  &err), &err);
	must(screen_resize(&browser.screen, ROWS, COLS), NULL);
	browser_draw(&browser);
	print("first screen", lap_since(start), FIRST_SCREEN_MS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		run_step(&browser, &steps[i]);
	browser_close(&browser);
	facts_close(&facts);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	progress_listen_every(10, listen, NULL);
	for (int i = 1; i < argc; i++) {
		long millions = strtol(argv[i], NULL, 10);

		if (millions > 0 && millions < 50)
			bench((uint32_t)millions * MILLION);
	}
	if (argc == 1) {
		bench(MILLION);
		bench(10 * MILLION);
	}
	return 0;
}
