/* SPDX-License-Identifier: MIT */

/*
 * Text without stdio. A static printf costs little on disk, but its buffers and its stack are
 * memory that each of five hundred keepers would have for itself, and glibc's may allocate. What
 * the keeper prints needs four conversions. Text that comes from the payload is cleaned here once,
 * so that everything in a frame or on stderr is printable UTF-8.
 */

#include "supervisor/keeper/text.h"

#include <string.h>

struct writer {
	char *buf;
	size_t cap;
	size_t used;
};

static void put(struct writer *w, const char *text, size_t len)
{
	size_t room = w->cap - 1 - w->used;

	len = MIN_OF(len, room);
	memcpy(w->buf + w->used, text, len);
	w->used += len;
}

static void put_number(struct writer *w, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(w, digits + at, sizeof(digits) - at);
}

static void put_signed(struct writer *w, int64_t number)
{
	if (number < 0)
		put(w, "-", 1);
	put_number(w, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

size_t text_vformat(char *buf, size_t cap, const char *format, va_list args)
{
	struct writer w = {.buf = buf, .cap = cap};
	const char *text;

	for (; *format; format++) {
		if (*format != '%') {
			put(&w, format, 1);
			continue;
		}
		switch (*++format) {
		case 's':
			text = va_arg(args, const char *);
			put(&w, text, strlen(text));
			break;
		case 'd':
			put_signed(&w, va_arg(args, int));
			break;
		case 'u':
			put_number(&w, va_arg(args, unsigned));
			break;
		case 'l': /* llu */
			put_number(&w, va_arg(args, unsigned long long));
			format += 2;
			break;
		default:
			put(&w, format, 1);
		}
	}
	buf[w.used] = '\0';
	return w.used;
}

size_t text_format(char *buf, size_t cap, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	len = text_vformat(buf, cap, format, args);
	va_end(args);
	return len;
}

/* The digits at *text, which is moved behind them. */
static int read_digits(const char **text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *at = *text;

	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (digit > max || number > (max - digit) / 10)
			return -ERANGE;
		number = number * 10 + digit;
	}
	*text = at;
	*ret_number = number;
	return 0;
}

int text_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number;
	int r = read_digits(&text, max, &number);

	if (r < 0)
		return r;
	if (*text)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int text_duration(const char *text, usec_t *ret_usec)
{
	static const struct {
		const char *name;
		usec_t usec;
	} units[] = {
		{"", USEC_PER_SEC},     {"s", USEC_PER_SEC},  {"ms", USEC_PER_MSEC},
		{"m", USEC_PER_MINUTE}, {"h", USEC_PER_HOUR},
	};
	uint64_t number;
	int r = read_digits(&text, UINT32_MAX, &number);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(text, units[i].name) == 0) {
			*ret_usec = number * units[i].usec;
			return 0;
		}
	}
	return -EINVAL;
}

/* Length of the UTF-8 character at @text, 0 when there is no printable one within @len bytes. */
static size_t character_length(const unsigned char *text, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	uint32_t code;

	if (n == 1)
		return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
	if (text[0] < 0xc2 || text[0] > 0xf4 || n > len)
		return 0;
	code = text[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3fu);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return code < 0xa0 ? 0 : n; /* U+0080 to U+009F are control characters too */
}

void text_clean(char *dst, size_t cap, const char *src, size_t len)
{
	const unsigned char *from = (const unsigned char *)src;
	size_t used = 0;

	while (len > 0) {
		size_t n = character_length(from, len);

		if (used + MAX_OF(n, (size_t)1) > cap - 1)
			break;
		if (n > 0)
			memcpy(dst + used, from, n);
		else
			dst[used] = '?';
		n = MAX_OF(n, (size_t)1);
		used += n;
		from += n;
		len -= n;
	}
	memset(dst + used, 0, cap - used);
}

void text_copy(char *dst, size_t cap, const char *src)
{
	size_t len = strlen(src);

	if (len >= cap) {
		len = cap - 1;
		while (len > 0 && ((unsigned char)src[len] & 0xc0) == 0x80)
			len--;
	}
	memmove(dst, src, len); /* NOLINT(bugprone-not-null-terminated-result): the next line */
	memset(dst + len, 0, cap - len);
}

const char *text_starts(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}
