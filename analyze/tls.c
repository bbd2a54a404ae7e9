/* SPDX-License-Identifier: MIT */
#include "analyze/tls.h"

#include <stdlib.h>

#include "analyze/tls_slots.h"

struct search {
	const struct image *image;
	struct tls_slots slots;
	uint32_t program;	/* the module of the program, or UINT32_MAX */
	struct tls_blocks *ret;
};

/* The vector of one thread. */
struct dtv {
	uint64_t addr;		/* of entry 0 */
	uint64_t generation;
	uint64_t n;		/* the largest number it has room for */
};

/** glibc: the word before entry 0 is the length, entry 0 the generation.
 * musl: entry 0 is the length. */
static bool read_dtv(const struct search *s, uint64_t thread_pointer,
		     struct dtv *ret)
{
	const struct image *image = s->image;

	if (s->slots.at.len == 0 ||
	    !image_u64(image, thread_pointer + s->slots.dtv, &ret->addr) ||
	    ret->addr % 8 != 0 || ret->addr < s->slots.entry ||
	    !image_u64(image, ret->addr, &ret->generation))
		return false;
	if (s->slots.linker == TLS_MUSL) {
		ret->n = ret->generation;
		return true;
	}
	return image_u64(image, ret->addr - s->slots.entry, &ret->n);
}

/** The address of the block that @slot stands for, or 0. */
static uint64_t address_of(const struct search *s, const struct tls_slot *slot,
			   uint64_t thread_pointer, const struct dtv *dtv)
{
	uint64_t at;

	if (slot->offset)
		return thread_pointer > slot->offset ?
		       thread_pointer - slot->offset : 0;
	if (slot->id > dtv->n ||
	    (s->slots.linker == TLS_GLIBC &&
	     slot->generation > dtv->generation) ||
	    !image_u64(s->image, dtv->addr + slot->id * s->slots.entry, &at))
		return 0;
	/* -1 is "not made yet". */
	return image_mapping(s->image, at) ? at : 0;
}

static bool add(struct search *s, uint32_t thread, uint32_t module,
		uint64_t addr)
{
	struct tls_block block = { addr, thread, module };

	return addr == 0 || vec_push(&s->ret->at, block);
}

/** The rule of variant II for the program itself. */
static uint64_t address_below(const struct module *module,
			      uint64_t thread_pointer)
{
	uint64_t align = module->tls_align ? module->tls_align : 1;
	uint64_t size = (module->tls_size + align - 1) & ~(align - 1);

	return size < thread_pointer ? thread_pointer - size : 0;
}

static int by_module(const void *a, const void *b)
{
	const struct tls_block *x = a, *y = b;

	return (x->module > y->module) - (x->module < y->module);
}

static bool find_in_thread(struct search *s, uint32_t thread)
{
	const struct image *image = s->image;
	uint64_t pointer = image->threads.at[thread].regs[X86_FS_BASE];
	size_t first = s->ret->at.len;
	bool has_program = false;
	struct dtv dtv;

	if (pointer == 0)
		return true;
	if (read_dtv(s, pointer, &dtv)) {
		for (size_t i = 0; i < s->slots.at.len; i++) {
			const struct tls_slot *slot = &s->slots.at.at[i];
			size_t before = s->ret->at.len;

			if (!add(s, thread, slot->module,
				 address_of(s, slot, pointer, &dtv)))
				return false;
			if (slot->module == s->program)
				has_program = s->ret->at.len > before;
		}
	}
	if (!has_program && s->program != UINT32_MAX &&
	    image->modules.at[s->program].tls_size > 0 &&
	    !add(s, thread, s->program,
		 address_below(&image->modules.at[s->program], pointer)))
		return false;
	if (s->ret->at.len - first > 1)
		qsort(s->ret->at.at + first, s->ret->at.len - first,
		      sizeof(*s->ret->at.at), by_module);
	return true;
}

bool tls_blocks_find(const struct image *image, struct tls_blocks *ret,
		     struct err *err)
{
	struct search s = {
		.image = image, .program = image_program(image), .ret = ret,
	};
	bool ok = true;

	*ret = (struct tls_blocks){0};
	if (!tls_slots_read(image, &s.slots, err))
		return false;
	for (uint32_t t = 0; ok && t < image->threads.len; t++)
		ok = find_in_thread(&s, t);
	tls_slots_free(&s.slots);
	if (ok)
		return true;
	tls_blocks_free(ret);
	return err_nomem(err, "thread-local storage");
}

void tls_blocks_free(struct tls_blocks *blocks)
{
	vec_free(&blocks->at);
}
