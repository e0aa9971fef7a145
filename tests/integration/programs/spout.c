/* SPDX-License-Identifier: MIT */

/*
 * spout N [BYTES_A_WRITE [PAUSE_USEC [pace]]] - print N numbered lines and end.
 *
 * The writes have BYTES_A_WRITE bytes wherever that falls, so that lines are torn on their way in
 * and may not be on their way out. Line I is "line I" and a newline, I with nine digits.
 *
 * After each write it pauses. With "pace" a write is due every PAUSE_USEC instead, and who was held
 * up makes up for it, as a program does that has so much to say.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 15
#define WRITE_BYTES_MAX 65536

/** struct pauses - between writes; @due: only until then, if @is_pace */
struct pauses {
	long usec;
	bool is_pace;
	struct timespec due;
};

static void pause_now(struct pauses *p)
{
	struct timespec pause = {.tv_nsec = 1000 * p->usec};

	if (p->usec == 0)
		return;
	if (!p->is_pace) {
		nanosleep(&pause, NULL);
		return;
	}
	p->due.tv_nsec += pause.tv_nsec;
	p->due.tv_sec += p->due.tv_nsec / 1000000000;
	p->due.tv_nsec %= 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &p->due, NULL);
}

/* What sprintf() would do, in a tenth of the time. */
static size_t line_make(char *to, unsigned long number)
{
	memcpy(to, "line 000000000\n", LINE_BYTES);
	for (char *digit = to + LINE_BYTES - 2; number > 0; number /= 10)
		*digit-- = (char)('0' + number % 10);
	return LINE_BYTES;
}

static int put(const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, data, n);

		if (done < 0)
			return -1;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 4096;
	struct pauses pauses = {.usec = argc > 3 ? strtol(argv[3], NULL, 10) : 0,
				.is_pace = argc > 4};
	static char block[WRITE_BYTES_MAX + LINE_BYTES + 1];
	size_t held = 0;

	if (size == 0 || size > WRITE_BYTES_MAX)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &pauses.due);
	for (unsigned long i = 1; i <= n; i++) {
		held += line_make(block + held, i);
		if (held < size)
			continue;
		if (put(block, size) < 0)
			return 1;
		held -= size;
		memmove(block, block + size, held);
		pause_now(&pauses);
	}
	return put(block, held) < 0;
}
