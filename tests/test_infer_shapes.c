/* SPDX-License-Identifier: MIT */
/* Types of blocks that no typed pointer reaches: by what they look like. */
#include "tests/aid_infer.h"

enum { MANY = 12 };

#define KEY "a key that is long enough to have a size of its own"

static uint32_t letter;

/* Only what the program has pointers to is looked for. */
static uint32_t pointer(uint32_t target)
{
	if (target != TYPE_NONE)
		image.types.types.at[target].popularity++;
	return made_pointer(&image, target);
}

/* entry { entry *next; char *key; long hash; void *value; } of 32 bytes */
static uint32_t make_entry(void)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "key", number, 8, 0 },
				   { "hash", number, 16, 0 },
				   { "value", pointer(TYPE_NONE), 24, 0 } };
	uint32_t entry = record("entry", 32, m, 4);

	letter = made_scalar(&image, TYPE_CHAR, "char", 1);
	made_retarget(&image, entry, 0, pointer(entry));
	made_retarget(&image, entry, 1, pointer(letter));
	return entry;
}

static uint64_t place_text(const char *what)
{
	uint64_t at = place(strlen(what) + 1);

	made_bytes(&image, at, what, strlen(what) + 1);
	return at;
}

/* A list of entries with keys and payloads; where the payloads are. */
static void make_entries(uint64_t *first, uint64_t payload_size,
			 uint64_t payload[MANY])
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
	*first = before;
}

static uint32_t typed(uint32_t type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < heap.n_blocks; i++)
		n += heap.type[i] == type;
	return n;
}

static void evidence_of(uint32_t type, enum evidence evidence)
{
	for (uint32_t i = 0; i < heap.n_blocks; i++) {
		if (heap.type[i] != type)
			continue;
		assert_int_equal(heap.evidence[i], evidence);
		/* Guesses: not for saying that a reference holds nothing. */
		assert_true(heap.confidence[i] < 90);
	}
}

/* person { char *name; person *friend; long age; } */
static uint32_t make_person(void)
{
	struct made_member m[] = { { "name", pointer(letter), 0, 0 },
				   { "friend", number, 8, 0 },
				   { "age", number, 16, 0 },
				   { "more", number, 24, 0 },
				   { "yet", number, 32, 0 } };
	uint32_t person = record("person", 40, m, 5);

	made_retarget(&image, person, 1, pointer(person));
	return person;
}

/* Entries with persons that know each other. */
static void make_people(uint64_t *first, uint64_t payload[MANY])
{
	make_entries(first, 40, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], place_text("somebody's own name"));
		made_word(&image, payload[i] + 8, payload[(i + 1) % MANY]);
		made_word(&image, payload[i] + 16, 30);
	}
}

static void what_a_void_field_refers_to_gets_the_type_that_fits(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint64_t first, payload[MANY];

	(void)state;
	make_people(&first, payload);
	pointer_var(entry, first);
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
	uint64_t first, payload[MANY];

	(void)state;
	(void)pointer(room);
	image.types.types.at[room].first_arg = (uint32_t)image.types.args.len;
	image.types.types.at[room].n_args = 1;
	assert_true(vec_push(&image.types.args, arg));
	make_people(&first, payload);
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(person), MANY);
}

static void text_behind_a_void_field_is_text(void **state)
{
	uint32_t entry = make_entry();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++)
		made_bytes(&image, payload[i], "text without any type", 22);
	pointer_var(entry, first);
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
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 64, payload);
	for (int i = 0; i < MANY; i++) {
		made_bytes(&image, payload[i], "host.example.org", 17);
		made_word(&image, payload[i] + 48, 80 + (uint64_t)i);
		made_word(&image, payload[i] + 56, i ? payload[i - 1] : 0);
	}
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(host), MANY);
	evidence_of(host, EVIDENCE_SLOT);
}

/* The pointers behind it were left by others. */
static void text_that_is_longer_than_a_name_is_text(void **state)
{
	uint32_t entry = make_entry(), host = make_host();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 64, payload);
	for (int i = 0; i < MANY; i++) {
		made_bytes(&image, payload[i], "someone-with-a-long-name@mail-of-all.example.org.no", 52);
		made_word(&image, payload[i] + 56, payload[(i + 1) % MANY]);
	}
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(host), 0);
	assert_int_equal(heap.type[heap_find(&heap, payload[0])], letter);
}

/* Two structs of one size and the same pointers: who knows? */
static void two_types_that_look_alike_decide_nothing(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	struct made_member m[] = { { "label", pointer(letter), 0, 0 },
				   { "twin", number, 8, 0 },
				   { "weight", number, 16, 0 },
				   { "more", number, 24, 0 },
				   { "yet", number, 32, 0 } };
	uint32_t parcel = record("parcel", 40, m, 5);
	uint64_t first, payload[MANY];

	(void)state;
	made_retarget(&image, parcel, 1, pointer(parcel));
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], place_text("somebody's own name"));
		made_word(&image, payload[i] + 8, payload[(i + 1) % MANY]);
	}
	pointer_var(entry, first);
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
	struct made_member m[] = { { "label", pointer(letter), 0, 0 },
				   { "twin", number, 8, 0 },
				   { "weight", number, 16, 0 },
				   { "more", number, 24, 0 },
				   { "yet", number, 32, 0 } };
	uint32_t parcel = record("parcel", 40, m, 5);
	uint64_t first, payload[MANY];

	(void)state;
	made_retarget(&image, parcel, 1, pointer(parcel));
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], place_text("somebody's own name"));
		made_word(&image, payload[i] + 8, payload[(i + 1) % MANY]);
	}
	pointer_var(entry, first);
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
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], place_text("somebody's own name"));
		made_word(&image, payload[i] + 8, UINT64_C(0x1122334455667788));
	}
	pointer_var(entry, first);
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
	uint64_t first, payload[MANY];

	(void)state;
	(void)pointer(point);
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++)
		made_word(&image, payload[i] + 32, (uint64_t)i + 1);
	pointer_var(entry, first);
	mined(entry, point);
	infer();
	assert_int_equal(typed(point), MANY);
	evidence_of(point, EVIDENCE_SLOT);
}

static void zeros_get_no_type(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 40, payload);
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(person), 0);
}

static void a_type_that_some_contradict_is_not_taken(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], place_text("somebody's own name"));
		/* A friend is no number. */
		made_word(&image, payload[i] + 8, UINT64_C(0x1122334455667788));
	}
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(person), 0);
}

static void lost_lists_have_the_type_of_their_shape(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 120, payload);
	/* Of the program, not of a library of its. */
	image.types.types.at[entry].module = 0;
	image.types.types.at[person].module = 0;
	infer();	/* nothing refers to them */
	assert_true(typed(entry) >= MANY - 1);
	/* Their fields say the same as their shape, and are no surer. */
	for (uint32_t i = 0; i < heap.n_blocks; i++) {
		if (heap.type[i] == entry) {
			assert_true(heap.evidence[i] == EVIDENCE_SHAPE ||
				    heap.evidence[i] == EVIDENCE_FIELD);
			assert_true(heap.confidence[i] < 90);
		}
	}
	assert_int_equal(typed(person), 0);
}

/*
 * vertex { char *name; edge *first; } and edge { vertex *to; edge *next; }
 * have one size and pointers at the same places; text tells them apart.
 */
static void lost_records_differ_by_what_is_text(void **state)
{
	struct made_member m[] = { { "name", number, 0, 0 },
				   { "first", number, 8, 0 },
				   { "mark", number, 16, 0 } };
	struct made_member n[] = { { "to", number, 0, 0 },
				   { "next", number, 8, 0 },
				   { "cost", number, 16, 0 } };
	uint32_t vertex = record("vertex", 24, m, 3);
	uint32_t edge = record("edge", 24, n, 3), i = 0;
	uint64_t at[MANY * 2];

	(void)state;
	letter = made_scalar(&image, TYPE_CHAR, "char", 1);
	made_retarget(&image, vertex, 0, pointer(letter));
	made_retarget(&image, vertex, 1, pointer(edge));
	made_retarget(&image, edge, 0, pointer(vertex));
	made_retarget(&image, edge, 1, pointer(edge));
	image.types.types.at[vertex].module = 0;
	image.types.types.at[edge].module = 0;
	for (i = 0; i < MANY * 2; i++)
		at[i] = place(24);
	for (i = 0; i < MANY; i++) {
		made_word(&image, at[i], place_text(KEY));
		made_word(&image, at[i] + 8, at[MANY + i]);
		made_word(&image, at[MANY + i], at[(i + 1) % MANY]);
		made_word(&image, at[MANY + i] + 8, at[MANY + (i + 3) % MANY]);
	}
	infer();
	for (i = 0; i < MANY; i++) {
		assert_int_equal(heap.type[i], vertex);
		assert_int_equal(heap.type[MANY + i], edge);
	}
}

/* token { token *next; char *text; long line; void *value; }, of the program */
static uint32_t make_token(void)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "text", pointer(letter), 8, 0 },
				   { "line", number, 16, 0 },
				   { "value", pointer(TYPE_NONE), 24, 0 } };
	uint32_t token = record("token", 32, m, 4);

	made_retarget(&image, token, 0, pointer(token));
	image.types.types.at[token].module = 0;
	return token;
}

/* token looks like entry, but the program takes tokens out of a pool. */
static void what_is_lost_was_no_part_of_a_pool(void **state)
{
	uint32_t entry = make_entry(), token = make_token();
	uint64_t first, payload[MANY], pool = place(400);

	(void)state;
	make_entries(&first, 120, payload);
	image.types.types.at[entry].module = 0;
	pointer_var(token, pool + 64);
	infer();
	assert_true(typed(entry) >= MANY - 1);
	assert_int_equal(typed(token), 0);
}

static void of_two_that_are_lost_and_look_alike_none_is_taken(void **state)
{
	uint32_t entry = make_entry(), token = make_token();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 120, payload);
	image.types.types.at[entry].module = 0;
	infer();
	assert_int_equal(typed(entry) + typed(token), 0);
}

/*
 * owner { long id; link all; long age[8]; } with nodes item { link; ... },
 * where link { link *next, *before; }.
 */
static uint32_t make_owner(void)
{
	struct made_member l[] = { { "next", number, 0, 0 },
				   { "before", number, 8, 0 } };
	uint32_t link = record("link", 16, l, 2);
	const struct made_member it[] = { { "", link, 0, MEMBER_BASE },
					  { "value", number, 32, 0 } };
	const struct made_member o[] = {
		{ "id", number, 0, 0 }, { "all", link, 8, 0 },
		{ "age", made_array(&image, number, 8), 24, 0 },
	};
	uint32_t owner;

	(void)record("item", 40, it, 2);
	made_retarget(&image, link, 0, pointer(link));
	made_retarget(&image, link, 1, pointer(link));
	owner = record("owner", 88, o, 3);
	image.types.types.at[owner].popularity = 1;
	image.types.types.at[owner].module = 0;
	return owner;
}

/* What is lost: owners, each with two nodes of @size bytes. */
static void place_owners(uint64_t size)
{
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t o = place(88), a = place(size), b = place(size);

		made_word(&image, o, i);
		made_word(&image, o + 8, a);
		made_word(&image, o + 16, b);
		made_word(&image, a, b);
		made_word(&image, a + 8, o + 8);
		made_word(&image, b, o + 8);
		made_word(&image, b + 8, a);
	}
}

static void lost_owners_of_lists_are_told_by_the_nodes(void **state)
{
	uint32_t owner = make_owner();

	(void)state;
	place_owners(40);
	infer();
	assert_int_equal(typed(owner), MANY);
	evidence_of(owner, EVIDENCE_SHAPE);
}

static void blocks_of_no_node_s_size_tell_no_owner(void **state)
{
	uint32_t owner = make_owner();

	(void)state;
	place_owners(56);
	infer();
	assert_int_equal(typed(owner), 0);
}

/* person { long *first; person *next; } looks like little. */
static void less_is_needed_where_live_blocks_are_of_the_type(void **state)
{
	struct made_member m[] = { { "first", pointer(number), 0, 0 },
				   { "next", number, 32, 0 } };
	uint32_t person = record("person", 40, m, 2);
	uint64_t before = 0;

	(void)state;
	made_retarget(&image, person, 1, pointer(person));
	image.types.types.at[person].module = 0;
	for (int i = 0; i < MANY; i++) {
		uint64_t at = place(40);

		made_word(&image, at + 32, i == 6 ? 0 : before);
		before = at;
		if (i == 5)
			pointer_var(person, at);
	}
	infer();
	assert_true(typed(person) >= MANY - 1);
}

/* A struct that the program has no pointer to is on no heap. */
static void what_nothing_points_at_is_not_taken(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], place_text("somebody's own name"));
		made_word(&image, payload[i] + 8, payload[(i + 1) % MANY]);
	}
	image.types.types.at[person].popularity = 0;
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(person), 0);
}

static void where_text_was_left_out_contents_decide_nothing(void **state)
{
	uint32_t entry = make_entry();
	uint64_t first, payload[MANY];
	struct redacted_span none = {0};

	(void)state;
	make_entries(&first, 40, payload);
	assert_true(vec_push(&image.redacted.spans, none));
	infer();
	assert_int_equal(typed(entry), 0);
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

/* vector { long n, used; char *at[]; } and pair { long a, b; char *c, *d; } */
static void a_count_tells_an_array_behind_it(void **state)
{
	uint32_t entry = make_entry(), vector, pointer_to_text;
	struct made_member m[] = { { "n", number, 0, 0 },
				   { "used", number, 8, 0 },
				   { "at", 0, 16, 0 } };
	uint64_t first, payload[MANY];

	(void)state;
	pointer_to_text = pointer(letter);
	m[2].type = made_array(&image, pointer_to_text, 0);
	vector = record("vector", 16, m, 3);
	(void)pointer(vector);
	make_entries(&first, 16 + 6 * 8, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i], 6);
		made_word(&image, payload[i] + 8, 2);
		made_word(&image, payload[i] + 16, place_text(KEY));
		made_word(&image, payload[i] + 24, place_text(KEY));
	}
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(vector), MANY);
}

/* object { object *next; int tag; } is a header that text and pair repeat. */
static void who_begins_with_a_header_is_told_by_the_rest(void **state)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "tag", number, 8, 0 },
				   { "first", number, 16, 0 },
				   { "second", number, 24, 0 } };
	uint32_t object = record("object", 16, m, 2), next = pointer(object);
	uint32_t text, pair;
	uint64_t at[MANY * 2], before = 0;

	(void)state;
	letter = made_scalar(&image, TYPE_CHAR, "char", 1);
	made_retarget(&image, object, 0, next);
	m[0].type = next;
	m[2].type = pointer(letter);
	text = record("text", 32, m, 4);
	m[2].type = m[3].type = next;
	pair = record("pair", 32, m, 4);
	(void)pointer(text);
	(void)pointer(pair);
	image.types.types.at[text].module = 0;
	image.types.types.at[pair].module = 0;
	image.types.types.at[object].module = 0;
	for (int i = 0; i < MANY * 2; i++)
		at[i] = place(32);
	for (int i = 0; i < MANY * 2; i++) {
		made_word(&image, at[i], before);
		made_word(&image, at[i] + 8, (uint64_t)i % 2);
		before = at[i];
		made_word(&image, at[i] + 16, i % 2 ? place_text(KEY) :
			  at[(i + 3) % (MANY * 2)]);
		made_word(&image, at[i] + 24, i % 2 ? 5 :
			  at[(i + 5) % (MANY * 2)]);
	}
	pointer_var(object, before);
	infer();
	for (uint32_t i = 0; i < MANY * 2; i++)
		assert_int_equal(heap.type[i], i % 2 ? text : pair);
}

/* Each is led to by the one before it alone, and three kinds take turns. */
static void a_list_of_several_kinds_is_followed_to_its_end(void **state)
{
	enum { LINKS = 45 };
	static const char *const names[] = { "left", "right", "both" };
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "tag", number, 8, 0 },
				   { "first", number, 16, 0 },
				   { "second", number, 24, 0 } };
	uint32_t object = record("object", 16, m, 2), next = pointer(object);
	uint32_t text, kind[3];
	uint64_t at[LINKS], before = 0, key = place_text(KEY);

	(void)state;
	letter = made_scalar(&image, TYPE_CHAR, "char", 1);
	text = pointer(letter);
	made_retarget(&image, object, 0, next);
	image.types.types.at[object].module = 0;
	m[0].type = next;
	for (int i = 0; i < 3; i++) {
		m[2].type = i == 1 ? number : text;
		m[3].type = i == 0 ? number : text;
		kind[i] = record(names[i], 32, m, 4);
		(void)pointer(kind[i]);
		image.types.types.at[kind[i]].module = 0;
	}
	for (int i = 0; i < LINKS; i++) {
		at[i] = place(32);
		made_word(&image, at[i], before);
		made_word(&image, at[i] + 8, (uint64_t)i % 7);
		made_word(&image, at[i] + 16, i % 3 == 1 ? 5 : key);
		made_word(&image, at[i] + 24, i % 3 == 0 ? 5 : key);
		before = at[i];
	}
	pointer_var(object, before);
	infer();
	for (int i = 0; i < LINKS; i++)
		assert_int_equal(heap.type[heap_find(&heap, at[i])],
				 kind[i % 3]);
}

/* Two persons without a name and a friend say nothing of their own. */
static void blocks_of_one_field_and_size_follow_the_others(void **state)
{
	uint32_t entry = make_entry(), person = make_person();
	uint64_t first, payload[MANY];

	(void)state;
	make_entries(&first, 40, payload);
	for (int i = 0; i < MANY; i++) {
		made_word(&image, payload[i] + 16, 30);
		if (i < 2)
			continue;
		made_word(&image, payload[i], place_text("somebody's own name"));
		made_word(&image, payload[i] + 8, payload[i - 1]);
	}
	/* Not typed by the friend, but by the field. */
	made_word(&image, payload[2] + 8, payload[MANY - 1]);
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(person), MANY);
}

/* inner { long bits; uintptr_t left, right; }: each level says what the next
 * one is. */
static void words_with_a_tag_lead_down_a_tree(void **state)
{
	struct type alias = {
		.name = types_string(&image.types, "uintptr_t"),
		.kind = TYPE_TYPEDEF, .size = 8, .target = number,
		.scope = TYPE_NONE, .module = UINT32_MAX,
	};
	uint32_t word = types_add(&image.types, &alias, NULL, NULL);
	struct made_member m[] = { { "bits", number, 0, 0 },
				   { "left", word, 8, 0 },
				   { "right", word, 16, 0 } };
	uint32_t inner = record("inner", 24, m, 3);
	uint64_t at[40];

	(void)state;
	(void)pointer(inner);
	image.types.types.at[inner].module = 0;
	image.types.types.at[node].module = 0;
	/* Another one of the size, that has no place for two pointers. */
	image.types.types.at[node].popularity = 9;
	for (uint32_t i = 0; i < 40; i++)
		at[i] = place(24);
	for (uint32_t i = 0; i + 2 < 40; i++) {
		made_word(&image, at[i], 5);
		made_word(&image, at[i] + 8, at[i + 1]);
		made_word(&image, at[i] + 16, at[i + 2] + 1);
	}
	variable(word, at[0]);
	infer();
	assert_true(typed(inner) >= 38);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_void_field_refers_to_gets_the_type_that_fits),
		TEST(room_for_a_record_is_no_rival_to_it),
		TEST(text_behind_a_void_field_is_text),
		TEST(a_name_at_the_start_of_a_record_is_no_text),
		TEST(text_that_is_longer_than_a_name_is_text),
		TEST(two_types_that_look_alike_decide_nothing),
		TEST(of_types_that_look_alike_the_code_knows_one),
		TEST(what_the_code_keeps_there_must_not_be_contradicted),
		TEST(the_only_type_that_the_code_keeps_there_may_hold_numbers),
		TEST(zeros_get_no_type),
		TEST(a_type_that_some_contradict_is_not_taken),
		TEST(lost_lists_have_the_type_of_their_shape),
		TEST(lost_records_differ_by_what_is_text),
		TEST(what_is_lost_was_no_part_of_a_pool),
		TEST(of_two_that_are_lost_and_look_alike_none_is_taken),
		TEST(lost_owners_of_lists_are_told_by_the_nodes),
		TEST(blocks_of_no_node_s_size_tell_no_owner),
		TEST(less_is_needed_where_live_blocks_are_of_the_type),
		TEST(what_nothing_points_at_is_not_taken),
		TEST(a_text_behind_its_header_is_text),
		TEST(a_count_tells_an_array_behind_it),
		TEST(who_begins_with_a_header_is_told_by_the_rest),
		TEST(blocks_of_one_field_and_size_follow_the_others),
		TEST(a_list_of_several_kinds_is_followed_to_its_end),
		TEST(words_with_a_tag_lead_down_a_tree),
		TEST(where_text_was_left_out_contents_decide_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
