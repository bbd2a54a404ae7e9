/* SPDX-License-Identifier: MIT */
/*
 * Resolving a damaged snapshot: its plain bytes with edits, compressed again
 * behind right checksums. What comes out must open and have the same memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "formats/seekable.h"
#include "formats/snapshot_renew.h"
#include "tests/aid_fuzz_image.h"
#include "tests/aid_same_memory.h"
#include "tests/make_core.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_base plain;
static struct seekable_encoder *encoder;
static uint8_t *edited, *packed;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	setenv("HOLDFAST_THREADS", "1", 1);
	plain = fuzz_base_plain();
	encoder = seekable_encoder_open(1);
	edited = malloc(plain.n);
	packed = malloc(2 * plain.n + SEEKABLE_FRAME_MAX);
	return !(encoder && edited && packed);
}

/* Frames of @step plain bytes; the last @lost bytes of the file are cut. */
static size_t pack(size_t step)
{
	struct seekable_table table = {0};
	struct err err = {0};
	uint8_t *at = packed, *end;
	size_t n_end;

	for (size_t i = 0; i < plain.n; i += step) {
		size_t n = plain.n - i < step ? plain.n - i : step, size;
		uint32_t sum;

		size = seekable_encode(encoder, at, seekable_bound(n),
				       edited + i, n, &sum);
		if (size == 0 || !seekable_table_add(&table, (uint32_t)size,
						     (uint32_t)n, sum))
			abort();
		at += size;
	}
	if (!seekable_table_write(&table, &end, &n_end, &err))
		abort();
	memcpy(at, end, n_end);
	free(end);
	seekable_table_free(&table);
	return (size_t)(at - packed) + n_end;
}

static void check(const char *path, struct image *old)
{
	char to[64];		/* in memory: a disk would have to sync it */
	const struct snapshot_target target = {
		.path = to, .force = true, .level = 1,
	};
	struct image got;
	struct err err = {0};

	snprintf(to, sizeof(to), "/dev/shm/holdfast-fuzz-%d", (int)getpid());
	diag_free(&old->diag);
	if (!snapshot_renew(path, &target, false, old, &err)) {
		if (err.code == ERR_NONE)
			__builtin_trap();
		return;
	}
	if (!image_open(to, &got, &err) || !memory_is_part_of(&got, old))
		__builtin_trap();
	image_close(&got);
	unlink(to);
}

/* One byte of how to pack, u16 of how much to cut; then edits: u24 offset,
 * u8 size, bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = bytes_of(data, size);
	size_t step = 4096u << (bytes_u8(&b) % 9), n, cut = bytes_u16(&b);
	struct image old;
	struct err err = {0};
	char path[64];
	int fd;

	memcpy(edited, plain.bytes, plain.n);
	while (!b.broken && bytes_left(&b) > 0) {
		size_t at = bytes_u16(&b), high = bytes_u8(&b);
		uint8_t len = bytes_u8(&b);
		const uint8_t *from = bytes_take(&b, len);

		at = (at | high << 16) % plain.n;
		if (from && len <= plain.n - at)
			memcpy(edited + at, from, len);
	}
	n = pack(step);
	fd = make_file(packed, cut < n ? n - cut : 0, path);
	if (image_open(path, &old, &err)) {
		check(path, &old);
		image_close(&old);
	}
	close(fd);
	return 0;
}
