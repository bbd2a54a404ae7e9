/* SPDX-License-Identifier: MIT */
#include "formats/type_loader.h"

#include <elf.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/pool.h"

/* In the names of files: another number where the answer means another thing. */
enum { FORMAT = 4 };

#define CACHE_BYTES (UINT64_C(256) << 20)
/* Workers need about eight times as much memory; one always may run. */
#define DWARF_AT_ONCE (UINT64_C(256) << 20)
/* What zlib makes of DWARF, about. */
enum { PACKED = 4 };

/*
 * A build of this program that reads DWARF otherwise must not be given what
 * another one has read.
 */
static bool identify_program(uint64_t ret[2])
{
	struct stat st;

	if (stat("/proc/self/exe", &st) != 0)
		return false;
	ret[0] = (uint64_t)st.st_size;
	ret[1] = (uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) +
		 (uint64_t)st.st_mtim.tv_nsec;
	return true;
}

void type_loader_open(uint32_t ms, struct type_loader *ret)
{
	unsigned threads = pool_threads();

	*ret = (struct type_loader){
		.most = threads < WORKER_MAX ? threads : WORKER_MAX,
		.ms = ms, .deadline = worker_now() + ms,
	};
	cache_open("types", CACHE_BYTES, &ret->cache);
	if (!identify_program(ret->program))
		cache_close(&ret->cache);
}

void type_loader_close(struct type_loader *loader)
{
	cache_close(&loader->cache);
}

bool type_loader_has_room(const struct type_loader *loader)
{
	uint64_t weight = 0;

	for (unsigned i = 0; i < loader->n_running; i++)
		weight += loader->running[i]->weight;
	return loader->n_running == 0 || (loader->n_running < loader->most &&
					  weight < DWARF_AT_ONCE);
}

static uint64_t weight_of(const struct elf_file *file)
{
	uint64_t sum = 0;

	for (size_t i = 1; i < elf_file_n_sections(file); i++) {
		const struct elf_section *s = elf_file_section(file, i);
		bool packed = s->flags & SHF_COMPRESSED ||
			      strncmp(s->name, ".zdebug", 7) == 0;

		/* More than this is a lie, and sums must not overflow. */
		if (s->size < DWARF_AT_ONCE * PACKED &&
		    (packed || strncmp(s->name, ".debug", 6) == 0))
			sum += packed ? s->size * PACKED : s->size;
	}
	return sum;
}

/* Which file: that of a package is the same in every container. */
static uint64_t identity_of(const struct elf_file *file)
{
	uint64_t facts[2] = { 0, 0 }, sum;

	if (!file || !elf_file_stat(file, &facts[0], &facts[1]))
		return 0;
	sum = cache_sum(facts, sizeof(facts), 0);
	for (size_t i = 1; i < elf_file_n_sections(file); i++) {
		const struct elf_section *s = elf_file_section(file, i);
		const uint64_t row[] = { s->type, s->flags, s->addr, s->size };

		sum = cache_sum(s->name, strlen(s->name), sum);
		sum = cache_sum(row, sizeof(row), sum);
	}
	return sum;
}

static void name_load(const struct type_loader *loader,
		      const struct module *m, struct type_load *load)
{
	size_t at = 0;

	for (uint32_t i = 0; i < m->build_id_size && i < BUILD_ID_MAX; i++)
		at += (size_t)snprintf(load->name + at,
				       sizeof(load->name) - at, "%02x",
				       m->build_id[i]);
	if (at > 0)
		snprintf(load->name + at, sizeof(load->name) - at, "-%d",
			 FORMAT);
	load->tag[0] = loader->program[0];
	load->tag[1] = loader->program[1];
	load->tag[2] = identity_of(load->job.elf);
	load->tag[3] = identity_of(load->job.symbols);
	load->tag[4] = identity_of(load->job.code);
}

static bool find_kept(const struct type_loader *loader, struct type_load *load)
{
	if (load->name[0] == '\0' ||
	    !cache_get(&loader->cache, load->name, load->tag,
		       sizeof(load->tag), &load->kept))
		return false;
	load->answer = load->kept.content;
	return true;
}

static void start(struct type_loader *loader, struct type_load *load)
{
	int64_t left = loader->deadline - worker_now();
	uint32_t ms = left < DWARF_WORKER_MS ? (uint32_t)left :
					       DWARF_WORKER_MS;

	if (left <= 0) {
		err_set(&load->failure, ERR_LIMIT, "the %.3g s for reading "
			"types of all modules are over", loader->ms / 1000.0);
		return;
	}
	if (!dwarf_worker_start(&load->job, ms, &load->worker, &load->failure))
		return;
	load->is_running = true;
	loader->running[loader->n_running++] = load;
}

void type_load_begin(struct type_loader *loader, const struct module *module,
		     const struct dwarf_job *job, struct type_load *ret)
{
	*ret = (struct type_load){ .job = *job };
	ret->weight = weight_of(job->elf);
	name_load(loader, module, ret);
	if (!find_kept(loader, ret))
		start(loader, ret);
}

/* @load no longer counts among those that run. */
static void strike(struct type_loader *loader, struct type_load *load)
{
	for (unsigned i = 0; i < loader->n_running; i++) {
		if (loader->running[i] == load)
			loader->running[i] =
				loader->running[--loader->n_running];
	}
	load->is_running = false;
}

static void collect_ended(struct type_loader *loader)
{
	for (unsigned i = loader->n_running; i-- > 0;) {
		struct type_load *load = loader->running[i];

		if (!worker_is_over(&load->worker))
			continue;
		load->from_worker = worker_collect(&load->worker,
						   &load->answer,
						   &load->failure);
		if (!load->from_worker)
			err_wrap(&load->failure, "debug information");
		strike(loader, load);
	}
}

bool type_load_is_over(struct type_loader *loader, struct type_load *load)
{
	const struct worker_process *at[WORKER_MAX];

	if (load->is_running) {
		for (unsigned i = 0; i < loader->n_running; i++)
			at[i] = &loader->running[i]->worker;
		worker_wait(at, loader->n_running);
		collect_ended(loader);
	}
	return !load->is_running;
}

bool type_load_read(struct type_loader *loader, struct type_load *load,
		    struct image *image, struct type_table *types,
		    struct err *err)
{
	struct err damaged = {0};

	if (load->failure.code)
		return err_set(err, load->failure.code, "%s",
			       load->failure.message);
	if (load->from_worker) {
		if (!dwarf_answer_read(load->answer, image, types, err))
			return false;
		if (load->name[0] != '\0' &&
		    dwarf_answer_is_final(load->answer))
			cache_put(&loader->cache, load->name, load->tag,
				  sizeof(load->tag), load->answer);
		return true;
	}
	if (dwarf_answer_read(load->answer, image, types, &damaged))
		return true;
	cache_drop(&loader->cache, load->name);
	/* What was kept said nothing; only final answers are kept. */
	load->answer = bytes_of(NULL, 0);
	return dwarf_worker_read(&load->job, image, types, err);
}

void type_load_end(struct type_loader *loader, struct type_load *load)
{
	if (load->is_running) {
		worker_kill(&load->worker);
		strike(loader, load);
	}
	if (load->from_worker)
		worker_free(&load->answer);
	cache_entry_free(&load->kept);
	*load = (struct type_load){ .job = { .elf = NULL } };
}
