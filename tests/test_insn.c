/* SPDX-License-Identifier: MIT */
/* Machine code; objdump is the independent truth where it is there. */
#include <ctype.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/insn.h"
#include "tests/aid_cmocka.h"

static struct insn decode(const char *bytes, size_t n)
{
	struct bytes b = bytes_of(bytes, n);
	struct insn insn;

	assert_true(insn_x86_64(&b, 0x1000, &insn));
	assert_int_equal(insn.size, n);
	return insn;
}

#define DECODE(text) decode(text, sizeof(text) - 1)

static void a_load_names_its_registers_as_dwarf_does(void **state)
{
	/* mov rdi, [rbx+8] */
	struct insn insn = DECODE("\x48\x8b\x7b\x08");

	(void)state;
	assert_int_equal(insn.kind, INSN_LOAD);
	assert_int_equal(insn.reg, 5);
	assert_int_equal(insn.base, 3);
	assert_int_equal(insn.disp, 8);
	/* mov r9, [r12-0x100] */
	insn = DECODE("\x4d\x8b\x8c\x24\x00\xff\xff\xff");
	assert_int_equal(insn.kind, INSN_LOAD);
	assert_int_equal(insn.reg, 9);
	assert_int_equal(insn.base, 12);
	assert_int_equal(insn.disp, -0x100);
}

static void a_store_and_a_copy_are_told_apart(void **state)
{
	/* mov [rbp-24], rdi */
	struct insn insn = DECODE("\x48\x89\x7d\xe8");

	(void)state;
	assert_int_equal(insn.kind, INSN_STORE);
	assert_int_equal(insn.reg, 5);
	assert_int_equal(insn.base, 6);
	assert_int_equal(insn.disp, -24);
	/* lea rax, [rdi+16] */
	insn = DECODE("\x48\x8d\x47\x10");
	assert_int_equal(insn.kind, INSN_COPY);
	assert_int_equal(insn.base, 5);
	assert_int_equal(insn.disp, 16);
	/* sub rsp, 0x28 */
	insn = DECODE("\x48\x83\xec\x28");
	assert_int_equal(insn.kind, INSN_COPY);
	assert_int_equal(insn.reg, 7);
	assert_int_equal(insn.disp, -0x28);
}

static void half_a_word_is_no_load(void **state)
{
	/* mov eax, [rdi+8] */
	struct insn insn = DECODE("\x8b\x47\x08");

	(void)state;
	assert_int_equal(insn.kind, INSN_OTHER);
	assert_int_equal(insn.writes, 1);
	/* mov rax, fs:[rdi+8]: another place */
	insn = DECODE("\x64\x48\x8b\x47\x08");
	assert_int_equal(insn.kind, INSN_OTHER);
	/* mov rax, [rdi+rcx*8] */
	insn = DECODE("\x48\x8b\x04\xcf");
	assert_int_equal(insn.kind, INSN_OTHER);
	assert_int_equal(insn.writes, 1);
}

static void targets_are_counted_from_the_next_instruction(void **state)
{
	struct insn insn = DECODE("\xe8\xfb\x00\x00\x00");

	(void)state;
	assert_int_equal(insn.kind, INSN_CALL);
	assert_int_equal(insn.target, 0x1100);
	insn = DECODE("\x74\xfe");
	assert_int_equal(insn.kind, INSN_BRANCH);
	assert_int_equal(insn.target, 0x1000);
	insn = DECODE("\xc3");
	assert_int_equal(insn.kind, INSN_END);
}

static void what_is_cut_off_is_no_instruction(void **state)
{
	static const char call[] = "\x66\x48\x8b\x84\x24\x00\x01\x00\x00";
	struct insn insn;

	(void)state;
	for (size_t n = 0; n < sizeof(call) - 1; n++) {
		struct bytes b = bytes_of(call, n);

		assert_false(insn_x86_64(&b, 0, &insn));
	}
}

static void random_bytes_stay_in_bounds_and_make_progress(void **state)
{
	unsigned seed = (unsigned)getpid();
	uint8_t buf[64];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 200000; i++) {
		struct insn insn;
		struct bytes b;
		size_t n = (size_t)random() % sizeof(buf), before = 0;
		uint8_t *copy;

		for (size_t k = 0; k < n; k++)
			buf[k] = (uint8_t)random();
		copy = malloc(n + 1);	/* its end is guarded */
		assert_non_null(copy);
		memcpy(copy, buf, n);
		b = bytes_of(copy, n);
		while ((i & 1 ? insn_aarch64 : insn_x86_64)(&b, 0, &insn)) {
			assert_true(b.pos > before && b.pos <= n);
			assert_int_equal(insn.size, b.pos - before);
			before = b.pos;
		}
		free(copy);
	}
}

/* --- against objdump --- */

struct line {
	uint64_t addr;
	uint8_t bytes[16];
	size_t n;
	char text[128];
};

/* "  401000:\tf3 0f 1e fa          \tendbr64" */
static bool parse(const char *text, struct line *l)
{
	char *end;

	l->addr = strtoull(text, &end, 16);
	if (end == text || *end != ':' || end[1] != '\t')
		return false;
	end += 2;
	for (l->n = 0; l->n < sizeof(l->bytes) && isxdigit(end[0]) &&
	     isxdigit(end[1]) && end[2] == ' '; end += 3)
		l->bytes[l->n++] = (uint8_t)strtoul(end, NULL, 16);
	end += strspn(end, " \t");
	snprintf(l->text, sizeof(l->text), "%s", end);
	l->text[strcspn(l->text, "\n")] = '\0';
	return l->n > 0;
}

static int number_of(const char *name, size_t n)
{
	static const char *const names[] = {
		"%rax", "%rdx", "%rcx", "%rbx", "%rsi", "%rdi", "%rbp", "%rsp",
		"%r8", "%r9", "%r10", "%r11", "%r12", "%r13", "%r14", "%r15",
	};

	for (int i = 0; i < 16; i++) {
		if (strlen(names[i]) == n && strncmp(names[i], name, n) == 0)
			return i;
	}
	return -1;
}

/* "0x8(%rbx)" */
static bool parse_place(const char *text, size_t n, int *base, int64_t *disp)
{
	const char *open = memchr(text, '(', n);
	bool negative = *text == '-';

	if (!open || text[n - 1] != ')' || memchr(text, ':', n))
		return false;
	*disp = (int64_t)strtoull(text + negative, NULL, 16);
	*disp = negative ? -*disp : *disp;
	*base = number_of(open + 1, (size_t)(text + n - 1 - (open + 1)));
	return *base >= 0;
}

/* The operands of a mov, be it behind prefixes that change nothing. */
static const char *move_in(const char *text)
{
	const char *at = strncmp(text, "mov ", 4) == 0 ? text : NULL;

	if (!at) {
		at = strstr(text, " mov ");
		at = at ? at + 1 : NULL;
	}
	return at ? at + 4 + strspn(at + 4, " ") : NULL;
}

/* What the text says the instruction does. */
static void check_text(const struct line *l, const struct insn *insn)
{
	const char *at = move_in(l->text);
	const char *comma = at ? strrchr(at, ',') : NULL;
	size_t n = comma ? (size_t)(comma - at) : 0;
	enum insn_kind want = INSN_OTHER;
	int reg = 0, base = 0;
	int64_t disp = 0;

	if (comma) {
		size_t rest = strcspn(comma + 1, " ");

		if (parse_place(at, n, &base, &disp) &&
		    (reg = number_of(comma + 1, rest)) >= 0)
			want = INSN_LOAD;
		else if ((reg = number_of(at, n)) >= 0 &&
			 parse_place(comma + 1, rest, &base, &disp))
			want = INSN_STORE;
	}
	if (want == INSN_OTHER ? insn->kind == INSN_LOAD ||
				 insn->kind == INSN_STORE :
	    insn->kind != want || insn->reg != reg || insn->base != base ||
	    insn->disp != disp)
		fail_msg("%s at 0x%llx: kind %d, %d and %d%+lld", l->text,
			 (unsigned long long)l->addr, insn->kind, insn->reg,
			 insn->base, (long long)insn->disp);
}

struct tally {
	size_t lines, unknown, moves;
};

static void check_line(const struct line *l, struct tally *t)
{
	struct bytes b = bytes_of(l->bytes, l->n);
	struct insn insn;

	t->lines++;
	if (!insn_x86_64(&b, l->addr, &insn)) {
		t->unknown++;
		return;
	}
	if (insn.size != l->n)
		fail_msg("%s at 0x%llx: %d bytes", l->text,
			 (unsigned long long)l->addr, insn.size);
	check_text(l, &insn);
	t->moves += insn.kind == INSN_LOAD || insn.kind == INSN_STORE;
}

static void compare_with_objdump(const char *path, struct tally *t)
{
	enum { MOST = 400000 };
	char command[512], text[512];
	FILE *f;

	snprintf(command, sizeof(command),
		 "objdump -d --insn-width=16 -j .text %s 2>/dev/null", path);
	f = popen(command, "r");
	assert_non_null(f);
	while (t->lines < MOST && fgets(text, sizeof(text), f)) {
		struct line l;

		/* It takes fwait for the first byte of what follows. */
		if (parse(text, &l) && l.bytes[0] != 0x9b &&
		    !strstr(l.text, "(bad)"))
			check_line(&l, t);
	}
	pclose(f);
}

static void real_code_is_read_as_objdump_reads_it(void **state)
{
	static const char *const paths[] = {
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/proc/self/exe",
	};
	size_t lines = 0, unknown = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct tally t = {0};

		if (access(paths[i], R_OK) != 0)
			continue;
		compare_with_objdump(paths[i], &t);
		print_message("%s: %zu instructions, %zu not known, %zu "
			      "loads and stores\n", paths[i], t.lines,
			      t.unknown, t.moves);
		lines += t.lines;
		unknown += t.unknown;
	}
	if (lines == 0)
		skip();
	/* In libcrypto tables stand between functions. */
	assert_true(unknown * 500 < lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_load_names_its_registers_as_dwarf_does),
		cmocka_unit_test(a_store_and_a_copy_are_told_apart),
		cmocka_unit_test(half_a_word_is_no_load),
		cmocka_unit_test(targets_are_counted_from_the_next_instruction),
		cmocka_unit_test(what_is_cut_off_is_no_instruction),
		cmocka_unit_test(random_bytes_stay_in_bounds_and_make_progress),
		cmocka_unit_test(real_code_is_read_as_objdump_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
