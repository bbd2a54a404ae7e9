/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include <elf.h>

#include "analyze/process_identity.h"

enum { STACK = 0x7ffc1000 };

/* Only the 16 random bytes can be read. */
static size_t read_random(void *self, uint64_t addr, void *buf, size_t n)
{
	if (addr != STACK || n > 16)
		return 0;
	memcpy(buf, self, n);
	return n;
}

static const struct memory_ops random_memory = { .read = read_random };

struct process {
	struct image image;
	uint64_t random[2];
	uint64_t auxv[6];
	struct module program;
};

static void make_process(struct process *p)
{
	*p = (struct process){
		.random = { 0x1122334455667788, 0x99aabbccddeeff00 },
		.auxv = { AT_ENTRY, 0x401000, AT_RANDOM, STACK, AT_NULL, 0 },
		.program = { .path = "/usr/bin/app", .start = 0x400000,
			     .build_id = { 1, 2, 3 }, .build_id_size = 3 },
	};
	p->image.meta.pid = 17;
	p->image.meta.exe = "/usr/bin/app";
	p->image.meta.kernel = "Linux 6.1.0";
	p->image.ops = &random_memory;
	p->image.memory = p->random;
	p->image.auxv.at = p->auxv;
	p->image.auxv.len = 6;
	p->image.modules.at = &p->program;
	p->image.modules.len = 1;
}

static bool same(const struct process *a, const struct process *b)
{
	struct process_identity x, y;
	const char *why = NULL;
	bool forth, back;

	process_identity_of(&a->image, &x);
	process_identity_of(&b->image, &y);
	forth = process_identity_same(&x, &y, &why);
	back = process_identity_same(&y, &x, &why);
	assert_int_equal(forth, back);
	assert_non_null(why);
	return forth;
}

static void the_same_process_is_known_again(void **state)
{
	struct process a, b;

	(void)state;
	make_process(&a);
	make_process(&b);
	assert_true(same(&a, &b));
	/* Nothing that is weaker than the random bytes says otherwise. */
	b.image.meta.exe = "";
	b.image.auxv.len = 4;
	assert_true(same(&a, &b));
}

static void another_pid_is_another_process(void **state)
{
	struct process a, b;

	(void)state;
	make_process(&a);
	make_process(&b);
	b.image.meta.pid = 18;
	assert_false(same(&a, &b));
	b.image.meta.pid = 0;
	assert_false(same(&a, &b));
}

static void a_pid_used_again_is_seen_by_the_random_bytes(void **state)
{
	struct process a, b;

	(void)state;
	make_process(&a);
	make_process(&b);
	b.random[1]++;
	assert_false(same(&a, &b));
}

/* --content=pointers zeroes words that are no pointers. */
static void redacted_bytes_leave_it_to_the_vector(void **state)
{
	struct process a, b;

	(void)state;
	make_process(&a);
	make_process(&b);
	b.random[0] = 0;
	assert_true(same(&a, &b));
	b.image.meta.kernel = "Linux 6.2.0";
	assert_false(same(&a, &b));
	b.image.meta.kernel = "";
	assert_true(same(&a, &b));
	b.auxv[1] += 4096;
	assert_false(same(&a, &b));
}

static void without_a_vector_the_place_of_the_program_decides(void **state)
{
	struct process a, b;

	(void)state;
	make_process(&a);
	make_process(&b);
	b.image.auxv.len = 0;
	assert_true(same(&a, &b));
	b.program.build_id[1]++;
	assert_false(same(&a, &b));
	make_process(&b);
	b.image.auxv.len = 0;
	b.program.start += 4096;
	assert_false(same(&a, &b));
	b.image.modules.len = 0;
	assert_false(same(&a, &b));
}

static void an_empty_image_is_no_process(void **state)
{
	struct process a = {0}, b = {0};

	(void)state;
	assert_false(same(&a, &b));
	a.image.meta.pid = b.image.meta.pid = 1;
	assert_false(same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_process_is_known_again),
		cmocka_unit_test(another_pid_is_another_process),
		cmocka_unit_test(a_pid_used_again_is_seen_by_the_random_bytes),
		cmocka_unit_test(redacted_bytes_leave_it_to_the_vector),
		cmocka_unit_test(without_a_vector_the_place_of_the_program_decides),
		cmocka_unit_test(an_empty_image_is_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
