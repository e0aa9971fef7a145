/* SPDX-License-Identifier: MIT */

/*
 * spout N [BYTES_A_WRITE [PAUSE_USEC]] - print N numbered lines and end.
 *
 * The writes have BYTES_A_WRITE bytes wherever that falls, so that lines are torn on their way in
 * and may not be on their way out. Line I is "line I" and a newline, I with nine digits.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 15
#define WRITE_BYTES_MAX 65536

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
	struct timespec pause = {.tv_nsec = argc > 3 ? 1000 * atol(argv[3]) : 0};
	static char block[WRITE_BYTES_MAX + LINE_BYTES + 1];
	size_t held = 0;

	if (size == 0 || size > WRITE_BYTES_MAX)
		return 2;
	for (unsigned long i = 1; i <= n; i++) {
		held += (size_t)sprintf(block + held, "line %09lu\n", i);
		if (held < size)
			continue;
		if (put(block, size) < 0)
			return 1;
		held -= size;
		memmove(block, block + size, held);
		if (pause.tv_nsec)
			nanosleep(&pause, NULL);
	}
	return put(block, held) < 0;
}
