/* SPDX-License-Identifier: MIT */
#include "dump/proc_maps.h"

#include <stddef.h>
#include <string.h>

/* What is left of a line. */
struct cut {
	const char *at, *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_spaces(struct cut *c)
{
	while (c->at < c->end && is_space(*c->at))
		c->at++;
}

static bool take_char(struct cut *c, char want)
{
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 99;
}

/** A number without a sign; false when there is none or it needs > 64 bits. */
static bool take_number(struct cut *c, int base, uint64_t *ret)
{
	const char *start = c->at;
	uint64_t value = 0;

	for (; c->at < c->end && digit_of(*c->at) < base; c->at++) {
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit_of(*c->at),
					   &value))
			return false;
	}
	*ret = value;
	return c->at > start;
}

static bool take_perms(struct cut *c, uint32_t *ret)
{
	static const char letters[] = "rwx";
	uint32_t perms = 0;

	if (c->end - c->at < 4)
		return false;
	for (int i = 0; i < 3; i++) {
		if (c->at[i] == letters[i])
			perms |= 1u << i;
		else if (c->at[i] != '-')
			return false;
	}
	if (c->at[3] == 's')
		perms |= PERM_SHARED;
	else if (c->at[3] != 'p')
		return false;
	c->at += 4;
	*ret = perms;
	return true;
}

/** "55d0-55d1 r-xp 00001000 08:01 123    /usr/bin/x" */
static bool parse_header(struct cut c, struct mapping *m, struct cut *path)
{
	uint64_t major, minor;

	if (!take_number(&c, 16, &m->start) || !take_char(&c, '-') ||
	    !take_number(&c, 16, &m->end) || !take_char(&c, ' ') ||
	    !take_perms(&c, &m->perms) || !take_char(&c, ' ') ||
	    !take_number(&c, 16, &m->offset) || !take_char(&c, ' ') ||
	    !take_number(&c, 16, &major) || !take_char(&c, ':') ||
	    !take_number(&c, 16, &minor) || !take_char(&c, ' ') ||
	    !take_number(&c, 10, &m->inode))
		return false;
	if (major > UINT32_MAX || minor > UINT32_MAX ||
	    m->start >= m->end ||
	    (m->start | m->end) % PAGE_SIZE_X86 != 0)
		return false;
	m->dev_major = (uint32_t)major;
	m->dev_minor = (uint32_t)minor;
	skip_spaces(&c);
	*path = c;
	return true;
}

/* Fields of smaps that are kept; all are in kB. */
static const struct {
	const char *key;
	size_t field;
} fields[] = {
	{ "Rss",           offsetof(struct mapping, rss) },
	{ "Pss",           offsetof(struct mapping, pss) },
	{ "Private_Dirty", offsetof(struct mapping, private_dirty) },
	{ "Private_Clean", offsetof(struct mapping, private_clean) },
	{ "Shared_Dirty",  offsetof(struct mapping, shared_dirty) },
	{ "Shared_Clean",  offsetof(struct mapping, shared_clean) },
	{ "Swap",          offsetof(struct mapping, swap) },
	{ "Anonymous",     offsetof(struct mapping, anonymous) },
	{ "AnonHugePages", offsetof(struct mapping, anon_huge) },
};

static bool key_is(struct cut key, const char *name)
{
	size_t n = strlen(name);

	return (size_t)(key.end - key.at) == n && memcmp(key.at, name, n) == 0;
}

static void set_field(struct mapping *m, struct cut key, struct cut value)
{
	uint64_t kb;

	if (!take_number(&value, 10, &kb) || kb > UINT64_MAX / 1024)
		return;
	kb *= 1024;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (key_is(key, fields[i].key)) {
			memcpy((char *)m + fields[i].field, &kb, sizeof(kb));
			m->has_smaps = true;
		}
	}
}

/** Split "Rss:   12 kB" and "VmFlags: rd ex mr"; false for other lines. */
static bool split_field(struct cut line, struct cut *key, struct cut *value)
{
	const char *colon = memchr(line.at, ':', (size_t)(line.end - line.at));

	if (!colon || colon == line.at)
		return false;
	*key = (struct cut){ line.at, colon };
	*value = (struct cut){ colon + 1, line.end };
	if (memchr(key->at, ' ', (size_t)(colon - line.at)))
		return false;
	skip_spaces(value);
	while (value->end > value->at && is_space(value->end[-1]))
		value->end--;
	return true;
}

static bool take_field(struct image *image, struct cut key, struct cut value,
		       struct err *err)
{
	struct mapping *m = &image->mappings.at[image->mappings.len - 1];
	char *flags;

	if (!key_is(key, "VmFlags")) {
		set_field(m, key, value);
		return true;
	}
	flags = arena_text(&image->arena, value.at,
			   (size_t)(value.end - value.at));
	if (!flags)
		return err_nomem(err, "mappings");
	m->vm_flags = flags;
	return true;
}

static bool add_mapping(struct image *image, struct mapping *m,
			struct cut path, struct err *err)
{
	m->vm_flags = "";
	m->path = arena_text(&image->arena, path.at,
			     (size_t)(path.end - path.at));
	if (!m->path || !vec_push(&image->mappings, *m))
		return err_nomem(err, "mappings");
	return true;
}

bool proc_maps_parse(const struct proc_text *text, struct image *image,
		     struct err *err)
{
	size_t pos = 0, len, n = image->mappings.len;
	uint64_t last_end = n ? image->mappings.at[n - 1].end : 0;
	bool in_mapping = false;
	const char *line;

	while (proc_line(text, &pos, &line, &len)) {
		struct cut c = { line, line + len }, key, value;
		struct mapping m = {0};

		if (parse_header(c, &m, &value)) {
			in_mapping = m.start >= last_end;
			if (in_mapping && !add_mapping(image, &m, value, err))
				return false;
			if (in_mapping)
				last_end = m.end;
			else
				diag_add_at(&image->diag, m.start, 1,
					    "mapping out of order, left out");
		} else if (split_field(c, &key, &value)) {
			/* Fields of a mapping left out go with it. */
			if (in_mapping && !take_field(image, key, value, err))
				return false;
		} else {
			in_mapping = false;
			diag_add(&image->diag,
				 "line of /proc/PID/maps not understood");
		}
	}
	return true;
}

bool proc_maps_read(uint32_t pid, struct image *image, struct err *err)
{
	struct proc_text text;
	struct err ignored = {0};
	bool ok;

	if (!proc_read(pid, "smaps", &text, &ignored) || text.len == 0) {
		proc_text_free(&text);
		diag_add(&image->diag, "no /proc/PID/smaps: sizes of mappings "
			 "and their VmFlags are unknown");
		if (!proc_read(pid, "maps", &text, err))
			return false;
	}
	ok = proc_maps_parse(&text, image, err);
	proc_text_free(&text);
	return ok;
}

bool mapping_has_flag(const struct mapping *mapping, const char *flag)
{
	const char *at = mapping->vm_flags;

	while ((at = strstr(at, flag))) {
		size_t n = strlen(flag);

		if ((at == mapping->vm_flags || at[-1] == ' ') &&
		    (at[n] == ' ' || at[n] == '\0'))
			return true;
		at += n;
	}
	return false;
}
