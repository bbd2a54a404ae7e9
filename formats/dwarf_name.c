/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const struct { const char *from, *to; } spellings[] = {
	{ "long long unsigned int", "unsigned long long" },
	{ "unsigned long long int", "unsigned long long" },
	{ "long unsigned int", "unsigned long" },
	{ "unsigned long int", "unsigned long" },
	{ "short unsigned int", "unsigned short" },
	{ "unsigned short int", "unsigned short" },
	{ "long long int", "long long" },
	{ "long int", "long" },
	{ "short int", "short" },
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The spelling that begins at @at and ends with a whole word, or NULL. */
static const char *respell(const char *at, size_t *length)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		size_t n = strlen(spellings[i].from);

		if (strncmp(at, spellings[i].from, n) == 0 && !is_word(at[n])) {
			*length = n;
			return spellings[i].to;
		}
	}
	return NULL;
}

/* gcc writes "> >" in older versions, clang "circle *" in argument lists. */
static bool is_idle_blank(const char *at, char before)
{
	if (at[0] != ' ')
		return false;
	if (at[1] == '>')
		return before == '>';
	return (at[1] == '*' || at[1] == '&') &&
	       (is_word(before) || before == '>');
}

void dwarf_name_tidy(const char *name, char *buf, size_t size)
{
	size_t out = 0, skip = 0;

	for (size_t i = 0; name[i] && out + 1 < size; i += skip) {
		const char *to = NULL;

		skip = 1;
		if ((i == 0 || !is_word(name[i - 1])) &&
		    strchr("lsu", name[i]))
			to = respell(name + i, &skip);
		if (to) {
			size_t n = strlen(to);

			if (n > size - 1 - out)
				n = size - 1 - out;
			memcpy(buf + out, to, n);
			out += n;
		} else if (out == 0 || !is_idle_blank(name + i, buf[out - 1])) {
			buf[out++] = name[i];
		}
	}
	if (size > 0)
		buf[out] = '\0';
}
