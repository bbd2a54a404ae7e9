/* SPDX-License-Identifier: MIT */
/*
 * What siginfo_t says of a crash. What a kernel writes there is
 * tests/sys_run.py's part.
 */
#include "analyze/fatal_signal.h"

#include <signal.h>
#include <stdio.h>

#include "tests/aid_cmocka.h"

struct crash {
	struct image image;
	uint8_t siginfo[128];
};

/* One mapping at 0x10000, two threads; the second died. */
static void make_crash(int signal, int code, uint64_t addr, struct crash *ret)
{
	struct mapping mapping = {
		.start = 0x10000, .end = 0x12000, .path = "/srv/index",
		.perms = PERM_READ,
	};
	siginfo_t info = { .si_signo = signal, .si_code = code };
	struct thread dead = {
		.tid = 2, .name = "", .signal = signal,
		.siginfo = ret->siginfo, .siginfo_size = sizeof(ret->siginfo),
	};
	struct thread other = { .tid = 1, .name = "", .signal = SIGSTOP };

	*ret = (struct crash){ .image.meta.signal = signal };
	info.si_addr = (void *)(uintptr_t)addr;
	memcpy(ret->siginfo, &info, sizeof(info));
	assert_true(vec_push(&ret->image.mappings, mapping));
	assert_true(vec_push(&ret->image.threads, other));
	assert_true(vec_push(&ret->image.threads, dead));
}

static void crash_free(struct crash *crash)
{
	vec_free(&crash->image.mappings);
	vec_free(&crash->image.threads);
}

static void check(int signal, int code, uint64_t addr, const char *want)
{
	char text[FATAL_SIGNAL_MAX];
	struct crash crash;

	make_crash(signal, code, addr, &crash);
	assert_string_equal(fatal_signal_text(&crash.image, text), want);
	crash_free(&crash);
}

static void an_address_is_shown_with_what_lies_there(void **state)
{
	(void)state;
	check(SIGSEGV, SEGV_MAPERR, 0x10,
	      "SIGSEGV at address 0x10 (unmapped)");
	check(SIGSEGV, SEGV_MAPERR, 0, "SIGSEGV at address 0x0 (unmapped)");
	check(SIGSEGV, SEGV_ACCERR, 0x10008,
	      "SIGSEGV at address 0x10008 (in /srv/index, r--)");
	check(SIGBUS, BUS_ADRERR, 0x11000,
	      "SIGBUS at address 0x11000 (in /srv/index, r--)");
	check(SIGBUS, BUS_ADRERR, 0x12000,
	      "SIGBUS at address 0x12000 (not accessible)");
}

/* kill(), a general protection fault, signals that are about no address. */
static void without_an_address_the_name_stands_alone(void **state)
{
	char text[FATAL_SIGNAL_MAX];
	struct image alive = {0};

	(void)state;
	check(SIGSEGV, SI_USER, 0x3e8, "SIGSEGV");
	check(SIGSEGV, SI_TKILL, 0x3e8, "SIGSEGV");
	check(SIGSEGV, SI_KERNEL, 0, "SIGSEGV");
	check(SIGABRT, SI_TKILL, 0x3e8, "SIGABRT");
	check(SIGFPE, FPE_INTDIV, 0x10000, "SIGFPE");
	assert_null(fatal_signal_text(&alive, text));
}

/* The address was no pointer, and so was zeroed. */
static void a_capture_of_pointers_alone_claims_no_null_pointer(void **state)
{
	struct crash crash;
	uint64_t addr;

	(void)state;
	make_crash(SIGSEGV, SEGV_MAPERR, 0, &crash);
	assert_true(fault_address(&crash.image, &addr));
	crash.image.meta.pointers_only = true;
	assert_false(fault_address(&crash.image, &addr));
	crash_free(&crash);
	make_crash(SIGSEGV, SEGV_ACCERR, 0x10008, &crash);
	crash.image.meta.pointers_only = true;
	assert_true(fault_address(&crash.image, &addr));
	assert_int_equal(addr, 0x10008);
	crash_free(&crash);
}

static void a_note_cut_short_says_nothing(void **state)
{
	char text[FATAL_SIGNAL_MAX];
	struct crash crash;

	(void)state;
	make_crash(SIGSEGV, SEGV_MAPERR, 0x10, &crash);
	crash.image.threads.at[1].siginfo_size = 23;
	assert_string_equal(fatal_signal_text(&crash.image, text), "SIGSEGV");
	crash_free(&crash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_shown_with_what_lies_there),
		cmocka_unit_test(without_an_address_the_name_stands_alone),
		cmocka_unit_test(
			a_capture_of_pointers_alone_claims_no_null_pointer),
		cmocka_unit_test(a_note_cut_short_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
