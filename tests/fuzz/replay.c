/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>

#include "lib/base.h"
#include "tests/fuzz/fuzz.h"

/*
 * replay FOLDER: give each file of a corpus to the fuzz target that this is linked with.
 *
 * The content lies in memory of exactly its size, so that a sanitizer sees a read behind its end.
 * A corpus of no files is a failure: a test that ran nothing has proven nothing.
 */

#define INPUT_BYTES_MAX (4 * 1024 * 1024)

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static bool replay(const char *folder, const char *name)
{
	char path[4096] = "";
	cleanup(close_file) FILE *file = NULL;
	cleanup_free uint8_t *data = malloc(INPUT_BYTES_MAX);
	cleanup_free uint8_t *exact = NULL;
	size_t size = 0;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		file = fopen(path, "rbe");
	if (file && data)
		size = fread(data, 1, INPUT_BYTES_MAX, file);
	if (!file || !data || ferror(file)) {
		perror(path);
		return false;
	}
	exact = realloc(steal_ptr(data), MAX_OF(size, (size_t)1));
	return exact && LLVMFuzzerTestOneInput(exact, size) == 0;
}

int main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	unsigned n = 0;
	bool failed = false;

	if (!folder) {
		(void)fprintf(stderr, "usage: replay FOLDER\n");
		return 2;
	}
	for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
		if (e->d_name[0] == '.')
			continue;
		if (!replay(argv[1], e->d_name)) {
			failed = true;
			break;
		}
		n++;
	}
	(void)closedir(folder);
	(void)printf("%u inputs\n", n);
	return n > 0 && !failed ? 0 : 1;
}
