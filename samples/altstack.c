/* SPDX-License-Identifier: MIT */
/*
 * Stopped in a signal handler that runs on a stack of its own: the frames
 * that the signal interrupted still hold what they held.
 */
#include "samples/truth.h"

enum { STACK_SIZE = 128 << 10, N_LOST = 4 };

struct parser {
	const char *input;
	unsigned line, column;
	char *token;
	double started;
};

static int status = 1;

static struct parser *parser_new(unsigned line)
{
	struct parser *p = (struct parser *)calloc(1, sizeof(*p));

	p->input = "{ \"key\": [1, 2, 3] }";
	p->line = line;
	p->token = (char *)malloc(40);
	snprintf(p->token, 40, "token of line %u", line);
	p->started = 17.5;
	return p;
}

static void on_signal(int signal)
{
	(void)signal;
	status = truth_stop();
}

TRUTH_APART static unsigned parse(void)
{
	struct parser *p = parser_new(42);

	truth_held(p);
	truth_held(p->token);
	raise(SIGUSR1);
	return p->line;
}

TRUTH_APART static void lose_parsers(void)
{
	for (unsigned i = 0; i < N_LOST; i++) {
		struct parser *p = parser_new(i);

		truth_leaked(p);
		truth_leaked(p->token);
	}
}

int main(void)
{
	stack_t stack = { .ss_sp = malloc(STACK_SIZE), .ss_size = STACK_SIZE };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_ONSTACK };

	truth_begin("altstack");
	truth_held(stack.ss_sp);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	lose_parsers();
	truth_group("block", "parser", N_LOST);
	truth_scrub();
	return parse() == 42 ? status : 1;
}
