/* SPDX-License-Identifier: MIT */
/*
 * Random images, compared by diff and by an oracle: texts instead of ids,
 * everything by brute force.
 */
#include "tests/aid_cmocka.h"

#include "tests/aid_comparison.h"

enum { MAX_NODES = 400, ORACLE_PATHS = 4096 };

struct world {
	struct fact_node nodes[MAX_NODES];
	size_t n;
	char path[MAX_NODES][TEXT];	/* of each node */
};

struct oracle_path {
	char text[TEXT];
	uint64_t retained[2];
	uint64_t count[2];
};

struct oracle {
	struct oracle_path at[ORACLE_PATHS];
	size_t n;
};

static void holder_name(const struct fact_node *node, char ret[64])
{
	if (node->kind == FACT_ROOT)
		snprintf(ret, 64, "%s", node->name);
	else
		snprintf(ret, 64, "%s %s%s", node->stale ? "stale" : "leaked",
			 node->name, node->cycle ? ", cycles" : "");
}

/* Append @step to a list of steps; two equal runs at the end become one. */
static size_t append(const char *steps[PATH_STEPS + 1], size_t n,
		     const char *step)
{
	steps[n++] = step;
	for (size_t run = 1; run <= 4 && 2 * run <= n; run++) {
		size_t equal = 0;

		while (equal < run && !strcmp(steps[n - 1 - equal],
					      steps[n - 1 - equal - run]))
			equal++;
		if (equal == run)
			return n - run;
	}
	return n <= PATH_STEPS ? n : PATH_STEPS;
}

static void oracle_walk(struct world *w, size_t node)
{
	const char *steps[PATH_STEPS + 1];
	size_t chain[MAX_NODES], n_chain = 0, n = 0;
	char holder[64] = "(several roots)", *path = w->path[node];
	size_t len = 0;

	for (size_t i = node; i != SIZE_MAX; i = w->nodes[i].parent)
		chain[n_chain++] = i;
	if (w->nodes[chain[n_chain - 1]].kind != FACT_BLOCK)
		holder_name(&w->nodes[chain[--n_chain]], holder);
	steps[n++] = holder;
	while (n_chain > 0)
		n = append(steps, n, w->nodes[chain[--n_chain]].name);
	for (size_t i = 0; i < n && len < TEXT; i++)
		len += (size_t)snprintf(path + len, TEXT - len, "%s%s",
					i ? ">" : "", steps[i]);
	assert_true(len < TEXT);
}

static struct oracle_path *oracle_find(struct oracle *o, const char *text)
{
	for (size_t i = 0; i < o->n; i++) {
		if (!strcmp(o->at[i].text, text))
			return &o->at[i];
	}
	assert_true(o->n < ORACLE_PATHS);
	snprintf(o->at[o->n].text, TEXT, "%s", text);
	return &o->at[o->n++];
}

/* The blocks on a path, and those below them, each counted once. */
static uint64_t oracle_retained(const struct world *w, const char *path,
				uint64_t *count)
{
	uint64_t sum = 0;

	*count = 0;
	for (size_t i = 0; i < w->n; i++) {
		bool below = false;

		for (size_t up = i; up != SIZE_MAX && !below;
		     up = w->nodes[up].parent) {
			below = !strcmp(w->path[up], path) ||
				(!strcmp(path, "(several roots)") &&
				 w->nodes[up].parent == SIZE_MAX &&
				 w->nodes[up].kind == FACT_BLOCK);
		}
		if (!below || w->nodes[i].kind != FACT_BLOCK)
			continue;
		sum += w->nodes[i].size;
		++*count;
	}
	return sum;
}

static void oracle_add(struct oracle *o, struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		oracle_walk(w, i);
	for (size_t i = 0; i < w->n; i++)
		oracle_find(o, w->path[i]);
	oracle_find(o, "(several roots)");
}

static int64_t oracle_growth(const struct oracle_path *p)
{
	return (int64_t)p->retained[1] - (int64_t)p->retained[0];
}

static bool is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return !strncmp(path, above, n) && path[n] == '>';
}

static int longest_first(const void *a, const void *b)
{
	const struct oracle_path *x = a, *y = b;
	size_t n = strlen(x->text), m = strlen(y->text);

	return (n < m) - (n > m);
}

/* Is a path to be listed? By definition, from the longest path to the first. */
static void oracle_listed(struct oracle *o, bool *listed)
{
	qsort(o->at, o->n, sizeof(o->at[0]), longest_first);
	for (size_t i = 0; i < o->n; i++) {
		int64_t growth = oracle_growth(&o->at[i]);

		listed[i] = growth > 0;
		for (size_t k = 0; k < i && listed[i]; k++) {
			if (listed[k] && is_below(o->at[k].text,
						  o->at[i].text) &&
			    10 * oracle_growth(&o->at[k]) >= 9 * growth)
				listed[i] = false;
		}
	}
}

/* --- random images --- */

static const char *const type_names[] = { "A", "B", "C", "Node", "Item" };
static const char *const other_order[] = { "Item", "X", "Node", "C", "Y", "B",
					   "A" };
static const char *const block_names[] = { "A", "B", "C", "Node", "Item",
					   "(text)", "(numbers)" };
static const char *const root_names[] = { "app:cache", "app:queue",
					  "thread \"io\" stack" };

static void random_world(uint64_t *seed, struct world *w)
{
	uint64_t addr = 0x1000;

	w->n = 1 + rng_below(seed, MAX_NODES);
	for (size_t i = 0; i < w->n; i++) {
		struct fact_node *node = &w->nodes[i];
		uint64_t kind = i == 0 ? 0 : rng_below(seed, 20);

		*node = (struct fact_node){ .parent = SIZE_MAX };
		if (kind == 0) {
			node->kind = FACT_ROOT;
			node->name = root_names[rng_below(seed, 3)];
		} else if (kind == 1) {
			node->kind = FACT_GROUP;
			node->name = type_names[rng_below(seed, 5)];
			node->count = 1 + rng_below(seed, 9);
			node->bytes = 16 * node->count;
			node->cycle = rng_below(seed, 2);
			node->stale = rng_below(seed, 4) == 0;
		} else {
			node->kind = FACT_BLOCK;
			node->name = block_names[rng_below(seed, 7)];
			addr += 16 + 16 * rng_below(seed, 2);
			node->addr = addr;
			node->size = 8 + 8 * rng_below(seed, 30);
			/* Often on the last one: long paths. */
			node->parent = rng_below(seed, 3) ? i - 1 :
				       rng_below(seed, 20) ?
				       (size_t)rng_below(seed, i) : SIZE_MAX;
		}
	}
}

/* Chains of few labels: repeats of every period. */
static void repeat_labels(uint64_t *seed, struct world *w)
{
	uint64_t period = 1 + rng_below(seed, 6);

	for (size_t i = 0; i < w->n; i++) {
		if (w->nodes[i].kind == FACT_BLOCK && rng_below(seed, 30))
			w->nodes[i].name = block_names[i % period];
	}
}

static void check_paths(struct comparison *c, struct world w[2])
{
	struct oracle *o = calloc(1, sizeof(*o));
	bool *listed = calloc(ORACLE_PATHS, sizeof(*listed));
	char text[TEXT];
	size_t n = 0;

	assert_true(o && listed);
	oracle_add(o, &w[0]);
	oracle_add(o, &w[1]);
	for (size_t i = 0; i < 2 * o->n; i++) {
		struct oracle_path *p = &o->at[i / 2];

		p->retained[i % 2] = oracle_retained(&w[i % 2], p->text,
						     &p->count[i % 2]);
	}
	oracle_listed(o, listed);
	for (size_t i = 0; i < o->n; i++)
		n += listed[i];
	assert_int_equal(c->diff.paths.len, n);
	for (size_t i = 0; i < n; i++) {
		const struct diff_row *row = &c->diff.paths.at[i];
		const struct oracle_path *want;

		comparison_path(&c->names, row->id, text);
		want = oracle_find(o, text);
		assert_true(listed[want - o->at]);
		assert_int_equal(row->old.retained, want->retained[0]);
		assert_int_equal(row->new.retained, want->retained[1]);
		assert_int_equal(row->old.count, want->count[0]);
		assert_int_equal(row->new.count, want->count[1]);
		assert_int_equal(row->growth, oracle_growth(want));
		assert_true(i == 0 || row[-1].growth >= row->growth);
	}
	free(o);
	free(listed);
}

static void check_types(struct comparison *c, struct world w[2])
{
	for (size_t t = 0; t < 7; t++) {
		const struct diff_row *row = comparison_row(c, &c->diff.types,
							    block_names[t],
							    LABEL_BLOCK);
		struct tally want[2] = {{0}};

		for (size_t i = 0; i < MAX_NODES; i++) {
			for (int side = 0; side < 2; side++) {
				const struct fact_node *node = &w[side].nodes[i];

				if (i >= w[side].n || node->kind != FACT_BLOCK ||
				    strcmp(node->name, block_names[t]))
					continue;
				want[side].count++;
				want[side].bytes += node->size;
			}
		}
		assert_true(row || want[0].count + want[1].count == 0);
		if (!row)
			continue;
		assert_int_equal(row->old.count, want[0].count);
		assert_int_equal(row->new.count, want[1].count);
		assert_int_equal(row->old.bytes, want[0].bytes);
		assert_int_equal(row->new.bytes, want[1].bytes);
	}
}

static void check_leaks(struct comparison *c, struct world w[2])
{
	for (size_t t = 0; t < 10; t++) {
		bool cycle = t >= 5;
		const struct diff_row *row = comparison_row(c, &c->diff.leaks,
			type_names[t % 5], cycle ? LABEL_CYCLE : LABEL_BLOCK);
		uint64_t want[2] = {0};

		for (int side = 0; side < 2; side++) {
			for (size_t i = 0; i < w[side].n; i++) {
				const struct fact_node *node = &w[side].nodes[i];

				if (node->kind == FACT_GROUP && !node->stale &&
				    node->cycle == cycle &&
				    !strcmp(node->name, type_names[t % 5]))
					want[side] += node->count;
			}
		}
		assert_int_equal(row ? row->old.count : 0, want[0]);
		assert_int_equal(row ? row->new.count : 0, want[1]);
		assert_int_equal(row ? row->new.bytes : 0, 16 * want[1]);
	}
}

/* Is there the same block in @w? */
static bool survives(const struct fact_node *block, const struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct fact_node *other = &w->nodes[i];

		if (other->kind == FACT_BLOCK && other->addr == block->addr)
			return other->size == block->size &&
			       (!strcmp(other->name, block->name) ||
				(other->name[0] == '(' &&
				 block->name[0] == '('));
	}
	return false;
}

static bool has_types(const struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->nodes[i].kind == FACT_BLOCK && w->nodes[i].name[0] != '(')
			return true;
	}
	return false;
}

static void check_blocks(struct comparison *c, struct world w[2])
{
	uint64_t gone = 0, new = 0, survived = 0;

	for (size_t i = 0; i < w[0].n; i++) {
		if (w[0].nodes[i].kind != FACT_BLOCK)
			continue;
		survived += survives(&w[0].nodes[i], &w[1]);
		gone += !survives(&w[0].nodes[i], &w[1]);
	}
	for (size_t i = 0; i < w[1].n; i++)
		new += w[1].nodes[i].kind == FACT_BLOCK &&
		       !survives(&w[1].nodes[i], &w[0]);
	assert_true(c->diff.blocks.comparable);
	assert_int_equal(c->diff.blocks.by_type,
			 has_types(&w[0]) == has_types(&w[1]));
	if (!c->diff.blocks.by_type)
		return;
	assert_int_equal(c->diff.blocks.gone.count, gone);
	assert_int_equal(c->diff.blocks.new.count, new);
	assert_int_equal(c->diff.blocks.survived.count, survived);
}

/* The id that make_facts() gives node @i: blocks, roots, groups in order. */
static uint32_t oracle_id(const struct world *w, size_t i,
			  const struct facts *facts)
{
	uint32_t before = 0;

	for (size_t k = 0; k < i; k++)
		before += w->nodes[k].kind == w->nodes[i].kind;
	return w->nodes[i].kind == FACT_BLOCK ? before :
	       w->nodes[i].kind == FACT_ROOT ?
	       facts->heap.n_blocks + before : dom_group(&facts->dom, before);
}

static bool oracle_is_on(const struct world *w, size_t i, const char *path)
{
	bool holds = w->nodes[i].kind == FACT_BLOCK;

	/* Blocks that no holder holds alone are on it, and below. */
	if (!strcmp(path, "(several roots)") &&
	    w->nodes[i].kind == FACT_BLOCK && w->nodes[i].parent == SIZE_MAX)
		return true;
	/* Who holds nothing is nobody's holder. */
	for (size_t k = 0; k < w->n; k++)
		holds = holds || w->nodes[k].parent == i;
	return holds && !strcmp(w->path[i], path);
}

static void check_find(struct comparison *c, const struct world *w)
{
	struct digest_nodes found;
	struct err err = {0};
	struct facts facts;
	char text[TEXT];

	make_facts(w->nodes, w->n, other_order, 7, &facts);
	for (size_t i = 0; i < c->diff.paths.len; i++) {
		size_t n = 0;

		comparison_path(&c->names, c->diff.paths.at[i].id, text);
		assert_true(digest_find(&facts, &c->names,
					c->diff.paths.at[i].id, &found, &err));
		for (size_t k = 0; k < w->n; k++) {
			uint32_t id = oracle_id(w, k, &facts);
			bool there = false;

			for (size_t f = 0; f < found.len; f++)
				there = there || found.at[f] == id;
			assert_int_equal(there, oracle_is_on(w, k, text));
			n += there;
		}
		assert_int_equal(found.len, n);
		vec_free(&found);
	}
	made_facts_free(&facts);
}

static void random_images_compare_as_by_brute_force(void **state)
{
	uint64_t seed = rng_seed();
	struct world *w = calloc(2, sizeof(*w));

	(void)state;
	assert_non_null(w);
	for (int round = 0; round < 60; round++) {
		struct comparison c = {0};

		random_world(&seed, &w[0]);
		random_world(&seed, &w[1]);
		if (round % 2) {
			repeat_labels(&seed, &w[0]);
			repeat_labels(&seed, &w[1]);
		}
		comparison_add(&c, w[0].nodes, w[0].n, type_names, 5);
		comparison_add(&c, w[1].nodes, w[1].n, other_order, 7);
		for (size_t i = 0; i < 2; i++)
			c.digests[i].process = (struct process_identity){
				.pid = 7, .random = { 1, 2 },
			};
		comparison_make(&c);
		check_paths(&c, w);
		check_find(&c, &w[1]);
		check_types(&c, w);
		check_leaks(&c, w);
		check_blocks(&c, w);
		comparison_free(&c);
	}
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_images_compare_as_by_brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
