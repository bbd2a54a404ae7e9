/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: rows made by hand, those of this very program
 * against what the ABI says, and sections with bytes changed.
 */
#include "tests/aid_cmocka.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/vec.h"
#include "formats/dwarf_cfi.h"
#include "formats/elf_file.h"
#include "formats/worker.h"

enum { RBX = 3, RBP = 6, RSP = 7, RA = 16, ADDR = 0x2000, PC = 0x5000 };

struct writer {
	uint8_t at[512];
	size_t n;
};

static void put(struct writer *w, const void *at, size_t n)
{
	memcpy(w->at + w->n, at, n);
	w->n += n;
}

static void put_u32(struct writer *w, uint32_t value)
{
	put(w, &value, sizeof(value));
}

/* Set the length at @from, behind padding to @align. */
static void finish(struct writer *w, size_t from, size_t align)
{
	uint32_t length;

	while ((w->n - from) % align != 0)
		w->at[w->n++] = 0;
	length = (uint32_t)(w->n - from - 4);
	memcpy(w->at + from, &length, sizeof(length));
}

/* A CIE of .eh_frame: code alignment 1, data alignment -8, pcrel|sdata4. */
static size_t put_cie(struct writer *w, const char *letters)
{
	size_t from = w->n;

	put_u32(w, 0);
	put_u32(w, 0);
	put(w, "\1", 1);
	put(w, letters, strlen(letters) + 1);
	put(w, "\x01\x78\x10\x01\x1b", 5);
	/* def_cfa rsp, 8; offset ra, 1 */
	put(w, "\x0c\x07\x08\x90\x01", 5);
	finish(w, from, 8);
	return from;
}

static void put_fde(struct writer *w, size_t cie, uint32_t size,
		    const char *code, size_t n)
{
	size_t from = w->n;

	put_u32(w, 0);
	put_u32(w, (uint32_t)(from + 4 - cie));
	put_u32(w, (uint32_t)(PC - (ADDR + from + 8)));
	put_u32(w, size);
	put(w, "\0", 1);
	put(w, code, n);
	finish(w, from, 8);
}

static void build(const struct writer *w, struct cfi *ret)
{
	struct err err = {0};

	assert_true(cfi_build(bytes_of(w->at, w->n), ADDR, true, ret, &err));
}

static void assert_rule(const struct cfi_rule *rule, enum cfi_kind kind,
			int64_t number)
{
	assert_int_equal(rule->kind, kind);
	assert_int_equal(rule->number, number);
}

/* push %rbx; sub $32, %rsp; ...; add; pop; ret, and code behind it */
static void rows_are_those_of_the_instructions(void **state)
{
	static const char code[] =
		"\x41\x0e\x10\x83\x02"	/* +1: CFA rsp+16, rbx at -16 */
		"\x44\x0e\x30"		/* +4: CFA rsp+48 */
		"\x0a"			/* remember_state */
		"\x50\x0e\x08\xc3"	/* +16: CFA rsp+8, restore rbx */
		"\x41\x0b"		/* +1: restore_state */
		"\x42\x0d\x06"		/* +2: CFA register rbp */
		"\x42\x07\x10"		/* +2: ra undefined */
		"\x42\x09\x03\x0c"	/* +2: rbx in r12 */
		"\x42\x0f\x03\x77\x08\x06"	/* +2: CFA: breg7 8, deref */
		"\x42\x10\x06\x02\x70\x18"	/* +2: rbp: at breg0 24 */
		"\x42\x16\x0c\x02\x76\x00"	/* +2: r12 is breg6 0 */
		"\x42\x14\x0d\x02";	/* +2: r13 is CFA - 16 */
	struct writer w = { .n = 0 };
	struct cfi_row row;
	struct cfi cfi;

	(void)state;
	put_fde(&w, put_cie(&w, "zR"), 64, code, sizeof(code) - 1);
	put_u32(&w, 0);
	build(&w, &cfi);
	assert_int_equal(cfi.entries.len, 1);
	assert_false(cfi_find(&cfi, PC - 1, &row));
	assert_false(cfi_find(&cfi, PC + 64, &row));

	assert_true(cfi_find(&cfi, PC, &row));
	assert_int_equal(row.start, PC);
	assert_int_equal(row.end, PC + 64);
	assert_int_equal(row.return_column, RA);
	assert_false(row.is_signal);
	assert_int_equal(row.cfa.reg, RSP);
	assert_rule(&row.cfa, CFI_REGISTER, 8);
	assert_rule(&row.regs[RA], CFI_OFFSET, -8);
	assert_rule(&row.regs[RBX], CFI_UNSPECIFIED, 0);
	assert_true(cfi_find(&cfi, PC + 4, &row));
	assert_rule(&row.cfa, CFI_REGISTER, 16);
	assert_rule(&row.regs[RBX], CFI_OFFSET, -16);
	assert_true(cfi_find(&cfi, PC + 5, &row));
	assert_rule(&row.cfa, CFI_REGISTER, 48);
	assert_true(cfi_find(&cfi, PC + 21, &row));
	assert_rule(&row.cfa, CFI_REGISTER, 8);
	assert_rule(&row.regs[RBX], CFI_UNSPECIFIED, 0);
	assert_true(cfi_find(&cfi, PC + 22, &row));
	assert_rule(&row.cfa, CFI_REGISTER, 48);
	assert_rule(&row.regs[RBX], CFI_OFFSET, -16);

	assert_true(cfi_find(&cfi, PC + 63, &row));
	assert_int_equal(row.cfa.kind, CFI_VALUE_EXPRESSION);
	assert_int_equal(row.cfa.expr.size, 3);
	assert_memory_equal(row.cfa.expr.start, "\x77\x08\x06", 3);
	assert_int_equal(row.regs[RA].kind, CFI_UNDEFINED);
	assert_int_equal(row.regs[RBX].kind, CFI_REGISTER);
	assert_int_equal(row.regs[RBX].reg, 12);
	assert_int_equal(row.regs[RBP].kind, CFI_EXPRESSION);
	assert_memory_equal(row.regs[RBP].expr.start, "\x70\x18", 2);
	assert_int_equal(row.regs[12].kind, CFI_VALUE_EXPRESSION);
	assert_rule(&row.regs[13], CFI_VALUE, -16);
	cfi_free(&cfi);
}

static void signal_frames_are_told_apart(void **state)
{
	struct writer w = { .n = 0 };
	struct cfi_row row;
	struct cfi cfi;

	(void)state;
	(void)put_cie(&w, "zR");
	put_fde(&w, put_cie(&w, "zRS"), 9, "", 0);
	build(&w, &cfi);
	assert_true(cfi_find(&cfi, PC + 3, &row));
	assert_true(row.is_signal);
	cfi_free(&cfi);
}

/* 64-bit lengths, version 4, absolute addresses; one function was dropped. */
static void debug_frame_is_read_too(void **state)
{
	static const struct { uint64_t start, size; } f[] = {
		{ 0x9000, 16 }, { 0, 32 }, { PC, 64 },
	};
	struct writer w = { .n = 0 };
	const uint64_t wide_id = UINT64_MAX, cie = 0;
	struct err err = {0};
	struct cfi_row row;
	struct cfi cfi;
	uint64_t length = 8 + 14;

	(void)state;
	put_u32(&w, UINT32_MAX);
	put(&w, &length, 8);
	put(&w, &wide_id, 8);
	put(&w, "\4\0\x08\0\x01\x78\x10\x0c\x07\x08\x90\x01\0\0", 14);
	for (size_t i = 0; i < 3; i++) {
		length = 8 + 16 + 4;
		put_u32(&w, UINT32_MAX);
		put(&w, &length, 8);
		put(&w, &cie, 8);
		put(&w, &f[i].start, 8);
		put(&w, &f[i].size, 8);
		put(&w, "\x44\x0e\x20\0", 4);
	}
	assert_true(cfi_build(bytes_of(w.at, w.n), 0, false, &cfi, &err));
	assert_int_equal(cfi.entries.len, 2);
	assert_true(cfi_find(&cfi, PC + 4, &row));
	assert_rule(&row.cfa, CFI_REGISTER, 32);
	assert_true(cfi_find(&cfi, 0x9000, &row));
	assert_rule(&row.cfa, CFI_REGISTER, 8);
	assert_false(cfi_find(&cfi, 1, &row));
	cfi_free(&cfi);
}

/* This program. */
struct own {
	struct elf_file *elf;
	struct bytes section;
	uint64_t addr;
	VEC(uint64_t) functions;
};

static void take_function(void *ctx, const struct elf_symbol *s)
{
	struct own *o = ctx;

	/* _start has no caller, and cold parts are jumped to. */
	if (s->type == STT_FUNC && s->size > 0 && s->name[0] != '_' &&
	    !strstr(s->name, ".cold"))
		assert_true(vec_push(&o->functions, s->value));
}

static void open_own(struct own *o)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct err err = {0};
	size_t i;

	*o = (struct own){ .addr = 0 };
	assert_true(elf_file_open(fd, &o->elf, &err));
	close(fd);
	i = elf_file_find(o->elf, ".eh_frame");
	assert_int_not_equal(i, 0);
	assert_true(elf_file_data(o->elf, i, &o->section, &err));
	o->addr = elf_file_section(o->elf, i)->addr;
}

/* At its first instruction a function has nothing but its return address on
 * the stack (System V ABI, x86-64, 3.2.2). */
static void functions_begin_as_the_abi_says(void **state)
{
	struct err err = {0};
	struct cfi_row row;
	struct own o;
	struct cfi cfi;

	(void)state;
	open_own(&o);
	elf_file_symbols(o.elf, false, take_function, &o);
	assert_true(o.functions.len > 100);
	assert_true(cfi_build(o.section, o.addr, true, &cfi, &err));
	for (size_t i = 0; i < o.functions.len; i++) {
		if (!cfi_find(&cfi, o.functions.at[i], &row))
			fail_msg("no row at %#llx",
				 (unsigned long long)o.functions.at[i]);
		assert_int_equal(row.cfa.reg, RSP);
		assert_rule(&row.cfa, CFI_REGISTER, 8);
		assert_rule(&row.regs[RA], CFI_OFFSET, -8);
	}
	cfi_free(&cfi);
	vec_free(&o.functions);
	elf_file_close(o.elf);
}

/* Look for a row of each entry: libdwarf may not survive that. */
static bool find_all(void *ctx, struct worker *worker)
{
	struct cfi *cfi = ctx;
	struct cfi_row row;

	for (size_t i = 0; i < cfi->entries.len; i++)
		(void)cfi_find(cfi, cfi->entries.at[i].start + 1, &row);
	return worker_answer(worker, "done", 4);
}

static void damaged_sections_cost_rows_and_no_more(void **state)
{
	const struct worker_limits limits = { .ms = 20000, .gib = 8 };
	struct err err = {0};
	struct bytes answer;
	int survived = 0;
	struct own o;
	struct cfi cfi;
	uint8_t *copy;

	(void)state;
	open_own(&o);
	srand((unsigned)rng_seed());
	copy = malloc(o.section.size);
	assert_non_null(copy);
	for (int i = 0; i < 100; i++) {
		memcpy(copy, o.section.start, o.section.size);
		for (int k = 0; k < 1 + i % 50; k++)
			copy[(size_t)rand() % o.section.size] = (uint8_t)rand();
		assert_true(cfi_build(bytes_of(copy, o.section.size), o.addr,
				      true, &cfi, &err));
		for (size_t k = 1; k < cfi.entries.len; k++)
			assert_true(cfi.entries.at[k - 1].start <=
				    cfi.entries.at[k].start);
		if (i % 10 == 0 &&
		    worker_run(find_all, &cfi, &limits, &answer, &err)) {
			worker_free(&answer);
			survived++;
		}
		err_clear(&err);
		cfi_free(&cfi);
	}
	printf("libdwarf survived %d of 10\n", survived);
	free(copy);
	elf_file_close(o.elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_those_of_the_instructions),
		cmocka_unit_test(signal_frames_are_told_apart),
		cmocka_unit_test(debug_frame_is_read_too),
		cmocka_unit_test(functions_begin_as_the_abi_says),
		cmocka_unit_test(damaged_sections_cost_rows_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
