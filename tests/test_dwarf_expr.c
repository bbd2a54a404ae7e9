/* SPDX-License-Identifier: MIT */
/*
 * DWARF expressions: the examples of the standard with values worked out by
 * hand, random arithmetic against C's, and bytes that are wrong.
 */
#include "tests/aid_cmocka.h"

#include <inttypes.h>

#include "formats/dwarf_expr_fetch.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define EXPR(s) bytes_of(s, sizeof(s) - 1)

enum { MEMORY = 0x1000, CFA = 0x7000, FRAME_BASE = 0x6000 };

/* Memory from 0x1000 on holds the bytes 1, 2, 3, ... 64. */
static bool read_memory(void *ctx, uint64_t addr, void *buf, size_t n)
{
	uint8_t *to = buf;

	(void)ctx;
	if (addr < MEMORY || addr > MEMORY + 64 || n > MEMORY + 64 - addr)
		return false;
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(addr - MEMORY + i + 1);
	return true;
}

/* Register n holds n * 0x111; those from 17 on are not known. */
static bool read_reg(void *ctx, uint64_t reg, uint64_t *ret)
{
	(void)ctx;
	*ret = reg * 0x111;
	return reg < 17;
}

static bool frame_base(void *ctx, uint64_t *ret)
{
	(void)ctx;
	*ret = FRAME_BASE;
	return true;
}

static bool cfa(void *ctx, uint64_t *ret)
{
	(void)ctx;
	*ret = CFA;
	return true;
}

static bool tls(void *ctx, uint64_t offset, uint64_t *ret)
{
	(void)ctx;
	*ret = 0x50000 + offset;
	return true;
}

/* Of register 5, given as DW_OP_reg5. */
static bool entry_value(void *ctx, struct bytes expr, uint64_t *ret)
{
	(void)ctx;
	*ret = 0xeeee;
	return expr.size == 1 && expr.start[0] == 0x55;
}

static bool debug_addr(void *ctx, uint64_t index, uint64_t *ret)
{
	(void)ctx;
	*ret = 0x400 + index;
	return index < 10;
}

/* 1 int, 2 unsigned char, 3 signed char, 4 double, 5 unsigned long. */
static bool base_type(void *ctx, uint64_t offset, struct expr_type *ret)
{
	static const struct expr_type types[] = {
		{ 0, 0 }, { 5, 4 }, { 8, 1 }, { 6, 1 }, { 4, 8 }, { 7, 8 },
	};

	(void)ctx;
	if (offset >= N(types))
		return false;
	*ret = types[offset];
	return true;
}

/* 1: lit3, 2: calls itself, 3: nothing. */
static bool procedure(void *ctx, uint64_t offset, bool is_global,
		      struct bytes *ret)
{
	(void)ctx;
	(void)is_global;
	*ret = offset == 1 ? EXPR("\x33") : offset == 2 ? EXPR("\x98\2\0") :
	       bytes_of(NULL, 0);
	return offset <= 3;
}

static const struct expr_ops ops = {
	.read = read_memory, .reg = read_reg, .frame_base = frame_base,
	.cfa = cfa, .tls = tls, .entry_value = entry_value,
	.debug_addr = debug_addr, .base_type = base_type,
	.procedure = procedure,
};
static const struct expr_env env = { .ops = &ops, .bias = 0x100000 };

/* An expression and what it must give; kinds as in expr_kind. */
struct example {
	const char *expr;
	size_t size;
	enum expr_kind kind;
	uint64_t value;
};

#define GIVES(kind, value, expr) { expr, sizeof(expr) - 1, kind, value }

static void check(const struct example *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct expr_result r;

		expr_locate(&env, bytes_of(at[i].expr, at[i].size), &r);
		if (r.place.kind != at[i].kind ||
		    (r.place.kind != EXPR_LOST &&
		     r.place.value != at[i].value))
			fail_msg("example %zu: kind %d, value %#" PRIx64, i,
				 r.place.kind, r.place.value);
	}
}

static void places_are_what_the_standard_says(void **state)
{
	static const struct example at[] = {
		/* reg3, regx 54 */
		GIVES(EXPR_REGISTER, 3, "\x53"),
		GIVES(EXPR_REGISTER, 54, "\x90\x36"),
		/* addr 0x80d0: the module lies at 0x100000 */
		GIVES(EXPR_MEMORY, 0x1080d0, "\x03\xd0\x80\0\0\0\0\0\0"),
		/* breg11 44; bregx 12, -16 */
		GIVES(EXPR_MEMORY, 11 * 0x111 + 44, "\x7b\x2c"),
		GIVES(EXPR_MEMORY, 12 * 0x111 - 16, "\x92\x0c\x70"),
		/* fbreg -50; call_frame_cfa */
		GIVES(EXPR_MEMORY, FRAME_BASE - 50, "\x91\x4e"),
		GIVES(EXPR_MEMORY, CFA, "\x9c"),
		/* lit1 stack_value; breg1 0, plus_uconst 8, stack_value */
		GIVES(EXPR_VALUE, 1, "\x31\x9f"),
		GIVES(EXPR_VALUE, 0x119, "\x71\0\x23\x08\x9f"),
		/* const8u 16, form_tls_address; the GNU way */
		GIVES(EXPR_MEMORY, 0x50010, "\x0e\x10\0\0\0\0\0\0\0\x9b"),
		GIVES(EXPR_MEMORY, 0x50010, "\x08\x10\xe0"),
		/* addrx 2, constx 2, and the GNU names */
		GIVES(EXPR_MEMORY, 0x100402, "\xa1\x02"),
		GIVES(EXPR_MEMORY, 0x402, "\xa2\x02"),
		GIVES(EXPR_MEMORY, 0x100402, "\xfb\x02"),
		GIVES(EXPR_MEMORY, 0x402, "\xfc\x02"),
		GIVES(EXPR_LOST, 0, "\xa1\x0a"),
		/* entry_value(reg5), stack_value; another register */
		GIVES(EXPR_VALUE, 0xeeee, "\xa3\x01\x55\x9f"),
		GIVES(EXPR_VALUE, 0xeeee, "\xf3\x01\x55\x9f"),
		GIVES(EXPR_LOST, 0, "\xa3\x01\x54\x9f"),
		/* implicit_pointer to a DIE, +4 */
		GIVES(EXPR_LOST, 0, "\xa0\1\2\3\4\x04"),
		GIVES(EXPR_LOST, 0, "\xf2\1\2\3\4\x04"),
		/* nothing at all: optimised out */
		GIVES(EXPR_LOST, 0, ""),
		/* reg1, GNU_uninit */
		GIVES(EXPR_REGISTER, 1, "\x51\xf0"),
		/* push_object_address where there is none */
		GIVES(EXPR_LOST, 0, "\x97"),
	};

	(void)state;
	check(at, N(at));
}

static void arithmetic_is_that_of_the_standard(void **state)
{
	static const struct example at[] = {
		/* const1s -7, lit2, div; the same, mod: unsigned */
		GIVES(EXPR_VALUE, (uint64_t)-3, "\x09\xf9\x32\x1b\x9f"),
		GIVES(EXPR_VALUE, 1, "\x09\xf9\x32\x1d\x9f"),
		GIVES(EXPR_LOST, 0, "\x37\x30\x1b\x9f"),
		/* const1s -8, lit1, shra; shr */
		GIVES(EXPR_VALUE, (uint64_t)-4, "\x09\xf8\x31\x26\x9f"),
		GIVES(EXPR_VALUE, (uint64_t)-8 >> 1, "\x09\xf8\x31\x25\x9f"),
		/* lit1 shl 64 */
		GIVES(EXPR_VALUE, 0, "\x31\x08\x40\x24\x9f"),
		/* const1s -1, lit0, lt: signed */
		GIVES(EXPR_VALUE, 1, "\x09\xff\x30\x2d\x9f"),
		/* the smallest number, const1s -1, div */
		GIVES(EXPR_VALUE, UINT64_C(1) << 63,
		      "\x0f\0\0\0\0\0\0\0\x80\x09\xff\x1b\x9f"),
		/* const1s -5, abs; lit5, neg; lit0, not */
		GIVES(EXPR_VALUE, 5, "\x09\xfb\x19\x9f"),
		GIVES(EXPR_VALUE, (uint64_t)-5, "\x35\x1f\x9f"),
		GIVES(EXPR_VALUE, UINT64_MAX, "\x30\x20\x9f"),
		/* DWARF 5, D.1.2: 17 29 1000, and then each of these */
		GIVES(EXPR_VALUE, 29, "\x41\x08\x1d\x0a\xe8\x03\x17\x9f"),
		GIVES(EXPR_VALUE, 29, "\x41\x08\x1d\x0a\xe8\x03\x13\x9f"),
		GIVES(EXPR_VALUE, 1000, "\x41\x08\x1d\x0a\xe8\x03\x15\0\x9f"),
		GIVES(EXPR_VALUE, 17, "\x41\x08\x1d\x0a\xe8\x03\x15\x02\x9f"),
		GIVES(EXPR_VALUE, 29, "\x41\x08\x1d\x0a\xe8\x03\x14\x9f"),
		GIVES(EXPR_VALUE, 29, "\x41\x08\x1d\x0a\xe8\x03\x16\x9f"),
		/* rot: the top becomes the third */
		GIVES(EXPR_VALUE, 1000,
		      "\x41\x08\x1d\x0a\xe8\x03\x17\x13\x13\x9f"),
		/* constu 300, consts -2, plus */
		GIVES(EXPR_VALUE, 298, "\x10\xac\x02\x11\x7e\x22\x9f"),
	};

	(void)state;
	check(at, N(at));
}

static void control_flow_stays_inside_and_ends(void **state)
{
	static const struct example at[] = {
		/* lit0; 1: plus_uconst 1, dup, lit10, lt, bra 1 */
		GIVES(EXPR_VALUE, 10,
		      "\x30\x23\x01\x12\x3a\x2d\x28\xf8\xff\x9f"),
		/* skip over lit1; to the end; to itself; outside */
		GIVES(EXPR_VALUE, 2, "\x2f\x01\0\x31\x32\x9f"),
		GIVES(EXPR_MEMORY, 5, "\x35\x2f\0\0"),
		GIVES(EXPR_LOST, 0, "\x35\x2f\xfd\xff"),
		GIVES(EXPR_LOST, 0, "\x35\x2f\xfb\xff"),
		GIVES(EXPR_LOST, 0, "\x35\x2f\x01\0"),
		/* call2 1; call4 1; call_ref 1; nothing; itself; nobody */
		GIVES(EXPR_VALUE, 4, "\x98\1\0\x23\x01\x9f"),
		GIVES(EXPR_VALUE, 4, "\x99\1\0\0\0\x23\x01\x9f"),
		GIVES(EXPR_VALUE, 4, "\x9a\1\0\0\0\x23\x01\x9f"),
		GIVES(EXPR_VALUE, 7, "\x37\x98\3\0\x9f"),
		GIVES(EXPR_LOST, 0, "\x98\2\0"),
		GIVES(EXPR_LOST, 0, "\x98\4\0"),
		/* dup for ever: the stack is full */
		GIVES(EXPR_LOST, 0, "\x31\x12\x2f\xfc\xff"),
	};

	(void)state;
	check(at, N(at));
}

static void types_decide_over_sign_and_size(void **state)
{
	static const struct example at[] = {
		/* const_type int -1, lit... convert to generic keeps -1 */
		GIVES(EXPR_VALUE, UINT64_MAX,
		      "\xa4\x01\x04\xff\xff\xff\xff\xa8\0\x9f"),
		/* unsigned char 0xff is 255, signed char -1 */
		GIVES(EXPR_VALUE, 255, "\xa4\x02\x01\xff\xa8\0\x9f"),
		GIVES(EXPR_VALUE, UINT64_MAX, "\xa4\x03\x01\xff\xa8\0\x9f"),
		/* 0xff as unsigned char, reinterpreted as signed */
		GIVES(EXPR_VALUE, UINT64_MAX, "\xa4\x02\x01\xff\xa9\x03\x9f"),
		/* int into unsigned char by bits: sizes differ */
		GIVES(EXPR_LOST, 0, "\xa4\x01\x04\1\0\0\0\xa9\x02\x9f"),
		/* int 7 + generic 1: types differ */
		GIVES(EXPR_LOST, 0, "\xa4\x01\x04\7\0\0\0\x31\x22\x9f"),
		/* unsigned char 200 + 100 */
		GIVES(EXPR_VALUE, 44, "\xa4\x02\x01\xc8\xa4\x02\x01\x64\x22"
		      "\x9f"),
		/* regval_type 2, int: 0x222 */
		GIVES(EXPR_VALUE, 0x222, "\xa5\x02\x01\x9f"),
		/* a double is moved, but not added to or dereferenced */
		GIVES(EXPR_VALUE, 0x4000000000000000,
		      "\xa4\x04\x08\0\0\0\0\0\0\0\x40\x9f"),
		GIVES(EXPR_LOST, 0,
		      "\xa4\x04\x08\0\0\0\0\0\0\0\x40\x12\x22\x9f"),
		GIVES(EXPR_LOST, 0, "\xa4\x04\x08\0\0\0\0\0\0\0\x40\x06"),
		/* a type that is not there */
		GIVES(EXPR_LOST, 0, "\xa5\x02\x09\x9f"),
	};

	(void)state;
	check(at, N(at));
}

static void memory_is_read_or_the_place_is_lost(void **state)
{
	static const struct example at[] = {
		/* const2u 0x1000, deref */
		GIVES(EXPR_MEMORY, 0x0807060504030201, "\x0a\0\x10\x06"),
		/* deref_size 2; deref_type 1 of signed char; xderef */
		GIVES(EXPR_MEMORY, 0x0201, "\x0a\0\x10\x94\x02"),
		GIVES(EXPR_VALUE, 0x01, "\x0a\0\x10\xa6\x01\x03\x9f"),
		GIVES(EXPR_LOST, 0, "\x30\x0a\0\x10\x18"),
		/* address 0; sizes 0 and 9 */
		GIVES(EXPR_LOST, 0, "\x30\x06"),
		GIVES(EXPR_LOST, 0, "\x0a\0\x10\x94\0"),
		GIVES(EXPR_LOST, 0, "\x0a\0\x10\x94\x09"),
	};

	(void)state;
	check(at, N(at));
}

static void damaged_expressions_are_lost(void **state)
{
	static const struct example at[] = {
		/* too short: addr, const2u, uleb, implicit_value, entry_value */
		GIVES(EXPR_LOST, 0, "\x03\1\2\3"),
		GIVES(EXPR_LOST, 0, "\x0a\1"),
		GIVES(EXPR_LOST, 0, "\x10\x80"),
		GIVES(EXPR_LOST, 0, "\x9e\x05\1\2"),
		GIVES(EXPR_LOST, 0, "\xa3\x05\x55"),
		/* nothing to take from the stack */
		GIVES(EXPR_LOST, 0, "\x22"),
		GIVES(EXPR_LOST, 0, "\x31\x22"),
		GIVES(EXPR_LOST, 0, "\x31\x16"),
		GIVES(EXPR_LOST, 0, "\x9f"),
		GIVES(EXPR_LOST, 0, "\x06"),
		/* unknown: 0, 1, 0xb0, 0xff */
		GIVES(EXPR_LOST, 0, "\x00"),
		GIVES(EXPR_LOST, 0, "\x31\x01"),
		GIVES(EXPR_LOST, 0, "\x31\xb0"),
		GIVES(EXPR_LOST, 0, "\x31\xff"),
		/* a place, and more than a place */
		GIVES(EXPR_LOST, 0, "\x51\x31"),
		GIVES(EXPR_LOST, 0, "\x31\x9f\x31"),
		/* pieces, and something that is none */
		GIVES(EXPR_LOST, 0, "\x51\x93\x04\x31"),
	};

	(void)state;
	check(at, N(at));
}

/* DWARF 5, 2.6.1.3: reg3 piece 4, reg10 piece 2 */
static void pieces_are_put_together(void **state)
{
	struct expr_result r;
	uint8_t got[8];

	(void)state;
	expr_locate(&env, EXPR("\x53\x93\x04\x5a\x93\x02"), &r);
	assert_int_equal(r.place.kind, EXPR_PIECES);
	assert_int_equal(r.n_pieces, 2);
	assert_int_equal(r.pieces[1].place.value, 10);
	assert_int_equal(r.pieces[1].bits, 16);
	assert_true(expr_fetch(&env, &r, got, 6));
	assert_memory_equal(got, "\x33\x03\0\0\xaa\x0a", 6);
	assert_false(expr_fetch(&env, &r, got, 7));

	/* piece 4 of nothing, then memory: half is optimised out */
	expr_locate(&env, EXPR("\x93\x04\x0a\0\x10\x93\x04"), &r);
	assert_int_equal(r.n_pieces, 2);
	assert_int_equal(r.pieces[0].place.kind, EXPR_LOST);
	assert_int_equal(r.pieces[1].place.kind, EXPR_MEMORY);
	assert_false(expr_fetch(&env, &r, got, 8));

	/* implicit_value ab cd, piece 2; lit5 stack_value, piece 1 */
	expr_locate(&env, EXPR("\x9e\x02\xab\xcd\x93\x02\x35\x9f\x93\x01"), &r);
	assert_true(expr_fetch(&env, &r, got, 3));
	assert_memory_equal(got, "\xab\xcd\x05", 3);

	/* bits 4..7 of 0xa5, then bits 0..3 of the register 0x333 */
	expr_locate(&env, EXPR("\x9e\x01\xa5\x9d\x04\x04\x53\x9d\x04\0"), &r);
	assert_true(expr_fetch(&env, &r, got, 1));
	assert_int_equal(got[0], 0x3a);

	expr_locate(&env, EXPR("\x0a\x04\x10"), &r);
	assert_true(expr_fetch(&env, &r, got, 4));
	assert_memory_equal(got, "\5\6\7\x08", 4);
}

static void values_begin_with_what_is_on_the_stack(void **state)
{
	const uint64_t first = 0x40;
	uint64_t value;

	(void)state;
	assert_true(expr_value(&env, EXPR("\x23\x08"), &first, &value));
	assert_int_equal(value, 0x48);
	assert_true(expr_value(&env, EXPR("\x53"), NULL, &value));
	assert_int_equal(value, 0x333);
	assert_false(expr_value(&env, EXPR("\x90\x20"), NULL, &value));
	assert_false(expr_value(&env, EXPR(""), NULL, &value));
	assert_false(expr_value(&env, EXPR("\x53\x93\x04"), NULL, &value));
}

/* A random expression as a tree: its value by C, its bytes in postfix. */
struct tree {
	uint8_t code[4096];
	size_t n;
	uint64_t seed;
};

static uint64_t random_number(struct tree *t)
{
	t->seed = t->seed * UINT64_C(6364136223846793005) +
		  UINT64_C(1442695040888963407);
	return t->seed >> 33;
}

static void emit(struct tree *t, const void *at, size_t n)
{
	memcpy(t->code + t->n, at, n);
	t->n += n;
}

static uint64_t leaf(struct tree *t)
{
	static const uint64_t special[] = {
		0, 1, 2, 63, 64, UINT64_MAX, UINT64_C(1) << 63,
		UINT64_MAX >> 1, UINT64_C(0x80000000), 0xff,
	};
	uint64_t v = random_number(t) % 2 ?
		     special[random_number(t) % N(special)] :
		     random_number(t) * random_number(t);

	emit(t, "\x0e", 1);
	emit(t, &v, sizeof(v));
	return v;
}

/* Never through the arithmetic of the code under test. */
static uint64_t by_c(uint8_t op, uint64_t a, uint64_t b)
{
	__extension__ typedef __int128 wide;
	wide x = (int64_t)a, y = (int64_t)b;

	switch (op) {
	case 0x1a: return a & b;
	case 0x1b: return (uint64_t)(x / y);
	case 0x1c: return a - b;
	case 0x1d: return a % b;
	case 0x1e: return a * b;
	case 0x21: return a | b;
	case 0x22: return a + b;
	case 0x24: return b > 63 ? 0 : a << b;
	case 0x25: return b > 63 ? 0 : a >> b;
	case 0x26: return (uint64_t)(x >> (b > 127 ? 127 : b));
	case 0x27: return a ^ b;
	case 0x29: return x == y;
	case 0x2a: return x >= y;
	case 0x2b: return x > y;
	case 0x2c: return x <= y;
	case 0x2d: return x < y;
	default:   return x != y;
	}
}

static uint64_t grow(struct tree *t, int depth)
{
	static const uint8_t binary[] = {
		0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x21, 0x22, 0x24, 0x25, 0x26,
		0x27, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e,
	};
	uint8_t op = binary[random_number(t) % N(binary)];
	uint64_t a, b;

	if (depth == 0)
		return leaf(t);
	a = grow(t, depth - 1);
	b = grow(t, depth - 1 - (int)(random_number(t) % (unsigned)depth));
	if (b == 0 && (op == 0x1b || op == 0x1d))
		op = 0x22;
	emit(t, &op, 1);
	return by_c(op, a, b);
}

static void random_arithmetic_is_that_of_c(void **state)
{
	static struct tree t;

	(void)state;
	t.seed = rng_seed();
	for (int i = 0; i < 20000; i++) {
		uint64_t want, got = 0;

		t.n = 0;
		want = grow(&t, 1 + i % 6);
		if (!expr_value(&env, bytes_of(t.code, t.n), NULL, &got) ||
		    got != want)
			fail_msg("%d: %#" PRIx64 " instead of %#" PRIx64, i,
				 got, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_what_the_standard_says),
		cmocka_unit_test(arithmetic_is_that_of_the_standard),
		cmocka_unit_test(control_flow_stays_inside_and_ends),
		cmocka_unit_test(types_decide_over_sign_and_size),
		cmocka_unit_test(memory_is_read_or_the_place_is_lost),
		cmocka_unit_test(damaged_expressions_are_lost),
		cmocka_unit_test(pieces_are_put_together),
		cmocka_unit_test(values_begin_with_what_is_on_the_stack),
		cmocka_unit_test(random_arithmetic_is_that_of_c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
