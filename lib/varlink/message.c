/* SPDX-License-Identifier: MIT */
/*
 * Calls and replies, read and written. Pure.
 *
 * A peer's message is either understood completely or refused: duplicate keys, a flag that is no
 * boolean, parameters that are no object. What the protocol does not define is ignored, so that a
 * newer peer can talk to us. jansson refuses "\u0000" and nesting deeper than 2048 by itself.
 */
#include "lib/varlink/message.h"

#include <string.h>

#include "lib/json.h"

static int message_load(const char *bytes, size_t n, json_t **ret_root, struct error *err)
{
	json_error_t at;
	json_t *root;

	root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &at);
	if (!root && json_error_code(&at) == json_error_out_of_memory)
		return error_set(err, -ENOMEM, "out of memory");
	if (!root)
		return error_set(err, -EBADMSG, "the message is not JSON: %s", at.text);
	if (!json_is_object(root)) {
		json_decref(root);
		return error_set(err, -EBADMSG, "the message is not a JSON object");
	}
	*ret_root = root;
	return 0;
}

static int message_flag(const json_t *root, const char *key, bool *ret_flag, struct error *err)
{
	const json_t *value = json_object_get(root, key);

	if (value && !json_is_null(value) && !json_is_boolean(value))
		return error_set(err, -EBADMSG, "\"%s\" in the message is not a boolean", key);
	*ret_flag = json_is_true(value);
	return 0;
}

static int message_word(const json_t *root, const char *key, const char **ret_word,
			struct error *err)
{
	const json_t *value = json_object_get(root, key);

	*ret_word = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || json_string_length(value) == 0)
		return error_set(err, -EBADMSG, "\"%s\" in the message is not a name", key);
	*ret_word = json_string_value(value);
	return 0;
}

/* Absent parameters become an empty object, so that nobody has to ask. */
static int message_parameters(json_t *root, json_t **ret_parameters, struct error *err)
{
	json_t *value = json_object_get(root, "parameters");

	if (!value || json_is_null(value)) {
		value = json_object();
		if (!value || json_object_set_new(root, "parameters", value) < 0)
			return error_set(err, -ENOMEM, "out of memory");
	}
	if (!json_is_object(value))
		return error_set(err, -EBADMSG, "\"parameters\" in the message is not an object");
	*ret_parameters = value;
	return 0;
}

int message_call_parse(const char *bytes, size_t n, struct message_call *ret_call,
		       struct error *err)
{
	cleanup_message_call struct message_call c = {0};
	int r;

	r = message_load(bytes, n, &c.root, err);
	if (r == 0)
		r = message_word(c.root, "method", &c.method, err);
	if (r == 0 && !c.method)
		r = error_set(err, -EBADMSG, "the message has no \"method\"");
	if (r == 0)
		r = message_parameters(c.root, &c.parameters, err);
	if (r == 0)
		r = message_flag(c.root, "more", &c.more, err);
	if (r == 0)
		r = message_flag(c.root, "oneway", &c.oneway, err);
	if (r == 0)
		r = message_flag(c.root, "upgrade", &c.upgrade, err);
	if (r < 0)
		return r;
	*ret_call = c;
	c.root = NULL;
	return 0;
}

void message_call_done(struct message_call *c)
{
	json_decref(c->root);
	*c = (struct message_call){0};
}

/* Takes both over: NULL goes through to the end, where the caller has one thing to check. */
static json_t *message_with(json_t *message, const char *key, json_t *value)
{
	if (json_object_set_new(message, key, value) == 0)
		return message;
	json_decref(message);
	return NULL;
}

static json_t *message_with_parameters(json_t *message, json_t *parameters)
{
	if (!parameters)
		return message;
	return message_with(message, "parameters", parameters);
}

json_t *message_call_new(const char *method, json_t *parameters, unsigned flags)
{
	json_t *m = message_with(json_object(), "method", json_string(method));

	m = message_with_parameters(m, parameters);
	if (flags & MESSAGE_MORE)
		m = message_with(m, "more", json_true());
	if (flags & MESSAGE_ONEWAY)
		m = message_with(m, "oneway", json_true());
	return m;
}

int message_reply_parse(const char *bytes, size_t n, struct message_reply *ret_reply,
			struct error *err)
{
	cleanup_message_reply struct message_reply m = {0};
	int r;

	r = message_load(bytes, n, &m.root, err);
	if (r == 0)
		r = message_word(m.root, "error", &m.error, err);
	if (r == 0)
		r = message_parameters(m.root, &m.parameters, err);
	if (r == 0)
		r = message_flag(m.root, "continues", &m.continues, err);
	if (r < 0)
		return r;
	*ret_reply = m;
	m.root = NULL;
	return 0;
}

void message_reply_done(struct message_reply *r)
{
	json_decref(r->root);
	*r = (struct message_reply){0};
}

int message_reply_error(const struct message_reply *r, struct error *err)
{
	const char *message = json_get_string(r->parameters, "message");
	const char *parameter = json_get_string(r->parameters, "parameter");
	cleanup_free char *rest = NULL;

	if (message)
		return error_set_id(err, -EREMOTEIO, r->error, "%s", message);
	if (parameter && strcmp(r->error, VARLINK_ERROR_INVALID_PARAMETER) == 0)
		return error_set_id(err, -EREMOTEIO, r->error,
				    "the parameter \"%s\" is missing or not valid", parameter);
	rest = json_dumps(r->parameters, JSON_COMPACT);
	return error_set_id(err, -EREMOTEIO, r->error, "answered with the error %s %s", r->error,
			    rest ? rest : "");
}

/* The parameters are always sent: some peers miss them when there are none. */
json_t *message_reply_new(json_t *parameters, bool continues)
{
	json_t *m =
		message_with(json_object(), "parameters", parameters ? parameters : json_object());

	return continues ? message_with(m, "continues", json_true()) : m;
}

void message_reply_parts(const char *parameters, size_t n, bool continues,
			 struct frames_part ret_parts[static MESSAGE_REPLY_PARTS])
{
	static const char before[] = "{\"parameters\":";
	static const char last[] = "}";
	static const char more[] = ",\"continues\":true}";
	const char *after = continues ? more : last;

	ret_parts[0] = (struct frames_part){before, sizeof(before) - 1};
	ret_parts[1] = (struct frames_part){parameters, n};
	ret_parts[2] = (struct frames_part){after, strlen(after)};
}

json_t *message_error_new(const char *id, json_t *parameters)
{
	json_t *m = message_with(json_object(), "error", json_string(id));

	return message_with(m, "parameters", parameters ? parameters : json_object());
}

json_t *message_error_from(const char *interface, const struct error *err)
{
	bool field = strcmp(err->id, VARLINK_ERROR_INVALID_PARAMETER) == 0;
	json_t *parameters;

	parameters = message_with(json_object(), field ? "parameter" : "message",
				  json_text(err->text, strlen(err->text)));
	if (!parameters)
		return NULL;
	if (err->id[0] != '\0')
		return message_error_new(err->id, parameters);
	return message_with(
		message_with(json_object(), "error", json_sprintf("%s.Failed", interface)),
		"parameters", parameters);
}
