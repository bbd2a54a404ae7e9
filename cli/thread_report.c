/* SPDX-License-Identifier: MIT */
#include "cli/thread_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/node_text.h"

enum { VALUE_MAX = 512 };

/* DWARF's numbers (System V ABI, AMD64, 3.6.2). */
static const char *register_name(uint64_t n)
{
	static const char *const names[] = {
		"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
		"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		"xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		"xmm14", "xmm15",
	};

	return n < sizeof(names) / sizeof(*names) ? names[n] : NULL;
}

static uint64_t retained_by(const struct report *r, uint32_t node)
{
	return node == NODE_NONE ? 0 : r->facts.dom.retained[node];
}

static void local_row(const struct report *r, const struct local_nodes *nodes,
		      size_t i, struct table *t)
{
	const struct heap *heap = &r->facts.heap;
	const struct local *l = &heap->image->locals.at[i];
	uint64_t retained = retained_by(r, nodes->at[i]);
	char value[VALUE_MAX], label[NODE_TEXT_MAX];
	uint32_t target;

	local_value(heap, l, value, sizeof(value), &target);
	if (retained)
		table_size(t, retained);
	else
		table_text(t, "");
	table_text(t, "");
	table_format(t, "        %s = %s%s%s%s", l->name, value,
		     target != NODE_NONE ? "  " : "",
		     target != NODE_NONE ?
		     node_text(&r->facts, target, label) : "",
		     l->flags & LOCAL_UNSET ? "  (not set yet)" : "");
}

/* The locals of one frame; true when some were left out. */
static bool local_rows(const struct report *r, const struct local_nodes *nodes,
		       const struct frame *f, enum locals_shown shown,
		       struct table *t)
{
	const struct image *image = &r->facts.image;
	bool all = shown == LOCALS_ALL || (shown == LOCALS_OF_PROGRAM &&
					   !frame_is_libc(image, f));
	bool left_out = false;

	for (size_t i = f->first_local; i < f->first_local + f->n_locals; i++) {
		if (image->locals.at[i].flags & LOCAL_LOST)
			continue;
		if (all || retained_by(r, nodes->at[i]) > 0)
			local_row(r, nodes, i, t);
		else
			left_out = true;
	}
	return left_out;
}

bool thread_frames_rows(const struct report *r,
			const struct local_nodes *nodes, uint32_t thread,
			enum locals_shown shown, struct table *t)
{
	const struct image *image = &r->facts.image;
	struct thread_frames frames = thread_frames_of(image, thread);
	bool left_out = false;
	char place[2048];

	for (size_t i = 0; i < frames.n && i < r->options.limit; i++) {
		const struct frame *f = &image->frames.at[frames.first + i];

		table_text(t, "");
		table_text(t, "");
		table_format(t, "  #%-3zu %s", i,
			     frame_place(image, f, place, sizeof(place)));
		left_out |= local_rows(r, nodes, f, shown, t);
	}
	if (frames.n > r->options.limit) {
		table_text(t, "");
		table_text(t, "");
		table_format(t, "  ... %zu more frames",
			     frames.n - (size_t)r->options.limit);
	}
	return left_out;
}

static struct json_t *local_json(const struct report *r,
				 const struct local_nodes *nodes, size_t i)
{
	const struct heap *heap = &r->facts.heap;
	const struct local *l = &heap->image->locals.at[i];
	bool is_register = l->flags & LOCAL_REGISTER;
	char value[VALUE_MAX], type[NODE_TEXT_MAX];
	struct json_t *o = json_new_object();
	uint32_t target;

	local_value(heap, l, value, sizeof(value), &target);
	json_put_text(o, "name", l->name);
	json_put_text(o, "type", l->type == TYPE_NONE ? NULL :
		      types_name(&heap->image->types, l->type, type,
				 sizeof(type)));
	json_put_bool(o, "parameter", l->flags & LOCAL_PARAMETER);
	json_put_text(o, "state", l->flags & LOCAL_LOST ? "lost" :
		      l->flags & LOCAL_UNSET ? "unset" : "live");
	if (l->flags & (LOCAL_REGISTER | LOCAL_VALUE | LOCAL_LOST))
		json_put_text(o, "addr", NULL);
	else
		json_put_addr(o, "addr", l->addr);
	json_put_text(o, "register",
		      is_register ? register_name(l->addr) : NULL);
	json_put_text(o, "value", l->flags & LOCAL_LOST ? NULL : value);
	if (target == NODE_NONE)
		json_put_text(o, "target", NULL);
	else
		json_put_addr(o, "target", heap->addr[target]);
	json_put_u64(o, "retained", retained_by(r, nodes->at[i]));
	return o;
}

static struct json_t *frame_json(const struct report *r,
				 const struct local_nodes *nodes,
				 const struct frame *f)
{
	const struct image *image = &r->facts.image;
	struct json_t *o = json_new_object(), *locals = json_new_array();
	char name[1024];

	json_put_text(o, "function", f->function[0] ?
		      frame_function(f, name, sizeof(name)) : NULL);
	json_put_text(o, "file", f->file[0] ? f->file : NULL);
	json_put_u64(o, "line", f->line);
	json_put_addr(o, "pc", f->pc);
	json_put_text(o, "module", f->module < image->modules.len ?
		      image->modules.at[f->module].path : NULL);
	json_put_bool(o, "inlined", f->flags & FRAME_INLINED);
	json_put_bool(o, "signal", f->flags & FRAME_SIGNAL);
	json_put_bool(o, "guessed", f->flags & FRAME_GUESSED);
	for (size_t i = 0; i < f->n_locals; i++)
		json_add(locals, local_json(r, nodes, f->first_local + i));
	json_put(o, "locals", locals);
	return o;
}

struct json_t *thread_frames_json(const struct report *r,
				  const struct local_nodes *nodes,
				  uint32_t thread)
{
	struct thread_frames frames = thread_frames_of(&r->facts.image, thread);
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < frames.n; i++)
		json_add(list, frame_json(r, nodes, &r->facts.image.frames.at[
						  frames.first + i]));
	return list;
}
