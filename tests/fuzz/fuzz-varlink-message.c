/* SPDX-License-Identifier: MIT */
/*
 * What a Varlink peer sends, cut into pieces by its first byte: the framing finds each message
 * where it lies, and what is understood as a call or a reply can be sent again and is the same.
 */
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/varlink/frames.h"
#include "lib/varlink/message.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGE_MAX 2048

/* Through the buffer that is sent from and back, without its NUL. */
static char *sent(json_t *message, size_t *ret_len)
{
	struct frames f;
	const char *text;
	char *copy;

	fuzz_require(message != NULL);
	frames_init(&f, VARLINK_MESSAGE_MAX);
	fuzz_require(frames_append(&f, message) == 0);
	fuzz_require(frames_next(&f, &text, ret_len));
	copy = strdup(text);
	fuzz_require(copy && strlen(copy) == *ret_len);
	fuzz_require(!frames_waiting(&f));
	frames_done(&f);
	json_decref(message);
	return copy;
}

static void check_call(const char *text, size_t n)
{
	cleanup_message_call struct message_call call = {0};
	cleanup_message_call struct message_call again = {0};
	cleanup_free char *copy = NULL;
	struct error err = {0};
	unsigned flags;
	size_t len;

	if (message_call_parse(text, n, &call, &err) < 0) {
		fuzz_require(!call.root && err.text[0] != '\0');
		return;
	}
	flags = (call.more ? MESSAGE_MORE : 0) | (call.oneway ? MESSAGE_ONEWAY : 0);
	copy = sent(message_call_new(call.method, json_incref(call.parameters), flags), &len);
	fuzz_require(message_call_parse(copy, len, &again, &err) == 0);
	fuzz_require(strcmp(call.method, again.method) == 0);
	fuzz_require(json_equal(call.parameters, again.parameters));
	fuzz_require(call.more == again.more && call.oneway == again.oneway);
}

static void check_reply(const char *text, size_t n)
{
	cleanup_message_reply struct message_reply reply = {0};
	cleanup_message_reply struct message_reply again = {0};
	cleanup_free char *copy = NULL;
	struct error err = {0};
	size_t len;

	if (message_reply_parse(text, n, &reply, &err) < 0) {
		fuzz_require(!reply.root && err.text[0] != '\0');
		return;
	}
	if (reply.error) {
		fuzz_require(message_reply_error(&reply, &err) == -EREMOTEIO);
		fuzz_require(err.text[0] != '\0' || json_get_string(reply.parameters, "message"));
		copy = sent(message_error_from("io.example", &err), &len);
	} else {
		copy = sent(message_reply_new(json_incref(reply.parameters), reply.continues),
			    &len);
	}
	fuzz_require(message_reply_parse(copy, len, &again, &err) == 0);
	fuzz_require(!again.error == !reply.error);
	fuzz_require(reply.error || json_equal(reply.parameters, again.parameters));
}

/* Return: bytes of the messages that were taken out, their NULs included. */
static size_t take_messages(struct frames *f, const uint8_t *expected)
{
	size_t n_taken = 0;
	const char *text;
	size_t n;

	while (frames_next(f, &text, &n)) {
		fuzz_require(memcmp(text, expected + n_taken, n + 1) == 0);
		fuzz_require(strlen(text) == n);
		check_call(text, n);
		check_reply(text, n);
		n_taken += n + 1;
	}
	return n_taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;
	size_t n_put = 0, n_taken = 0, room_size;
	struct frames f;
	char *room;

	frames_init(&f, MESSAGE_MAX);
	while (n_put < size && frames_room(&f, &room, &room_size) == 0) {
		size_t n = MIN_OF(MIN_OF(piece, size - n_put), room_size);

		memcpy(room, data + n_put, n);
		frames_received(&f, n);
		n_put += n;
		n_taken += take_messages(&f, data + n_taken);
		fuzz_require(frames_len(&f) == n_put - n_taken);
	}
	/* All was read, but for a message that is too long. */
	fuzz_require(n_put == size || n_put - n_taken == MESSAGE_MAX + 1);
	fuzz_require(!memchr(data + n_taken, '\0', n_put - n_taken));
	frames_done(&f);
	return 0;
}
