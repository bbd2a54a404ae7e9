/* SPDX-License-Identifier: MIT */
/*
 * Intrusive structures with container_of, as in Linux: hlists, trees with the
 * color in the pointer, lists of lists, work items, reference counts, ops
 * tables, flexible arrays; and the same kinds of objects, lost: lists, trees,
 * rings, single ones, with and without what they refer to.
 */
#include <stddef.h>
#include <stdint.h>

#include "tests/types/truth.h"

#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

struct list_head { struct list_head *next, *prev; };
struct hlist_head { struct hlist_node *first; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct rb_node { unsigned long parent_color; struct rb_node *right, *left; };
struct rb_root { struct rb_node *node; };
struct work { void (*run)(struct work *); struct list_head entry; };
struct kref { int refcount; };

struct inode;
struct inode_ops { int (*read)(struct inode *, char *, int); int (*write)(struct inode *, const char *, int); };
struct superblock { struct list_head mounts, inodes; const struct inode_ops *ops; char id[32]; void *info; };
struct inode { struct hlist_node hash; struct list_head of_super, lru; unsigned long number; struct superblock *super; void *private; struct kref ref; };
struct file_info { struct inode *inode; struct work flush; uint64_t position, size; };
struct dentry { struct dentry *parent; struct list_head child, subdirs; struct hlist_node hash; struct inode *inode; struct kref ref; uint32_t length; char name[]; };
struct extent { struct rb_node node; uint64_t start, length; struct inode *inode; };
struct ext_info { struct rb_root extents; uint32_t n_extents; uint32_t *bitmap; };
struct timer { struct hlist_node entry; unsigned long expires; void (*function)(struct timer *); };
struct socket { struct timer retransmit, keepalive; struct list_head ready; int state; struct packet_queue *queue; };
struct packet_queue { struct packet *head, *tail; uint32_t n; struct socket *owner; };
struct packet { struct packet *next; uint32_t length, headroom; unsigned char *head, *data; struct socket *socket; };
struct per_cpu { struct work *current; struct list_head queue; uint64_t stats[6]; };
struct task { int pid, prio; struct task *parent; struct list_head children, sibling, all; char comm[16]; struct rb_node run; struct files *files; };
struct files { struct kref ref; uint32_t max; struct file_info **fd; struct file_info *inline_fd[4]; };

/* What gets lost. */
struct lost_item { struct list_head link; int id; char *label; };
struct lost_node { struct lost_node *left, *right; double weight; uint64_t key; };
struct lost_graph { char *name; struct lost_edge *edges; uint32_t n_edges, mark; };
struct lost_edge { struct lost_graph *to; struct lost_edge *next; float cost; int kind; };
struct lost_session { uint64_t token[2]; char user[32]; char *address; struct lost_node *tree; int64_t since; };
struct lost_buffer { size_t capacity, used; char *at; struct lost_buffer *next; };
struct lost_config { char *host, *path; int port, retries; double timeout; };

struct hlist_head inode_table[64];
struct superblock *root_super;
struct dentry *root_dentry;
struct rb_root run_queue;
struct list_head all_tasks = { &all_tasks, &all_tasks };
struct hlist_head timer_wheel[32];
struct per_cpu *cpus;
struct list_head pending = { &pending, &pending };

static void list_add(struct list_head *item, struct list_head *head)
{
	item->next = head->next;
	item->prev = head;
	head->next->prev = item;
	head->next = item;
}

static void list_init(struct list_head *head) { head->next = head->prev = head; }

static void hlist_add(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	if (h->first)
		h->first->pprev = &n->next;
	h->first = n;
	n->pprev = &h->first;
}

/* Not balanced; the color is in the parent's low bit, as in Linux. */
static void rb_add(struct rb_root *root, struct rb_node *node, unsigned long key)
{
	struct rb_node **at = &root->node, *up = NULL;

	while (*at) {
		up = *at;
		key = key * 6364136223846793005ul + 1442695040888963407ul;
		at = key >> 63 ? &up->left : &up->right;
	}
	node->parent_color = (unsigned long)up | (key >> 62 & 1);
	*at = node;
}

static int read_ext(struct inode *i, char *p, int n) { (void)i; (void)p; return n; }
static int write_ext(struct inode *i, const char *p, int n) { (void)i; (void)p; return n; }
static const struct inode_ops ext_ops = { read_ext, write_ext };
static void flush(struct work *w) { container_of(w, struct file_info, flush)->position = 0; }
static void expire(struct timer *t) { container_of(t, struct socket, retransmit)->state = 0; }

static struct file_info *make_file(struct inode *inode, int i)
{
	struct file_info *f = MAKE(file_info);

	f->inode = inode;
	f->flush.run = flush;
	f->size = 4096 + (uint64_t)i;
	list_add(&f->flush.entry, &pending);
	return f;
}

static struct dentry *make_dentry(struct dentry *parent, struct inode *inode, const char *name)
{
	size_t n = strlen(name);
	struct dentry *d = truth("dentry", calloc(1, sizeof(*d) + n + 1));

	d->inode = inode;
	d->parent = parent;
	d->length = (uint32_t)n;
	d->ref.refcount = 1;
	memcpy(d->name, name, n + 1);
	list_init(&d->subdirs);
	list_init(&d->child);
	if (parent)
		list_add(&d->child, &parent->subdirs);
	return d;
}

static void fill_files(void)
{
	root_super = MAKE(superblock);
	list_init(&root_super->mounts);
	list_init(&root_super->inodes);
	root_super->ops = &ext_ops;
	strcpy(root_super->id, "ext-on-sda1");
	root_dentry = make_dentry(NULL, NULL, "/");
	for (int i = 0; i < 80; i++) {
		struct inode *n = MAKE(inode);
		struct ext_info *info = MAKE(ext_info);
		char name[80];

		n->number = 1000 + (unsigned long)i;
		n->super = root_super;
		n->ref.refcount = 1;
		n->private = info;
		hlist_add(&n->hash, &inode_table[i * 7 % 64]);
		list_add(&n->of_super, &root_super->inodes);
		list_init(&n->lru);
		info->bitmap = NEW(uint32_t, 16 * sizeof(uint32_t));
		info->bitmap[3] = 0xffff0000u;
		for (int k = 0; k < i % 6; k++) {
			struct extent *e = MAKE(extent);

			e->start = (uint64_t)k * 4096;
			e->length = 4096;
			e->inode = n;
			rb_add(&info->extents, &e->node, (unsigned long)(i * k));
			info->n_extents++;
		}
		snprintf(name, sizeof(name), "file-%d%.*s", i, i % 30, "-with-a-name-that-gets-longer-and-longer");
		make_dentry(root_dentry, n, name);
	}
}

static void fill_tasks(void)
{
	struct task *parent = NULL;

	for (int i = 0; i < 50; i++) {
		struct task *t = MAKE(task);
		struct files *f = MAKE(files);

		t->pid = i + 1;
		t->prio = 120;
		t->parent = parent;
		list_init(&t->children);
		list_init(&t->sibling);
		if (parent)
			list_add(&t->sibling, &parent->children);
		if (i % 7 == 0)
			parent = t;
		list_add(&t->all, &all_tasks);
		snprintf(t->comm, sizeof(t->comm), "task/%d", i);
		rb_add(&run_queue, &t->run, (unsigned long)i * 31);
		f->ref.refcount = 1;
		f->max = i % 3 ? 4 : 16;
		f->fd = i % 3 ? f->inline_fd : NEW(struct file_info *, 16 * sizeof(void *));
		f->fd[0] = make_file(container_of(root_super->inodes.next, struct inode, of_super), i);
		f->fd[2] = make_file(container_of(root_super->inodes.prev, struct inode, of_super), i);
		t->files = f;
	}
}

static void fill_network(void)
{
	cpus = NEW(struct per_cpu, 4 * sizeof(struct per_cpu));
	for (int i = 0; i < 4; i++)
		list_init(&cpus[i].queue);
	for (int i = 0; i < 40; i++) {
		struct socket *s = MAKE(socket);
		struct packet_queue *q = MAKE(packet_queue);

		s->retransmit.expires = 5000 + (unsigned long)i;
		s->retransmit.function = expire;
		s->keepalive.expires = 90000;
		hlist_add(&s->retransmit.entry, &timer_wheel[i % 32]);
		if (i % 2)
			hlist_add(&s->keepalive.entry, &timer_wheel[(i + 5) % 32]);
		list_add(&s->ready, &cpus[i % 4].queue);
		s->state = 1 + i % 3;
		s->queue = q;
		q->owner = s;
		for (int k = 0; k < 4; k++) {
			struct packet *p = MAKE(packet);

			p->length = 100;
			p->headroom = 14;
			p->head = NEW(unsigned char, 256);
			memset(p->head, 0xe0 + k, 200);
			p->data = p->head + 14;
			p->socket = s;
			if (q->tail)
				q->tail->next = p;
			else
				q->head = p;
			q->tail = p;
			q->n++;
		}
	}
}

static void lose_lists(void)
{
	struct list_head *head = truth("list_head", calloc(1, sizeof(*head)));
	struct lost_buffer *buffers = NULL;

	list_init(head);
	for (int i = 0; i < 60; i++) {
		struct lost_item *item = MAKE(lost_item);
		struct lost_buffer *b = MAKE(lost_buffer);

		item->id = i;
		item->label = text("lost", i);
		list_add(&item->link, head);
		b->capacity = 128;
		b->used = 60;
		b->at = NEW(char, 128);
		memset(b->at, 'b', 60);
		b->next = buffers;
		buffers = b;
	}
}

static struct lost_node *lose_tree(int depth, int i)
{
	struct lost_node *n = MAKE(lost_node);

	n->weight = i * 0.25 + 1;
	n->key = (uint64_t)i * 1000003;
	if (depth > 0) {
		n->left = lose_tree(depth - 1, i * 2);
		n->right = lose_tree(depth - 1, i * 2 + 1);
	}
	return n;
}

static void lose_rest(void)
{
	struct lost_graph *graph[30];

	for (int i = 0; i < 30; i++) {
		graph[i] = MAKE(lost_graph);
		graph[i]->name = text("vertex", i);
	}
	for (int i = 0; i < 30; i++) {
		for (int k = 0; k < 3; k++) {
			struct lost_edge *e = MAKE(lost_edge);

			e->to = graph[(i * 5 + k * 11 + 1) % 30];
			e->cost = 1.5f + (float)k;
			e->kind = k;
			e->next = graph[i]->edges;
			graph[i]->edges = e;
			graph[i]->n_edges++;
		}
	}
	for (int i = 0; i < 25; i++) {
		struct lost_session *s = MAKE(lost_session);
		struct lost_config *c = MAKE(lost_config);

		s->token[0] = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
		s->token[1] = 0xc2b2ae3d27d4eb4fu * (uint64_t)(i + 1);
		snprintf(s->user, sizeof(s->user), "user-%d", i);
		s->address = text("address", i);
		s->since = 1700000000 + i;
		if (i % 5 == 0)
			s->tree = lose_tree(3, i + 1);
		c->host = text("host", i);
		c->path = text("path", i);
		c->port = 8080;
		c->timeout = 30.5;
	}
}

/* Overwrites what calls left on the stack. */
static void __attribute__((noinline)) sweep(void)
{
	volatile char room[4096];

	memset((char *)room, 0, sizeof(room));
}

int main(int argc, char **argv)
{
	truths_begin(argc, argv);
	fill_files();
	fill_tasks();
	fill_network();
	lose_lists();
	lose_rest();
	lose_tree(5, 1);
	sweep();
	truths_end();
	return 0;
}
