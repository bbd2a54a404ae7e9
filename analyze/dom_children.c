/* SPDX-License-Identifier: MIT */
#include "analyze/dom_children.h"

#include "base/progress.h"

enum { TICK = 1 << 14 };

/* True when @a stands before @b in the result. */
static bool before(const struct dominators *dom, uint32_t a, uint32_t b)
{
	if (dom->retained[a] != dom->retained[b])
		return dom->retained[a] > dom->retained[b];
	return a < b;
}

/* A heap whose root is the smallest that was kept: push it into place. */
static void sift_down(const struct dominators *dom, uint32_t *heap, size_t n,
		      size_t at)
{
	for (;;) {
		size_t child = at * 2 + 1;
		uint32_t swap = heap[at];

		if (child >= n)
			return;
		if (child + 1 < n && before(dom, heap[child], heap[child + 1]))
			child++;
		if (!before(dom, heap[at], heap[child]))
			return;
		heap[at] = heap[child];
		heap[child] = swap;
		at = child;
	}
}

/* With room left keep all; then only what beats the smallest kept one. */
static bool offer(const struct dominators *dom, struct dom_children *c,
		  uint64_t limit, uint32_t id)
{
	uint32_t out = id;

	if (c->id.len < limit) {
		if (!vec_push(&c->id, id))
			return false;
		if (c->id.len == limit) {
			for (size_t i = c->id.len / 2; i-- > 0;)
				sift_down(dom, c->id.at, c->id.len, i);
		}
		return true;
	}
	if (limit > 0 && before(dom, id, c->id.at[0])) {
		out = c->id.at[0];
		c->id.at[0] = id;
		sift_down(dom, c->id.at, c->id.len, 0);
	}
	c->left_out++;
	c->left_bytes += dom->retained[out];
	return true;
}

/* Take the smallest off to the end, again and again (heap sort). */
static void sort(const struct dominators *dom, struct dom_children *c)
{
	uint32_t *heap = c->id.at;

	for (size_t i = c->id.len / 2; i-- > 0;)
		sift_down(dom, heap, c->id.len, i);
	for (size_t n = c->id.len; n > 1; n--) {
		uint32_t smallest = heap[0];

		heap[0] = heap[n - 1];
		heap[n - 1] = smallest;
		sift_down(dom, heap, n - 1, 0);
	}
}

bool dom_children_build(const struct dominators *dom, uint32_t id,
			uint64_t limit, struct dom_children *ret,
			struct err *err)
{
	uint32_t p = dom->position[id];

	*ret = (struct dom_children){0};
	for (uint32_t c = p + 1, n = 0; c < dom->end[p]; c = dom->end[c], n++) {
		if (n % TICK == 0) {
			progress_add(TICK);
			if (progress_cancelled()) {
				dom_children_free(ret);
				return err_set(err, ERR_CANCELLED, "cancelled");
			}
		}
		if (!offer(dom, ret, limit, dom->order[c])) {
			dom_children_free(ret);
			return err_nomem(err, "the dominator tree");
		}
	}
	sort(dom, ret);
	return true;
}

void dom_children_free(struct dom_children *children)
{
	vec_free(&children->id);
}
