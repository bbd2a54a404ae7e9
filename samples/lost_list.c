/* SPDX-License-Identifier: MIT */
/* Linked lists whose head was lost, beside one that a global still holds. */
#include <string.h>

#include "samples/truth.h"

enum { N_LOST = 3, LOST_LENGTH = 20, ACTIVE_LENGTH = 10 };

struct session {
	struct session *next;
	char *token;
	double last_seen;
	unsigned id, flags;
	char user[32];
};

struct session *active;

static struct session *session_push(struct session *next, unsigned id)
{
	struct session *s = (struct session *)calloc(1, sizeof(*s));

	s->next = next;
	s->token = (char *)malloc(48);
	snprintf(s->token, 48, "token-%08x-of-the-session-number-%u", id, id);
	s->last_seen = 1000.5 + id;
	s->id = id;
	snprintf(s->user, sizeof(s->user), "user%u@example.org", id);
	return s;
}

TRUTH_APART static void lose_sessions(void)
{
	struct session *head = NULL;

	for (unsigned i = 0; i < LOST_LENGTH; i++) {
		head = session_push(head, i);
		truth_leaked(head);
		truth_leaked(head->token);
	}
}

TRUTH_APART static void hold_sessions(void)
{
	for (unsigned i = 0; i < ACTIVE_LENGTH; i++) {
		active = session_push(active, i);
		truth_held(active);
		truth_held(active->token);
	}
	truth_root(active, "active");
}

int main(void)
{
	truth_begin("lost_list");
	hold_sessions();
	for (int i = 0; i < N_LOST; i++)
		lose_sessions();
	truth_group("block", "session", N_LOST);
	truth_type("session", N_LOST * LOST_LENGTH + ACTIVE_LENGTH);
	return truth_stop();
}
