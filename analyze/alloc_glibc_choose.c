/* SPDX-License-Identifier: MIT */
#include "analyze/alloc_glibc_choose.h"

#include "base/map.h"
#include "base/vec.h"

enum {
	MAX_SUMS = 1 << 18,
	MAX_STEPS = 1 << 24,
	MAX_GROUP = 10,		/* candidates whose subsets are all tried */
	MAX_SURPLUS = 1 << 20,	/* bytes */
};

/* Candidates first .. first + n - 1 overlap, one with the next. */
struct group {
	size_t first, n;
	size_t first_option, n_options;
	/* What this group and all behind it can add and take away at most. */
	int64_t gain, loss;
};

/* A subset of a group that is not the obvious one. */
struct option {
	uint64_t members;	/* bit i: candidate first + i */
	int64_t count, bytes;	/* change against the obvious subset */
	uint32_t cost;
};

/* A partial sum, reached from another by an option of a later group. */
struct sum {
	int64_t count, bytes;
	uint32_t cost, from, group, option;
};

struct chooser {
	struct mmap_candidate *at;
	size_t n;
	int64_t want_count, want_bytes;	/* change that is needed */
	bool surplus;
	VEC(struct group) groups;
	VEC(struct option) options;
	VEC(struct sum) sums;
	struct map by_value;	/* hash of (count, bytes) -> index of sum */
};

static int64_t bytes_of_candidate(const struct mmap_candidate *c)
{
	return (int64_t)(c->end - c->base);
}

/*
 * The obvious choice: in order of address, whatever does not overlap the one
 * before; of several with one base the innermost header, because memalign
 * leaves the outer ones behind.
 */
static void choose_obvious(struct mmap_candidate *at, size_t n)
{
	uint64_t taken = 0;

	for (size_t i = 0; i < n; i++) {
		bool inner_follows = i + 1 < n && at[i + 1].base == at[i].base;

		at[i].chosen = at[i].base >= taken && !inner_follows;
		if (at[i].chosen)
			taken = at[i].end;
	}
}

static bool adds_up(const struct mmap_target *target, uint64_t count,
		    uint64_t bytes)
{
	if (count != target->count || bytes > target->bytes)
		return false;
	return bytes == target->bytes ||
	       (target->surplus && (target->bytes - bytes) % 16 == 0);
}

static bool make_groups(struct chooser *c)
{
	uint64_t end = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (i == 0 || c->at[i].base >= end) {
			if (!vec_push(&c->groups,
				      ((struct group){ .first = i })))
				return false;
			end = 0;
		}
		c->groups.at[c->groups.len - 1].n++;
		if (c->at[i].end > end)
			end = c->at[i].end;
	}
	return true;
}

static uint32_t cost_of(const struct mmap_candidate *c)
{
	return 2u + (c->at_start ? 1 : 0) + (c->at_end ? 1 : 0);
}

/* Of a group of more, only the first 64 can be chosen. */
static bool is_member(uint64_t members, size_t i)
{
	return i < 64 && (members >> i & 1);
}

/* Describe subset @members of @g; false when two of them overlap. */
static bool describe(const struct chooser *c, const struct group *g,
		     uint64_t members, struct option *ret)
{
	uint64_t end = 0;

	*ret = (struct option){ .members = members };
	for (size_t i = 0; i < g->n; i++) {
		const struct mmap_candidate *m = &c->at[g->first + i];
		bool in = is_member(members, i);

		if (in && m->base < end)
			return false;
		if (in)
			end = m->end;
		if (in == m->chosen)
			continue;
		ret->count += in ? 1 : -1;
		ret->bytes += in ? bytes_of_candidate(m) :
				   -bytes_of_candidate(m);
		ret->cost += cost_of(m);
	}
	return true;
}

/* All subsets of a small group; of a large one, each candidate alone. */
static bool make_options(struct chooser *c, struct group *g)
{
	uint64_t n = g->n <= MAX_GROUP ? UINT64_C(1) << g->n :
		     g->n < 64 ? g->n + 1 : 65;

	g->first_option = c->options.len;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t members = g->n <= MAX_GROUP ? i :
				   i == 0 ? 0 : UINT64_C(1) << (i - 1);
		struct option option;

		if (!describe(c, g, members, &option) || option.cost == 0)
			continue;
		if (!vec_push(&c->options, option))
			return false;
		if (option.bytes > g->gain)
			g->gain = option.bytes;
		if (-option.bytes > g->loss)
			g->loss = -option.bytes;
	}
	g->n_options = c->options.len - g->first_option;
	return true;
}

static bool prepare(struct chooser *c)
{
	int64_t gain = 0, loss = 0;

	if (!make_groups(c))
		return false;
	for (size_t i = 0; i < c->groups.len; i++) {
		if (!make_options(c, &c->groups.at[i]))
			return false;
	}
	for (size_t i = c->groups.len; i-- > 0;) {
		gain += c->groups.at[i].gain;
		loss += c->groups.at[i].loss;
		c->groups.at[i].gain = gain;
		c->groups.at[i].loss = loss;
	}
	return vec_push(&c->sums, ((struct sum){ .from = UINT32_MAX }));
}

/* Can the groups after @group still bring @sum to what is wanted? */
static bool in_reach(const struct chooser *c, const struct sum *sum,
		     size_t group)
{
	const struct group *rest = group + 1 < c->groups.len ?
				   &c->groups.at[group + 1] : NULL;
	int64_t gain = rest ? rest->gain : 0, loss = rest ? rest->loss : 0;
	int64_t slack = c->surplus ? MAX_SURPLUS : 0;

	return sum->bytes + gain >= c->want_bytes - slack &&
	       sum->bytes - loss <= c->want_bytes;
}

/* Keep @sum unless it was reached at less cost. False: no memory. */
static bool keep(struct chooser *c, struct sum sum)
{
	uint64_t key = hash_u64((uint64_t)sum.bytes) +
		       (uint64_t)sum.count * UINT64_C(0x9e3779b97f4a7c15);
	bool added;
	uint64_t *slot = map_slot(&c->by_value, key, &added);

	if (!slot)
		return false;
	if (!added && c->sums.at[*slot].cost <= sum.cost)
		return true;
	*slot = c->sums.len;
	return vec_push(&c->sums, sum);
}

static bool search(struct chooser *c, struct err *err)
{
	uint64_t steps = 0;

	for (size_t g = 0; g < c->groups.len; g++) {
		const struct group *group = &c->groups.at[g];
		size_t before = c->sums.len;

		for (size_t i = 0; i < before; i++) {
			for (size_t o = 0; o < group->n_options; o++) {
				const struct option *option =
					&c->options.at[group->first_option + o];
				struct sum sum = c->sums.at[i];

				sum.count += option->count;
				sum.bytes += option->bytes;
				sum.cost += option->cost;
				sum.from = (uint32_t)i;
				sum.group = (uint32_t)g;
				sum.option = (uint32_t)o;
				if (++steps > MAX_STEPS ||
				    c->sums.len > MAX_SUMS)
					return true;
				if (in_reach(c, &sum, g) && !keep(c, sum))
					return err_nomem(err, "mmapped chunks");
			}
		}
	}
	return true;
}

/* The best sum that is what was wanted, or UINT32_MAX. */
static uint32_t best_sum(const struct chooser *c)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < c->sums.len; i++) {
		const struct sum *s = &c->sums.at[i], *b;

		if (s->count != c->want_count || s->bytes > c->want_bytes ||
		    (s->bytes != c->want_bytes &&
		     (!c->surplus || (c->want_bytes - s->bytes) % 16 != 0)))
			continue;
		b = best == UINT32_MAX ? NULL : &c->sums.at[best];
		if (!b || s->bytes > b->bytes ||
		    (s->bytes == b->bytes && s->cost < b->cost))
			best = i;
	}
	return best;
}

static void apply(struct chooser *c, uint32_t sum)
{
	while (c->sums.at[sum].from != UINT32_MAX) {
		const struct sum *s = &c->sums.at[sum];
		const struct group *g = &c->groups.at[s->group];
		uint64_t members =
			c->options.at[g->first_option + s->option].members;

		for (size_t i = 0; i < g->n; i++)
			c->at[g->first + i].chosen =
				is_member(members, i);
		sum = s->from;
	}
}

bool glibc_choose(struct mmap_candidate *at, size_t n,
		  const struct mmap_target *target, bool *exact,
		  struct err *err)
{
	struct chooser c = { .at = at, .n = n };
	uint64_t count = 0, bytes = 0;
	uint32_t best;
	bool ok = false;

	choose_obvious(at, n);
	*exact = !target;
	if (!target)
		return true;
	c.surplus = target->surplus;
	for (size_t i = 0; i < n; i++) {
		count += at[i].chosen;
		bytes += at[i].chosen ? at[i].end - at[i].base : 0;
	}
	*exact = adds_up(target, count, bytes);
	if (*exact || n == 0)
		return true;
	c.want_count = (int64_t)(target->count - count);
	c.want_bytes = (int64_t)(target->bytes - bytes);
	if (!prepare(&c)) {
		err_nomem(err, "mmapped chunks");
		goto out;
	}
	if (!search(&c, err))
		goto out;
	best = best_sum(&c);
	if (best != UINT32_MAX) {
		apply(&c, best);
		*exact = true;
	}
	ok = true;
out:
	vec_free(&c.groups);
	vec_free(&c.options);
	vec_free(&c.sums);
	map_free(&c.by_value);
	return ok;
}
