/* SPDX-License-Identifier: MIT */
#include "base/short_name.h"

#include <stdbool.h>
#include <string.h>

enum { DEEPEST = 8 };

/* "->", "operator<" and the like are no brackets. */
static bool is_bracket(const char *name, size_t i)
{
	static const char word[] = "operator";
	size_t n = sizeof(word) - 1;

	if (name[i] != '<' && name[i] != '>')
		return false;
	if (i > 0 && name[i] == '>' && name[i - 1] == '-')
		return false;
	while (i > 0 && strchr("<>=", name[i - 1]))
		i--;
	return i < n || memcmp(name + i - n, word, n) != 0;
}

static bool is_balanced(const char *name)
{
	int depth = 0;

	for (size_t i = 0; name[i]; i++) {
		if (is_bracket(name, i))
			depth += name[i] == '<' ? 1 : -1;
		if (depth < 0)
			return false;
	}
	return depth == 0;
}

/* Leave out what stands in more than @keep pairs of brackets. */
static void cut(char *name, int keep)
{
	size_t to = 0;
	int depth = 0, dots = 0;

	for (size_t i = 0; name[i]; i++) {
		bool bracket = is_bracket(name, i);
		bool opens = bracket && name[i] == '<';
		bool closes = bracket && name[i] == '>';

		depth += opens;
		if (depth <= keep || (bracket && depth == keep + 1)) {
			name[to++] = name[i];
			dots = 0;
		} else if (dots++ < 2) {
			/* In the place of a byte that is left out. */
			name[to++] = '.';
		}
		depth -= closes;
	}
	name[to] = '\0';
}

void short_name(char *name, size_t most)
{
	if (strlen(name) <= most || !is_balanced(name))
		return;
	for (int keep = DEEPEST; keep >= 0 && strlen(name) > most; keep--)
		cut(name, keep);
}
