/* SPDX-License-Identifier: MIT */
/* What is text among the blocks that one field without a type refers to. */
#include "tests/aid_infer_shapes.h"

static void text_behind_a_void_field_is_text(void **state)
{
	uint32_t entry = make_entry();

	(void)state;
	pointer_var(entry, place_entries(40));
	for (int i = 0; i < MANY; i++)
		made_bytes(&image, payload[i], "text without any type", 22);
	infer();
	assert_int_equal(typed(entry), MANY);
	for (int i = 0; i < MANY; i++) {
		uint32_t b = heap_find(&heap, payload[i]);

		assert_int_equal(heap.type[b], letter);
	}
}

/* host { char name[48]; int port; host *peer; } */
static uint32_t make_host(void)
{
	struct made_member m[] = {
		{ "name", made_array(&image, letter, 48), 0, 0 },
		{ "port", made_scalar(&image, TYPE_INT, "int", 4), 48, 0 },
		{ "peer", number, 56, 0 },
	};
	uint32_t host = record("host", 64, m, 3);

	made_retarget(&image, host, 2, pointer(host));
	return host;
}

static void a_name_at_the_start_of_a_record_is_no_text(void **state)
{
	uint32_t entry = make_entry(), host = make_host();

	(void)state;
	pointer_var(entry, place_entries(64));
	for (int i = 0; i < MANY; i++) {
		made_bytes(&image, payload[i], "host.example.org", 17);
		made_word(&image, payload[i] + 48, 80 + (uint64_t)i);
		made_word(&image, payload[i] + 56, i ? payload[i - 1] : 0);
	}
	infer();
	assert_int_equal(typed(host), MANY);
	evidence_of(host, EVIDENCE_SLOT);
}

/* The pointers behind it were left by others. */
static void text_that_is_longer_than_a_name_is_text(void **state)
{
	static const char address[] =
		"someone-with-a-long-name@mail-of-all.example.org.no";
	uint32_t entry = make_entry(), host = make_host();

	(void)state;
	pointer_var(entry, place_entries(64));
	for (int i = 0; i < MANY; i++) {
		made_bytes(&image, payload[i], address, sizeof(address));
		made_word(&image, payload[i] + 56, payload[(i + 1) % MANY]);
	}
	infer();
	assert_int_equal(typed(host), 0);
	assert_int_equal(heap.type[heap_find(&heap, payload[0])], letter);
}

/* Pointers to anything, all to byte 3 of their blocks. */
static void a_text_behind_its_header_is_text(void **state)
{
	uint32_t entry = make_entry(), found = 0;
	uint64_t before = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		uint64_t e = place(32), at = place(60);

		made_bytes(&image, at, "\x0c\x0c\x01some letters", 16);
		made_word(&image, e, before);
		made_word(&image, e + 8, place_text(KEY));
		made_word(&image, e + 24, at + 3);
		before = e;
	}
	pointer_var(entry, before);
	infer();
	for (uint32_t i = 0; i < heap.n_blocks; i++)
		found += heap.type[i] == letter &&
			 heap.evidence[i] == EVIDENCE_SLOT;
	assert_int_equal(found, MANY);
}

static void where_text_was_left_out_contents_decide_nothing(void **state)
{
	uint32_t entry = make_entry();
	struct redacted_span none = {0};

	(void)state;
	of_program(entry);
	(void)place_entries(120);
	assert_true(vec_push(&image.redacted.spans, none));
	infer();
	assert_int_equal(typed(entry), 0);
}

/* "a", "bc", ..., and one word: too short each to be read as text. */
static void short_keys_behind_a_void_pointer_are_letters(void **state)
{
	uint32_t entry = make_entry();

	(void)state;
	pointer_var(entry, place_entries(8));
	for (int i = 0; i < MANY; i++)
		made_bytes(&image, payload[i], i == 3 ? "name" : i % 2 ? "k" : "kL",
			   i == 3 ? 5 : 3u - (unsigned)i % 2);
	infer();
	for (int i = 0; i < MANY; i++)
		assert_int_equal(heap.type[heap_find(&heap, payload[i])],
				 letter);
}

static void small_numbers_behind_one_are_not(void **state)
{
	uint32_t entry = make_entry();

	(void)state;
	pointer_var(entry, place_entries(8));
	for (uint32_t i = 0; i < MANY; i++)
		made_word(&image, payload[i], 'a' + i);
	infer();
	for (int i = 0; i < MANY; i++)
		assert_int_not_equal(heap.type[heap_find(&heap, payload[i])],
				     letter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_behind_a_void_field_is_text),
		TEST(a_name_at_the_start_of_a_record_is_no_text),
		TEST(text_that_is_longer_than_a_name_is_text),
		TEST(a_text_behind_its_header_is_text),
		TEST(where_text_was_left_out_contents_decide_nothing),
		TEST(short_keys_behind_a_void_pointer_are_letters),
		TEST(small_numbers_behind_one_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
