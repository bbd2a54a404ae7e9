/* SPDX-License-Identifier: MIT */
#include "tests/aid_tui_heap.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/states.h"
#include "tests/aid_graph.h"
#include "tests/make_core.h"

enum {
	DATA = 0x600000, STACK = 0x700000, HEAP = 0x10000000, SPAN = 0x8000,
	N_SESSIONS = 12, N_LOST = 3,
};

/* Types by number, until the image is there that has a table for them. */
enum made_type {
	MADE_NONE, MADE_TEXT, MADE_SESSION, MADE_SESSION_POINTER, MADE_ROOM,
	MADE_ROOM_POINTER, MADE_NODE, N_MADE,
};

struct maker {
	struct make_core core;
	struct facts *f;
	VEC(struct edge) edges;
	uint64_t next;		/* where the next block goes */
};

static void must(bool ok)
{
	if (ok)
		return;
	fputs("tui_heap: failed\n", stderr);
	exit(1);
}

static uint32_t add_type(struct maker *m, const char *name,
			 enum type_kind kind, uint64_t size, uint32_t target,
			 const struct member *members, uint32_t n)
{
	struct type_table *t = &m->f->image.types;
	struct type type = {
		.name = types_string(t, name), .kind = (uint8_t)kind,
		.size = size, .target = target, .scope = TYPE_NONE,
		.n_members = n, .module = UINT32_MAX, .count = size,
	};
	uint32_t id = types_add(t, &type, members, NULL);

	must(id != TYPE_NONE);
	return id;
}

static struct member field(struct maker *m, const char *name, uint32_t type,
			   uint64_t offset)
{
	return (struct member){
		.name = types_string(&m->f->image.types, name), .type = type,
		.offset = offset,
	};
}

static void add_types(struct maker *m, uint32_t ids[N_MADE])
{
	struct type_table *t = &m->f->image.types;
	struct err err = {0};
	uint32_t number, chars;
	struct member members[4];

	if (t->strings.len == 0)
		must(types_init(t, &err));
	number = add_type(m, "int", TYPE_INT, 4, TYPE_NONE, NULL, 0);
	ids[MADE_NONE] = TYPE_NONE;
	ids[MADE_TEXT] = add_type(m, "char", TYPE_CHAR, 1, TYPE_NONE, NULL, 0);
	chars = add_type(m, "", TYPE_ARRAY, 24, ids[MADE_TEXT], NULL, 0);
	/* Members say void *: what is shown is what the block found there is. */
	members[0] = field(m, "next", types_pointer_to(t, TYPE_NONE), 0);
	members[1] = field(m, "user", types_pointer_to(t, ids[MADE_TEXT]), 8);
	members[2] = field(m, "id", number, 16);
	members[3] = field(m, "seconds", number, 20);
	ids[MADE_SESSION] = add_type(m, "chat::Session", TYPE_STRUCT, 24,
				     TYPE_NONE, members, 4);
	ids[MADE_SESSION_POINTER] = types_pointer_to(t, ids[MADE_SESSION]);
	members[0] = field(m, "name", chars, 0);
	members[1] = field(m, "first", ids[MADE_SESSION_POINTER], 24);
	ids[MADE_ROOM] = add_type(m, "chat::Room", TYPE_STRUCT, 32, TYPE_NONE,
				  members, 2);
	ids[MADE_ROOM_POINTER] = types_pointer_to(t, ids[MADE_ROOM]);
	members[0] = field(m, "peer", types_pointer_to(t, TYPE_NONE), 0);
	members[1] = field(m, "value", number, 8);
	ids[MADE_NODE] = add_type(m, "std::_Rb_tree_node<std::pair<const "
				  "std::string, std::vector<chat::Message>>>",
				  TYPE_STRUCT, 16, TYPE_NONE, members, 2);
}

/* A block of @size bytes; returns its node. */
static uint32_t block(struct maker *m, uint64_t size, enum made_type type,
		      uint32_t count)
{
	struct heap *h = &m->f->heap;
	uint32_t node = h->n_blocks++;

	h->addr[node] = m->next;
	must(block_set_size(&h->sizes, node, size));
	h->type[node] = type;
	heap_set_count(h, node, count);
	h->why_node[node] = NODE_NONE;
	h->evidence[node] = type ? EVIDENCE_FIELD : EVIDENCE_NONE;
	h->confidence[node] = type ? 97 : 0;
	m->next += (size + 31) / 16 * 16;
	return node;
}

static uint64_t at(const struct maker *m, uint32_t node)
{
	return m->f->heap.addr[node];
}

static uint32_t text(struct maker *m, uint64_t size, const char *bytes,
		     enum made_type type)
{
	uint32_t node = block(m, size, type, type ? (uint32_t)size : 1);

	make_core_write(&m->core, at(m, node), bytes, strlen(bytes));
	m->f->heap.content[node] = CONTENT_TEXT;
	return node;
}

static uint32_t root(struct maker *m, enum root_kind kind, const char *name,
		     uint64_t addr, uint64_t size, enum made_type type)
{
	struct heap *h = &m->f->heap;

	h->roots[h->n_roots] = (struct root){
		.name = name, .addr = addr, .size = size, .type = type,
		.kind = (uint8_t)kind,
		.thread = kind == ROOT_STACK || kind == ROOT_REGISTERS ? 0 :
			  UINT32_MAX,
	};
	return h->n_roots++;
}

static void allocate(struct maker *m, uint32_t blocks)
{
	struct heap *h = &m->f->heap;

	h->addr = calloc(blocks, sizeof(*h->addr));
	h->type = calloc(blocks, sizeof(*h->type));
	h->why_node = calloc(blocks, sizeof(*h->why_node));
	h->why_offset = calloc(blocks, sizeof(*h->why_offset));
	h->evidence = calloc(blocks, 1);
	h->confidence = calloc(blocks, 1);
	h->state = calloc(blocks, 1);
	h->content = calloc(blocks, 1);
	h->owner = calloc(blocks, 1);
	h->roots = calloc(16, sizeof(*h->roots));
	must(block_sizes_init(&h->sizes, blocks));
	must(h->addr && h->type && h->why_node &&
	     h->why_offset && h->evidence && h->confidence && h->state &&
	     h->content && h->owner && h->roots);
	h->image = &m->f->image;
	m->next = HEAP + 16;
}

/* Every word that holds the address of a block is a reference. */
static void find_references(struct maker *m)
{
	struct heap *h = &m->f->heap;
	struct err err = {0};

	must(block_index_build(h->addr, &h->sizes, h->n_blocks, &h->index,
			       &err));
	h->n_nodes = h->n_blocks + h->n_roots;
	for (uint32_t i = 0; i < h->n_nodes; i++) {
		bool is_root = heap_is_root(h, i);
		uint64_t from = is_root ? heap_root(h, i)->addr : h->addr[i];
		uint64_t size = is_root ? heap_root(h, i)->size :
					  heap_size(h, i);
		bool dead = is_root &&
			    heap_root(h, i)->kind == ROOT_DEAD_STACK;

		for (uint64_t o = 0; o + 8 <= size; o += 8) {
			struct edge edge = {
				.from = i,
				.kind = dead ? REF_STALE : REF_STRONG,
			};
			uint64_t word;

			if (!image_u64(&m->f->image, from + o, &word))
				continue;
			edge.to = heap_find(h, word);
			if (edge.to != NODE_NONE)
				must(vec_push(&m->edges, edge));
		}
	}
	h->refs = graph_of(h->n_nodes, m->edges.at, m->edges.len);
	must(graph_reverse(&h->refs, &h->referrers, &err));
}

static void add_sessions(struct maker *m, int n, uint64_t *first)
{
	struct heap *h = &m->f->heap;
	uint64_t next = 0;
	char name[32];

	for (int i = n; i > 0; i--) {
		uint32_t user, session;

		snprintf(name, sizeof(name), "user number %d", i);
		user = text(m, 24, name, MADE_TEXT);
		session = block(m, 24, MADE_SESSION, 1);
		make_core_u64(&m->core, at(m, session), next);
		make_core_u64(&m->core, at(m, session) + 8, at(m, user));
		make_core_u64(&m->core, at(m, session) + 16,
			      (uint64_t)i | UINT64_C(3600) << 32);
		h->why_node[user] = session;
		h->why_offset[user] = 8;
		if (i < n)
			h->why_node[session - 2] = session;
		next = at(m, session);
	}
	*first = next;
}

static void add_lost(struct maker *m, int n)
{
	uint32_t a, b, stale;

	for (int i = 0; i < n; i++) {
		a = block(m, 16, MADE_NODE, 1);
		b = block(m, 16, MADE_NODE, 1);
		make_core_u64(&m->core, at(m, a), at(m, b));
		make_core_u64(&m->core, at(m, b), at(m, a));
	}
	text(m, 104, "GET /index.html HTTP/1.1\r\nHost: \033[31mred", MADE_NONE);
	text(m, 104, "GET /favicon.ico HTTP/1.1\r\n", MADE_NONE);
	stale = block(m, 200, MADE_NONE, 1);
	make_core_u64(&m->core, STACK + 0x100, at(m, stale));
}

static const struct allocator allocator = { .name = "glibc" };

static void add_meta(struct maker *m)
{
	struct image *image = &m->f->image;
	struct allocator_summary summary = {
		.allocator = &allocator, .version = "2.36", .tested = true,
		.understood = true, .arenas = 1, .mapped_bytes = SPAN,
	};

	image->meta.pid = 4711;
	image->meta.exe = "/usr/bin/chat";
	image->meta.command = "chat --port 7000";
	image->meta.captured_at = "2026-11-21T03:04:05Z";
	image->meta.kernel = "Linux 6.1.0 x86_64";
	image->threads.at[0].name = "chat";
	for (uint32_t i = 0; i < m->f->heap.n_blocks; i++)
		summary.live_bytes += heap_size(&m->f->heap, i);
	summary.live_blocks = m->f->heap.n_blocks;
	summary.overhead_bytes = SPAN - summary.live_bytes;
	must(vec_push(&m->f->heap.allocators, summary));
	diag_add(&m->f->heap.diag, "chunks with a damaged size");
}

static void begin(struct maker *m, uint64_t span, uint32_t blocks,
		  struct facts *ret)
{
	uint32_t rw = PERM_READ | PERM_WRITE;

	*ret = (struct facts){0};
	m->f = ret;
	make_core_map(&m->core, DATA, SPAN, rw, "/usr/bin/chat", 0);
	make_core_map(&m->core, STACK, SPAN, rw, "", 0);
	make_core_map(&m->core, HEAP, span, rw, "", 0);
	make_core_thread(&m->core, 4711, 0x401000, STACK);
	allocate(m, blocks);
}

/* The memory is written: make the image, then what follows from it. */
static void finish(struct maker *m)
{
	struct heap *h = &m->f->heap;
	uint32_t ids[N_MADE];
	struct err err = {0};

	make_core_image(&m->core, &m->f->image);
	make_core_free(&m->core);
	add_types(m, ids);
	for (uint32_t i = 0; i < h->n_blocks; i++)
		h->type[i] = ids[h->type[i]];
	for (uint32_t i = 0; i < h->n_roots; i++)
		h->roots[i].type = ids[h->roots[i].type];
	find_references(m);
	vec_free(&m->edges);
	must(states_build(h, &err) && facts_conclude(m->f, &err));
	add_meta(m);
}

static void local(struct maker *m, const char *name, uint32_t type,
		  uint32_t flags, uint64_t addr, uint64_t value)
{
	struct local l = {
		.name = name, .type = type, .flags = flags, .addr = addr,
		.size = 8, .value = value,
	};
	struct frame *f = &m->f->image.frames.at[m->f->image.frames.len - 1];

	must(vec_push(&m->f->image.locals, l));
	f->n_locals++;
}

static void frame(struct maker *m, const char *function, const char *file,
		  uint32_t line, uint32_t flags)
{
	struct frame f = {
		.module = UINT32_MAX, .pc = 0x401000 + line, .function = function,
		.file = file, .line = line, .flags = flags,
		.first_local = m->f->image.locals.len,
	};

	must(vec_push(&m->f->image.frames, f));
}

/* Where a thread is; the image is there already. */
static void add_frames(struct maker *m, uint64_t room_addr)
{
	uint32_t room = m->f->heap.roots[0].type;
	uint32_t session = m->f->heap.roots[1].type;

	frame(m, "epoll_wait", "", 0, 0);
	frame(m, "_ZN4chat4Room4pollEi", "/src/chat/room.cc", 42,
	      FRAME_INLINED);
	local(m, "this", room, LOCAL_PARAMETER, STACK + 0x20, 0);
	local(m, "timeout", TYPE_NONE, LOCAL_PARAMETER | LOCAL_LOST, 0, 0);
	frame(m, "chat::serve", "/src/chat/main.cc", 7, 0);
	local(m, "lobby", room, LOCAL_REGISTER, 3, room_addr);
	local(m, "next", session, LOCAL_UNSET, STACK + 0x28, 0);
}

/* 0x6f22 0x5b57, both two cells wide, and an e with an acute on top. */
#define ROOM_NAME "a\033]0;x\007\xe6\xbc\xa2\xe5\xad\x97" "e\xcc\x81\xff"

static void make_chat(int n_sessions, int n_lost, struct facts *ret)
{
	struct maker m = {0};
	uint32_t room, cache;
	uint64_t first;

	begin(&m, SPAN, 64, ret);
	add_sessions(&m, n_sessions, &first);
	room = block(&m, 32, MADE_ROOM, 1);
	make_core_write(&m.core, at(&m, room), ROOM_NAME,
			sizeof(ROOM_NAME) - 1);
	make_core_u64(&m.core, at(&m, room) + 24, first);
	cache = block(&m, 4096, MADE_NONE, 1);
	add_lost(&m, n_lost);
	root(&m, ROOT_VARIABLE, "chat:chat::lobby", DATA, 8, MADE_ROOM_POINTER);
	make_core_u64(&m.core, DATA, at(&m, room));
	root(&m, ROOT_VARIABLE, "chat:chat::newest", DATA + 8, 8,
	     MADE_SESSION_POINTER);
	make_core_u64(&m.core, DATA + 8, first);
	root(&m, ROOT_DATA, "chat:.bss+0x40", DATA + 0x40, 8, MADE_NONE);
	make_core_u64(&m.core, DATA + 0x40, at(&m, cache));
	root(&m, ROOT_STACK, "thread \"chat\" stack", STACK, 0x80, MADE_NONE);
	make_core_u64(&m.core, STACK + 0x20, at(&m, room));
	root(&m, ROOT_DEAD_STACK, "stack of an ended thread", STACK + 0x100,
	     0x100, MADE_NONE);
	/* As if the variable had given the type, and the room the next. */
	ret->heap.why_node[room] = ret->heap.n_blocks;
	ret->heap.evidence[room] = EVIDENCE_ROOT;
	ret->heap.why_node[room - 1] = room;
	ret->heap.why_offset[room - 1] = 24;
	finish(&m);
	add_frames(&m, at(&m, room));
}

void tui_heap_make(struct facts *ret)
{
	make_chat(N_SESSIONS, N_LOST, ret);
}

void tui_heap_make_old(struct facts *ret)
{
	make_chat(N_SESSIONS - 5, 1, ret);
}

void tui_heap_make_list(uint32_t n, struct facts *ret)
{
	struct maker m = {0};
	uint64_t next = 0;

	begin(&m, (uint64_t)n * 48 + SPAN, n, ret);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t session = block(&m, 24, MADE_SESSION, 1);

		make_core_u64(&m.core, at(&m, session), next);
		next = at(&m, session);
	}
	root(&m, ROOT_VARIABLE, "chat:chat::newest", DATA + 8, 8,
	     MADE_SESSION_POINTER);
	make_core_u64(&m.core, DATA + 8, next);
	finish(&m);
}

void tui_heap_free(struct facts *facts)
{
	facts_close(facts);
}
