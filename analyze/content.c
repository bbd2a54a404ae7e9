/* SPDX-License-Identifier: MIT */
#include "analyze/content.h"

/* Shorter printable runs are as likely a small number. */
enum { MIN_TEXT = 4 };

static bool is_text_byte(uint8_t c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r';
}

/* Length of the UTF-8 sequence at @p beyond ASCII, or 0 when it is none. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
	size_t n = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 :
		   p[0] >= 0xe0 && p[0] < 0xf0 ? 3 :
		   p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

void content_begin(struct content *c, const uint8_t *bytes, size_t n)
{
	size_t i = 0;

	*c = (struct content){0};
	while (i < n && bytes[i] != 0) {
		size_t step = is_text_byte(bytes[i]) ? 1 :
			      utf8_length(bytes + i, n - i);

		if (step == 0)
			return;
		i += step;
	}
	c->text = i >= MIN_TEXT;
}

enum content_class content_class(const struct content *c)
{
	uint64_t nonzero = c->n_words - c->n_zero;

	if (c->unknown)
		return CONTENT_UNKNOWN;
	if (c->text)
		return CONTENT_TEXT;
	if (nonzero == 0)
		return CONTENT_ZERO;
	if (c->n_pointers == 0)
		return CONTENT_NUMBERS;
	return c->n_pointers * 2 >= nonzero ? CONTENT_POINTERS : CONTENT_MIXED;
}
