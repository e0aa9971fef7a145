/* SPDX-License-Identifier: MIT */

/*
 * NULL-terminated vectors of strings that grow. The terminator alone says where the end is, so an
 * append walks there; vectors here have at most a few thousand entries.
 */

#include "config/vector.h"

#include <string.h>

#include "lib/text.h"

int strings_add(char ***strings, char *s)
{
	size_t n = strings_len(*strings);
	char **grown;

	if (!s)
		return -ENOMEM;
	grown = reallocarray(*strings, n + 2, sizeof(*grown));
	if (!grown) {
		free(s);
		return -ENOMEM;
	}
	grown[n] = s;
	grown[n + 1] = NULL;
	*strings = grown;
	return 0;
}

int strings_join(char ***strings, char ***more)
{
	size_t n = strings_len(*strings), n_more = strings_len(*more);
	char **grown;

	if (n_more == 0) {
		strings_free(steal_ptr(*more));
		return 0;
	}
	grown = reallocarray(*strings, n + n_more + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memcpy(grown + n, *more, (n_more + 1) * sizeof(*grown));
	free(steal_ptr(*more));
	*strings = grown;
	return 0;
}

bool strings_equal(char *const *a, char *const *b)
{
	size_t n = strings_len(a);

	if (n != strings_len(b))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return true;
}
