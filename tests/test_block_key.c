/* SPDX-License-Identifier: MIT */
/* How the types of blocks are called. */
#include "tests/aid_cmocka.h"

#include "analyze/block_key.h"
#include "tests/aid_heap.h"

static struct image image;
static struct heap heap;

static int set_up(void **state)
{
	const struct chunk block = { 0x1000000, 56 };

	(void)state;
	made_image(&image);
	made_memory(&image, 0x1000000, 0x1001000, PERM_READ | PERM_WRITE, "");
	made_heap(&image, &block, 1, &heap);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	heap_free(&heap);
	image_close(&image);
	return 0;
}

static void expect(const char *class, const char *shown)
{
	char name[128];

	heap.type[0] = made_struct(&image, class, 56, NULL, 0);
	heap_set_count(&heap, 0, 1);
	assert_string_equal(block_key_type(&heap, block_key(&heap, 0, false),
					   name, sizeof(name)), shown);
}

static void what_make_shared_makes_is_called_so_with_both_libraries(void **state)
{
	(void)state;
	expect("std::_Sp_counted_ptr_inplace<Job, std::allocator<Job>, 2>",
	       "make_shared<Job>");
	expect("std::__1::__shared_ptr_emplace<std::pair<int, int>, "
	       "std::__1::allocator<std::pair<int, int>>>",
	       "make_shared<std::pair<int, int>>");
	expect("std::_Sp_counted_ptr<Job *, 2>",
	       "std::_Sp_counted_ptr<Job *, 2>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_make_shared_makes_is_called_so_with_both_libraries,
			set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
