/* SPDX-License-Identifier: MIT */
/*
 * What C programs do with memory: intrusive lists, structs that begin alike,
 * void * payloads, flexible arrays, unions with a tag, tagged pointers, hash
 * tables, opaque handles; and blocks that were lost, which no pointer reaches.
 * Each block says what it is.
 */
#include <stddef.h>
#include <stdint.h>

#include "tests/types/truth.h"

/* --- intrusive lists, as in the kernel --- */
struct list_head { struct list_head *next, *prev; };

struct session {
	uint64_t id;
	char name[24];
	struct list_head link;
	struct list_head requests;
	double started;
};

struct request {
	int verb, status;
	char *path;
	struct list_head link;
	struct session *session;
};

static void list_add(struct list_head *head, struct list_head *item)
{
	item->next = head->next;
	item->prev = head;
	head->next->prev = item;
	head->next = item;
}

struct list_head sessions = { &sessions, &sessions };

/* --- structs that begin alike --- */
struct object { int kind, refs; struct object *next; };
struct circle { struct object base; double radius, x, y; };
struct label { struct object base; char *text; size_t length; int font; void *cache[4]; };
struct group { struct object base; struct object **children; size_t n, cap; char pad[48]; };
struct object *objects;

/* --- void * payloads behind a tag --- */
struct robj { unsigned type : 4, encoding : 4, lru : 24; int refcount; void *ptr; };
struct set { struct robj **items; size_t n, mask; };
struct zlist { struct znode *head, *tail; size_t length; };
struct znode { struct znode *next, *prev; struct robj *value; double score; };
struct dict_entry { void *key; void *value; struct dict_entry *next; };
struct dict { struct dict_entry **table[2]; size_t size[2], used[2]; long rehash; void *privdata; };
struct dict *keyspace;

/* --- flexible arrays --- */
struct vector_of_int { size_t n; int cap; int at[]; };
struct message { struct message *next; uint32_t length; uint16_t type, flags; unsigned char data[]; };
struct message *inbox;
struct vector_of_int *numbers[40];

/* --- unions with a tag --- */
struct value {
	enum { V_INT, V_STRING, V_ARRAY, V_PAIR } tag;
	union {
		long i;
		char *s;
		struct { struct value *at; size_t n; } array;
		struct pair *pair;
	} u;
};
struct pair { struct value first, second; long weight; };
struct value *document;

/* --- tagged pointers: a radix tree --- */
struct inner { uint64_t bits; uintptr_t child[2]; };
struct leaf { uint64_t key; char *text; struct leaf *chain; };
uintptr_t radix;

/* --- an opaque handle with a user pointer --- */
struct timer { uint64_t when; void (*fire)(void *); void *user; struct timer *left, *right; int color; };
struct connection { int fd; struct timer *timer; char *in, *out; size_t in_len, out_len; struct connection *peer; };
struct timer *timers;

/* --- trees and graphs, some of which are lost --- */
struct packet { struct packet *next; uint32_t seq, ack; char *payload; uint16_t length, port; uint64_t sent_at; };
struct tree { struct tree *left, *right, *up; int key, depth; char *name; };
struct ticket { struct customer *owner; uint64_t number; struct ticket *same_day; double price; };
struct customer { char *name, *street; struct ticket *tickets; int age; };
struct tree *index_tree;
struct customer *customers[64];

static void fire(void *user) { (void)user; }
static void fire_twice(void *user) { (void)user; }

static void fill_lists(void)
{
	for (int i = 0; i < 60; i++) {
		struct session *s = MAKE(session);

		s->id = (uint64_t)i;
		snprintf(s->name, sizeof(s->name), "session-%d", i);
		s->requests.next = s->requests.prev = &s->requests;
		s->started = 1000.5 + i;
		list_add(&sessions, &s->link);
		for (int k = 0; k < i % 5; k++) {
			struct request *r = MAKE(request);

			r->verb = k;
			r->path = text("path", k);
			r->session = s;
			list_add(&s->requests, &r->link);
		}
	}
}

static void push(struct object *o, int kind)
{
	o->kind = kind;
	o->refs = 1;
	o->next = objects;
	objects = o;
}

static void fill_objects(void)
{
	for (int i = 0; i < 60; i++) {
		struct circle *c = MAKE(circle);
		struct label *l = MAKE(label);
		struct group *g = MAKE(group);

		c->radius = i * 0.5;
		push(&c->base, 1);
		l->text = text("label", i);
		l->length = strlen(l->text);
		push(&l->base, 2);
		g->cap = 4;
		g->n = 2;
		g->children = NEW(struct object *, 4 * sizeof(struct object *));
		g->children[0] = &c->base;
		g->children[1] = &l->base;
		push(&g->base, 3);
	}
}

static struct robj *object_of(int type, void *ptr)
{
	struct robj *o = MAKE(robj);

	o->type = (unsigned)type & 15;
	o->refcount = 1;
	o->ptr = ptr;
	return o;
}

static void *payload(int i)
{
	if (i % 3 == 0)
		return object_of(0, text("value", i));
	if (i % 3 == 1) {
		struct zlist *z = MAKE(zlist);

		for (int k = 0; k < 4; k++) {
			struct znode *n = MAKE(znode);

			n->next = z->head;
			if (z->head)
				z->head->prev = n;
			else
				z->tail = n;
			z->head = n;
			n->value = object_of(0, text("item", k));
			n->score = k * 1.5;
			z->length++;
		}
		return object_of(1, z);
	}
	struct set *s = MAKE(set);

	s->mask = 7;
	s->n = 3;
	s->items = NEW(struct robj *, 8 * sizeof(struct robj *));
	for (int k = 0; k < 3; k++)
		s->items[k * 2] = object_of(0, text("member", k));
	return object_of(2, s);
}

static void fill_dict(void)
{
	keyspace = MAKE(dict);
	keyspace->size[0] = 128;
	keyspace->table[0] = NEW(struct dict_entry *, 128 * sizeof(void *));
	for (int i = 0; i < 150; i++) {
		struct dict_entry *e = MAKE(dict_entry);
		size_t slot = (size_t)(i * 7919) % 128;

		e->key = text("key", i);
		e->value = payload(i);
		e->next = keyspace->table[0][slot];
		keyspace->table[0][slot] = e;
		keyspace->used[0]++;
	}
}

static void fill_arrays(void)
{
	for (int i = 0; i < 40; i++) {
		int n = 3 + i * 5;
		struct message *m = NEW(struct message, sizeof(*m) + (size_t)n);

		numbers[i] = NEW(struct vector_of_int, sizeof(struct vector_of_int) + (size_t)n * sizeof(int));
		numbers[i]->n = (size_t)n;
		numbers[i]->cap = n;
		for (int k = 0; k < n; k++)
			numbers[i]->at[k] = k * i + 100000;
		m->length = (uint32_t)n;
		memset(m->data, 0x80 + i, (size_t)n);
		m->next = inbox;
		inbox = m;
	}
}

static void fill_value(struct value *v, int depth, int i)
{
	if (depth == 0) {
		v->tag = i % 2 ? V_STRING : V_INT;
		if (i % 2)
			v->u.s = text("leaf", i);
		else
			v->u.i = i;
		return;
	}
	if (i % 3 == 0) {
		v->tag = V_PAIR;
		v->u.pair = MAKE(pair);
		fill_value(&v->u.pair->first, depth - 1, i + 1);
		fill_value(&v->u.pair->second, depth - 1, i + 2);
		return;
	}
	v->tag = V_ARRAY;
	v->u.array.n = 4;
	v->u.array.at = NEW(struct value, 4 * sizeof(struct value));
	for (int k = 0; k < 4; k++)
		fill_value(&v->u.array.at[k], depth - 1, i + k);
}

static void fill_radix(void)
{
	for (int i = 0; i < 80; i++) {
		struct inner *n = MAKE(inner);
		struct leaf *l = MAKE(leaf);

		l->key = (uint64_t)i;
		l->text = text("radix", i);
		n->bits = (uint64_t)i;
		n->child[0] = radix;
		n->child[1] = (uintptr_t)l | 1;
		radix = (uintptr_t)n;
	}
}

static void fill_timers(void)
{
	struct connection *before = NULL;

	for (int i = 0; i < 70; i++) {
		struct timer *t = MAKE(timer), **at = &timers;
		struct connection *c = MAKE(connection);

		t->when = (uint64_t)(i * 7919 % 1000);
		t->fire = i % 2 ? fire : fire_twice;
		t->user = c;
		while (*at)
			at = t->when < (*at)->when ? &(*at)->left : &(*at)->right;
		*at = t;
		c->fd = i;
		c->timer = t;
		c->in = truth("char", calloc(1, 300));
		c->in_len = 300;
		c->peer = before;
		before = c;
	}
}

static void lose(void)
{
	struct packet *p = NULL, *head = NULL;
	struct tree *root = NULL;

	for (int i = 0; i < 100; i++) {
		p = MAKE(packet);
		p->next = head;
		p->seq = (uint32_t)i * 1000;
		p->payload = text("payload", i);
		p->length = 40;
		p->sent_at = 1700000000000ull + (uint64_t)i;
		head = p;
	}
	for (int i = 0; i < 100; i++) {
		struct tree *t = MAKE(tree), **at = &root, *up = NULL;

		t->key = i * 7919 % 1000;
		while (*at) {
			up = *at;
			at = t->key < (*at)->key ? &(*at)->left : &(*at)->right;
		}
		t->up = up;
		t->name = text("tree", i);
		*at = t;
	}
	if (p->seq == 1)
		index_tree = root;	/* never */
}

static void fill_customers(void)
{
	for (int i = 0; i < 64; i++) {
		struct customer *c = customers[i] = MAKE(customer);

		c->name = text("name", i);
		c->street = text("street", i);
		c->age = i;
		for (int k = 0; k < 3; k++) {
			struct ticket *t = MAKE(ticket);

			t->owner = c;
			t->number = (uint64_t)k;
			t->same_day = c->tickets;
			t->price = 9.5;
			c->tickets = t;
		}
	}
}

int main(int argc, char **argv)
{
	truths_begin(argc, argv);
	fill_lists();
	fill_objects();
	fill_dict();
	fill_arrays();
	document = MAKE(value);
	fill_value(document, 4, 1);
	fill_radix();
	fill_timers();
	fill_customers();
	lose();
	truths_end();
	return 0;
}
