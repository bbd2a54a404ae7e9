/* SPDX-License-Identifier: MIT */
#include "tests/vterm_pty.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

enum { PATIENCE_MS = 600000 };

static void die(const char *what)
{
	fprintf(stderr, "pty: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int on_property(VTermProp prop, VTermValue *value, void *ctx)
{
	struct pty *p = ctx;

	if (prop == VTERM_PROP_ALTSCREEN)
		p->alternate = value->boolean;
	if (prop == VTERM_PROP_CURSORVISIBLE)
		p->cursor = value->boolean;
	return 1;
}

static void count_marks(struct pty *p, const char *bytes, size_t n)
{
	static const char mark[] = "\033]777;idle\a";

	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == mark[p->matched])
			p->matched++;
		else
			p->matched = bytes[i] == mark[0];
		if (p->matched == sizeof(mark) - 1) {
			p->matched = 0;
			p->marks++;
		}
	}
}

static void keep(struct pty *p, const char *bytes, size_t n)
{
	if (p->n_log + n + 1 > p->log_cap) {
		p->log_cap = (p->n_log + n + 1) * 2;
		p->log = realloc(p->log, p->log_cap);
		if (!p->log)
			die("memory");
	}
	memcpy(p->log + p->n_log, bytes, n);
	p->n_log += n;
	p->log[p->n_log] = '\0';
}

/* The screen, and the end of what was written, with its escapes. */
static void give_up(struct pty *p, const char *why)
{
	size_t from = p->n_log > 400 ? p->n_log - 400 : 0;

	fprintf(stderr, "pty: %s; the screen:\n%s\nwritten at last:\n", why,
		pty_text(p));
	for (size_t i = from; i < p->n_log; i++) {
		if (p->log[i] == '\033')
			fputs("<ESC>", stderr);
		else
			fputc(p->log[i], stderr);
	}
	fputc('\n', stderr);
	exit(1);
}

/* Take what the program writes next; false when it has ended. */
static bool take(struct pty *p)
{
	struct pollfd in = { .fd = p->master, .events = POLLIN };
	char bytes[4096];
	ssize_t n;
	int ready = poll(&in, 1, PATIENCE_MS);

	if (ready == 0) {
		give_up(p, "nothing came");
	}
	n = ready < 0 ? -1 : read(p->master, bytes, sizeof(bytes));
	if (n < 0 && errno == EINTR)
		return true;
	/* Linux says EIO when the last program has closed its side. */
	if (n <= 0) {
		p->ended = true;
		return false;
	}
	keep(p, bytes, (size_t)n);
	vterm_input_write(p->vterm, bytes, (size_t)n);
	count_marks(p, bytes, (size_t)n);
	return true;
}

static void wait_marks(struct pty *p, unsigned marks)
{
	while (p->marks < marks) {
		if (!take(p))
			give_up(p, "the program ended");
	}
}

/*
 * A shell of one job: gives it the terminal, says when it was stopped, and
 * continues it when a line comes.
 */
static int shell(const struct pty_spec *spec)
{
	pid_t job = fork();
	int status;
	char c;

	if (job == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(STDIN_FILENO, getpgrp());
		signal(SIGTTOU, SIG_DFL);
		_exit(spec->run(spec->ctx));
	}
	signal(SIGTTOU, SIG_IGN);
	for (;;) {
		if (waitpid(job, &status, WUNTRACED) < 0)
			return 1;
		tcsetpgrp(STDIN_FILENO, getpgrp());
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		if (write(STDOUT_FILENO, "STOPPED", 7) != 7)
			return 1;
		while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
			;
		tcsetpgrp(STDIN_FILENO, job);
		kill(-job, SIGCONT);
	}
}

static void child(const struct pty_spec *spec)
{
	setenv("TERM", spec->term, 1);
	setenv("LC_ALL", spec->locale, 1);
	setenv("HOLDFAST_MARK_IDLE", "1", 1);
	unsetenv("NO_COLOR");
	unsetenv("LINES");
	unsetenv("COLUMNS");
	if (spec->no_color)
		setenv("NO_COLOR", spec->no_color, 1);
	/* Whoever runs the tests may ignore signals; terminals do not. */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGHUP, spec->ignore_hangup ? SIG_IGN : SIG_DFL);
	_exit(spec->job ? shell(spec) : spec->run(spec->ctx));
}

void pty_start(struct pty *p, const struct pty_spec *spec)
{
	static const VTermScreenCallbacks callbacks = {
		.settermprop = on_property,
	};
	struct winsize size = {
		.ws_row = (unsigned short)spec->rows,
		.ws_col = (unsigned short)spec->cols,
	};

	int slave;

	*p = (struct pty){ .cursor = true };
	fflush(NULL);
	if (openpty(&p->master, &slave, NULL, NULL, &size) < 0 ||
	    tcgetattr(slave, &p->before) < 0)
		die("openpty");
	p->child = fork();
	if (p->child < 0)
		die("fork");
	if (p->child == 0) {
		close(p->master);
		if (login_tty(slave) < 0)
			_exit(1);
		child(spec);
	}
	close(slave);
	p->vterm = vterm_new(spec->rows, spec->cols);
	if (!p->vterm)
		die("vterm_new");
	vterm_set_utf8(p->vterm, 1);
	p->screen = vterm_obtain_screen(p->vterm);
	vterm_screen_set_callbacks(p->screen, &callbacks, p);
	vterm_screen_enable_altscreen(p->screen, 1);
	vterm_screen_reset(p->screen, 1);
	wait_marks(p, 1);
}

void pty_send(struct pty *p, const char *bytes, unsigned n)
{
	unsigned marks = p->marks + n;

	if (write(p->master, bytes, strlen(bytes)) != (ssize_t)strlen(bytes))
		die("write");
	wait_marks(p, marks);
}

void pty_resize(struct pty *p, int rows, int cols)
{
	struct winsize size = {
		.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols,
	};

	vterm_set_size(p->vterm, rows, cols);
	if (ioctl(p->master, TIOCSWINSZ, &size) < 0)
		die("TIOCSWINSZ");
}

static void put(FILE *out, uint32_t c)
{
	if (c < 0x80) {
		fputc((int)c, out);
	} else if (c < 0x800) {
		fputc((int)(0xc0 | c >> 6), out);
		fputc((int)(0x80 | (c & 0x3f)), out);
	} else {
		fputc((int)(0xe0 | c >> 12), out);
		fputc((int)(0x80 | (c >> 6 & 0x3f)), out);
		fputc((int)(0x80 | (c & 0x3f)), out);
	}
}

static bool is_blank(const VTermScreenCell *cell)
{
	return cell->chars[0] == 0 || (cell->chars[0] == ' ' &&
				       cell->chars[1] == 0);
}

static void put_row(struct pty *p, FILE *out, int row, int cols)
{
	VTermScreenCell cell;
	int end = 0;

	for (int col = 0; col < cols; col++) {
		vterm_screen_get_cell(p->screen, (VTermPos){ row, col }, &cell);
		if (!is_blank(&cell))
			end = col + 1;
	}
	for (int col = 0; col < end; col++) {
		vterm_screen_get_cell(p->screen, (VTermPos){ row, col }, &cell);
		if (cell.chars[0] == (uint32_t)-1)	/* behind a wide one */
			continue;
		if (cell.chars[0] == 0)
			fputc(' ', out);
		for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL &&
		     cell.chars[i]; i++)
			put(out, cell.chars[i]);
	}
	fputc('\n', out);
}

char *pty_text(struct pty *p)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int rows, cols;

	if (!out)
		die("memory");
	vterm_get_size(p->vterm, &rows, &cols);
	for (int row = 0; row < rows; row++)
		put_row(p, out, row, cols);
	fclose(out);
	return text;
}

void pty_expect(struct pty *p, const char *text)
{
	for (;;) {
		char *now = pty_text(p);
		bool same = !strcmp(now, text);

		if (!same && p->ended)
			give_up(p, "the program ended");
		free(now);
		if (same)
			return;
		take(p);
	}
}

void pty_expect_bytes(struct pty *p, const char *text, size_t from)
{
	while (!strstr(p->log + from, text)) {
		if (!take(p))
			give_up(p, "the program ended");
	}
}

void pty_resume(struct pty *p)
{
	pty_send(p, "\n", 1);
}

int pty_wait(struct pty *p)
{
	int status;

	while (!p->ended && take(p))
		;
	while (waitpid(p->child, &status, 0) < 0) {
		if (errno != EINTR)
			die("waitpid");
	}
	return status;
}

bool pty_is_restored(struct pty *p)
{
	struct termios now;

	/* The master answers for the terminal, even when nobody has it open. */
	if (tcgetattr(p->master, &now) < 0)
		die("tcgetattr");
	return now.c_iflag == p->before.c_iflag &&
	       now.c_oflag == p->before.c_oflag &&
	       now.c_lflag == p->before.c_lflag && p->cursor && !p->alternate;
}

void pty_free(struct pty *p)
{
	vterm_free(p->vterm);
	close(p->master);
	free(p->log);
}
