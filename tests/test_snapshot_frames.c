/* SPDX-License-Identifier: MIT */
/* The section with frames and locals: what it keeps, and what it refuses. */
#include "tests/aid_cmocka.h"

#include <stdio.h>
#include <time.h>

#include "formats/snapshot_frames.h"

enum { N_TYPES = 5, HEADER = 24, FRAME = 48, LOCAL = 40 };

/* Two threads, a module, three frames, three locals. */
static struct image image;
static struct blob blob;

static int set_up(void **state)
{
	static const struct frame frames[] = {
		{ .thread = 0, .module = 0, .pc = 0x1234, .cfa = 0x7ff0,
		  .function = "inner", .file = "/src/a.c", .line = 12,
		  .flags = FRAME_INLINED, .first_local = 0, .n_locals = 2 },
		{ .thread = 0, .module = UINT32_MAX, .pc = 0x99,
		  .function = "", .file = "", .first_local = 2 },
		{ .thread = 1, .module = 0, .pc = 0x5678, .cfa = 0x8ff0,
		  .function = "ns::outer", .file = "/src/a.c", .line = 1,
		  .flags = FRAME_GUESSED, .first_local = 2, .n_locals = 1 },
	};
	static const struct local locals[] = {
		{ .name = "req", .type = 4, .flags = LOCAL_PARAMETER,
		  .addr = 0x7fe0, .size = 8 },
		{ .name = "i", .type = TYPE_NONE, .addr = 3, .size = 4,
		  .flags = LOCAL_REGISTER | LOCAL_UNSET, .value = 77 },
		{ .name = "gone", .type = 0, .flags = LOCAL_LOST },
	};
	const struct frames_part part = { frames, locals, 3, 3 };

	(void)state;
	image = (struct image){0};
	assert_true(vec_push(&image.threads, (struct thread){ .tid = 1 }) &&
		    vec_push(&image.threads, (struct thread){ .tid = 2 }) &&
		    vec_push(&image.modules, (struct module){ .path = "" }));
	blob = (struct blob){0};
	frames_write(&part, &blob);
	assert_false(blob.failed);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	blob_free(&blob);
	image_close(&image);
	return 0;
}

static bool read_back(struct err *err)
{
	*err = (struct err){0};
	return frames_read(bytes_of(blob.bytes.at, blob.bytes.len), N_TYPES,
			   &image, err);
}

static void put_u32(size_t at, uint32_t value)
{
	assert_true(at + 4 <= blob.bytes.len);
	memcpy(blob.bytes.at + at, &value, sizeof(value));
}

static void reads_what_it_wrote(void **state)
{
	const struct frame *f;
	const struct local *l;
	struct err err;

	(void)state;
	assert_true(read_back(&err));
	assert_int_equal(image.frames.len, 3);
	assert_int_equal(image.locals.len, 3);
	f = &image.frames.at[2];
	assert_int_equal(f->thread, 1);
	assert_int_equal(f->pc, 0x5678);
	assert_int_equal(f->cfa, 0x8ff0);
	assert_string_equal(f->function, "ns::outer");
	assert_string_equal(f->file, "/src/a.c");
	assert_int_equal(f->line, 1);
	assert_int_equal(f->flags, FRAME_GUESSED);
	assert_int_equal(f->first_local, 2);
	assert_int_equal(f->n_locals, 1);
	assert_int_equal(image.frames.at[1].module, UINT32_MAX);
	assert_int_equal(image.frames.at[1].n_locals, 0);
	l = &image.locals.at[1];
	assert_string_equal(l->name, "i");
	assert_int_equal(l->type, TYPE_NONE);
	assert_int_equal(l->flags, LOCAL_REGISTER | LOCAL_UNSET);
	assert_int_equal(l->addr, 3);
	assert_int_equal(l->size, 4);
	assert_int_equal(l->value, 77);
	assert_int_equal(image.locals.at[0].type, 4);
}

static void refuses_what_refers_to_nothing(void **state)
{
	const size_t frames = HEADER, locals = HEADER + 3 * FRAME;
	const struct {
		size_t at;
		uint32_t value;
	} damage[] = {
		{ 0, 2 },			/* a version to come */
		{ 4, 0x10000000 },		/* more frames than bytes */
		{ 8, 4 },			/* more locals */
		{ 8, 2 },			/* fewer than the frames have */
		{ 16, 0xffffffff },		/* more strings than bytes */
		{ frames + 16, 2 },		/* no such thread */
		{ frames + FRAME * 2 + 16, 0 },	/* fine: see below */
		{ frames + 20, 1 },		/* no such module */
		{ frames + 24, 0xffff },	/* a name outside */
		{ frames + 40, 4 },		/* more locals than there are */
		{ locals + 24, 0xffff },	/* a name outside */
		{ locals + 28, N_TYPES },	/* no such type */
		{ locals + 12, 0xffffffff },	/* larger than any memory */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		bool harmless = damage[i].at == frames + FRAME * 2 + 16;
		struct err err;
		uint32_t old;

		memcpy(&old, blob.bytes.at + damage[i].at, sizeof(old));
		put_u32(damage[i].at, damage[i].value);
		if (read_back(&err) != harmless)
			fail_msg("damage %zu", i);
		if (!harmless) {
			assert_int_equal(image.frames.len, 0);
			assert_int_equal(image.locals.len, 0);
			assert_int_not_equal(err.code, ERR_NONE);
		}
		image.frames.len = image.locals.len = 0;
		put_u32(damage[i].at, old);
	}
}

static void refuses_threads_out_of_order(void **state)
{
	struct err err;

	(void)state;
	put_u32(HEADER + 16, 1);	/* then thread 0 comes second */
	assert_false(read_back(&err));
}

static void refuses_strings_without_an_end(void **state)
{
	struct err err;

	(void)state;
	blob.bytes.at[blob.bytes.len - 1] = 'x';
	assert_false(read_back(&err));
}

static void refuses_every_cut(void **state)
{
	size_t n = blob.bytes.len;
	struct err err;

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		blob.bytes.len = cut;
		assert_false(read_back(&err));
		assert_int_equal(image.frames.len, 0);
	}
	blob.bytes.len = n;
}

/* Whatever is accepted refers to things that are there. */
static void check_references(void)
{
	size_t local = 0;

	for (size_t i = 0; i < image.frames.len; i++) {
		const struct frame *f = &image.frames.at[i];

		assert_true(f->thread < image.threads.len);
		assert_true(f->module == UINT32_MAX || f->module == 0);
		assert_int_equal(f->first_local, local);
		assert_true(strlen(f->function) + strlen(f->file) < 1000);
		local += f->n_locals;
	}
	assert_int_equal(local, image.locals.len);
	for (size_t i = 0; i < image.locals.len; i++) {
		const struct local *l = &image.locals.at[i];

		assert_true(l->type == TYPE_NONE || l->type < N_TYPES);
		assert_true(strlen(l->name) < 1000);
	}
}

static void survives_any_damage(void **state)
{
	const char *given = getenv("TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) :
				(unsigned)time(NULL);

	(void)state;
	printf("TEST_SEED=%u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		struct err err;
		size_t at[3];
		uint8_t old[3];

		for (int k = 0; k < 3; k++) {
			at[k] = (size_t)rand() % blob.bytes.len;
			old[k] = blob.bytes.at[at[k]];
			blob.bytes.at[at[k]] = (uint8_t)rand();
		}
		if (read_back(&err))
			check_references();
		image.frames.len = image.locals.len = 0;
		for (int k = 3; k-- > 0;)
			blob.bytes.at[at[k]] = old[k];
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_what_it_wrote),
		TEST(refuses_what_refers_to_nothing),
		TEST(refuses_threads_out_of_order),
		TEST(refuses_strings_without_an_end),
		TEST(refuses_every_cut),
		TEST(survives_any_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
