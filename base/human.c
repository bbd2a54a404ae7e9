/* SPDX-License-Identifier: MIT */
#include "base/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char prefixes[] = "KMGTPE";

const char *human_size(uint64_t bytes, bool exact, char buf[HUMAN_MAX])
{
	uint64_t unit = 1024, whole, tenths;
	size_t i = 0;

	if (exact || bytes < unit) {
		snprintf(buf, HUMAN_MAX, "%" PRIu64 "%s", bytes,
			 exact ? "" : " B");
		return buf;
	}
	while (i < strlen(prefixes) - 1 && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	whole = bytes / unit;
	tenths = (bytes % unit * 10 + unit / 2) / unit;
	whole += tenths / 10;
	tenths %= 10;
	/* 1023.95 rounds up into the next unit; there is none above EiB. */
	if (whole == 1024) {
		whole = 1;
		i++;
	}
	snprintf(buf, HUMAN_MAX, "%" PRIu64 ".%" PRIu64 " %ciB", whole, tenths,
		 prefixes[i]);
	return buf;
}

const char *human_signal(int signal, char buf[HUMAN_MAX])
{
	const char *name = signal > 0 ? sigabbrev_np(signal) : NULL;

	if (name)
		snprintf(buf, HUMAN_MAX, "SIG%s", name);
	else
		snprintf(buf, HUMAN_MAX, "signal %d", signal);
	return buf;
}

const char *human_count(uint64_t n, bool exact, char buf[HUMAN_MAX])
{
	uint64_t unit = 1000, whole, tenths;
	size_t i = 0;

	if (exact || n < 100000) {
		snprintf(buf, HUMAN_MAX, "%" PRIu64, n);
		return buf;
	}
	while (i < strlen(prefixes) - 1 && n / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	whole = n / unit;
	tenths = (n % unit * 10 + unit / 2) / unit;
	whole += tenths / 10;
	tenths %= 10;
	if (whole == 1000) {
		whole = 1;
		i++;
	}
	snprintf(buf, HUMAN_MAX, "%" PRIu64 ".%" PRIu64 "%c", whole, tenths,
		 i == 0 ? 'k' : prefixes[i]);
	return buf;
}

struct decimal {
	uint64_t whole;
	uint64_t fraction;	/* of scale */
	uint64_t scale;		/* a power of ten */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Nine digits after the point: the arithmetic on them stays in 64 bits. */
static bool parse_decimal(const char **text, struct decimal *ret,
			  bool *too_large)
{
	const char *c = *text;
	struct decimal d = { .scale = 1 };

	if (!is_digit(*c))
		return false;
	for (; is_digit(*c); c++)
		if (__builtin_mul_overflow(d.whole, 10, &d.whole) ||
		    __builtin_add_overflow(d.whole, (uint64_t)(*c - '0'),
					   &d.whole))
			*too_large = true;
	if (*c == '.') {
		if (!is_digit(*++c))
			return false;
		for (; is_digit(*c) && d.scale < 1000000000; c++) {
			d.fraction = d.fraction * 10 + (uint64_t)(*c - '0');
			d.scale *= 10;
		}
	}
	*text = c;
	*ret = d;
	return true;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Returns 0 when @c is no unit. */
static uint64_t parse_unit(const char *c)
{
	const char *prefix = *c ? strchr(prefixes, upper(*c)) : NULL;
	uint64_t base = 1024, unit = 1;

	if (prefix) {
		c++;
		if (upper(c[0]) == 'I' && upper(c[1]) == 'B') {
			c += 2;
		} else if (upper(*c) == 'B') {
			base = 1000;
			c++;
		}
		for (long i = prefix - prefixes; i >= 0; i--)
			unit *= base;
	} else if (upper(*c) == 'B') {
		c++;
	}
	return *c == '\0' ? unit : 0;
}

bool human_parse_size(const char *text, uint64_t *ret, struct err *err)
{
	const char *c = text;
	struct decimal d;
	uint64_t unit = 0, part = 0, bytes = 0;
	bool too_large = false;

	*ret = 0;
	if (parse_decimal(&c, &d, &too_large)) {
		if (*c == ' ')
			c++;
		unit = parse_unit(c);
	}
	if (unit == 0 || (unit == 1 && d.scale > 1))
		return err_set(err, ERR_FORMAT, "'%s' is not a size: write "
			       "512, 64K or 1.5GiB", text);
	/* unit * fraction / scale, without the overflow */
	part = unit / d.scale * d.fraction +
	       unit % d.scale * d.fraction / d.scale;
	if (too_large || __builtin_mul_overflow(d.whole, unit, &bytes) ||
	    __builtin_add_overflow(bytes, part, &bytes))
		return err_set(err, ERR_LIMIT,
			       "'%s' is more than 64 bits can hold", text);
	*ret = bytes;
	return true;
}

/*
 * Decode one character of UTF-8 (RFC 3629: no overlong forms, no surrogates,
 * nothing beyond U+10FFFF). Returns its length, or 0 when the bytes are none.
 */
static size_t decode(const unsigned char *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length;
	uint32_t c;

	if (p[0] < 0x80)
		length = 1;
	else if ((p[0] & 0xe0) == 0xc0)
		length = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		length = 3;
	else if ((p[0] & 0xf8) == 0xf0)
		length = 4;
	else
		return 0;
	/* The bits of the first byte below its length mark. */
	c = p[0] & (length == 1 ? 0x7fu : 0x7fu >> length);
	if (length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return length;
}

/*
 * Beyond ASCII: C1 controls (some terminals obey them), the bidi controls of
 * Unicode Standard Annex #9, line and paragraph separators, characters that
 * show nothing, tags, and noncharacters.
 */
static bool is_unsafe(uint32_t c)
{
	static const struct { uint32_t first, last; } ranges[] = {
		{ 0x0080, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	if ((c & 0xfffe) == 0xfffe)
		return true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* One character, or one invalid byte, as it is shown. Returns its length. */
static size_t escape_one(const unsigned char *p, size_t length, uint32_t c,
			 enum human_charset charset, char ret[16])
{
	static const char named[] = "n\nt\tr\r\\\\";

	for (size_t i = 0; length == 1 && i + 1 < sizeof(named); i += 2)
		if (c == (unsigned char)named[i + 1])
			return (size_t)snprintf(ret, 16, "\\%c", named[i]);
	if (length == 0 || c < 0x20 || c == 0x7f)
		return (size_t)snprintf(ret, 16, "\\x%02x", p[0]);
	if (c >= 0x80 && (charset == HUMAN_ASCII || is_unsafe(c)))
		return (size_t)snprintf(ret, 16, c > 0xffff ? "\\U%08x"
							    : "\\u%04x", c);
	memcpy(ret, p, length);
	return length;
}

size_t human_escape(const char *text, size_t n, enum human_charset charset,
		    char *ret, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = 0, length, shown;
	uint32_t c = 0;
	char one[16];

	while (n > 0) {
		length = decode(p, n, &c);
		shown = escape_one(p, length, c, charset, one);
		if (shown > size - 1 - len)
			break;
		memcpy(ret + len, one, shown);
		len += shown;
		p += length ? length : 1;
		n -= length ? length : 1;
	}
	ret[len] = '\0';
	return len;
}
