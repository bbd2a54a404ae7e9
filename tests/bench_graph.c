/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Speed and memory of the graph algorithms on generated heaps.
 *
 *     bench_graph [MILLIONS OF NODES...]    (1 5 15 unless given)
 *
 * One line for each algorithm: seconds of processor time and of the wall
 * clock, millions of nodes a second of processor time, and the bytes of
 * memory a node that it had at its peak beyond what was there before. Last
 * come a chain and a ring of 50 million nodes.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/block_index.h"
#include "analyze/dominators.h"
#include "analyze/reach.h"
#include "analyze/scc.h"
#include "base/pool.h"
#include "tests/aid_graph.h"

enum { ALL_KINDS = (1 << N_REF_KINDS) - 1, MILLION = 1000000 };

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bytes of a line of /proc/self/status, which counts in KiB. */
static double status_bytes(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoull(line + strlen(name), NULL, 10);
	}
	if (f)
		fclose(f);
	return (double)kib * 1024;
}

/* Make the peak of resident memory what is resident now. */
static void reset_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	if (f) {
		fputs("5", f);
		fclose(f);
	}
}

struct lap {
	double cpu, wall, resident;
};

static struct lap lap_start(void)
{
	struct lap lap;

	reset_peak();
	lap.resident = status_bytes("VmRSS:");
	lap.cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	lap.wall = seconds(CLOCK_MONOTONIC);
	return lap;
}

static void lap_end(const struct lap *lap, const char *what, double n)
{
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - lap->cpu;
	double wall = seconds(CLOCK_MONOTONIC) - lap->wall;
	double peak = status_bytes("VmHWM:") - lap->resident;

	printf("  %-22s %8.2f %8.2f %10.2f %10.1f\n", what, cpu, wall,
	       n / cpu / 1e6, peak / n);
	fflush(stdout);
}

static void check(bool ok, const struct err *err)
{
	if (!ok) {
		fprintf(stderr, "%s\n", err->message);
		exit(2);
	}
}

static void header(const char *what, const struct graph *graph)
{
	printf("%s: %.2f M nodes, %.2f M references\n"
	       "  %-22s %8s %8s %10s %10s\n", what,
	       (double)graph->n_nodes / 1e6,
	       (double)graph_n_edges(graph) / 1e6, "", "cpu s", "wall s",
	       "M nodes/s", "bytes/node");
}

static void bench_reverse(const struct graph *graph)
{
	struct lap lap = lap_start();
	struct err err = {0};
	struct graph back;

	check(graph_reverse(graph, &back, &err), &err);
	lap_end(&lap, "reverse", graph->n_nodes);
	graph_free(&back);
}

static void bench_scc(const struct graph *graph)
{
	struct lap lap = lap_start();
	struct scc_cycles cycles;
	struct err err = {0};
	struct scc scc;

	check(scc_build(graph, ALL_KINDS, NULL, &scc, &err), &err);
	lap_end(&lap, "components", graph->n_nodes);
	lap = lap_start();
	check(scc_cycles_build(graph, ALL_KINDS, &scc, &cycles, &err), &err);
	lap_end(&lap, "list of cycles", graph->n_nodes);
	printf("    %" PRIu32 " components, %" PRIu32 " cycles\n",
	       scc.n_components, cycles.n);
	scc_cycles_free(&cycles);
	scc_free(&scc);
}

static void bench_reach(const struct graph *graph, const uint32_t *entry,
			uint32_t n)
{
	struct reach_spec spec = {
		.graph = graph, .kinds = ALL_KINDS, .entry = entry,
		.n_entries = n,
	};
	struct reach_paths paths;
	struct err err = {0};
	struct bitset seen;
	struct lap lap;

	if (!bitset_init(&seen, graph->n_nodes))
		exit(2);
	lap = lap_start();
	check(reach_add(&spec, &seen, &err), &err);
	lap_end(&lap, "reachability", graph->n_nodes);
	lap = lap_start();
	check(reach_paths_build(&spec, NULL, &paths, &err), &err);
	lap_end(&lap, "shortest paths", graph->n_nodes);
	reach_paths_free(&paths);
	bitset_free(&seen);
}

static void bench_dominators(const struct graph *graph, const uint32_t *entry,
			     uint32_t n, const struct block_sizes *sizes)
{
	struct dom_tier tier = { .entry = entry, .n = n };
	struct dom_spec spec = {
		.graph = graph, .kinds = ALL_KINDS, .tiers = &tier,
		.n_tiers = 1, .sizes = sizes,
		.n_bytes = sizes ? graph->n_nodes : 0,
	};
	struct lap lap = lap_start();
	struct dominators dom;
	struct err err = {0};

	check(dom_build(&spec, &dom, &err), &err);
	lap_end(&lap, "dominators, retained", graph->n_nodes);
	printf("    %" PRIu32 " reached, %" PRIu64 " bytes\n",
	       dom.n_order - 1, dom.retained[dom_root(&dom)]);
	dom_free(&dom);
}

/* Blocks of 16 to 144 bytes, side by side in a few regions. */
static void make_blocks(uint64_t *addr, uint64_t *size, uint32_t n)
{
	uint64_t seed = 3, at = UINT64_C(0x555555550000);

	for (uint32_t i = 0; i < n; i++) {
		addr[i] = at;
		size[i] = 8 + 16 * (1 + random_below(&seed, 8));
		at += size[i] + 8;
		if (random_below(&seed, MILLION) == 0)
			at += MILLION;
	}
}

/* Ask for each address. */
static void look_up(const struct block_index *index, const uint64_t *ask,
		    uint32_t n, const char *what)
{
	struct lap lap = lap_start();
	size_t hint = SIZE_MAX;
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += block_index_near(index, ask[i], &hint) != NODE_NONE;
	lap_end(&lap, what, n);
	if (found != n)
		exit(1);
}

static void bench_index(uint32_t n)
{
	uint64_t *addr = calloc(n, sizeof(*addr));
	uint64_t *size = calloc(n, sizeof(*size));
	uint64_t *ask = calloc(n, sizeof(*ask));
	uint64_t seed = 4;
	struct block_sizes sizes;
	struct block_index index;
	struct err err = {0};
	struct lap lap;

	if (!addr || !size || !ask)
		exit(2);
	make_blocks(addr, size, n);
	check(block_sizes_of(size, n, &sizes, &err), &err);
	for (uint32_t i = 0; i < n; i++)
		ask[i] = addr[random_below(&seed, n)] + 8;
	lap = lap_start();
	check(block_index_build(addr, &sizes, n, &index, &err), &err);
	lap_end(&lap, "block index", n);
	look_up(&index, addr, n, "look-ups, in order");
	look_up(&index, ask, n, "look-ups, random");
	block_index_free(&index);
	free(addr);
	free(size);
	block_sizes_free(&sizes);
	free(ask);
}

static void bench_heap(uint32_t n)
{
	uint32_t first_root, n_roots;
	struct graph graph = heap_like_graph(n, n, &first_root);
	struct block_sizes sizes;
	uint32_t *roots;

	n_roots = n - first_root;
	roots = calloc(n_roots, sizeof(*roots));
	if (!block_sizes_init(&sizes, n) || !roots)
		exit(2);
	for (uint32_t i = 0; i < n; i++)
		if (i < first_root &&
		    !block_set_size(&sizes, i, 24 + 16 * (i % 7)))
			exit(2);
	for (uint32_t i = 0; i < n_roots; i++)
		roots[i] = first_root + i;
	header("heap", &graph);
	bench_reverse(&graph);
	bench_scc(&graph);
	bench_reach(&graph, roots, n_roots);
	bench_dominators(&graph, roots, n_roots, &sizes);
	bench_index(n);
	graph_free(&graph);
	block_sizes_free(&sizes);
	free(roots);
}

static void bench_chain(uint32_t n, bool ring)
{
	struct graph graph = chain_graph(n, ring);
	uint32_t entry = 0;

	header(ring ? "ring" : "chain", &graph);
	bench_reverse(&graph);
	bench_scc(&graph);
	bench_reach(&graph, &entry, 1);
	bench_dominators(&graph, &entry, 1, NULL);
	graph_free(&graph);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1, 5, 15 };

	/* What is freed leaves at once, so that peaks can be told apart. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	printf("threads: %u\n", pool_threads());
	for (int i = 1; i < argc; i++) {
		long millions = strtol(argv[i], NULL, 10);

		if (millions > 0 && millions < 1000)
			bench_heap((uint32_t)millions * MILLION);
	}
	if (argc > 1)
		return 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		bench_heap(sizes[i] * MILLION);
	bench_chain(50 * MILLION, false);
	bench_chain(50 * MILLION, true);
	return 0;
}
