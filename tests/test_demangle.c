/* SPDX-License-Identifier: MIT */
/* Class names out of typeinfo objects, and names that are none. */
#include "tests/aid_cmocka.h"

#include <stdio.h>

#include "analyze/demangle.h"

static void expect(const char *mangled, const char *want)
{
	char buf[256] = "";

	assert_int_equal(demangle_type(mangled, buf, sizeof(buf)), want != NULL);
	if (want)
		assert_string_equal(buf, want);
}

/* As c++filt -t prints them, ">>" closed up. */
static void class_names_read_as_in_the_source(void **state)
{
	(void)state;
	expect("5Shape", "Shape");
	expect("*5Shape", "Shape");
	expect("N2ns5ShapeE", "ns::Shape");
	expect("St9exception", "std::exception");
	expect("3BoxI3BoxIiEE", "Box<Box<int>>");
}

static void other_text_is_no_class_name(void **state)
{
	(void)state;
	expect("", NULL);
	expect("*", NULL);
	expect("main", NULL);
	expect("999Shape", NULL);
	expect("N2ns", NULL);
}

static void a_name_that_does_not_fit_is_refused(void **state)
{
	char buf[10];

	(void)state;
	assert_true(demangle_type("N2ns5ShapeE", buf, 10));
	assert_string_equal(buf, "ns::Shape");
	assert_false(demangle_type("N2ns5ShapeE", buf, 9));
}

/* N1b1a<S, S>... with S all that came before: 50 doublings. */
static void a_short_name_of_endless_length_is_refused(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char mangled[1024] = "N1a1bIiE", buf[4096];
	size_t n = strlen(mangled);

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		unsigned back = 2 * i;
		char s[8];

		if (back < 36)
			snprintf(s, sizeof(s), "S%c_", digits[back]);
		else
			snprintf(s, sizeof(s), "S%c%c_", digits[back / 36],
				 digits[back % 36]);
		n += (size_t)snprintf(mangled + n, sizeof(mangled) - n,
				      "1cI%s%sE", s, s);
	}
	snprintf(mangled + n, sizeof(mangled) - n, "E");
	assert_false(demangle_type(mangled, buf, sizeof(buf)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_names_read_as_in_the_source),
		cmocka_unit_test(other_text_is_no_class_name),
		cmocka_unit_test(a_name_that_does_not_fit_is_refused),
		cmocka_unit_test(a_short_name_of_endless_length_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
