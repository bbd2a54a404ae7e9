/* SPDX-License-Identifier: MIT */
#include "formats/image.h"

#include "base/sorted.h"

bool image_read(const struct image *image, uint64_t addr, void *buf, size_t n)
{
	return image->ops && image->ops->read(image->memory, addr, buf, n) == n;
}

size_t image_text(const struct image *image, uint64_t addr, char *buf,
		  size_t size)
{
	size_t n, len;

	if (size == 0 || !image->ops)
		return SIZE_MAX;
	n = image->ops->read(image->memory, addr, buf, size - 1);
	buf[n] = '\0';
	len = strlen(buf);
	return len < n || n == size - 1 ? len : SIZE_MAX;
}

/*
 * Number of the @n records of @size bytes at @base whose first field, a u64,
 * is <= @addr. All tables below begin with their start address.
 */
static size_t count_at_or_below(const void *base, size_t n, size_t size,
				uint64_t addr)
{
	const char *records = base;
	size_t low = 0;

	while (n > 0) {
		size_t half = n / 2;
		uint64_t start;

		memcpy(&start, records + (low + half) * size, sizeof(start));
		if (start <= addr) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

const struct range *image_range(const struct image *image, uint64_t addr)
{
	const struct range *ranges = image->ranges.at;
	size_t i = count_at_or_below(ranges, image->ranges.len,
				     sizeof(*ranges), addr);

	_Static_assert(offsetof(struct range, start) == 0, "searched by start");
	return i > 0 && addr < ranges[i - 1].end ? &ranges[i - 1] : NULL;
}

const struct mapping *image_mapping(const struct image *image, uint64_t addr)
{
	const struct mapping *mappings = image->mappings.at;
	size_t i = count_at_or_below(mappings, image->mappings.len,
				     sizeof(*mappings), addr);

	_Static_assert(offsetof(struct mapping, start) == 0,
		       "searched by start");
	return i > 0 && addr < mappings[i - 1].end ? &mappings[i - 1] : NULL;
}

const struct module *image_module(const struct image *image, uint64_t addr)
{
	const struct module *modules = image->modules.at;
	size_t i;

	sorted_skip(i, 0, image->modules.len, modules[i].start <= addr);
	return i > 0 && addr < modules[i - 1].end ? &modules[i - 1] : NULL;
}

uint32_t image_program(const struct image *image)
{
	for (uint32_t i = 0; i < image->modules.len; i++) {
		const struct module *m = &image->modules.at[i];

		if (m->path[0] && strcmp(m->path, image->meta.exe) == 0)
			return i;
	}
	return UINT32_MAX;
}

const struct variable *image_variable(const struct image *image, uint64_t addr)
{
	enum { LOOK_BACK = 64 };
	const struct variable *vars = image->vars.at, *best = NULL;
	size_t at;

	/* Sorted by (TLS, addr): those with an address come first. */
	sorted_skip(at, 0, image->vars.len,
		    !(vars[at].flags & VAR_TLS) && vars[at].addr <= addr);
	/* Aliases of one address or of a part: the largest is the variable. */
	for (size_t i = at; i > 0 && at - i < LOOK_BACK; i--) {
		const struct variable *v = &vars[i - 1];

		if (addr - v->addr < v->size && (!best || v->size > best->size))
			best = v;
	}
	return best;
}

const struct symbol *image_symbol(const struct image *image, uint64_t addr,
				  enum symbol_kind kind)
{
	enum { LOOK_BACK = 64 };
	const struct symbol *symbols = image->symbols.at;
	size_t i = count_at_or_below(symbols, image->symbols.len,
				     sizeof(*symbols), addr);
	size_t stop = i > LOOK_BACK ? i - LOOK_BACK : 0;

	_Static_assert(offsetof(struct symbol, addr) == 0, "searched by addr");
	/* Symbols of the other kind, aliases and empty ones stand between. */
	for (; i > stop; i--) {
		const struct symbol *symbol = &symbols[i - 1];

		if (symbol->kind == (uint32_t)kind &&
		    (addr - symbol->addr < symbol->size ||
		     addr == symbol->addr))
			return symbol;
	}
	return NULL;
}

bool image_is_redacted(const struct image *image, uint64_t addr)
{
	const struct redacted *redacted = &image->redacted;
	const struct redacted_span *span;
	size_t i = count_at_or_below(redacted->spans.at, redacted->spans.len,
				     sizeof(*span), addr);
	uint64_t word;

	_Static_assert(offsetof(struct redacted_span, start) == 0,
		       "searched by start");
	if (i == 0)
		return false;
	span = &redacted->spans.at[i - 1];
	if (addr >= span->end)
		return false;
	word = (addr - span->start) / 8;
	return redacted->bits.at[span->first + word / 64] >> word % 64 & 1;
}

bool image_lost_some(const struct image *image, uint64_t addr, uint64_t n)
{
	if (image->redacted.spans.len == 0)
		return false;
	for (uint64_t i = 0; i < n + addr % 8; i += 8) {
		if (image_is_redacted(image, (addr & ~UINT64_C(7)) + i))
			return true;
	}
	return false;
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void image_close(struct image *image)
{
	if (image->ops)
		image->ops->close(image->memory);
	vec_free(&image->ranges);
	vec_free(&image->mappings);
	vec_free(&image->page_runs);
	vec_free(&image->modules);
	vec_free(&image->sections);
	vec_free(&image->threads);
	vec_free(&image->frames);
	vec_free(&image->locals);
	vec_free(&image->vars);
	vec_free(&image->slots);
	vec_free(&image->symbols);
	vec_free(&image->auxv);
	vec_free(&image->redacted.spans);
	vec_free(&image->redacted.bits);
	types_free(&image->types);
	diag_free(&image->diag);
	arena_free(&image->arena);
	*image = (struct image){0};
}

/* Pin from @base on, so that @need bytes at @addr are inside. */
static bool window_pin(struct window *w, uint64_t base, uint64_t addr,
		       size_t need)
{
	size_t got = SIZE_MAX;

	w->at = w->image->ops->pin(w->image->memory, base, &got, &w->token);
	if (!w->at)
		return false;
	w->start = base;
	w->end = base + got;
	if (addr < w->end && w->end - addr >= need)
		return true;
	window_close(w);
	return false;
}

const uint8_t *window_span(struct window *w, uint64_t addr, size_t need,
			   size_t *n)
{
	uint64_t page = addr & ~(uint64_t)(PAGE_SIZE_X86 - 1);

	if (addr < w->start || addr >= w->end || w->end - addr < need) {
		window_close(w);
		/* From the page on: the next read may be just before this. */
		if (!w->image->ops ||
		    (!window_pin(w, page, addr, need) &&
		     !window_pin(w, addr, addr, need)))
			return NULL;
	}
	*n = (size_t)(w->end - addr);
	return w->at + (addr - w->start);
}

bool window_word_(struct window *w, uint64_t addr, uint64_t *ret)
{
	size_t n;
	const uint8_t *at = window_span(w, addr, sizeof(*ret), &n);

	if (!at)
		return image_u64(w->image, addr, ret);
	memcpy(ret, at, sizeof(*ret));
	return true;
}

void window_close(struct window *w)
{
	if (w->token)
		w->image->ops->unpin(w->image->memory, w->token);
	*w = window_of(w->image);
}
