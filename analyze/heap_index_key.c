/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "analyze/heap_index_file.h"
#include "base/cache.h"
#include "formats/snapshot_frames.h"
#include "formats/types_io.h"

enum { STEP = 1 << 18 };

static uint64_t program_sum;
static pthread_once_t program_summed = PTHREAD_ONCE_INIT;

/*
 * Of all bytes of this program: another build may find another answer, and a
 * version would not tell builds apart.
 */
static void sum_program(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint8_t *buffer = malloc(STEP);
	uint64_t sum = 0;
	ssize_t n = -1;

	while (fd >= 0 && buffer && (n = read(fd, buffer, STEP)) > 0)
		sum = cache_sum(buffer, (size_t)n, sum + 1);
	program_sum = n == 0 ? sum : 0;
	free(buffer);
	if (fd >= 0)
		close(fd);
}

static bool add_sum(void *ctx, const void *bytes, size_t n, struct err *err)
{
	uint64_t *sum = ctx;

	(void)err;
	*sum = cache_sum(bytes, n, *sum);
	return true;
}

/* What was found on this machine for a core that says little of itself. */
static bool sum_found(const struct image *image, uint64_t *sum,
		      struct err *err)
{
	const struct types_sink sink = { .put = add_sum, .ctx = sum };
	const struct frames_part part = {
		image->frames.at, image->locals.at, image->frames.len,
		image->locals.len,
	};
	struct blob blob = {0};
	bool ok;

	modules_write(image, &blob);
	ok = symbols_write(image, &blob, err);
	frames_write(&part, &blob);
	ok = ok && (!blob.failed || err_nomem(err, "the index")) &&
	     add_sum(sum, blob.bytes.at, blob.bytes.len, err) &&
	     types_write(&image->types, &sink, err) &&
	     vars_write(image->vars.at, image->vars.len, &sink, err) &&
	     slots_write(&image->slots, &sink, err);
	blob_free(&blob);
	return ok;
}

bool index_key_of(const struct image *image, struct index_key *ret,
		  struct err *err)
{
	pthread_once(&program_summed, sum_program);
	*ret = (struct index_key){ .file = image->identity,
				   .program = program_sum };
	if (ret->file == 0 || ret->program == 0)
		return err_set(err, ERR_IO, "the file or this program cannot "
			       "be told from others");
	return image->meta.kind == IMAGE_SNAPSHOT ||
	       sum_found(image, &ret->program, err);
}
