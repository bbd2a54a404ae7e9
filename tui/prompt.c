/* SPDX-License-Identifier: MIT */
#include "tui/prompt.h"

#include <stdio.h>
#include <string.h>

#define CTRL(c) ((c) & 0x1f)

static const char *const labels[N_COMMANDS] = {
	[CMD_SEARCH] = "search: ",
	[CMD_FILTER] = "show only: ",
	[CMD_GOTO] = "go to (0x address, type, variable): ",
	[CMD_SAVE] = "save as: ",
};

void prompt_begin(struct prompt *p, enum command command, const char *text)
{
	*p = (struct prompt){ .command = command, .label = labels[command] };
	snprintf(p->text, sizeof(p->text), "%s", text);
	p->len = strlen(p->text);
}

/* Take off the last character, all bytes of it. */
static void erase(struct prompt *p)
{
	while (p->len > 0 && (p->text[p->len - 1] & 0xc0) == 0x80)
		p->len--;
	if (p->len > 0)
		p->len--;
	p->text[p->len] = '\0';
}

static void append(struct prompt *p, int c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xc0 | c >> 6);
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xe0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	}
	if (p->len + n >= sizeof(p->text))
		return;
	memcpy(p->text + p->len, bytes, n);
	p->len += n;
	p->text[p->len] = '\0';
}

bool prompt_key(struct prompt *p, int key)
{
	switch (key) {
	case VKEY_ENTER:
		p->command = CMD_NONE;
		return true;
	case VKEY_ESCAPE:
	case CTRL('g'):
		p->command = CMD_NONE;
		return false;
	case VKEY_BACKSPACE:
		/* One too many ends it, as in less. */
		if (p->len == 0)
			p->command = CMD_NONE;
		erase(p);
		return false;
	case CTRL('u'):
		p->len = 0;
		p->text[0] = '\0';
		return false;
	default:
		if (key >= ' ' && key != 0x7f && key < VKEY_NONE)
			append(p, key);
		return false;
	}
}
