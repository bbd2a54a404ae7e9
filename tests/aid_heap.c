/* SPDX-License-Identifier: MIT */
#include "tests/aid_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "aid_heap: %s\n", what);
		abort();
	}
}

/* The bytes of image.ranges that are captured, by number of the range. */
struct buffers {
	struct image *image;
	VEC(uint8_t *) at;
};

static uint8_t *bytes_at(const struct buffers *b, uint64_t addr, size_t *left)
{
	const struct range *r = image_range(b->image, addr);

	if (!r || r->presence == PRESENCE_ABSENT)
		return NULL;
	*left = (size_t)(r->end - addr);
	return b->at.at[r - b->image->ranges.at] + (addr - r->start);
}

static size_t buffers_read(void *self, uint64_t addr, void *buf, size_t n)
{
	size_t done = 0, left;

	while (done < n) {
		const uint8_t *from = bytes_at(self, addr + done, &left);

		if (!from)
			break;
		if (left > n - done)
			left = n - done;
		memcpy((char *)buf + done, from, left);
		done += left;
	}
	return done;
}

/* Two pages at a time, so that readers come to the end of their windows. */
static const uint8_t *buffers_pin(void *self, uint64_t addr, size_t *n,
				  void **token)
{
	size_t left, limit = (size_t)(0x2000 - addr % 0x1000);
	const uint8_t *at = bytes_at(self, addr, &left);

	if (!at)
		return NULL;
	if (left > limit)
		left = limit;
	*n = left;
	*token = self;
	return at;
}

static void buffers_unpin(void *self, void *token)
{
	need(self == token, "a pin of another memory");
}

static void buffers_close(void *self)
{
	struct buffers *b = self;

	for (size_t i = 0; i < b->at.len; i++)
		free(b->at.at[i]);
	vec_free(&b->at);
	free(b);
}

static const struct memory_ops ops = {
	buffers_read, buffers_pin, buffers_unpin, buffers_close,
};

void made_image(struct image *image)
{
	struct buffers *b = calloc(1, sizeof(*b));
	struct err err = {0};

	need(b != NULL, "memory");
	b->image = image;
	*image = (struct image){
		.ops = &ops, .memory = b,
		.meta = { .exe = "/bin/app", .command = "", .captured_at = "",
			  .kernel = "", .options = "", .status = "",
			  .limits = "", .cgroup = "", .pid = 100 },
	};
	need(types_init(&image->types, &err), "types");
}

void made_range(struct image *image, uint64_t start, uint64_t end,
		enum presence presence)
{
	struct buffers *b = image->memory;
	struct range r = { .start = start, .end = end, .presence = presence };

	need(image->ranges.len == 0 ||
	     image->ranges.at[image->ranges.len - 1].end <= start,
	     "ranges out of order");
	need(vec_push(&image->ranges, r), "memory");
	need(vec_push(&b->at, calloc(end - start, 1)), "memory");
	need(b->at.at[b->at.len - 1] != NULL, "memory");
}

void made_memory(struct image *image, uint64_t start, uint64_t end,
		 uint32_t perms, const char *path)
{
	struct mapping m = {
		.start = start, .end = end, .perms = perms, .path = path,
		.vm_flags = "", .inode = path[0] == '/' ? 7 : 0,
	};

	need(vec_push(&image->mappings, m), "memory");
	made_range(image, start, end, PRESENCE_CAPTURED);
}

void made_bytes(struct image *image, uint64_t addr, const void *from, size_t n)
{
	size_t left = 0;
	uint8_t *to = bytes_at(image->memory, addr, &left);

	need(to && left >= n, "a write outside of memory");
	memcpy(to, from, n);
}

void made_word(struct image *image, uint64_t addr, uint64_t word)
{
	made_bytes(image, addr, &word, sizeof(word));
}

uint32_t made_module(struct image *image, const char *path, uint64_t start,
		     uint64_t end)
{
	struct module m = {
		.path = path, .start = start, .end = end, .hint = "",
		.debug_path = "", .first_section = image->sections.len,
	};

	need(vec_push(&image->modules, m), "memory");
	return (uint32_t)image->modules.len - 1;
}

static uint32_t add_type(struct image *image, struct type *type,
			 const char *name, const struct member *members)
{
	uint32_t id;

	type->name = types_string(&image->types, name);
	type->scope = TYPE_NONE;
	type->module = UINT32_MAX;
	id = types_add(&image->types, type, members, NULL);
	need(id != TYPE_NONE, "types");
	return id;
}

uint32_t made_scalar(struct image *image, enum type_kind kind,
		     const char *name, uint64_t size)
{
	struct type type = {
		.kind = (uint8_t)kind, .size = size, .target = TYPE_NONE,
	};

	return add_type(image, &type, name, NULL);
}

uint32_t made_struct(struct image *image, const char *name, uint64_t size,
		     const struct made_member *members, uint32_t n)
{
	struct member copy[64] = {{0}};
	struct type type = {
		.kind = TYPE_STRUCT, .size = size, .target = TYPE_NONE,
		.n_members = n,
	};

	need(n <= 64, "too many members");
	for (uint32_t i = 0; i < n; i++)
		copy[i] = (struct member){
			.name = types_string(&image->types, members[i].name),
			.type = members[i].type, .offset = members[i].offset,
			.flags = members[i].flags,
		};
	return add_type(image, &type, name, copy);
}

uint32_t made_array(struct image *image, uint32_t element, uint64_t count)
{
	struct type type = {
		.kind = TYPE_ARRAY, .count = count, .target = element,
		.size = count * image->types.types.at[element].size,
	};

	return add_type(image, &type, "", NULL);
}

uint32_t made_pointer(struct image *image, uint32_t target)
{
	uint32_t id = types_pointer_to(&image->types, target);

	need(id != TYPE_NONE, "types");
	return id;
}

void made_retarget(struct image *image, uint32_t type, uint32_t member,
		   uint32_t target)
{
	struct type_table *t = &image->types;

	t->members.at[t->types.at[type].first_member + member].type = target;
}

uint64_t made_usable(uint64_t size)
{
	return size <= 24 ? 24 : ((size + 8 + 15) & ~UINT64_C(15)) - 8;
}

static const struct allocator allocator = {
	.name = "made", .usable = made_usable,
};

static void *column(size_t n, size_t size, int fill)
{
	void *p = malloc((n + 1) * size);

	need(p != NULL, "memory");
	memset(p, fill, (n + 1) * size);
	return p;
}

void made_heap(struct image *image, const struct chunk *blocks, size_t n,
	       struct heap *ret)
{
	struct allocator_summary summary = {
		.allocator = &allocator, .version = "", .understood = true,
	};
	struct err err = {0};

	*ret = (struct heap){
		.image = image, .n_blocks = (uint32_t)n,
		.n_nodes = (uint32_t)n,
		.addr = column(n, 8, 0),
		.type = column(n, 4, 0xff),
		.why_node = column(n, 4, 0xff), .why_offset = column(n, 4, 0),
		.evidence = column(n, 1, 0), .confidence = column(n, 1, 0),
		.state = column(n, 1, 0), .content = column(n, 1, 0),
		.owner = column(n, 1, 0),
	};
	need(block_sizes_init(&ret->sizes, n), "memory");
	for (uint32_t i = 0; i < n; i++) {
		ret->addr[i] = blocks[i].addr;
		need(block_set_size(&ret->sizes, i, blocks[i].size), "memory");
	}
	need(vec_push(&ret->allocators, summary), "memory");
	need(block_index_build(ret->addr, &ret->sizes, ret->n_blocks,
			       &ret->index, &err), err.message);
}

uint32_t made_root(struct heap *heap, const struct root *root)
{
	heap->roots = realloc(heap->roots,
			      (heap->n_roots + 1) * sizeof(*heap->roots));
	need(heap->roots != NULL, "memory");
	heap->roots[heap->n_roots++] = *root;
	return heap->n_nodes++;
}

void made_refs(struct heap *heap, struct graph refs)
{
	struct err err = {0};

	need(refs.n_nodes == heap->n_nodes, "another number of nodes");
	heap->refs = refs;
	need(graph_reverse(&heap->refs, &heap->referrers, &err), err.message);
}
