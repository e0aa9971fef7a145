/* SPDX-License-Identifier: MIT */
#include "lib/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/units.h"

/*
 * The two clocks, and points in time as text.
 *
 * Everything that waits uses the monotonic clock, everything that is shown or stored uses the wall
 * clock; the names (deadline_usec, at_usec) say which one a number belongs to.
 *
 * A text without a zone means the local one, because a person who types "10:30" looks at a watch.
 * The fields are checked before mktime(3) sees them: it would turn the 31st of February into March
 * without a word.
 */

static usec_t clock_read(clockid_t id)
{
	struct timespec ts;

	/* Fails for an unknown clock or a bad pointer only. */
	(void)clock_gettime(id, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

usec_t clock_now_usec(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int clock_msec_until(usec_t deadline_usec)
{
	usec_t left_usec = usec_sub(deadline_usec, clock_now_usec());

	if (deadline_usec == USEC_INFINITY)
		return -1;
	return (int)MIN_OF((left_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (usec_t)INT32_MAX);
}

usec_t clock_at_usec(void)
{
	return clock_read(CLOCK_REALTIME);
}

const char *clock_format_utc(usec_t at_usec, char buf[static CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(at_usec / USEC_PER_SEC);
	struct tm tm = {0};
	size_t len;

	(void)gmtime_r(&seconds, &tm);
	len = strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + len, CLOCK_TEXT_MAX - len, ".%06uZ",
		       (unsigned)(at_usec % USEC_PER_SEC));
	return buf;
}

const char *clock_format_local(usec_t at_usec, char buf[static CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(at_usec / USEC_PER_SEC);
	struct tm tm = {0};
	size_t len;

	(void)localtime_r(&seconds, &tm);
	len = strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	(void)snprintf(buf + len, CLOCK_TEXT_MAX - len, ".%03u",
		       (unsigned)(at_usec % USEC_PER_SEC / USEC_PER_MSEC));
	return buf;
}

/**
 * struct moment - a point in time while it is read
 * @tm:     its fields
 * @usec:   fraction of the second
 * @zoned:  the text has a zone; otherwise the local one is meant
 * @offset: seconds that this zone is ahead of UTC
 */
struct moment {
	struct tm tm;
	usec_t usec;
	bool zoned;
	long offset;
};

/* Reads exactly @n digits and moves *s behind them. */
static bool read_digits(const char **s, size_t n, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return false;
		value = value * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*ret = value;
	return true;
}

static bool read_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool read_word(const char **s, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*s, word, len) != 0)
		return false;
	*s += len;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool read_date(const char **s, struct tm *tm)
{
	int year;
	int month;
	int day;

	if (!read_digits(s, 4, &year) || !read_char(s, '-') || !read_digits(s, 2, &month) ||
	    !read_char(s, '-') || !read_digits(s, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* Reads .digits; what is finer than a microsecond is cut off. */
static bool read_fraction(const char **s, usec_t *ret_usec)
{
	usec_t scale = USEC_PER_SEC;
	usec_t usec = 0;
	int digit;

	if (!read_char(s, '.'))
		return true;
	if (!read_digits(s, 1, &digit))
		return false;
	do {
		scale /= 10;
		usec += (usec_t)digit * scale;
	} while (read_digits(s, 1, &digit));
	*ret_usec = usec;
	return true;
}

/* Reads HH:MM[:SS[.fraction]]; a second of 60 is a leap second. */
static bool read_time(const char **s, struct moment *m)
{
	if (!read_digits(s, 2, &m->tm.tm_hour) || !read_char(s, ':') ||
	    !read_digits(s, 2, &m->tm.tm_min))
		return false;
	if (read_char(s, ':') && (!read_digits(s, 2, &m->tm.tm_sec) || !read_fraction(s, &m->usec)))
		return false;
	return m->tm.tm_hour < 24 && m->tm.tm_min < 60 && m->tm.tm_sec <= 60;
}

/* Reads Z or +HH:MM, if there is one. */
static bool read_zone(const char **s, struct moment *m)
{
	int sign = **s == '-' ? -1 : 1;
	int hours;
	int minutes;

	if (**s == '\0')
		return true;
	m->zoned = true;
	if (read_char(s, 'Z') || read_char(s, 'z'))
		return true;
	if (!read_char(s, '+') && !read_char(s, '-'))
		return false;
	if (!read_digits(s, 2, &hours) || !read_char(s, ':') || !read_digits(s, 2, &minutes))
		return false;
	m->offset = sign * (hours * 3600L + minutes * 60L);
	return hours < 24 && minutes < 60;
}

/* The local midnight that the day of @now_at_usec began with, @days_back days before. */
static void moment_day(struct moment *m, usec_t now_at_usec, int days_back)
{
	time_t now = (time_t)(now_at_usec / USEC_PER_SEC);
	struct tm tm = {0};

	(void)localtime_r(&now, &tm);
	m->tm.tm_year = tm.tm_year;
	m->tm.tm_mon = tm.tm_mon;
	m->tm.tm_mday = tm.tm_mday - days_back;
}

static int moment_resolve(struct moment *m, usec_t *ret_at_usec)
{
	time_t seconds;

	m->tm.tm_isdst = -1;
	seconds = m->zoned ? timegm(&m->tm) - m->offset : mktime(&m->tm);
	if (seconds < 0)
		return -EINVAL;
	*ret_at_usec = (usec_t)seconds * USEC_PER_SEC + m->usec;
	return 0;
}

/* Reads DURATION ago; the duration is what duration_parse() takes. */
static int parse_ago(const char *s, size_t len, usec_t now_at_usec, usec_t *ret_at_usec)
{
	char duration[UNITS_TEXT_MAX];
	usec_t usec;

	if (len >= sizeof(duration))
		return -EINVAL;
	memcpy(duration, s, len);
	duration[len] = '\0';
	if (duration_parse(duration, &usec) < 0 || usec > now_at_usec)
		return -EINVAL;
	*ret_at_usec = now_at_usec - usec;
	return 0;
}

/* Reads the day, which is today when the text begins with something else; *ret_dated tells. */
static bool read_day(const char **s, usec_t now_at_usec, struct moment *m, bool *ret_dated)
{
	*ret_dated = true;
	if (read_word(s, "yesterday")) {
		moment_day(m, now_at_usec, 1);
	} else if (read_word(s, "today")) {
		moment_day(m, now_at_usec, 0);
	} else if (strnlen(*s, 5) == 5 && (*s)[4] == '-') {
		return read_date(s, &m->tm);
	} else {
		moment_day(m, now_at_usec, 0);
		*ret_dated = false;
	}
	return true;
}

int clock_parse(const char *s, usec_t now_at_usec, usec_t *ret_at_usec)
{
	const char *ago = strstr(s, " ago");
	struct moment m = {0};
	bool dated;

	if (strcmp(s, "now") == 0) {
		*ret_at_usec = now_at_usec;
		return 0;
	}
	if (ago && ago[strlen(" ago")] == '\0')
		return parse_ago(s, (size_t)(ago - s), now_at_usec, ret_at_usec);
	if (!read_day(&s, now_at_usec, &m, &dated))
		return -EINVAL;
	if (dated && *s == '\0')
		return moment_resolve(&m, ret_at_usec);
	if (dated && !read_char(&s, ' ') && !read_char(&s, 'T') && !read_char(&s, 't'))
		return -EINVAL;
	if (!read_time(&s, &m) || !read_zone(&s, &m) || *s != '\0')
		return -EINVAL;
	return moment_resolve(&m, ret_at_usec);
}
