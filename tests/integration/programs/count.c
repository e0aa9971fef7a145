/* SPDX-License-Identifier: MIT */

/*
 * count N [PAUSE_USEC] - print the numbers 1 … N, one a line, in writes of whole lines, then stay.
 *
 * The lines are wide enough that 1,000,000 of them are more than any buffer on the way. PAUSE_USEC
 * between two writes stretches the stream, so that something can happen in its middle.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINES_A_WRITE 40

static int write_all(const char *data, size_t n)
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
	struct timespec moment = {.tv_nsec = argc > 2 ? 1000 * atol(argv[2]) : 0};
	char block[LINES_A_WRITE * 64];
	size_t len = 0;

	for (unsigned long i = 1; i <= n; i++) {
		len += (size_t)sprintf(block + len, "line %09lu of a numbered stream\n", i);
		if (i % LINES_A_WRITE && i < n)
			continue;
		if (write_all(block, len) < 0)
			return 1;
		len = 0;
		if (moment.tv_nsec)
			nanosleep(&moment, NULL);
	}
	for (;;)
		pause();
}
