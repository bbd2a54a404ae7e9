/* SPDX-License-Identifier: MIT */
#include "formats/types_io.h"

#include "formats/types_merge.h"

enum {
	VERSION = 1, TYPE_BYTES = 56, MEMBER_BYTES = 24, ARG_BYTES = 20,
	VAR_BYTES = 32, BUFFER = 1 << 16, LONGEST_RECORD = 64,
};

/* Integers on their way out, passed on in large pieces. */
struct out {
	const struct types_sink *sink;
	struct err *err;
	bool failed;
	size_t len;
	uint8_t buf[BUFFER];
};

static void flush(struct out *o)
{
	if (!o->failed && o->len > 0)
		o->failed = !o->sink->put(o->sink->ctx, o->buf, o->len, o->err);
	o->len = 0;
}

static void put(struct out *o, uint64_t value, size_t width)
{
	if (o->len + LONGEST_RECORD > BUFFER)
		flush(o);
	memcpy(o->buf + o->len, &value, width);
	o->len += width;
}

static void put_bytes(struct out *o, const void *bytes, size_t n)
{
	if (n <= BUFFER - o->len) {
		memcpy(o->buf + o->len, bytes, n);
		o->len += n;
		return;
	}
	flush(o);
	if (!o->failed && n > 0)
		o->failed = !o->sink->put(o->sink->ctx, bytes, n, o->err);
}

static struct out *open_out(const struct types_sink *sink, struct err *err)
{
	struct out *o = malloc(sizeof(*o));

	if (!o) {
		err_nomem(err, "writing types");
		return NULL;
	}
	o->sink = sink;
	o->err = err;
	o->failed = false;
	o->len = 0;
	put(o, VERSION, 4);
	return o;
}

static bool close_out(struct out *o)
{
	bool ok;

	flush(o);
	ok = !o->failed;
	free(o);
	return ok;
}

static void put_type(struct out *o, const struct type *t)
{
	put(o, t->name, 4);
	put(o, t->kind, 1);
	put(o, t->language, 1);
	put(o, t->flags, 2);
	put(o, t->size, 8);
	put(o, t->count, 8);
	put(o, t->target, 4);
	put(o, t->scope, 4);
	put(o, t->first_member, 4);
	put(o, t->n_members, 4);
	put(o, t->first_arg, 4);
	put(o, t->n_args, 4);
	put(o, t->module, 4);
	put(o, t->popularity, 4);
}

static void put_member(struct out *o, const struct member *m)
{
	put(o, m->name, 4);
	put(o, m->type, 4);
	put(o, m->offset, 8);
	put(o, m->flags, 2);
	put(o, m->bit_size, 2);
	put(o, m->bit_offset, 4);
}

static void put_arg(struct out *o, const struct template_arg *a)
{
	put(o, a->name, 4);
	put(o, a->type, 4);
	put(o, a->value, 8);
	put(o, a->is_value, 4);
}

bool types_write(const struct type_table *table, const struct types_sink *sink,
		 struct err *err)
{
	struct out *o = open_out(sink, err);

	if (!o)
		return false;
	put(o, table->types.len, 4);
	put(o, table->members.len, 4);
	put(o, table->args.len, 4);
	put(o, table->strings.len, 8);
	for (size_t i = 0; i < table->types.len; i++)
		put_type(o, &table->types.at[i]);
	for (size_t i = 0; i < table->members.len; i++)
		put_member(o, &table->members.at[i]);
	for (size_t i = 0; i < table->args.len; i++)
		put_arg(o, &table->args.at[i]);
	put_bytes(o, table->strings.at, table->strings.len);
	return close_out(o);
}

static struct type read_type(struct bytes *b)
{
	struct type t;

	t.name = bytes_u32(b);
	t.kind = bytes_u8(b);
	t.language = bytes_u8(b);
	t.flags = bytes_u16(b);
	t.size = bytes_u64(b);
	t.count = bytes_u64(b);
	t.target = bytes_u32(b);
	t.scope = bytes_u32(b);
	t.first_member = bytes_u32(b);
	t.n_members = bytes_u32(b);
	t.first_arg = bytes_u32(b);
	t.n_args = bytes_u32(b);
	t.module = bytes_u32(b);
	t.popularity = bytes_u32(b);
	return t;
}

static struct member read_member(struct bytes *b)
{
	struct member m;

	m.name = bytes_u32(b);
	m.type = bytes_u32(b);
	m.offset = bytes_u64(b);
	m.flags = bytes_u16(b);
	m.bit_size = bytes_u16(b);
	m.bit_offset = bytes_u32(b);
	return m;
}

static struct template_arg read_arg(struct bytes *b)
{
	struct template_arg a;

	a.name = bytes_u32(b);
	a.type = bytes_u32(b);
	a.value = bytes_u64(b);
	a.is_value = bytes_u32(b);
	return a;
}

static bool read_version(struct bytes *b, const char *what, struct err *err)
{
	uint32_t version = bytes_u32(b);

	if (!bytes_ok(b, what, err))
		return false;
	return version == VERSION ||
	       err_set(err, ERR_UNSUPPORTED, "%s of version %u, this program "
		       "reads version %d", what, version, VERSION);
}

/* @n records of @record bytes must be left in @b. */
static bool fits(const struct bytes *b, uint64_t n, size_t record)
{
	return n <= bytes_left(b) / record;
}

static bool read_records(struct bytes *b, struct type_table *t,
			 struct err *err)
{
	uint32_t n_types = bytes_u32(b), n_members = bytes_u32(b);
	uint32_t n_args = bytes_u32(b);
	uint64_t n_strings = bytes_u64(b);
	const uint8_t *strings;

	if (!fits(b, n_types, TYPE_BYTES) ||
	    !fits(b, n_members, MEMBER_BYTES) || !fits(b, n_args, ARG_BYTES) ||
	    n_strings > bytes_left(b) || n_strings > UINT32_MAX)
		return err_set(err, ERR_FORMAT, "truncated type table");
	if (!vec_reserve(&t->types, n_types) ||
	    !vec_reserve(&t->members, n_members) ||
	    !vec_reserve(&t->args, n_args) ||
	    !vec_reserve(&t->strings, (size_t)n_strings))
		return err_nomem(err, "types");
	while (t->types.len < n_types)
		t->types.at[t->types.len++] = read_type(b);
	while (t->members.len < n_members)
		t->members.at[t->members.len++] = read_member(b);
	while (t->args.len < n_args)
		t->args.at[t->args.len++] = read_arg(b);
	strings = bytes_take(b, n_strings);
	if (!bytes_ok(b, "type table", err))
		return false;
	if (n_strings > 0)
		memcpy(t->strings.at, strings, (size_t)n_strings);
	t->strings.len = (size_t)n_strings;
	return true;
}

bool types_read_raw(struct bytes *b, struct type_table *ret, struct err *err)
{
	struct type_table table = {0};

	*ret = table;
	if (!read_version(b, "type table", err) ||
	    !read_records(b, &table, err) || !types_check(&table, err)) {
		types_free(&table);
		return false;
	}
	*ret = table;
	return true;
}

bool types_read(struct bytes *b, struct type_table *ret, struct err *err)
{
	if (!types_read_raw(b, ret, err))
		return false;
	if (types_index(ret, err))
		return true;
	types_free(ret);
	return false;
}

bool vars_write(const struct variable *vars, size_t n,
		const struct types_sink *sink, struct err *err)
{
	struct out *o;
	uint64_t strings = 0, at = 0;

	if (n > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "more than 2^32 variables");
	for (size_t i = 0; i < n; i++)
		strings += strlen(vars[i].name) + 1;
	if (strings > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "4 GiB of variable names");
	o = open_out(sink, err);
	if (!o)
		return false;
	put(o, n, 4);
	put(o, strings, 8);
	for (size_t i = 0; i < n; i++) {
		put(o, vars[i].addr, 8);
		put(o, vars[i].size, 8);
		put(o, vars[i].type, 4);
		put(o, vars[i].module, 4);
		put(o, vars[i].flags, 4);
		put(o, at, 4);
		at += strlen(vars[i].name) + 1;
	}
	for (size_t i = 0; i < n; i++)
		put_bytes(o, vars[i].name, strlen(vars[i].name) + 1);
	return close_out(o);
}

/* The name at @offset, when it ends inside the strings. */
static const char *name_at(const struct bytes *strings, uint32_t offset)
{
	if (offset >= strings->size ||
	    !memchr(strings->start + offset, '\0', strings->size - offset))
		return NULL;
	return (const char *)strings->start + offset;
}

/* Names do not overlap: together they take no more room than the strings. */
static bool read_var(struct bytes *b, struct bytes *strings,
		     struct image *image, struct variable *v)
{
	const char *name;
	size_t n;

	v->addr = bytes_u64(b);
	v->size = bytes_u64(b);
	v->type = bytes_u32(b);
	v->module = bytes_u32(b);
	v->flags = bytes_u32(b);
	name = name_at(strings, bytes_u32(b));
	if (!name)
		return false;
	n = strlen(name);
	if (!bytes_take(strings, n + 1))
		return false;
	v->name = arena_text(&image->arena, name, n);
	return v->name != NULL;
}

bool vars_read(struct bytes *b, size_t n_types, size_t n_modules,
	       struct image *image, struct err *err)
{
	struct bytes records, strings;
	uint64_t n_strings;
	uint32_t n;

	if (!read_version(b, "variables", err))
		return false;
	n = bytes_u32(b);
	n_strings = bytes_u64(b);
	records = bytes_sub(b, (uint64_t)n * VAR_BYTES);
	strings = bytes_sub(b, n_strings);
	if (!bytes_ok(b, "variables", err))
		return false;
	if (!vec_reserve(&image->vars, image->vars.len + n))
		return err_nomem(err, "variables");
	for (uint32_t i = 0; i < n; i++) {
		struct variable v;

		if (!read_var(&records, &strings, image, &v) ||
		    (v.type != TYPE_NONE && v.type >= n_types) ||
		    v.module >= n_modules)
			return err_set(err, ERR_FORMAT,
				       "variable %u refers out of its table", i);
		image->vars.at[image->vars.len++] = v;
	}
	return true;
}
