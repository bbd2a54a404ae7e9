/* SPDX-License-Identifier: MIT */
#include "tests/make_image.h"

#include <stdio.h>

#include "formats/snapshot.h"

enum { RW = PERM_READ | PERM_WRITE, MIB = 1 << 20 };

static void check(bool ok)
{
	if (!ok) {
		fprintf(stderr, "make_image: out of memory\n");
		exit(1);
	}
}

static void add_map(struct image *image, uint64_t start, uint64_t size,
		    uint32_t perms, const char *path)
{
	struct mapping m = {
		.start = start, .end = start + size, .perms = perms,
		.path = path, .vm_flags = "rd wr mr mw me ac sd",
		.offset = path[0] == '/' ? start & 0xf000 : 0,
		.dev_major = 8, .dev_minor = 1, .inode = start >> 12,
		.has_smaps = path[0] != '[', .rss = size, .pss = size / 2,
		.private_dirty = 3, .private_clean = 4, .shared_dirty = 5,
		.shared_clean = 6, .swap = 7, .anonymous = 8, .anon_huge = 9,
		.first_run = image->page_runs.len, .n_runs = 2,
	};

	for (uint32_t i = 0; i < 2; i++) {
		struct page_run run = {
			.start = start + i * 0x2000, .pages = i + 1,
			.kind = i ? PAGE_SWAPPED : PAGE_PRESENT,
		};

		check(vec_push(&image->page_runs, run));
	}
	check(vec_push(&image->mappings, m));
}

static void add_range(struct image *image, uint64_t start, uint64_t end,
		      enum presence presence)
{
	struct range range = {
		.start = start, .end = end, .presence = presence,
	};

	check(vec_push(&image->ranges, range));
}

static void add_memory(struct image *image)
{
	add_map(image, 0x400000, 0x3000, PERM_READ | PERM_EXEC, "/bin/made");
	add_map(image, 0x600000, 0x4000, RW, "/bin/made");
	add_map(image, 0x1000000, 5 * MIB, RW, "[heap]");
	add_map(image, 0x7f0000000000, 0x8000, RW | PERM_SHARED, "");
	add_map(image, 0x7ffffff00000, 0x10000, RW, "[stack]");
	add_range(image, 0x400000, 0x403000, PRESENCE_CAPTURED);
	add_range(image, 0x600000, 0x602000, PRESENCE_CAPTURED);
	add_range(image, 0x602000, 0x604000, PRESENCE_ABSENT);
	add_range(image, 0x1000000, 0x1000000 + 2 * MIB, PRESENCE_CAPTURED);
	add_range(image, 0x1000000 + 2 * MIB, 0x1000000 + 4 * MIB,
		  PRESENCE_ZERO);
	add_range(image, 0x1000000 + 4 * MIB, 0x1000000 + 5 * MIB,
		  PRESENCE_CAPTURED);
	add_range(image, 0x7f0000000000, 0x7f0000004000, PRESENCE_TORN);
	add_range(image, 0x7f0000004000, 0x7f0000008000, PRESENCE_CAPTURED);
	add_range(image, 0x7ffffff00000, 0x7ffffff08000, PRESENCE_ZERO);
	add_range(image, 0x7ffffff08000, 0x7ffffff10000, PRESENCE_CAPTURED);
}

static void add_threads(struct image *image)
{
	static uint8_t fpregs[512], xstate[2696], siginfo[128] = { 11 };

	for (uint32_t i = 0; i < 3; i++) {
		struct thread t = {
			.tid = 100 + i, .name = i ? "io" : "main",
			.fpregs = fpregs, .fpregs_size = sizeof(fpregs),
			.xstate = xstate, .xstate_size = sizeof(xstate) - i,
			.signal = i ? 0 : 11,
			.siginfo = i ? NULL : siginfo,
			.siginfo_size = i ? 0 : sizeof(siginfo),
		};

		for (int r = 0; r < X86_N_REGS; r++)
			t.regs[r] = i * 1000 + (uint64_t)r;
		fpregs[i] = xstate[i] = (uint8_t)(i + 1);
		check(vec_push(&image->threads, t));
	}
}

static void add_modules(struct image *image)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct module m = {
			.path = i ? "/lib/libmade.so" : "/bin/made",
			.build_id = { 1, 2, 3, (uint8_t)i },
			.build_id_size = 20, .start = 0x400000 + i * 0x200000,
			.end = 0x403000 + i * 0x201000, .bias = i * 0x200000,
			.debug = i ? DEBUG_NONE : DEBUG_FULL,
			.hint = i ? "install libmade-dbgsym" : "",
			.debug_path = i ? "" : "/bin/made",
			.tls_size = 64 * i, .tls_align = 16,
			.first_section = i, .n_sections = 1,
		};
		struct section s = {
			.name = i ? ".bss" : ".data",
			.start = 0x600000 + i * 0x1000,
			.end = 0x600800 + i * 0x1000,
		};

		check(vec_push(&image->modules, m) &&
		      vec_push(&image->sections, s));
	}
}

static void add_types(struct image *image)
{
	struct err err = {0};
	struct type integer = { .kind = TYPE_INT, .size = 4 };
	struct type record = {
		.kind = TYPE_STRUCT, .size = 8, .n_members = 2, .n_args = 1,
	};
	struct member members[2] = {{0}, { .offset = 4, .bit_size = 3 }};
	struct template_arg arg = { .value = 77, .is_value = 1 };
	uint32_t id;

	check(types_init(&image->types, &err));
	integer.name = types_string(&image->types, "int");
	integer.scope = integer.target = TYPE_NONE;
	integer.module = 0;
	id = types_add(&image->types, &integer, NULL, NULL);
	record.name = types_string(&image->types, "Pair<77>");
	record.scope = record.target = TYPE_NONE;
	members[0].name = types_string(&image->types, "first");
	members[1].name = types_string(&image->types, "second");
	members[0].type = members[1].type = arg.type = id;
	id = types_add(&image->types, &record, members, &arg);
	check(id != TYPE_NONE &&
	      types_pointer_to(&image->types, id) != TYPE_NONE);
}

static void add_names(struct image *image)
{
	for (uint32_t i = 0; i < 40; i++) {
		struct variable v = {
			.name = i % 2 ? "ns::cache" : "main::seen",
			.addr = 0x600000 + i * 16, .size = 16, .type = i % 3,
			.module = i % 2, .flags = i < 30 ? 0 : VAR_TLS,
		};
		struct symbol s = {
			.addr = 0x400000 + i * 32, .size = 32,
			.name = i % 2 ? "_ZN2ns4cacheE" : "main",
			.module = i % 2,
			.kind = i % 2 ? SYMBOL_OBJECT : SYMBOL_FUNCTION,
		};

		check(vec_push(&image->vars, v) &&
		      vec_push(&image->symbols, s));
	}
}

static void add_frames(struct image *image)
{
	for (uint32_t i = 0; i < 9; i++) {
		struct frame f = {
			.thread = i / 3, .module = i % 3 ? i % 2 : UINT32_MAX,
			.pc = 0x400000 + i * 7, .cfa = 0x7f0000000000 + i * 64,
			.function = i % 3 ? "ns::serve" : "",
			.file = i % 2 ? "/src/serve.cc" : "", .line = i * 11,
			.flags = i % 8, .first_local = image->locals.len,
			.n_locals = i % 4,
		};

		for (uint32_t k = 0; k < f.n_locals; k++) {
			struct local l = {
				.name = k ? "request" : "this",
				.type = k ? k % 3 : TYPE_NONE, .flags = i * 3,
				.addr = 0x7f0000000000 + k * 8, .size = 8 * k,
				.value = i * 1000 + k,
			};

			check(vec_push(&image->locals, l));
		}
		check(vec_push(&image->frames, f));
	}
}

void make_image(struct image *image)
{
	*image = (struct image){0};
	image->meta = (struct image_meta){
		.kind = IMAGE_SNAPSHOT, .capture_id = { 9, 8, 7 },
		.pid = 100, .ppid = 1, .exe = "/bin/made",
		.command = "made --quickly", .signal = 11,
		.captured_at = "2026-11-21T03:04:05Z",
		.kernel = "Linux 6.1.0 x86_64", .options = "--no-fork",
		.pause_ns = 123456789, .status = "Name:\tmade\n",
		.limits = "Max processes\n", .cgroup = "memory.max max\n",
		.page_size = 4096,
	};
	add_memory(image);
	add_threads(image);
	add_modules(image);
	add_types(image);
	add_names(image);
	add_frames(image);
	check(vec_push(&image->auxv, 33) && vec_push(&image->auxv, 0x7000) &&
	      vec_push(&image->auxv, 0) && vec_push(&image->auxv, 0));
	diag_add_at(&image->diag, 0x602000, 2, "pages could not be read");
	diag_add(&image->diag, "smaps was incomplete");
}

uint8_t make_image_byte(uint64_t addr)
{
	uint64_t z = (addr >> 12) * UINT64_C(0x9e3779b97f4a7c15);

	/* One page in 32 is noise. */
	if (addr >> 12 & 31)
		return (uint8_t)(addr & 64 ? addr >> 12 : 0);
	z = (z ^ addr) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint8_t)(z >> 56);
}

static void fill(uint64_t addr, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = make_image_byte(addr + i);
}

static bool has_bytes(const struct range *r)
{
	return r->presence == PRESENCE_CAPTURED ||
	       r->presence == PRESENCE_TORN;
}

bool make_image_save(struct image *image, const char *path, struct err *err)
{
	struct snapshot_target target = { .path = path, .force = true };
	struct snapshot_writer *writer;
	uint8_t page[PAGE_SIZE_X86];

	if (!snapshot_begin(&target, image, &writer, err))
		return false;
	for (size_t i = 0; i < image->ranges.len; i++) {
		const struct range *r = &image->ranges.at[i];

		for (uint64_t at = r->start; has_bytes(r) && at < r->end;
		     at += sizeof(page)) {
			fill(at, page, sizeof(page));
			if (!snapshot_memory(writer, page, sizeof(page), err)) {
				snapshot_abort(writer);
				return false;
			}
		}
	}
	return snapshot_finish(writer, image, err);
}

static const char *compare_meta(const struct image *a, const struct image *b)
{
	const struct image_meta *x = &a->meta, *y = &b->meta;

	if (x->kind != y->kind || x->pid != y->pid || x->ppid != y->ppid ||
	    memcmp(x->capture_id, y->capture_id, sizeof(x->capture_id)) != 0 ||
	    x->pause_ns != y->pause_ns || x->signal != y->signal ||
	    x->page_size != y->page_size)
		return "meta";
	if (strcmp(x->exe, y->exe) != 0 ||
	    strcmp(x->command, y->command) != 0 ||
	    strcmp(x->captured_at, y->captured_at) != 0 ||
	    strcmp(x->kernel, y->kernel) != 0 ||
	    strcmp(x->options, y->options) != 0)
		return "texts of meta";
	if (strcmp(x->status, y->status) != 0 ||
	    strcmp(x->limits, y->limits) != 0 ||
	    strcmp(x->cgroup, y->cgroup) != 0)
		return "kernel texts";
	return NULL;
}

static bool same_bytes(const uint8_t *a, size_t a_size, const uint8_t *b,
		       size_t b_size)
{
	return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static const char *compare_threads(const struct image *a,
				   const struct image *b)
{
	if (a->threads.len != b->threads.len)
		return "number of threads";
	for (size_t i = 0; i < a->threads.len; i++) {
		const struct thread *x = &a->threads.at[i];
		const struct thread *y = &b->threads.at[i];

		if (x->tid != y->tid || x->signal != y->signal ||
		    strcmp(x->name, y->name) != 0)
			return "threads";
		if (memcmp(x->regs, y->regs, sizeof(x->regs)) != 0 ||
		    !same_bytes(x->fpregs, x->fpregs_size, y->fpregs,
				y->fpregs_size) ||
		    !same_bytes(x->xstate, x->xstate_size, y->xstate,
				y->xstate_size) ||
		    !same_bytes(x->siginfo, x->siginfo_size, y->siginfo,
				y->siginfo_size))
			return "registers";
	}
	return NULL;
}

static bool same_mapping(const struct mapping *x, const struct mapping *y)
{
	return x->start == y->start && x->end == y->end &&
	       x->offset == y->offset && x->perms == y->perms &&
	       x->dev_major == y->dev_major && x->dev_minor == y->dev_minor &&
	       x->inode == y->inode && strcmp(x->path, y->path) == 0 &&
	       strcmp(x->vm_flags, y->vm_flags) == 0 &&
	       x->has_smaps == y->has_smaps && x->rss == y->rss &&
	       x->pss == y->pss && x->private_dirty == y->private_dirty &&
	       x->private_clean == y->private_clean &&
	       x->shared_dirty == y->shared_dirty &&
	       x->shared_clean == y->shared_clean && x->swap == y->swap &&
	       x->anonymous == y->anonymous && x->anon_huge == y->anon_huge &&
	       x->first_run == y->first_run && x->n_runs == y->n_runs;
}

static const char *compare_maps(const struct image *a, const struct image *b)
{
	if (a->mappings.len != b->mappings.len)
		return "number of mappings";
	for (size_t i = 0; i < a->mappings.len; i++) {
		if (!same_mapping(&a->mappings.at[i], &b->mappings.at[i]))
			return "mappings";
	}
	if (a->page_runs.len != b->page_runs.len ||
	    memcmp(a->page_runs.at, b->page_runs.at,
		   a->page_runs.len * sizeof(*a->page_runs.at)) != 0)
		return "page runs";
	if (!same_bytes((const uint8_t *)a->auxv.at, a->auxv.len * 8,
			(const uint8_t *)b->auxv.at, b->auxv.len * 8))
		return "auxv";
	return NULL;
}

static const char *compare_modules(const struct image *a,
				   const struct image *b)
{
	if (a->modules.len != b->modules.len ||
	    a->sections.len != b->sections.len)
		return "number of modules";
	for (size_t i = 0; i < a->modules.len; i++) {
		const struct module *x = &a->modules.at[i];
		const struct module *y = &b->modules.at[i];

		if (strcmp(x->path, y->path) != 0 ||
		    strcmp(x->hint, y->hint) != 0 ||
		    strcmp(x->debug_path, y->debug_path) != 0 ||
		    !same_bytes(x->build_id, x->build_id_size, y->build_id,
				y->build_id_size) ||
		    x->start != y->start || x->end != y->end ||
		    x->bias != y->bias || x->debug != y->debug ||
		    x->tls_size != y->tls_size ||
		    x->tls_align != y->tls_align ||
		    x->first_section != y->first_section ||
		    x->n_sections != y->n_sections)
			return "modules";
	}
	for (size_t i = 0; i < a->sections.len; i++) {
		if (a->sections.at[i].start != b->sections.at[i].start ||
		    a->sections.at[i].end != b->sections.at[i].end ||
		    strcmp(a->sections.at[i].name, b->sections.at[i].name))
			return "sections";
	}
	return NULL;
}

static const char *compare_names(const struct image *a, const struct image *b)
{
	if (a->symbols.len != b->symbols.len)
		return "number of symbols";
	for (size_t i = 0; i < a->symbols.len; i++) {
		const struct symbol *x = &a->symbols.at[i];
		const struct symbol *y = &b->symbols.at[i];

		if (x->addr != y->addr || x->size != y->size ||
		    x->module != y->module || x->kind != y->kind ||
		    strcmp(x->name, y->name) != 0)
			return "symbols";
	}
	if (a->vars.len != b->vars.len)
		return "number of variables";
	for (size_t i = 0; i < a->vars.len; i++) {
		const struct variable *x = &a->vars.at[i];
		const struct variable *y = &b->vars.at[i];

		if (x->addr != y->addr || x->size != y->size ||
		    x->type != y->type || x->module != y->module ||
		    x->flags != y->flags || strcmp(x->name, y->name) != 0)
			return "variables";
	}
	return NULL;
}

static const char *compare_types(const struct image *a, const struct image *b)
{
	const struct type_table *x = &a->types, *y = &b->types;

	if (x->types.len != y->types.len ||
	    x->members.len != y->members.len || x->args.len != y->args.len)
		return "number of types";
	for (size_t i = 0; i < x->types.len; i++) {
		if (memcmp(&x->types.at[i], &y->types.at[i],
			   sizeof(x->types.at[i])) != 0)
			return "types";
	}
	for (size_t i = 0; i < x->members.len; i++) {
		if (memcmp(&x->members.at[i], &y->members.at[i],
			   sizeof(x->members.at[i])) != 0)
			return "members";
	}
	if (!same_bytes((const uint8_t *)x->strings.at, x->strings.len,
			(const uint8_t *)y->strings.at, y->strings.len))
		return "strings of types";
	return NULL;
}

static const char *compare_memory(const struct image *a,
				  const struct image *b)
{
	uint8_t want[PAGE_SIZE_X86], got[PAGE_SIZE_X86];

	for (size_t i = 0; i < a->ranges.len; i++) {
		const struct range *r = &a->ranges.at[i];

		for (uint64_t at = r->start; at < r->end; at += sizeof(want)) {
			const struct range *other = image_range(b, at);

			if (!other || other->presence != r->presence)
				return "presence of memory";
			if (r->presence == PRESENCE_ABSENT)
				continue;
			if (!image_read(b, at, got, sizeof(got)))
				return "lost memory";
			memset(want, 0, sizeof(want));
			if (r->presence != PRESENCE_ZERO)
				fill(at, want, sizeof(want));
			if (memcmp(want, got, sizeof(want)) != 0)
				return "bytes of memory";
		}
	}
	return NULL;
}

static const char *compare_diag(const struct image *a, const struct image *b)
{
	if (a->diag.len > b->diag.len)
		return "diagnostics";
	for (size_t i = 0; i < a->diag.len; i++) {
		bool found = false;

		for (size_t k = 0; k < b->diag.len; k++)
			found |= strcmp(a->diag.at[i].what,
					b->diag.at[k].what) == 0 &&
				 a->diag.at[i].count == b->diag.at[k].count &&
				 a->diag.at[i].first == b->diag.at[k].first;
		if (!found)
			return "diagnostics";
	}
	return NULL;
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
	return a->thread == b->thread && a->module == b->module &&
	       a->pc == b->pc && a->cfa == b->cfa && a->line == b->line &&
	       a->flags == b->flags && a->first_local == b->first_local &&
	       a->n_locals == b->n_locals &&
	       strcmp(a->function, b->function) == 0 &&
	       strcmp(a->file, b->file) == 0;
}

static bool same_local(const struct local *a, const struct local *b)
{
	return a->type == b->type && a->flags == b->flags &&
	       a->addr == b->addr && a->size == b->size &&
	       a->value == b->value && strcmp(a->name, b->name) == 0;
}

static const char *compare_frames(const struct image *a, const struct image *b)
{
	if (a->frames.len != b->frames.len || a->locals.len != b->locals.len)
		return "frames";
	for (size_t i = 0; i < a->frames.len; i++) {
		if (!same_frame(&a->frames.at[i], &b->frames.at[i]))
			return "frames";
	}
	for (size_t i = 0; i < a->locals.len; i++) {
		if (!same_local(&a->locals.at[i], &b->locals.at[i]))
			return "locals";
	}
	return NULL;
}

const char *make_image_compare(const struct image *want,
			       const struct image *got)
{
	static const char *(*const parts[])(const struct image *,
					    const struct image *) = {
		compare_meta, compare_threads, compare_maps, compare_modules,
		compare_names, compare_types, compare_frames, compare_memory,
		compare_diag,
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *what = parts[i](want, got);

		if (what)
			return what;
	}
	return NULL;
}
