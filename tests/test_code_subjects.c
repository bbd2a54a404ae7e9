/* SPDX-License-Identifier: MIT */
/* Which types the code at an address is about, by its mangled name. */
#include "tests/aid_infer.h"

#include "analyze/code_subjects.h"

static struct code_subjects subjects;
static uint64_t next_code;

static uint32_t shape(const char *name, uint64_t size)
{
	const struct made_member x = { "x", number, 0, 0 };

	return record(name, size, &x, 1);
}

static void add_symbol(uint64_t addr, const char *name)
{
	const struct symbol s = {
		.addr = addr, .size = 16, .name = name,
		.kind = SYMBOL_FUNCTION,
	};

	assert_true(vec_push(&image.symbols, s));
	next_code = addr + 16;
}

static int set_up_code(void **state)
{
	subjects = (struct code_subjects){
		.image = &image, .names.plain = true,
	};
	next_code = CODE + 0x40;
	return set_up(state);
}

static int tear_down_code(void **state)
{
	code_subjects_free(&subjects);
	return tear_down(state);
}

/* What the function called @mangled is about: @n types, in any order. */
static void expect_subjects(const char *mangled, size_t n, const uint32_t *want)
{
	uint64_t code = next_code;
	const uint32_t *got;
	size_t found = 0;

	add_symbol(code, mangled);
	assert_null(code_subjects_find(&subjects, code));
	got = code_subjects_add(&subjects, code, &code, 1);
	assert_non_null(got);
	assert_ptr_equal(code_subjects_find(&subjects, code), got);
	for (; got[found] != TYPE_NONE; found++) {
		size_t i = 0;

		while (i < n && want[i] != got[found])
			i++;
		assert_true(i < n);
	}
	assert_int_equal(found, n);
}

static void names_tell_of_arguments_parameters_and_classes(void **state)
{
	uint32_t adder = shape("shop::Adder", 40), gauge = shape("web::Gauge", 56);
	uint32_t set = shape("std::set<int>", 48);
	const uint32_t both[] = { adder, set };

	(void)state;
	/* void shop::destroy<shop::Adder>(void*) */
	expect_subjects("_ZN4shop7destroyINS_5AdderEEEvPv", 1, &adder);
	/* call(shop::Adder const*, int) */
	expect_subjects("_Z4callPKN4shop5AdderEi", 1, &adder);
	/* web::Gauge::thunk(void*) */
	expect_subjects("_ZN3web5Gauge5thunkEPv", 1, &gauge);
	/* web::Delegate<void, int>::of<web::Gauge, &web::Gauge::set>(
	 * web::Gauge*)::{lambda(void*, int)#1}::_FUN(void*, int) */
	expect_subjects("_ZZN3web8DelegateIvJiEE2ofINS_5GaugeEXadL_ZNS3_3setEiEE"
			"EES1_PT_ENUlPviE_4_FUNES6_i", 1, &gauge);
	/* void run<shop::Adder, std::set<int> >(void*) */
	expect_subjects("_Z3runIN4shop5AdderESt3setIiEEvPv", 2, both);
	/* A method, plain functions, what is no name. */
	expect_subjects("_Z4freePv", 0, NULL);
	expect_subjects("main", 0, NULL);
	/* std::operator< <shop::Adder>(void*) */
	expect_subjects("_ZStltIN4shop5AdderEEvPv", 0, NULL);
}

/* What the compiler made one of is about all of them. */
static void equal_functions_are_about_all_types(void **state)
{
	uint32_t a = shape("A", 16), b = shape("B", 16);
	uint64_t code = next_code;
	const uint32_t *got;

	(void)state;
	add_symbol(code, "_Z4dropI1AEvPv");
	add_symbol(code, "_Z4dropI1BEvPv");
	got = code_subjects_add(&subjects, code, &code, 1);
	assert_int_equal(got[0], a);
	assert_int_equal(got[1], b);
	assert_int_equal(got[2], TYPE_NONE);
}

static void the_middle_of_a_function_is_about_nothing(void **state)
{
	uint64_t code[2] = { next_code + 4, 0 };
	const uint32_t *got;

	(void)state;
	shape("A", 16);
	add_symbol(next_code, "_Z4dropI1AEvPv");
	got = code_subjects_add(&subjects, DATA, code, 2);
	assert_int_equal(got[0], TYPE_NONE);
}

#define CODE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, set_up_code, tear_down_code)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CODE_TEST(names_tell_of_arguments_parameters_and_classes),
		CODE_TEST(equal_functions_are_about_all_types),
		CODE_TEST(the_middle_of_a_function_is_about_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
