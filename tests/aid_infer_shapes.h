/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A list of entries whose values may be anything, and structs that they may
 * be. For the tests of types that are told by what blocks look like.
 */
#ifndef TESTS_AID_INFER_SHAPES_H
#define TESTS_AID_INFER_SHAPES_H

#include "tests/aid_infer.h"

enum { MANY = 12 };

#define KEY "a key that is long enough to have a size of its own"
#define NO_POINTER UINT64_C(0x1122334455667788)

/* char; made with entry. */
static uint32_t letter;
/* What the values of the entries refer to. */
static uint64_t payload[MANY];

/* Only what the program has pointers to is looked for. */
static inline uint32_t pointer(uint32_t target)
{
	if (target != TYPE_NONE)
		image.types.types.at[target].popularity++;
	return made_pointer(&image, target);
}

/* Of the program itself, not of a library of its. */
static inline void of_program(uint32_t type)
{
	image.types.types.at[type].module = 0;
}

static inline uint32_t make_letter(void)
{
	letter = made_scalar(&image, TYPE_CHAR, "char", 1);
	return letter;
}

/* entry { entry *next; char *key; long hash; void *value; } of 32 bytes */
static inline uint32_t make_entry(void)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "key", number, 8, 0 },
				   { "hash", number, 16, 0 },
				   { "value", pointer(TYPE_NONE), 24, 0 } };
	uint32_t entry = record("entry", 32, m, 4);

	made_retarget(&image, entry, 0, pointer(entry));
	made_retarget(&image, entry, 1, pointer(make_letter()));
	return entry;
}

/* A struct @name of 40 bytes: text, a pointer to its like, numbers. */
static inline uint32_t make_like_person(const char *name)
{
	struct made_member m[] = { { "name", pointer(letter), 0, 0 },
				   { "friend", number, 8, 0 },
				   { "age", number, 16, 0 },
				   { "more", number, 24, 0 },
				   { "yet", number, 32, 0 } };
	uint32_t person = record(name, 40, m, 5);

	made_retarget(&image, person, 1, pointer(person));
	return person;
}

/* person { char *name; person *friend; long age, more, yet; } */
static inline uint32_t make_person(void)
{
	return make_like_person("person");
}

static inline uint64_t place_text(const char *what)
{
	uint64_t at = place(strlen(what) + 1);

	made_bytes(&image, at, what, strlen(what) + 1);
	return at;
}

/* A list of entries, each with a key and a payload; where its first one is. */
static inline uint64_t place_entries(uint64_t payload_size)
{
	uint64_t before = 0;

	for (int i = 0; i < MANY; i++) {
		uint64_t e = place(32);

		made_word(&image, e, before);
		made_word(&image, e + 8, place_text(KEY));
		made_word(&image, e + 16, (uint64_t)i * 77 + 5);
		payload[i] = place(payload_size);
		made_word(&image, e + 24, payload[i]);
		before = e;
	}
	return before;
}

static inline void fill_person(uint64_t at, uint64_t friend)
{
	made_word(&image, at, place_text("somebody's own name"));
	made_word(&image, at + 8, friend);
	made_word(&image, at + 16, 30);
}

/* Entries with persons that know each other. */
static inline uint64_t place_people(void)
{
	uint64_t first = place_entries(40);

	for (int i = 0; i < MANY; i++)
		fill_person(payload[i], payload[(i + 1) % MANY]);
	return first;
}

/* Entries with what may be persons but for a friend that is no pointer. */
static inline uint64_t place_strangers(void)
{
	uint64_t first = place_entries(40);

	for (int i = 0; i < MANY; i++)
		fill_person(payload[i], NO_POINTER);
	return first;
}

/* How many blocks are of @type. */
static inline uint32_t typed(uint32_t type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < heap.n_blocks; i++)
		n += heap.type[i] == type;
	return n;
}

/* The blocks of @type are known by @evidence. */
static inline void evidence_of(uint32_t type, enum evidence evidence)
{
	for (uint32_t i = 0; i < heap.n_blocks; i++) {
		if (heap.type[i] != type)
			continue;
		assert_int_equal(heap.evidence[i], evidence);
		/* Guesses: not for saying that a reference holds nothing. */
		assert_true(heap.confidence[i] < 90);
	}
}

#endif
