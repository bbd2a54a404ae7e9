/* SPDX-License-Identifier: MIT */
/*
 * Containers as C libraries write them: GLib's lists, hash tables and pointer
 * arrays, uthash's tables, sds strings, a database's values, obstacks; and
 * programs that keep their data in them, behind void *.
 */
#include <obstack.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/types/truth.h"

static void *obstack_chunk_alloc(size_t n) { return truth("struct _obstack_chunk", malloc(n)); }
#define obstack_chunk_free free

/* --- the way of GLib --- */
typedef struct _List List;
struct _List { void *data; List *next, *prev; };
typedef struct { void **pdata; unsigned len, alloc, elt_null; void (*free_func)(void *); } PtrArray;
typedef struct { char *str; size_t len, allocated; } String;
typedef unsigned (*HashFunc)(const void *);
typedef int (*EqualFunc)(const void *, const void *);
typedef struct {
	size_t size;
	int mod;
	unsigned mask, nnodes, noccupied;
	unsigned have_big_keys : 1, have_big_values : 1;
	void **keys;
	unsigned *hashes;
	void **values;
	HashFunc hash;
	EqualFunc equal;
	int ref_count;
	void (*key_destroy)(void *), (*value_destroy)(void *);
} HashTable;
typedef struct _Tree Node;
struct _Tree { void *data; Node *next, *prev, *parent, *children; };
typedef struct { List *head, *tail; unsigned length; } Queue;
typedef struct { uint8_t *data; unsigned len, alloc, elt_size, clear; int ref_count; } Array;

/* What a player keeps in them. */
typedef struct { char *title, *artist; unsigned seconds, plays; double rating; } Track;
typedef struct { char *name; List *tracks; PtrArray *covers; HashTable *tags; } Album;
typedef struct { int width, height, stride; uint8_t *pixels; char *path; } Cover;
typedef struct { char *key; int64_t changed; String *value; } Tag;

/* --- a hash that lies inside of its items --- */
struct hh_table;
struct hh { struct hh_table *table; void *prev, *next; struct hh *hh_prev, *hh_next; void *key; unsigned keylen, hashv; };
struct hh_bucket { struct hh *head; unsigned count, expand_mult; };
struct hh_table { struct hh_bucket *buckets; unsigned num_buckets, log2, num_items; struct hh *tail; ptrdiff_t hho; };
struct user { int id; char name[20]; char *mail; struct hh hh; };
struct user *users;

/* --- strings with a header before what is pointed at --- */
struct sdshdr { uint32_t len, alloc; unsigned char flags; char buf[]; };
typedef char *sds;
struct client { uint64_t id; sds name, query; struct client *next; List *replies; };
struct client *clients;

/* --- values of a database --- */
struct mem;
struct database { struct mem *spare; char *file; int n_open; };
struct mem {
	union { double r; int64_t i; int zero; } u;
	char *z;
	int n;
	uint16_t flags;
	uint8_t enc, subtype;
	struct database *db;
	int size;
	uint32_t temp;
	char *malloced;
	void (*del)(void *);
};
struct index { char *name; int16_t *columns; uint64_t *estimates; struct table *table; struct index *next; uint16_t n; };
struct column { char *name; char affinity, flags; uint8_t hash; int default_at; };
struct table { char *name; struct column *columns; struct index *indexes; int16_t n_columns; unsigned refs; struct schema *schema; };
struct schema { HashTable *tables; struct database *db; int cookie; };
struct vdbe { struct database *db; struct mem *mem; int n_mem; struct op *ops; int n_ops; struct vdbe *next; };
struct op { uint8_t code; signed char p4type; uint16_t p5; int p1, p2, p3; union { int i; void *p; char *z; int64_t *i64; struct mem *mem; struct index *index; } p4; };
struct vdbe *statements;
struct schema *schema;

/* --- callbacks with a pointer to what they need --- */
struct watch { int fd; void (*ready)(int fd, void *arg); void *arg; struct watch *next; };
struct reader { char *line; size_t n, cap; struct client *client; };
struct beeper { double every; unsigned beeps, missed; struct watch *watch; };
struct watch *watches;

struct obstack names;
char **interned;
HashTable *library;
Queue *playlist;
Node *folders;
Array *samples;

static unsigned hash_text(const void *p)
{
	unsigned h = 5381;

	for (const char *c = p; *c; c++)
		h = h * 33 + (unsigned char)*c;
	return h;
}

static int equal_text(const void *a, const void *b) { return strcmp(a, b) == 0; }

static HashTable *table_new(unsigned size)
{
	HashTable *t = NEW(HashTable, sizeof(HashTable));

	t->size = size;
	t->mask = size - 1;
	t->keys = truth("void*", calloc(size, sizeof(void *)));
	t->values = truth("void*", calloc(size, sizeof(void *)));
	t->hashes = truth("uint", calloc(size, sizeof(unsigned)));
	t->hash = hash_text;
	t->equal = equal_text;
	t->ref_count = 1;
	t->key_destroy = free;
	return t;
}

static void table_insert(HashTable *t, char *key, void *value)
{
	unsigned h = t->hash(key), i = h & t->mask;

	while (t->keys[i])
		i = (i + 1) & t->mask;
	t->keys[i] = key;
	t->values[i] = value;
	t->hashes[i] = h;
	t->nnodes++;
	t->noccupied++;
}

static List *prepend(List *list, void *data)
{
	List *l = truth("List|_List", calloc(1, sizeof(List)));

	l->data = data;
	l->next = list;
	if (list)
		list->prev = l;
	return l;
}

static PtrArray *array_new(unsigned n)
{
	PtrArray *a = NEW(PtrArray, sizeof(PtrArray));

	a->alloc = n;
	a->pdata = truth("void*", calloc(n, sizeof(void *)));
	return a;
}

static void fill_player(void)
{
	library = table_new(64);
	playlist = NEW(Queue, sizeof(Queue));
	folders = truth("Node|_Tree", calloc(1, sizeof(Node)));
	folders->data = text("root", 0);
	for (int i = 0; i < 40; i++) {
		Album *a = NEW(Album, sizeof(Album));
		Node *n = truth("Node|_Tree", calloc(1, sizeof(Node)));

		a->name = text("album", i);
		a->covers = array_new(4);
		a->tags = table_new(8);
		for (int k = 0; k < 5; k++) {
			Track *t = NEW(Track, sizeof(Track));

			t->title = text("title", k);
			t->artist = text("artist", i);
			t->seconds = 200 + (unsigned)k;
			t->rating = 3.5;
			a->tracks = prepend(a->tracks, t);
			playlist->head = prepend(playlist->head, t);
			playlist->length++;
		}
		for (int k = 0; k < 3; k++) {
			Cover *c = NEW(Cover, sizeof(Cover));
			Tag *tag = NEW(Tag, sizeof(Tag));

			c->width = c->height = 16;
			c->stride = 64;
			c->pixels = NEW(uint8_t, 1024);
			memset(c->pixels, 0x90 + k, 1024);
			c->path = text("path", k);
			a->covers->pdata[a->covers->len++] = c;
			tag->key = text("tag", k);
			tag->value = NEW(String, sizeof(String));
			tag->value->str = text("tagged", k);
			tag->value->len = strlen(tag->value->str);
			table_insert(a->tags, tag->key, tag);
		}
		table_insert(library, a->name, a);
		n->data = text("folder", i);
		n->parent = folders;
		n->next = folders->children;
		if (n->next)
			n->next->prev = n;
		folders->children = n;
	}
	samples = NEW(Array, sizeof(Array));
	samples->data = NEW(uint8_t, 4000);
	samples->elt_size = 4;
	samples->len = samples->alloc = 1000;
	for (unsigned i = 0; i < 1000; i++)
		((float *)(void *)samples->data)[i] = (float)i * 0.5f;
}

static void fill_users(void)
{
	struct hh_table *t = MAKE(hh_table);

	t->num_buckets = 32;
	t->buckets = NEW(struct hh_bucket, 32 * sizeof(struct hh_bucket));
	t->hho = offsetof(struct user, hh);
	for (int i = 0; i < 50; i++) {
		struct user *u = MAKE(user);
		struct hh_bucket *b = &t->buckets[i * 7 % 32];

		u->id = i;
		snprintf(u->name, sizeof(u->name), "user%d", i);
		u->mail = text("mail", i);
		u->hh.table = t;
		u->hh.key = &u->id;
		u->hh.keylen = 4;
		u->hh.hashv = (unsigned)i * 2654435761u;
		u->hh.next = users;
		if (users)
			users->hh.prev = u;
		u->hh.hh_next = b->head;
		if (b->head)
			b->head->hh_prev = &u->hh;
		b->head = &u->hh;
		b->count++;
		t->tail = t->tail ? t->tail : &u->hh;
		t->num_items++;
		users = u;
	}
}

static sds sds_new(const char *what, int i)
{
	char buf[64];
	int n = snprintf(buf, sizeof(buf), "%s number %d", what, i);
	struct sdshdr *s = NEW(struct sdshdr, sizeof(*s) + (size_t)n + 1);

	s->len = s->alloc = (uint32_t)n;
	s->flags = 3;
	memcpy(s->buf, buf, (size_t)n + 1);
	return s->buf;
}

static void ready(int fd, void *arg) { (void)fd; (void)arg; }
static void beep(int fd, void *arg) { (void)fd; (void)arg; }

static void fill_clients(void)
{
	for (int i = 0; i < 40; i++) {
		struct client *c = MAKE(client);
		struct watch *w = MAKE(watch);

		c->id = (uint64_t)i;
		c->name = sds_new("client", i);
		c->query = i % 3 ? sds_new("GET key", i) : NULL;
		for (int k = 0; k < 3; k++)
			c->replies = prepend(c->replies, sds_new("reply", k));
		c->next = clients;
		clients = c;
		w->fd = i;
		if (i % 2) {
			struct reader *r = MAKE(reader);

			r->line = NEW(char, 200);
			memcpy(r->line, "half a line", 12);
			r->cap = 200;
			r->n = 12;
			r->client = c;
			w->ready = ready;
			w->arg = r;
		} else {
			struct beeper *b = MAKE(beeper);

			b->every = 2.5;
			b->beeps = 7;
			b->watch = w;
			w->ready = beep;
			w->arg = b;
		}
		w->next = watches;
		watches = w;
	}
}

static struct table *table_of(int i)
{
	struct table *t = MAKE(table);

	t->name = text("table", i);
	t->n_columns = 4;
	t->columns = NEW(struct column, 4 * sizeof(struct column));
	for (int k = 0; k < 4; k++) {
		t->columns[k].name = text("column", k);
		t->columns[k].affinity = (char)('A' + k);
	}
	for (int k = 0; k < 2; k++) {
		struct index *x = MAKE(index);

		x->name = text("index", k);
		x->columns = NEW(int16_t, 4 * sizeof(int16_t));
		x->columns[1] = 2;
		x->estimates = NEW(uint64_t, 5 * sizeof(uint64_t));
		x->estimates[0] = 1000000;
		x->table = t;
		x->next = t->indexes;
		x->n = 4;
		t->indexes = x;
	}
	t->schema = schema;
	return t;
}

static void fill_database(void)
{
	struct database *db = MAKE(database);

	schema = MAKE(schema);
	schema->db = db;
	schema->tables = table_new(32);
	db->file = text("file", 1);
	for (int i = 0; i < 20; i++) {
		struct table *t = table_of(i);
		struct vdbe *v = MAKE(vdbe);

		table_insert(schema->tables, t->name, t);
		v->db = db;
		v->n_mem = 6;
		v->mem = NEW(struct mem, 6 * sizeof(struct mem));
		for (int k = 0; k < 6; k++) {
			v->mem[k].db = db;
			v->mem[k].flags = (uint16_t)(1 << k % 3);
			if (k % 2)
				v->mem[k].z = v->mem[k].malloced = text("mem", k);
		}
		v->n_ops = 5;
		v->ops = NEW(struct op, 5 * sizeof(struct op));
		for (int k = 0; k < 5; k++)
			v->ops[k].code = (uint8_t)(k + 40);
		v->ops[1].p4.z = text("p4", i);
		v->ops[1].p4type = -1;
		v->ops[2].p4.i64 = NEW(int64_t, 8);
		*v->ops[2].p4.i64 = 1ll << 40;
		v->ops[2].p4type = -2;
		v->ops[3].p4.index = t->indexes;
		v->ops[3].p4type = -3;
		v->next = statements;
		statements = v;
	}
	obstack_init(&names);
	interned = NEW(char *, 200 * sizeof(char *));
	for (int i = 0; i < 200; i++) {
		char buf[64];
		int n = snprintf(buf, sizeof(buf), "name %d of those that are interned", i);

		interned[i] = obstack_copy0(&names, buf, n);
	}
}

int main(int argc, char **argv)
{
	truths_begin(argc, argv);
	fill_player();
	fill_users();
	fill_clients();
	fill_database();
	truths_end();
	return 0;
}
