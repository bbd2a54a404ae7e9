/* SPDX-License-Identifier: MIT */
/* The browser in a terminal: what is drawn, resizing, and every way to end. */
#include <locale.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/aid_cmocka.h"
#include "tests/aid_tui_heap.h"
#include "tests/vterm_pty.h"
#include "tui/browser.h"
#include "tui/run.h"

static struct facts facts;

static int browse(void *ctx)
{
	struct err err = {0};

	setlocale(LC_CTYPE, "");
	if (tui_run(ctx, "chat.core.zst", NULL, &err))
		return 0;
	return 2;
}

static struct pty_spec spec_of(int rows, int cols)
{
	return (struct pty_spec){
		.rows = rows, .cols = cols, .term = "screen-256color",
		.locale = "C.UTF-8", .run = browse, .ctx = &facts,
	};
}

static int key_of(const char *bytes)
{
	static const struct { const char *bytes; int key; } special[] = {
		{ "\r", VKEY_ENTER }, { "\033", VKEY_ESCAPE },
		{ "\177", VKEY_BACKSPACE }, { "\033OA", VKEY_UP },
		{ "\033OB", VKEY_DOWN }, { "\033OC", VKEY_RIGHT },
		{ "\033OD", VKEY_LEFT }, { "\033[5~", VKEY_PGUP },
		{ "\033[6~", VKEY_PGDN }, { "\033[1~", VKEY_HOME },
		{ "\033[4~", VKEY_END }, { "\033[Z", VKEY_BACKTAB },
		{ "\xe6\xbc\xa2", 0x6f22 },
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (!strcmp(bytes, special[i].bytes))
			return special[i].key;
	}
	assert_int_equal(strlen(bytes), 1);
	return bytes[0];
}

/* What the same keys lead to without any terminal. Caller frees it. */
static char *without_terminal(const char *const *keys, size_t n, int rows,
			      int cols, enum human_charset charset)
{
	struct err err = {0};
	struct browser b;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_true(browser_open(&facts, "chat.core.zst", charset, &b, &err));
	assert_true(screen_resize(&b.screen, rows, cols));
	browser_draw(&b);
	for (size_t i = 0; i < n; i++) {
		browser_key(&b, key_of(keys[i]));
		browser_draw(&b);
	}
	screen_dump(&b.screen, out);
	fclose(out);
	browser_close(&b);
	return text;
}

static void expect_same(struct pty *p, const char *const *keys, size_t n,
			int rows, int cols, enum human_charset charset)
{
	char *want = without_terminal(keys, n, rows, cols, charset);
	char *got = pty_text(p);

	assert_string_equal(got, want);
	free(got);
	free(want);
}

static void end(struct pty *p)
{
	int status;

	assert_int_equal(write(p->master, "Q", 1), 1);
	status = pty_wait(p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(pty_is_restored(p));
	pty_free(p);
}

/* Through every view and every kind of key. */
static const char *const tour[] = {
	"2", "j", "\033OB", "B", "B", "T", "/", "S", "e", "s", "\r", "\r", "j",
	"\r", "x", "q", "r", "+", "*", "G", "\033[5~", "\033OA", "p", "\033",
	"d", "-", "+", "h", "t", "R", "m", "M", "q", "w", "\177", "4", "\r",
	"[", "]", "3", "\033OC", "\033OB", "\033OD", "&", "c", "h", "\xe6\xbc\xa2",
	"\177", "\r", "6", "*", "7", "\r", "\r", "8", "u", "\t", "\033[Z", "?",
	"\033[4~", "\033[1~", "\033[6~", ":", "l", "o", "b", "b", "y", "\r",
	"5", "1", "\014",
};

enum { TOUR = sizeof(tour) / sizeof(tour[0]) };

static void shows_what_the_grid_holds(void **state)
{
	struct pty_spec spec = spec_of(24, 80);
	struct pty p;

	(void)state;
	pty_start(&p, &spec);
	for (size_t i = 0; i < TOUR; i++) {
		expect_same(&p, tour, i, 24, 80, HUMAN_UTF8);
		pty_send(&p, tour[i], 1);
	}
	expect_same(&p, tour, TOUR, 24, 80, HUMAN_UTF8);
	end(&p);
}

static void knows_small_and_large_terminals(void **state)
{
	static const struct { int rows, cols; } sizes[] = {
		{ 5, 20 }, { 40, 120 }, { 100, 300 }, { 2, 3 },
	};
	struct pty p;

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		int rows = sizes[s].rows, cols = sizes[s].cols;
		struct pty_spec spec = spec_of(rows, cols);

		pty_start(&p, &spec);
		for (size_t i = 0; i < TOUR; i += 4) {
			for (size_t k = i; k < i + 4 && k < TOUR; k++)
				pty_send(&p, tour[k], 1);
			expect_same(&p, tour, i + 4 < TOUR ? i + 4 : TOUR, rows,
				    cols, HUMAN_UTF8);
		}
		end(&p);
	}
}

static void shows_ascii_in_the_c_locale(void **state)
{
	struct pty_spec spec = spec_of(24, 80);
	static const char *const keys[] = { "3", "+", "7", "j", "\r", "\r" };
	struct pty p;

	(void)state;
	spec.locale = "C";
	pty_start(&p, &spec);
	for (size_t i = 0; i < 6; i++)
		pty_send(&p, keys[i], 1);
	expect_same(&p, keys, 6, 24, 80, HUMAN_ASCII);
	for (size_t i = 0; i < p.n_log; i++)
		assert_true((unsigned char)p.log[i] < 0x80);
	end(&p);
}

/* Colours of the ground: 40-47, 48;5;n, 100-107 in an SGR sequence. */
static bool sets_color(const char *log, bool ground)
{
	const char *p = log;

	while ((p = strstr(p, "\033[")) != NULL) {
		p += 2;
		while (*p && strchr("0123456789;", *p)) {
			long n = strtol(p, (char **)&p, 10);

			if (ground ? (n >= 40 && n <= 48) || n >= 100 :
				     n >= 30 && n <= 38)
				return true;
			while (n == 38 && *p == ';')
				strtol(p + 1, (char **)&p, 10);
			if (*p == ';')
				p++;
		}
	}
	return false;
}

/* Cursor addresses look like colours: keep SGR only. */
static char *only_sgr(const char *log)
{
	char *text = calloc(1, strlen(log) + 1), *to = text;

	assert_non_null(text);
	for (const char *p = log; (p = strstr(p, "\033[")) != NULL; p += 2) {
		size_t n = strspn(p + 2, "0123456789;");

		if (p[2 + n] == 'm') {
			memcpy(to, p, n + 3);
			to += n + 3;
		}
	}
	return text;
}

static bool colors(const char *term, const char *no_color, bool ground)
{
	static const char *const keys[] = { "2", "3", "+", "4", "\r", "\r" };
	struct pty_spec spec = spec_of(24, 80);
	struct pty p;
	char *sgr;
	bool any;

	spec.term = term;
	spec.no_color = no_color;
	pty_start(&p, &spec);
	for (size_t i = 0; i < 6; i++)
		pty_send(&p, keys[i], 1);
	sgr = only_sgr(p.log);
	any = sets_color(sgr, ground);
	free(sgr);
	end(&p);
	return any;
}

static void uses_colors_where_it_may_and_never_the_ground(void **state)
{
	(void)state;
	assert_true(colors("screen-256color", NULL, false));
	assert_true(colors("screen-256color", "", false));
	assert_true(colors("screen", NULL, false));
	assert_false(colors("screen-256color", "1", false));
	assert_false(colors("vt220", NULL, false));
	assert_false(colors("screen-256color", NULL, true));
	assert_false(colors("screen", NULL, true));
}

static void follows_every_change_of_size(void **state)
{
	struct pty_spec spec = spec_of(24, 80);
	static const char *const keys[] = { "2" };
	uint64_t seed = rng_seed();
	struct pty p;

	(void)state;
	pty_start(&p, &spec);
	pty_send(&p, "2", 1);
	for (int i = 0; i < 30; i++) {
		int rows = 3 + (int)rng_below(&seed, 60);
		int cols = 10 + (int)rng_below(&seed, 150);
		char *want = without_terminal(keys, 1, rows, cols, HUMAN_UTF8);

		/* Some come while others are still being drawn. */
		for (uint64_t k = rng_below(&seed, 4); k > 0; k--)
			pty_resize(&p, 5 + (int)rng_below(&seed, 40),
				   20 + (int)rng_below(&seed, 100));
		pty_resize(&p, rows, cols);
		pty_expect(&p, want);
		free(want);
	}
	end(&p);
}

static void gives_the_terminal_back_at_every_signal(void **state)
{
	static const int signals[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE,
		SIGILL, SIGABRT,
	};
	struct pty_spec spec = spec_of(24, 80);

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct pty p;
		int status;

		pty_start(&p, &spec);
		pty_send(&p, "3", 1);
		assert_false(pty_is_restored(&p));
		kill(p.child, signals[i]);
		status = pty_wait(&p);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_true(pty_is_restored(&p));
		pty_free(&p);
	}
}

static void ends_at_the_keys_that_say_so(void **state)
{
	static const char *const ways[] = { "Q", "q", "2qq", "2\rQ" };
	struct pty_spec spec = spec_of(24, 80);
	struct pty p;
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pty_start(&p, &spec);
		assert_true(write(p.master, ways[i], strlen(ways[i])) > 0);
		status = pty_wait(&p);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		assert_true(pty_is_restored(&p));
		pty_free(&p);
	}
	pty_start(&p, &spec);
	assert_int_equal(write(p.master, "\003", 1), 1);
	status = pty_wait(&p);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	assert_true(pty_is_restored(&p));
	pty_free(&p);
}

static void ends_when_the_terminal_is_gone(void **state)
{
	struct pty_spec spec = spec_of(24, 80);
	struct pty p;
	int status;

	(void)state;
	for (int ignored = 0; ignored < 2; ignored++) {
		spec.ignore_hangup = ignored;
		pty_start(&p, &spec);
		close(p.master);
		assert_int_equal(waitpid(p.child, &status, 0), p.child);
		if (ignored)
			assert_true(WIFEXITED(status) &&
				    WEXITSTATUS(status) == 2);
		else
			assert_true(WIFSIGNALED(status) &&
				    WTERMSIG(status) == SIGHUP);
		p.master = -1;
		pty_free(&p);
	}
}

static void stops_and_goes_on(void **state)
{
	struct pty_spec spec = spec_of(24, 80);
	static const char *const keys[] = { "2", "j" };
	struct pty p;
	size_t from;
	int status;

	(void)state;
	spec.job = true;
	pty_start(&p, &spec);
	pty_send(&p, "2", 1);
	for (int i = 0; i < 3; i++) {
		from = p.n_log;
		assert_int_equal(write(p.master, "\032", 1), 1);
		pty_expect_bytes(&p, "STOPPED", from);
		assert_true(pty_is_restored(&p));
		pty_resume(&p);
		expect_same(&p, keys, i ? 2 : 1, 24, 80, HUMAN_UTF8);
		assert_true(p.alternate);
		if (i == 0)
			pty_send(&p, "j", 1);
	}
	assert_int_equal(write(p.master, "Q", 1), 1);
	status = pty_wait(&p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(pty_is_restored(&p));
	pty_free(&p);
}

static void says_when_the_terminal_is_of_no_use(void **state)
{
	struct pty_spec spec = spec_of(24, 80);
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		/* Standard input is no terminal. */
		if (!freopen("/dev/null", "r", stdin))
			_exit(1);
		setenv("TERM", "screen-256color", 1);
		_exit(spec.run(spec.ctx));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_the_grid_holds),
		cmocka_unit_test(knows_small_and_large_terminals),
		cmocka_unit_test(shows_ascii_in_the_c_locale),
		cmocka_unit_test(uses_colors_where_it_may_and_never_the_ground),
		cmocka_unit_test(follows_every_change_of_size),
		cmocka_unit_test(gives_the_terminal_back_at_every_signal),
		cmocka_unit_test(ends_at_the_keys_that_say_so),
		cmocka_unit_test(ends_when_the_terminal_is_gone),
		cmocka_unit_test(stops_and_goes_on),
		cmocka_unit_test(says_when_the_terminal_is_of_no_use),
	};
	int status;

	setlocale(LC_CTYPE, "C.UTF-8");
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	tui_heap_make(&facts);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	tui_heap_free(&facts);
	return status;
}
