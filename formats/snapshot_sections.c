/* SPDX-License-Identifier: MIT */
#include "formats/snapshot_sections.h"

#include "formats/core_memory.h"

enum {
	MAPPING_MIN = 8 * 4 + 4 * 4 + 8 * 9 + 8 * 2 + 4 * 2,
	MODULE_MIN = 8 * 5 + 4 * 2 + 32 + 4 * 4,
	SECTION_MIN = 8 * 2 + 4,
	THREAD_MIN = 4 * 3,
	DIAG_MIN = 4 + 8 * 2,
	RUN_SIZE = 16,
	TORN_SIZE = 16,
	SYMBOL_SIZE = 32,
	BUILD_ID_MAX = 32,
};

void blob_bytes(struct blob *blob, const void *bytes, size_t n)
{
	if (blob->failed || !vec_reserve(&blob->bytes, blob->bytes.len + n)) {
		blob->failed = true;
		return;
	}
	if (n > 0)
		memcpy(blob->bytes.at + blob->bytes.len, bytes, n);
	blob->bytes.len += n;
}

void blob_u32(struct blob *blob, uint32_t value)
{
	blob_bytes(blob, &value, sizeof(value));
}

void blob_u64(struct blob *blob, uint64_t value)
{
	blob_bytes(blob, &value, sizeof(value));
}

void blob_text(struct blob *blob, const char *text)
{
	size_t n = strlen(text);

	if (n > UINT32_MAX) {
		blob->failed = true;
		return;
	}
	blob_u32(blob, (uint32_t)n);
	blob_bytes(blob, text, n);
}

void blob_free(struct blob *blob)
{
	vec_free(&blob->bytes);
}

static bool read_version(struct bytes *b, const char *what, struct err *err)
{
	uint32_t version = bytes_u32(b);

	if (!bytes_ok(b, what, err))
		return false;
	return version == SNAPSHOT_VERSION ||
	       err_set(err, ERR_UNSUPPORTED,
		       "%s of version %u, this program reads version %d",
		       what, version, SNAPSHOT_VERSION);
}

/* A count of records of at least @size bytes that the bytes have room for. */
static uint64_t read_count(struct bytes *b, uint64_t n, size_t size)
{
	if (n > bytes_left(b) / size)
		b->broken = true;
	return b->broken ? 0 : n;
}

/* A text in the arena; "" and a broken cursor when it is not there. */
static const char *read_text(struct bytes *b, struct image *image)
{
	uint32_t n = bytes_u32(b);
	const uint8_t *at = bytes_take(b, n);
	const char *text;

	if (!at || n == 0)
		return "";
	text = arena_text(&image->arena, (const char *)at, n);
	if (!text)
		b->broken = true;
	return text ? text : "";
}

void meta_write(const struct image *image, struct blob *blob)
{
	const struct image_meta *meta = &image->meta;

	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, meta->pid);
	blob_u32(blob, meta->ppid);
	blob_u32(blob, (uint32_t)meta->signal);
	blob_u64(blob, meta->pause_ns);
	blob_u64(blob, meta->page_size);
	blob_bytes(blob, meta->capture_id, sizeof(meta->capture_id));
	blob_text(blob, meta->exe);
	blob_text(blob, meta->command);
	blob_text(blob, meta->captured_at);
	blob_text(blob, meta->kernel);
	blob_text(blob, meta->options);
	blob_text(blob, meta->status);
	blob_text(blob, meta->limits);
	blob_text(blob, meta->cgroup);
	blob_u32(blob, (uint32_t)image->threads.len);
	for (size_t i = 0; i < image->threads.len; i++) {
		blob_u32(blob, image->threads.at[i].tid);
		blob_u32(blob, (uint32_t)image->threads.at[i].signal);
		blob_text(blob, image->threads.at[i].name);
	}
	blob_u32(blob, (uint32_t)image->diag.len);
	for (size_t i = 0; i < image->diag.len; i++) {
		blob_u64(blob, image->diag.at[i].count);
		blob_u64(blob, image->diag.at[i].first);
		blob_text(blob, image->diag.at[i].what);
	}
}

/* Names belong to the threads of the notes: both in the same order. */
static void read_threads(struct bytes *b, struct image *image)
{
	uint64_t n = read_count(b, bytes_u32(b), THREAD_MIN);

	for (uint64_t i = 0; i < n && !b->broken; i++) {
		uint32_t tid = bytes_u32(b), signal = bytes_u32(b);
		const char *name = read_text(b, image);
		struct thread *thread;

		if (b->broken || i >= image->threads.len)
			continue;
		thread = &image->threads.at[i];
		if (thread->tid != tid || signal > 64)
			continue;
		thread->name = name;
		thread->signal = (int)signal;
	}
}

static void read_diag(struct bytes *b, struct image *image)
{
	uint64_t n = read_count(b, bytes_u32(b), DIAG_MIN);

	for (uint64_t i = 0; i < n && !b->broken; i++) {
		uint64_t count = bytes_u64(b), first = bytes_u64(b);
		const char *what = read_text(b, image);

		if (!b->broken)
			diag_add_at(&image->diag, first, count, "%s", what);
	}
}

bool meta_read(struct bytes b, struct image *image, struct err *err)
{
	struct image_meta meta = image->meta;
	const uint8_t *id;
	uint32_t signal;

	if (!read_version(&b, SECTION_META, err))
		return false;
	meta.pid = bytes_u32(&b);
	meta.ppid = bytes_u32(&b);
	signal = bytes_u32(&b);
	meta.signal = signal <= 64 ? (int)signal : 0;
	meta.pause_ns = bytes_u64(&b);
	meta.page_size = bytes_u64(&b);
	id = bytes_take(&b, sizeof(meta.capture_id));
	if (id)
		memcpy(meta.capture_id, id, sizeof(meta.capture_id));
	meta.exe = read_text(&b, image);
	meta.command = read_text(&b, image);
	meta.captured_at = read_text(&b, image);
	meta.kernel = read_text(&b, image);
	meta.options = read_text(&b, image);
	meta.status = read_text(&b, image);
	meta.limits = read_text(&b, image);
	meta.cgroup = read_text(&b, image);
	if (!bytes_ok(&b, SECTION_META, err))
		return false;
	image->meta = meta;
	read_threads(&b, image);
	read_diag(&b, image);
	return bytes_ok(&b, SECTION_META, err);
}

static void write_mapping(const struct mapping *m, bool runs,
			  struct blob *blob)
{
	const uint64_t sizes[] = {
		m->rss, m->pss, m->private_dirty, m->private_clean,
		m->shared_dirty, m->shared_clean, m->swap, m->anonymous,
		m->anon_huge,
	};

	blob_u64(blob, m->start);
	blob_u64(blob, m->end);
	blob_u64(blob, m->offset);
	blob_u64(blob, m->inode);
	blob_u32(blob, m->perms);
	blob_u32(blob, m->dev_major);
	blob_u32(blob, m->dev_minor);
	blob_u32(blob, m->has_smaps);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		blob_u64(blob, sizes[i]);
	blob_u64(blob, runs ? m->first_run : 0);
	blob_u64(blob, runs ? m->n_runs : 0);
	blob_text(blob, m->path);
	blob_text(blob, m->vm_flags);
}

void maps_write(const struct image *image, bool runs, struct blob *blob)
{
	uint64_t n_runs = runs ? image->page_runs.len : 0;
	uint64_t n_torn = 0;

	for (size_t i = 0; i < image->ranges.len; i++)
		n_torn += image->ranges.at[i].presence == PRESENCE_TORN;
	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, (uint32_t)image->mappings.len);
	blob_u64(blob, n_runs);
	blob_u64(blob, n_torn);
	for (size_t i = 0; i < image->mappings.len; i++)
		write_mapping(&image->mappings.at[i], runs, blob);
	for (uint64_t i = 0; i < n_runs; i++) {
		blob_u64(blob, image->page_runs.at[i].start);
		blob_u32(blob, image->page_runs.at[i].pages);
		blob_u32(blob, image->page_runs.at[i].kind);
	}
	for (size_t i = 0; i < image->ranges.len; i++) {
		if (image->ranges.at[i].presence != PRESENCE_TORN)
			continue;
		blob_u64(blob, image->ranges.at[i].start);
		blob_u64(blob, image->ranges.at[i].end);
	}
}

static struct mapping read_mapping(struct bytes *b, struct image *image)
{
	struct mapping m = {0};
	uint64_t *sizes[] = {
		&m.rss, &m.pss, &m.private_dirty, &m.private_clean,
		&m.shared_dirty, &m.shared_clean, &m.swap, &m.anonymous,
		&m.anon_huge,
	};

	m.start = bytes_u64(b);
	m.end = bytes_u64(b);
	m.offset = bytes_u64(b);
	m.inode = bytes_u64(b);
	m.perms = bytes_u32(b);
	m.dev_major = bytes_u32(b);
	m.dev_minor = bytes_u32(b);
	m.has_smaps = bytes_u32(b) != 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		*sizes[i] = bytes_u64(b);
	m.first_run = bytes_u64(b);
	m.n_runs = bytes_u64(b);
	m.path = read_text(b, image);
	m.vm_flags = read_text(b, image);
	return m;
}

/* The tables of a maps section, before they are checked and taken over. */
struct maps {
	VEC(struct mapping) mappings;
	VEC(struct page_run) runs;
	VEC(struct range) torn;
};

static bool maps_parse(struct bytes *b, struct image *image, struct maps *ret,
		       struct err *err)
{
	uint32_t n = bytes_u32(b);
	uint64_t n_runs = bytes_u64(b), n_torn = bytes_u64(b);
	bool ok = true;

	n = (uint32_t)read_count(b, n, MAPPING_MIN);
	for (uint32_t i = 0; ok && !b->broken && i < n; i++)
		ok = vec_push(&ret->mappings, read_mapping(b, image));
	n_runs = read_count(b, n_runs, RUN_SIZE);
	ok = ok && vec_reserve(&ret->runs, (size_t)n_runs);
	for (uint64_t i = 0; ok && i < n_runs; i++) {
		struct page_run run = { .start = bytes_u64(b) };

		run.pages = bytes_u32(b);
		run.kind = bytes_u32(b);
		ok = vec_push(&ret->runs, run);
	}
	n_torn = read_count(b, n_torn, TORN_SIZE);
	ok = ok && vec_reserve(&ret->torn, (size_t)n_torn);
	for (uint64_t i = 0; ok && i < n_torn; i++) {
		struct range torn = { .start = bytes_u64(b) };

		torn.end = bytes_u64(b);
		ok = vec_push(&ret->torn, torn);
	}
	if (!ok)
		return err_nomem(err, "the mappings");
	return bytes_ok(b, SECTION_MAPS, err);
}

static bool maps_check(const struct maps *maps, struct err *err)
{
	uint64_t end = 0, torn_end = 0;

	for (size_t i = 0; i < maps->mappings.len; i++) {
		const struct mapping *m = &maps->mappings.at[i];

		if (m->start < end || m->end <= m->start ||
		    m->first_run > maps->runs.len ||
		    m->n_runs > maps->runs.len - m->first_run)
			return err_set(err, ERR_FORMAT,
				       "mapping %zu contradicts the others", i);
		end = m->end;
	}
	for (size_t i = 0; i < maps->torn.len; i++) {
		const struct range *t = &maps->torn.at[i];

		if (t->start < torn_end || t->end <= t->start)
			return err_set(err, ERR_FORMAT,
				       "torn range %zu contradicts the others",
				       i);
		torn_end = t->end;
	}
	return true;
}

bool maps_read(struct bytes b, struct image *image, struct err *err)
{
	struct maps maps = {0};
	bool ok;

	ok = read_version(&b, SECTION_MAPS, err) &&
	     maps_parse(&b, image, &maps, err) && maps_check(&maps, err) &&
	     (core_ranges_tear(image, maps.torn.at, maps.torn.len) ||
	      err_nomem(err, "the torn ranges"));
	if (ok) {
		vec_free(&image->mappings);
		vec_free(&image->page_runs);
		memcpy(&image->mappings, &maps.mappings,
		       sizeof(image->mappings));
		memcpy(&image->page_runs, &maps.runs,
		       sizeof(image->page_runs));
	} else {
		vec_free(&maps.mappings);
		vec_free(&maps.runs);
	}
	vec_free(&maps.torn);
	return ok;
}

static void write_module(const struct image *image, const struct module *m,
			 struct blob *blob)
{
	uint8_t build_id[BUILD_ID_MAX] = {0};
	uint32_t size = m->build_id_size < BUILD_ID_MAX ? m->build_id_size :
			BUILD_ID_MAX;

	memcpy(build_id, m->build_id, size);
	blob_u64(blob, m->start);
	blob_u64(blob, m->end);
	blob_u64(blob, m->bias);
	blob_u64(blob, m->tls_size);
	blob_u64(blob, m->tls_align);
	blob_u32(blob, (uint32_t)m->debug);
	blob_u32(blob, size);
	blob_bytes(blob, build_id, sizeof(build_id));
	blob_text(blob, m->path);
	blob_text(blob, m->hint);
	blob_text(blob, m->debug_path);
	blob_u32(blob, (uint32_t)m->n_sections);
	for (size_t i = 0; i < m->n_sections; i++) {
		const struct section *s =
			&image->sections.at[m->first_section + i];

		blob_u64(blob, s->start);
		blob_u64(blob, s->end);
		blob_text(blob, s->name);
	}
}

void modules_write(const struct image *image, struct blob *blob)
{
	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, (uint32_t)image->modules.len);
	for (size_t i = 0; i < image->modules.len; i++)
		write_module(image, &image->modules.at[i], blob);
}

/* A module and its sections, which are appended to the image's. */
static bool read_module(struct bytes *b, struct image *image,
			struct module *ret)
{
	const uint8_t *build_id;
	uint32_t debug;
	uint64_t n;

	ret->start = bytes_u64(b);
	ret->end = bytes_u64(b);
	ret->bias = bytes_u64(b);
	ret->tls_size = bytes_u64(b);
	ret->tls_align = bytes_u64(b);
	debug = bytes_u32(b);
	ret->debug = debug <= DEBUG_FULL ? (enum debug_state)debug :
		     DEBUG_NONE;
	ret->build_id_size = bytes_u32(b);
	build_id = bytes_take(b, BUILD_ID_MAX);
	ret->path = read_text(b, image);
	ret->hint = read_text(b, image);
	ret->debug_path = read_text(b, image);
	n = read_count(b, bytes_u32(b), SECTION_MIN);
	if (b->broken || ret->build_id_size > BUILD_ID_MAX ||
	    ret->start > ret->end)
		return false;
	memcpy(ret->build_id, build_id, BUILD_ID_MAX);
	ret->first_section = image->sections.len;
	ret->n_sections = (size_t)n;
	for (uint64_t i = 0; i < n; i++) {
		struct section s = { .start = bytes_u64(b) };

		s.end = bytes_u64(b);
		s.name = read_text(b, image);
		if (b->broken || s.start > s.end ||
		    !vec_push(&image->sections, s))
			return false;
	}
	return true;
}

bool modules_read(struct bytes b, struct image *image, struct err *err)
{
	size_t n_sections = image->sections.len;
	VEC(struct module) modules = {0};
	uint64_t n;
	bool ok = true;

	if (!read_version(&b, SECTION_MODULES, err))
		return false;
	n = read_count(&b, bytes_u32(&b), MODULE_MIN);
	for (uint64_t i = 0; ok && i < n; i++) {
		struct module module = {0};

		ok = read_module(&b, image, &module) &&
		     (i == 0 || modules.at[i - 1].start <= module.start) &&
		     vec_push(&modules, module);
	}
	if (!ok || b.broken) {
		image->sections.len = n_sections;
		vec_free(&modules);
		return err_at(err, ERR_FORMAT, b.pos,
			      "damaged section %s", SECTION_MODULES);
	}
	vec_free(&image->modules);
	memcpy(&image->modules, &modules, sizeof(image->modules));
	return true;
}

bool symbols_write(const struct image *image, struct blob *blob,
		   struct err *err)
{
	uint64_t at = 0;

	for (size_t i = 0; i < image->symbols.len; i++)
		at += strlen(image->symbols.at[i].name) + 1;
	if (at > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "4 GiB of symbol names");
	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, 0);
	blob_u64(blob, image->symbols.len);
	blob_u64(blob, at);
	at = 0;
	for (size_t i = 0; i < image->symbols.len; i++) {
		const struct symbol *s = &image->symbols.at[i];

		blob_u64(blob, s->addr);
		blob_u64(blob, s->size);
		blob_u32(blob, (uint32_t)at);
		blob_u32(blob, s->module);
		blob_u32(blob, s->kind);
		blob_u32(blob, 0);
		at += strlen(s->name) + 1;
	}
	for (size_t i = 0; i < image->symbols.len; i++)
		blob_bytes(blob, image->symbols.at[i].name,
			   strlen(image->symbols.at[i].name) + 1);
	return true;
}

/* Names are kept as one piece; every symbol points into it. */
static bool read_symbol(struct bytes *b, const char *names, uint64_t size,
			size_t n_modules, struct symbol *ret)
{
	uint32_t name;

	ret->addr = bytes_u64(b);
	ret->size = bytes_u64(b);
	name = bytes_u32(b);
	ret->module = bytes_u32(b);
	ret->kind = bytes_u32(b);
	(void)bytes_u32(b);
	if (b->broken || name >= size || ret->module >= n_modules ||
	    ret->kind > SYMBOL_OBJECT)
		return false;
	ret->name = names + name;
	return true;
}

bool symbols_read(struct bytes b, struct image *image, struct err *err)
{
	uint64_t n, size, last = 0;
	struct bytes records;
	const uint8_t *at;
	const char *names;
	bool ok = true;

	if (!read_version(&b, SECTION_SYMBOLS, err))
		return false;
	(void)bytes_u32(&b);
	n = bytes_u64(&b);
	size = bytes_u64(&b);
	n = read_count(&b, n, SYMBOL_SIZE);
	records = bytes_sub(&b, n * SYMBOL_SIZE);
	at = bytes_take(&b, size);
	if (!bytes_ok(&b, SECTION_SYMBOLS, err))
		return false;
	names = arena_text(&image->arena, (const char *)at, (size_t)size);
	if (!names || !vec_reserve(&image->symbols, (size_t)n))
		return err_nomem(err, "the symbols");
	image->symbols.len = 0;
	for (uint64_t i = 0; ok && i < n; i++) {
		struct symbol symbol;

		ok = read_symbol(&records, names, size, image->modules.len,
				 &symbol) && symbol.addr >= last;
		if (!ok)
			break;
		last = symbol.addr;
		image->symbols.at[image->symbols.len++] = symbol;
	}
	if (!ok)
		image->symbols.len = 0;
	return ok || err_set(err, ERR_FORMAT, "damaged section %s",
			     SECTION_SYMBOLS);
}
