/* SPDX-License-Identifier: MIT */
#include "tui/block_match.h"

#include <stdio.h>

#include "base/pool.h"
#include "base/short_name.h"
#include "tui/row_find.h"
#include "tui/views.h"

/* In what a name is found: by itself and with what stands behind it. */
enum {
	HIT_PLAIN = 1, HIT_OWNED = 2, HIT_TEXT = 4,
	HIT_OWNER = 8,		/* as the name of what holds a block */
};

enum { N_SIZES = 512 };

/* One thread's. */
struct scratch {
	struct window window;
	/* Sizes that were compared; hit: 1 no, 2 yes. */
	uint64_t size[N_SIZES];
	uint8_t hit[N_SIZES];
};

struct block_match {
	struct session *session;
	const struct heap *heap;
	char pattern[PATTERN_MAX];
	bool like_address, like_size;
	bool by_owner;		/* who holds a block has to be looked up */
	bool state[N_STATES + 1];	/* the last: of a root */
	uint8_t *types;		/* [2 * types] by block_key() */
	uint8_t untyped[N_CONTENT_CLASSES];
	uint8_t *roots;		/* [n_roots] */
	struct scratch *scratch;	/* [n_scratch] */
	unsigned n_scratch;
};

bool block_preview(const struct heap *heap, struct window *window,
		   uint32_t node, char *to, size_t size)
{
	uint64_t bytes = heap_size(heap, node);
	size_t wish = bytes < BLOCK_PREVIEW ? (size_t)bytes : BLOCK_PREVIEW;
	size_t n = wish;
	const uint8_t *at;

	if (heap->content[node] != CONTENT_TEXT)
		return false;
	at = window_span(window, heap->addr[node], 1, &n);
	if (!at)
		return false;
	snprintf(to, size, "  \"%.*s%s", (int)(n < wish ? n : wish),
		 (const char *)at, bytes > BLOCK_PREVIEW ? "..." : "\"");
	return true;
}

static bool holds(const struct block_match *m, const char *before,
		  const char *name, const char *after)
{
	char text[1024 + 16];

	snprintf(text, sizeof(text), "%s%s%s", before, name, after);
	return text_holds(text, m->pattern);
}

/* @address: what follows the name of an owner. */
static uint8_t hits_of(const struct block_match *m, const char *name,
		       const char *address)
{
	return (uint8_t)((holds(m, "", name, "") ? HIT_PLAIN : 0) |
			 (holds(m, "", name, "  in ") ? HIT_OWNED : 0) |
			 (holds(m, "", name, "  \"") ? HIT_TEXT : 0) |
			 (holds(m, "  in ", name, address) ? HIT_OWNER : 0));
}

static uint8_t *hits_at(struct block_match *m, uint64_t key)
{
	unsigned class = 0;

	if (block_key_is_typed(key))
		return &m->types[key];
	while (class + 1 < N_CONTENT_CLASSES &&
	       strcmp(content_names[class], block_key_class(key)) != 0)
		class++;
	return &m->untyped[class];
}

static void compare_types(struct block_match *m)
{
	const struct type_rows *rows = &m->session->facts->summaries.types;
	char name[1024];

	for (size_t i = 0; i < rows->len; i++) {
		uint8_t *hits = hits_at(m, rows->at[i].key);

		block_key_label(m->heap, rows->at[i].key, name, sizeof(name));
		short_name(name, LABEL_CELLS);
		*hits = hits_of(m, name, "  0x");
		/* So that the count alone tells which of the two it is. */
		if (block_key_is_typed(rows->at[i].key) &&
		    block_key_is_always_array(m->heap, (uint32_t)
					      (rows->at[i].key >> 1)))
			hits[-1] = *hits;
		m->by_owner |= *hits & HIT_OWNER;
	}
}

static void compare_roots(struct block_match *m)
{
	char name[1024];

	for (uint32_t i = 0; i < m->heap->n_roots; i++) {
		view_label(m->session, m->heap->n_blocks + i, name,
			   sizeof(name));
		m->roots[i] = hits_of(m, name, "");
		m->by_owner |= m->roots[i] & HIT_OWNER;
	}
}

/* Is @pattern made of @characters alone, but for capitals? */
static bool is_made_of(const char *pattern, const char *characters)
{
	return pattern[strspn(pattern, characters)] == '\0';
}

static bool prepare(struct block_match *m)
{
	const struct facts *f = m->session->facts;

	m->types = calloc(2 * f->image.types.types.len + 1, 1);
	m->roots = calloc((size_t)m->heap->n_roots + 1, 1);
	m->n_scratch = pool_threads();
	m->scratch = calloc(m->n_scratch, sizeof(*m->scratch));
	if (!m->types || !m->roots || !m->scratch)
		return false;
	for (unsigned i = 0; i < m->n_scratch; i++)
		m->scratch[i].window = window_of(&f->image);
	for (int s = 0; s <= N_STATES; s++)
		m->state[s] = text_holds(s < N_STATES ? state_names[s] :
					 "root", m->pattern);
	m->like_address = is_made_of(m->pattern, " 0123456789abcdefx");
	m->like_size = is_made_of(m->pattern, " .0123456789"
				  "bikmgtpeBKMGTPE");
	compare_types(m);
	compare_roots(m);
	m->by_owner |= m->like_address;
	/* Then from several threads. */
	if (m->by_owner)
		session_parent(m->session, dom_root(&f->dom));
	return true;
}

struct block_match *block_match_new(struct session *session,
				    const char *pattern)
{
	struct block_match *m;
	struct err ignored = {0};

	/* What lies between the parts of a cell would belong to both. */
	if (strstr(pattern, "  in ") || strstr(pattern, "  0x") ||
	    strstr(pattern, "  \"") ||
	    !summaries_types(session->facts, &ignored))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->session = session;
	m->heap = &session->facts->heap;
	snprintf(m->pattern, sizeof(m->pattern), "%s", pattern);
	if (prepare(m))
		return m;
	block_match_free(m);
	return NULL;
}

static bool in_address(const struct block_match *m, const char *before,
		       uint64_t addr)
{
	char text[24], *at = text + sizeof(text);

	if (!m->like_address)
		return false;
	*--at = '\0';
	do {
		*--at = "0123456789abcdef"[addr & 15];
		addr >>= 4;
	} while (addr);
	*--at = 'x';
	*--at = '0';
	for (size_t i = strlen(before); i-- > 0;)
		*--at = before[i];
	return strstr(at, m->pattern) != NULL;
}

static bool in_size(const struct block_match *m, struct scratch *s,
		    uint64_t bytes)
{
	size_t i = (bytes ^ bytes >> 9) % N_SIZES;
	char text[HUMAN_MAX];

	if (!m->like_size)
		return false;
	if (!s->hit[i] || s->size[i] != bytes) {
		session_size(m->session, bytes, text);
		s->size[i] = bytes;
		s->hit[i] = text_holds(text, m->pattern) ? 2 : 1;
	}
	return s->hit[i] == 2;
}

static uint8_t hits_of_block(const struct block_match *m, uint32_t node)
{
	if (m->heap->type[node] == TYPE_NONE)
		return m->untyped[m->heap->content[node]];
	return m->types[(size_t)m->heap->type[node] * 2 +
			(heap_count(m->heap, node) != 1)];
}

/* "Session  in app:table", or with what characters it begins. */
static bool in_label(struct block_match *m, struct scratch *s, uint32_t node)
{
	const struct heap *heap = m->heap;
	uint8_t hits = hits_of_block(m, node);
	char text[BLOCK_PREVIEW + 16];
	uint32_t owner;

	if (hits & HIT_PLAIN)
		return true;
	if (block_preview(heap, &s->window, node, text, sizeof(text)))
		return hits & HIT_TEXT || text_holds(text, m->pattern);
	if (!m->by_owner && !(hits & HIT_OWNED))
		return false;
	owner = session_parent(m->session, node);
	if (owner == NODE_NONE || owner >= heap->n_nodes)
		return false;
	if (hits & HIT_OWNED)
		return true;
	if (heap_is_root(heap, owner))
		return m->roots[owner - heap->n_blocks] & HIT_OWNER;
	return hits_of_block(m, owner) & HIT_OWNER ||
	       in_address(m, "  ", heap->addr[owner]);
}

bool block_match_has(struct block_match *match, uint32_t node,
		     unsigned worker)
{
	const struct heap *heap = match->heap;
	bool is_root = heap_is_root(heap, node);
	const struct root *root = is_root ? heap_root(heap, node) : NULL;
	struct scratch *s = &match->scratch[worker];

	if (match->state[root ? N_STATES : heap->state[node]] ||
	    in_size(match, s, root ? root->size : heap_size(heap, node)) ||
	    in_size(match, s, match->session->facts->dom.retained[node]) ||
	    in_address(match, "", root ? root->addr : heap->addr[node]))
		return true;
	return root ? match->roots[node - heap->n_blocks] & HIT_PLAIN :
		      in_label(match, s, node);
}

void block_match_free(struct block_match *match)
{
	for (unsigned i = 0; match->scratch && i < match->n_scratch; i++)
		window_close(&match->scratch[i].window);
	free(match->scratch);
	free(match->types);
	free(match->roots);
	free(match);
}
