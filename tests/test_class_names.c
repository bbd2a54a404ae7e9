/* SPDX-License-Identifier: MIT */
/* One class, spelled by compilers and by demanglers. */
#include "tests/aid_types.h"

#include "analyze/class_names.h"

static void expect_plain(const char *text, const char *want)
{
	char buf[CLASS_NAME_MAX];

	assert_true(class_name_plain(text, buf, sizeof(buf)));
	assert_string_equal(buf, want);
}

static void blanks_and_const_do_not_count(void **state)
{
	(void)state;
	expect_plain("std::pair<int const, std::set<long> >",
		     "std::pair<int,std::set<long>>");
	expect_plain("std::pair<const int, std::set<long>>",
		     "std::pair<int,std::set<long>>");
	/* Words that only begin with const are words. */
	expect_plain("constant<consts>", "constant<consts>");
}

static void values_are_plain_numbers(void **state)
{
	(void)state;
	expect_plain("array<int, 16ul>", "array<int,16>");
	expect_plain("array<int, 16>", "array<int,16>");
	expect_plain("f<true, false>", "f<1,0>");
	expect_plain("f<(my::Kind)2>", "f<2>");
	expect_plain("f<(my::Kind<(E)1>)-3>", "f<-3>");
	/* Digits inside of a word are no number. */
	expect_plain("v16ul<utf8l>", "v16ul<utf8l>");
}

static void parentheses_of_functions_stay(void **state)
{
	(void)state;
	expect_plain("function<int (long, char)>", "function<int(long,char)>");
	expect_plain("main::(lambda at a.cc)", "main::(lambdaata.cc)");
	expect_plain("odd<(", "odd<(");
}

static void a_name_that_does_not_fit_fails(void **state)
{
	char buf[5];

	(void)state;
	assert_true(class_name_plain("a b c d", buf, sizeof(buf)));
	assert_string_equal(buf, "abcd");
	assert_false(class_name_plain("a b c d e", buf, sizeof(buf)));
	assert_false(class_name_plain("a", buf, 0));
}

static uint32_t polymorphic(const char *name, const struct part *args,
			    uint32_t n)
{
	const struct part m = { "_vptr", pointer_to(number), 0, MEMBER_VPTR,
				0 };
	uint32_t id = add_record(TYPE_CLASS, name, 8, TYPE_NONE, &m, 1, args,
				 n);

	types.types.at[id].flags |= TYPE_POLYMORPHIC;
	return id;
}

static void expect_called(struct class_names *names, const char *name,
			  uint32_t want)
{
	bool ok = false;

	assert_int_equal(class_called(names, &types, name, &ok), want);
	assert_true(ok);
}

static void a_class_is_found_by_any_spelling(void **state)
{
	uint32_t kind = add(TYPE_ENUM, "Kind", 4, TYPE_NONE, 0);
	const struct part args[] = { { "T", number, 0, 0, 0 },
				     { "K", kind, 2, 1, 0 } };
	uint32_t plain = polymorphic("my::Plain", NULL, 0);
	uint32_t list = polymorphic("my::List<const long, Kind::two>", args,
				    N(args));
	struct class_names names = {0};

	(void)state;
	expect_called(&names, "my::Plain", plain);
	expect_called(&names, "my::List<long const, (Kind)2>", list);
	expect_called(&names, "my::List<long, 2u>", list);
	expect_called(&names, "my::List<long, (Kind)3>", TYPE_NONE);
	expect_called(&names, "my::Other", TYPE_NONE);
	class_names_free(&names);
}

static void negative_values_are_compared_as_such(void **state)
{
	const struct part arg = { "N", number, UINT64_MAX - 4, 1, 0 };
	uint32_t id = polymorphic("Below<-5L>", &arg, 1);
	struct class_names names = {0};

	(void)state;
	expect_called(&names, "Below<-5l>", id);
	class_names_free(&names);
}

static void arguments_that_are_templates_are_spelled_alike_too(void **state)
{
	const struct part inner_arg = { "N", number, 4, 1, 0 };
	const struct part m = { "x", number, 0, 0, 0 };
	uint32_t inner = add_record(TYPE_STRUCT, "Array<4UL>", 8, TYPE_NONE,
				    &m, 1, &inner_arg, 1);
	const struct part arg = { "T", inner, 0, 0, 0 };
	uint32_t id = polymorphic("Box<Array<4UL> >", &arg, 1);
	struct class_names names = {0};

	(void)state;
	expect_called(&names, "Box<Array<4ul> >", id);
	class_names_free(&names);
}

static void two_classes_of_one_name_are_one_too_many(void **state)
{
	const struct part a = { "N", number, 2, 1, 0 };
	const struct part b = { "N", number, 2, 1, 0 };
	struct class_names names = {0};

	(void)state;
	polymorphic("Twin<Kind::two>", &a, 1);
	polymorphic("Twin<two>", &b, 1);
	expect_called(&names, "Twin<2>", TYPE_NONE);
	class_names_free(&names);
}

static void a_class_that_is_only_named_is_not_found(void **state)
{
	uint32_t id = polymorphic("Named", NULL, 0);
	struct class_names names = {0};

	(void)state;
	types.types.at[id].flags |= TYPE_DECLARATION;
	expect_called(&names, "Named", TYPE_NONE);
	class_names_free(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blanks_and_const_do_not_count),
		TEST(values_are_plain_numbers),
		TEST(parentheses_of_functions_stay),
		TEST(a_name_that_does_not_fit_fails),
		TEST(a_class_is_found_by_any_spelling),
		TEST(negative_values_are_compared_as_such),
		TEST(arguments_that_are_templates_are_spelled_alike_too),
		TEST(two_classes_of_one_name_are_one_too_many),
		TEST(a_class_that_is_only_named_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
