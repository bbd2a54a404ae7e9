/* SPDX-License-Identifier: MIT */
#include "analyze/process_identity.h"

#include <elf.h>

#include "base/map.h"

static uint64_t hash_text(const char *text)
{
	return text && *text ? hash_bytes(text, strlen(text), 1) : 0;
}

static void read_random(const struct image *image, uint64_t ret[2])
{
	uint64_t random[2];

	for (size_t i = 0; i + 1 < image->auxv.len; i += 2) {
		if (image->auxv.at[i] != AT_RANDOM)
			continue;
		/* A zero word is redacted, or was wiped by the program. */
		if (image_read(image, image->auxv.at[i + 1], random,
			       sizeof(random)) && random[0] && random[1])
			memcpy(ret, random, sizeof(random));
		return;
	}
}

static const struct module *find_program(const struct image *image)
{
	const char *exe = image->meta.exe ? image->meta.exe : "";

	for (size_t i = 0; i < image->modules.len; i++) {
		if (!strcmp(image->modules.at[i].path, exe))
			return &image->modules.at[i];
	}
	return NULL;
}

static uint64_t hash_program(const struct image *image)
{
	const struct module *program = find_program(image);

	if (!program)
		return 0;
	return hash_bytes(program->build_id, program->build_id_size,
			  hash_u64(program->start) + hash_text(program->path));
}

void process_identity_of(const struct image *image,
			 struct process_identity *ret)
{
	*ret = (struct process_identity){
		.pid = image->meta.pid,
		.program = hash_program(image),
		.kernel = hash_text(image->meta.kernel),
	};
	if (image->auxv.len > 0)
		ret->auxv = hash_bytes(image->auxv.at, image->auxv.len *
				       sizeof(*image->auxv.at), 1);
	read_random(image, ret->random);
}

static bool differ(uint64_t a, uint64_t b)
{
	return a && b && a != b;
}

bool process_identity_same(const struct process_identity *a,
			   const struct process_identity *b, const char **why)
{
	if (a->pid == 0 || b->pid == 0) {
		*why = "the process id is not known";
		return false;
	}
	if (a->pid != b->pid) {
		*why = "the process ids differ";
		return false;
	}
	if (a->random[0] && b->random[0]) {
		*why = "the bytes at AT_RANDOM, new at each start, are equal";
		if (!memcmp(a->random, b->random, sizeof(a->random)))
			return true;
		*why = "the bytes at AT_RANDOM, new at each start, differ";
		return false;
	}
	if (differ(a->kernel, b->kernel)) {
		*why = "the kernels differ";
		return false;
	}
	if (a->auxv && b->auxv) {
		*why = "process id and auxiliary vector are equal";
		if (a->auxv == b->auxv)
			return true;
		*why = "the auxiliary vectors differ";
		return false;
	}
	*why = "process id and place of the program are equal";
	if (a->program && a->program == b->program)
		return true;
	*why = "nothing shows that it is the same process";
	return false;
}
