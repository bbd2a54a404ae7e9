/* SPDX-License-Identifier: MIT */
#include "tui/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The real cchar_t functions, whatever else was defined before. */
#define NCURSES_WIDECHAR 1
#include <ncurses.h>
#include <term.h>

#include "base/progress.h"
#include "tui/keymap.h"
#include "tui/terminfo_carried.h"

enum { ESCAPE_MS = 25 };

static struct {
	bool open;
	SCREEN *curses;
	struct termios before;
	/* What a signal handler writes: it may not ask terminfo. */
	char restore[256];
	size_t n_restore;
	volatile sig_atomic_t busy, suspend;
	bool mark_idle;
	attr_t attributes[N_STYLES];
	short pairs[N_STYLES];
	int rows, cols;		/* as last reported */
} term;

static const int fatal_signals[] = {
	SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
	SIGABRT,
};

enum { N_FATAL = sizeof(fatal_signals) / sizeof(fatal_signals[0]) };

static struct sigaction old_actions[N_FATAL];

/* Only calls that are safe in a signal handler. */
static void give_back(void)
{
	if (write(STDOUT_FILENO, term.restore, term.n_restore) < 0)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
}

static void on_fatal(int sig)
{
	if (sig == SIGINT && term.busy) {
		progress_cancel();
		return;
	}
	give_back();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void on_suspend(int sig)
{
	(void)sig;
	term.suspend = 1;
}

/*
 * Ctrl-Z is dealt with between two keys: the handler that curses has of its
 * own draws from inside the signal, whatever was being drawn just then.
 */
static void suspend(void)
{
	struct sigaction stop = { .sa_handler = SIG_DFL }, old;

	term.suspend = 0;
	endwin();
	sigemptyset(&stop.sa_mask);
	sigaction(SIGTSTP, &stop, &old);
	raise(SIGTSTP);
	/* Stopped here, until somebody continues us. */
	sigaction(SIGTSTP, &old, NULL);
	clearok(stdscr, TRUE);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_fatal };
	struct sigaction stop = { .sa_handler = on_suspend }, old;

	sigemptyset(&action.sa_mask);
	sigemptyset(&stop.sa_mask);
	/* Without job control nobody could continue us. */
	if (sigaction(SIGTSTP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGTSTP, &stop, NULL);
	for (int i = 0; i < N_FATAL; i++) {
		sigaction(fatal_signals[i], NULL, &old_actions[i]);
		/* One who started us with nohup means it. */
		if (old_actions[i].sa_handler != SIG_IGN ||
		    fatal_signals[i] != SIGHUP)
			sigaction(fatal_signals[i], &action, NULL);
	}
}

static void remember(const char *name)
{
	const char *text = tigetstr(name);
	size_t n;

	/* (char *)-1: the terminal has no such thing */
	if (!text || text == (const char *)-1)
		return;
	n = strlen(text);
	if (n > sizeof(term.restore) - term.n_restore)
		return;
	memcpy(term.restore + term.n_restore, text, n);
	term.n_restore += n;
}

/*
 * Colours that can be read on light and on dark ground; the ground itself
 * stays the terminal's own. With 8 colours those between the extremes.
 */
static const struct {
	short rich, poor;	/* of 256, of 8; -1 is the default */
	attr_t attributes, plain;	/* with colour, without */
} looks[N_STYLES] = {
	[STYLE_NORMAL] = { -1, -1, A_NORMAL, A_NORMAL },
	[STYLE_TITLE] = { -1, -1, A_REVERSE, A_REVERSE },
	[STYLE_HEADER] = { -1, -1, A_BOLD, A_BOLD },
	[STYLE_SELECTED] = { -1, -1, A_REVERSE | A_BOLD, A_REVERSE | A_BOLD },
	[STYLE_ADDRESS] = { 31, COLOR_CYAN, A_NORMAL, A_NORMAL },
	[STYLE_TYPE] = { 64, COLOR_GREEN, A_NORMAL, A_NORMAL },
	[STYLE_SIZE] = { -1, -1, A_NORMAL, A_NORMAL },
	[STYLE_LEAK] = { 160, COLOR_RED, A_NORMAL, A_BOLD },
	[STYLE_KEY] = { -1, -1, A_BOLD | A_UNDERLINE, A_BOLD | A_UNDERLINE },
	[STYLE_ERROR] = { 160, COLOR_RED, A_BOLD, A_BOLD },
	[STYLE_DIM] = { 244, -1, A_NORMAL, A_NORMAL },
};

static void choose_looks(void)
{
	const char *no_color = getenv("NO_COLOR");
	bool color = !(no_color && no_color[0]) && has_colors() &&
		     start_color() != ERR && use_default_colors() != ERR;

	for (short i = 0; i < N_STYLES; i++) {
		short ink = COLORS >= 256 ? looks[i].rich : looks[i].poor;

		term.attributes[i] = color ? looks[i].attributes :
					     looks[i].plain;
		term.pairs[i] = 0;
		if (!color || ink < 0 || i + 1 >= COLOR_PAIRS)
			continue;
		init_pair((short)(i + 1), ink, -1);
		term.pairs[i] = (short)(i + 1);
	}
}

/*
 * A terminal that sends a signal for Ctrl-C or Ctrl-Z then throws away what
 * was written meanwhile (Linux, n_tty.c, isig()): what we write to give the
 * terminal back could be lost.
 */
static void keep_output(void)
{
	struct termios now;

	if (tcgetattr(STDIN_FILENO, &now) < 0)
		return;
	now.c_lflag |= NOFLSH;
	tcsetattr(STDIN_FILENO, TCSANOW, &now);
	def_prog_mode();
}

static bool is_addressable(void)
{
	const char *cup = tigetstr("cup");

	return cup && cup != (const char *)-1;
}

/* By the machine's description of the terminal or, without one, by ours. */
static SCREEN *open_curses(void)
{
	SCREEN *curses = newterm(NULL, stdout, stdin);
	const char *name = getenv("TERM");
	const char *entry = name ? terminfo_carried(name) : NULL;

	if (curses || !entry || setenv("TERMINFO", entry, true) != 0)
		return curses;
	return newterm(NULL, stdout, stdin);
}

bool terminal_open(struct err *err)
{
	const char *mark = getenv("HOLDFAST_MARK_IDLE");

	term.mark_idle = mark && mark[0] == '1';
	if (tcgetattr(STDIN_FILENO, &term.before) < 0)
		return err_errno(err, "the browser needs a terminal");
	catch_signals();
	set_escdelay(ESCAPE_MS);
	term.curses = open_curses();
	if (!term.curses || !is_addressable()) {
		terminal_close();
		return err_set(err, ERR_UNSUPPORTED,
			       "the terminal (TERM=%s) is not known, or its "
			       "cursor cannot be moved", getenv("TERM") ?
			       getenv("TERM") : "");
	}
	term.open = true;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	keep_output();
	/* Else curses stops drawing when a key waits. */
	typeahead(-1);
	curs_set(0);
	choose_looks();
	term.n_restore = 0;
	remember("rmkx");
	remember("sgr0");
	remember("cnorm");
	remember("rmcup");
	getmaxyx(stdscr, term.rows, term.cols);
	return true;
}

void terminal_close(void)
{
	if (term.curses) {
		endwin();
		delscreen(term.curses);
	}
	term.curses = NULL;
	term.open = false;
	for (int i = 0; i < N_FATAL; i++)
		sigaction(fatal_signals[i], &old_actions[i], NULL);
	signal(SIGTSTP, SIG_DFL);
}

enum human_charset terminal_charset(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8") ? HUMAN_UTF8 :
							HUMAN_ASCII;
}

void terminal_size(int *rows, int *cols)
{
	*rows = term.rows;
	*cols = term.cols;
}

static void show_cell(const struct cell *cell, int row, int col)
{
	wchar_t text[CELL_TEXT + 1];
	cchar_t shown;
	size_t n = mbstowcs(text, cell->text, CELL_TEXT);

	if (n == (size_t)-1 || n == 0) {
		text[0] = '?';
		n = 1;
	}
	/* setcchar() takes one character and what combines with it. */
	text[n < CCHARW_MAX ? n : CCHARW_MAX - 1] = L'\0';
	if (setcchar(&shown, text, term.attributes[cell->style],
		     term.pairs[cell->style], NULL) == OK)
		mvadd_wch(row, col, &shown);
}

void terminal_show(const struct screen *s, bool idle)
{
	static const char mark[] = "\033]777;idle\a";

	erase();
	for (int row = 0; row < s->rows; row++) {
		for (int col = 0; col < s->cols; col++) {
			const struct cell *cell = &s->cells[row * s->cols + col];

			if (cell->text[0] && (strcmp(cell->text, " ") ||
					      cell->style != STYLE_NORMAL))
				show_cell(cell, row, col);
		}
	}
	refresh();
	if (idle && term.mark_idle &&
	    write(STDOUT_FILENO, mark, sizeof(mark) - 1) < 0)
		return;
}

void terminal_redraw(void)
{
	clearok(stdscr, TRUE);
}

void terminal_busy(bool busy)
{
	term.busy = busy;
}

static int special_key(wint_t key)
{
	switch (key) {
	case KEY_UP:		return VKEY_UP;
	case KEY_DOWN:		return VKEY_DOWN;
	case KEY_LEFT:		return VKEY_LEFT;
	case KEY_RIGHT:		return VKEY_RIGHT;
	case KEY_PPAGE:		return VKEY_PGUP;
	case KEY_NPAGE:		return VKEY_PGDN;
	case KEY_HOME:		return VKEY_HOME;
	case KEY_END:		return VKEY_END;
	case KEY_ENTER:		return VKEY_ENTER;
	case KEY_BACKSPACE:	return VKEY_BACKSPACE;
	case KEY_BTAB:		return VKEY_BACKTAB;
	default:		return VKEY_NONE;
	}
}

/*
 * SIGWINCH may come between two reads and wake nobody, or be blocked by whom
 * we were started by: so the size is asked for whenever there is time.
 */
static bool size_changed(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 ||
	    size.ws_col == 0)
		return false;
	if (size.ws_row == term.rows && size.ws_col == term.cols)
		return false;
	resizeterm(size.ws_row, size.ws_col);
	term.rows = size.ws_row;
	term.cols = size.ws_col;
	return true;
}

/* A terminal that hung up is readable forever and has nothing to say. */
static bool is_lost(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct termios now;

	if (poll(&in, 1, 0) > 0 &&
	    in.revents & (POLLHUP | POLLERR | POLLNVAL))
		return true;
	return tcgetattr(STDIN_FILENO, &now) < 0 &&
	       (errno == EIO || errno == ENOTTY || errno == EBADF);
}

int terminal_key(int wait_ms)
{
	wint_t key = 0;
	int status;

	if (size_changed())
		return VKEY_RESIZE;
	timeout(wait_ms);
	status = get_wch(&key);
	if (status == ERR) {
		if (term.suspend) {
			suspend();
			return VKEY_RESIZE;
		}
		if (is_lost())
			return VKEY_LOST;
		return size_changed() ? VKEY_RESIZE : VKEY_NONE;
	}
	if (status == KEY_CODE_YES && key == KEY_RESIZE) {
		/* Curses has resized; take its figures. */
		getmaxyx(stdscr, term.rows, term.cols);
		return VKEY_RESIZE;
	}
	if (status == KEY_CODE_YES)
		return special_key(key);
	switch (key) {
	case '\r':
	case '\n':
		return VKEY_ENTER;
	case 0x7f:
	case '\b':
		return VKEY_BACKSPACE;
	case 0x1b:
		return VKEY_ESCAPE;
	default:
		return (int)key;
	}
}
