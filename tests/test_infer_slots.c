/* SPDX-License-Identifier: MIT */
/* Types of what one field without a type refers to: the one that all fit. */
#include "tests/aid_infer_shapes.h"

static void what_a_void_field_refers_to_gets_the_type_that_fits(void **state)
{
	uint32_t entry = make_entry(), person = make_person();

	(void)state;
	pointer_var(entry, place_people());
	infer();
	assert_int_equal(typed(entry), MANY);
	assert_int_equal(typed(person), MANY);
	evidence_of(person, EVIDENCE_SLOT);
}

/* aligned<person> { person held; } */
static void room_for_a_record_is_no_rival_to_it(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	struct made_member m[] = { { "held", person, 0, 0 } };
	struct template_arg arg = { .type = person };
	uint32_t room = record("aligned<person>", 40, m, 1);

	(void)state;
	(void)pointer(room);
	image.types.types.at[room].first_arg = (uint32_t)image.types.args.len;
	image.types.types.at[room].n_args = 1;
	assert_true(vec_push(&image.types.args, arg));
	pointer_var(entry, place_people());
	infer();
	assert_int_equal(typed(person), MANY);
}

/* Two structs of one size and the same pointers: who knows? */
static void two_types_that_look_alike_decide_nothing(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint32_t parcel = make_like_person("parcel");

	(void)state;
	pointer_var(entry, place_people());
	infer();
	assert_int_equal(typed(person), 0);
	assert_int_equal(typed(parcel), 0);
}

/* The code was seen to keep @target in entry.value. */
static void mined(uint32_t entry, uint32_t target)
{
	struct mined_slot slot = {
		.owner = entry, .offset = 24, .target = target, .count = 1,
	};

	assert_true(vec_push(&image.slots, slot));
	slots_tidy(&image.slots);
}

/* Two structs of one size; one of them is kept in the field. */
static void of_types_that_look_alike_the_code_knows_one(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint32_t parcel = make_like_person("parcel");

	(void)state;
	pointer_var(entry, place_people());
	mined(entry, parcel);
	mined(entry, letter);
	infer();
	assert_int_equal(typed(person), 0);
	assert_int_equal(typed(parcel), MANY);
	evidence_of(parcel, EVIDENCE_SLOT);
}

static void what_the_code_keeps_there_must_not_be_contradicted(void **state)
{
	uint32_t entry = make_entry(), person = make_person();

	(void)state;
	pointer_var(entry, place_strangers());
	mined(entry, person);
	infer();
	assert_int_equal(typed(person), 0);
}

static void the_only_type_that_the_code_keeps_there_may_hold_numbers(void **state)
{
	uint32_t entry = make_entry();
	struct made_member m[] = { { "a", number, 0, 0 },
				   { "b", number, 32, 0 } };
	uint32_t point = record("point", 40, m, 2);

	(void)state;
	(void)pointer(point);
	pointer_var(entry, place_entries(40));
	for (int i = 0; i < MANY; i++)
		made_word(&image, payload[i] + 32, (uint64_t)i + 1);
	mined(entry, point);
	infer();
	assert_int_equal(typed(point), MANY);
	evidence_of(point, EVIDENCE_SLOT);
}

static void zeros_get_no_type(void **state)
{
	uint32_t entry = make_entry(), person = make_person();

	(void)state;
	pointer_var(entry, place_entries(40));
	infer();
	assert_int_equal(typed(person), 0);
}

static void a_type_that_some_contradict_is_not_taken(void **state)
{
	uint32_t entry = make_entry(), person = make_person();

	(void)state;
	pointer_var(entry, place_strangers());
	infer();
	assert_int_equal(typed(person), 0);
}

/* A struct that the program has no pointer to is on no heap. */
static void what_nothing_points_at_is_not_taken(void **state)
{
	uint32_t entry = make_entry(), person = make_person();

	(void)state;
	image.types.types.at[person].popularity = 0;
	pointer_var(entry, place_people());
	infer();
	assert_int_equal(typed(person), 0);
}

/* vector { long n, used; char *at[]; } */
static void a_count_tells_an_array_behind_it(void **state)
{
	uint32_t entry = make_entry(), vector, pointer_to_text;
	struct made_member m[] = { { "n", number, 0, 0 },
				   { "used", number, 8, 0 },
				   { "at", 0, 16, 0 } };

	(void)state;
	pointer_to_text = pointer(letter);
	m[2].type = made_array(&image, pointer_to_text, 0);
	vector = record("vector", 16, m, 3);
	(void)pointer(vector);
	pointer_var(entry, place_entries(16 + 6 * 8));
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], 6);
		made_word(&image, payload[i] + 8, 2);
		made_word(&image, payload[i] + 16, place_text(KEY));
		made_word(&image, payload[i] + 24, place_text(KEY));
	}
	infer();
	assert_int_equal(typed(vector), MANY);
}

/* Two persons without a name and a friend say nothing of their own. */
static void blocks_of_one_field_and_size_follow_the_others(void **state)
{
	uint32_t entry = make_entry(), person = make_person();

	(void)state;
	pointer_var(entry, place_entries(40));
	for (int i = 0; i < 2; i++)
		made_word(&image, payload[i] + 16, 30);
	/* No friend leads to them: their field alone says what they are. */
	for (int i = 2; i < MANY; i++)
		fill_person(payload[i], payload[i == 2 ? MANY - 1 : i - 1]);
	infer();
	assert_int_equal(typed(person), MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_void_field_refers_to_gets_the_type_that_fits),
		TEST(room_for_a_record_is_no_rival_to_it),
		TEST(two_types_that_look_alike_decide_nothing),
		TEST(of_types_that_look_alike_the_code_knows_one),
		TEST(what_the_code_keeps_there_must_not_be_contradicted),
		TEST(the_only_type_that_the_code_keeps_there_may_hold_numbers),
		TEST(zeros_get_no_type),
		TEST(a_type_that_some_contradict_is_not_taken),
		TEST(what_nothing_points_at_is_not_taken),
		TEST(a_count_tells_an_array_behind_it),
		TEST(blocks_of_one_field_and_size_follow_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
