/* SPDX-License-Identifier: MIT */
#include "config/interpolate.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "config/document.h"
#include "config/place.h"
#include "config/template.h"
#include "tests/fuzz/fuzz.h"

/*
 * Variables: a document either has a copy without them, of bounded size, or a reason why not. Texts
 * are cut into pieces that add up to the text.
 */

/* The first byte chooses where to look for the line of a complaint. */
static void check_lines(const struct document *d, uint8_t choice)
{
	struct place w = {0};
	unsigned n_lines = 1;

	for (size_t i = 0; i < d->len; i++)
		n_lines += d->text[i] == '\n';
	place_push_key(&w, choice & 1 ? "env" : "processes");
	if (choice & 2)
		place_push_index(&w, choice >> 4);
	else
		place_push_key(&w, "a");
	if (choice & 4)
		place_push_key(&w, "args");
	if (choice & 8)
		place_push_index(&w, choice >> 4);
	fuzz_require(place_line(&w, d->text, d->len) <= n_lines);
}

static void check_pieces(const uint8_t *data, size_t size)
{
	cleanup_free char *s = strndup((const char *)data, size);
	size_t n_left;

	fuzz_require(s);
	n_left = strlen(s);
	for (const char *at = s; *at;) {
		struct template_piece piece = template_next(at);

		fuzz_require(piece.n_consumed > 0 && piece.n_consumed <= n_left);
		fuzz_require(piece.text.s >= at && piece.text.len <= piece.n_consumed);
		at += piece.n_consumed;
		n_left -= piece.n_consumed;
	}
	fuzz_require(n_left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	struct document d = {.file = "c.json", .err = &err};
	json_t *root = NULL;
	int r;

	if (size < 1)
		return 0;
	check_pieces(data, size);
	d.text = (const char *)data + 1;
	d.len = size - 1;
	r = document_read(&d);
	if (r < 0) {
		fuzz_require(err.code == r && err.text[0] != '\0');
		document_done(&d);
		return 0;
	}
	check_lines(&d, data[0]);
	r = interpolate(&d, &root);
	fuzz_require(r < 0 ? !root && err.text[0] != '\0' : json_is_object(root));
	json_decref(root);
	document_done(&d);
	return 0;
}
