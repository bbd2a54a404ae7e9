/* SPDX-License-Identifier: MIT */
#include "analyze/ref_words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "analyze/live_fields.h"
#include "analyze/local_roots.h"
#include "analyze/rust_pointers.h"
#include "analyze/words.h"

/* Words whose addresses lie within @span bytes from @low on. */
static void walk_words(const struct heap *heap, struct window *window,
		       uint32_t source, uint64_t low, uint64_t span,
		       bool (*visit)(void *ctx, const struct ref_word *word),
		       void *ctx)
{
	bool root = heap_is_root(heap, source);
	bool stack = root && heap_root(heap, source)->kind == ROOT_STACK;
	uint64_t start = root ? heap_root(heap, source)->addr :
				heap->addr[source];
	uint64_t size = root ? heap_root(heap, source)->size :
			       heap_size(heap, source);
	struct word_walk walk = word_walk_of(window, start, start + size);
	struct word_run run;
	size_t hint = 0;

	while (word_walk_next(&walk, &run)) {
		for (size_t i = 0; i < run.n; i++) {
			struct ref_word word = {
				.offset = run.addr + i * 8 - start,
				.value = word_run_at(&run, i),
			};
			uint64_t to = pointer_decode(word.value);

			if (!to || to - low >= span ||
			    (stack && local_roots_own(heap, run.addr + i * 8)))
				continue;
			word.target = block_index_near(&heap->index, to, &hint);
			if (word.target != NODE_NONE && !visit(ctx, &word))
				return;
		}
	}
}

void ref_words(const struct heap *heap, struct window *window, uint32_t source,
	       bool (*visit)(void *ctx, const struct ref_word *word), void *ctx)
{
	walk_words(heap, window, source, 0, UINT64_MAX, visit, ctx);
}

struct search {
	uint32_t target;
	uint64_t start;		/* of it if it refers to itself, else 0 */
	uint64_t offset;
};

static bool is_it(void *ctx, const struct ref_word *word)
{
	struct search *search = ctx;

	if (word->target != search->target ||
	    (search->start && pointer_decode(word->value) != search->start))
		return true;
	search->offset = word->offset;
	return false;
}

uint64_t ref_offset(const struct heap *heap, struct window *window,
		    uint32_t source, uint32_t target)
{
	struct search search = { .target = target, .offset = UINT64_MAX };

	/* Pointers into itself make no reference (refs.h). */
	if (source == target)
		search.start = heap->addr[source];
	/* Of the words of a large array no other needs to be looked up. */
	walk_words(heap, window, source, heap->addr[target],
		   heap_size(heap, target), is_it, &search);
	return search.offset;
}

/* "slots[17].key" becomes "slots[].key". */
static void drop_indexes(char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		*to++ = *from;
		if (*from++ == '[') {
			while (isdigit((unsigned char)*from))
				from++;
		}
	}
	*to = '\0';
}

const char *ref_field(const struct heap *heap, uint32_t source,
		      uint64_t offset, char *buf, size_t size)
{
	const struct type_table *types = &heap->image->types;
	bool root = heap_is_root(heap, source);
	uint32_t type = types_strip(types, root ?
				    heap_root(heap, source)->type :
				    heap->type[source]);
	bool array = !root && heap_count(heap, source) > 1;
	uint64_t stride = type == TYPE_NONE ? 0 : types->types.at[type].size;
	const char *prefix = "";
	struct rust_tail tail;
	uint64_t start = 0;
	char field[1024];

	buf[0] = '\0';
	if (type != TYPE_NONE && !array && offset >= stride &&
	    rust_tail_of(types, type, &tail) && offset >= tail.start) {
		type = tail.element;
		stride = types->types.at[type].size;
		start = tail.start;
		prefix = types_text(types, types->members.at[tail.member].name);
		array = true;
	}
	offset -= start;
	if (stride == 0 || (!array && offset >= stride)) {
		if (!root || heap_root(heap, source)->size > 8)
			snprintf(buf, size, "+0x%" PRIx64, offset);
		return buf;
	}
	live_field_at(heap->image, type, (root ? heap_root(heap, source)->addr :
					  heap->addr[source]) + start +
		      offset - offset % stride, offset % stride, field,
		      sizeof(field));
	drop_indexes(field);
	snprintf(buf, size, "%s%s%s%s", prefix, array ? "[]" : "",
		 array && field[0] && field[0] != '[' ? "." : "", field);
	return buf;
}

const char *ref_place(const char *name, const char *field, char *buf,
		      size_t size)
{
	size_t n = strlen(name);

	/* "T[]" says already that it is an array. */
	if (n >= 2 && !strcmp(name + n - 2, "[]") && !strncmp(field, "[]", 2))
		field += 2;
	snprintf(buf, size, "%s%s%s", name,
		 field[0] && !strchr(".[+", field[0]) ? "." : "", field);
	return buf;
}
