/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "lib/error.h"
#include "lib/varlink/frames.h"

/*
 * The two kinds of Varlink message, a call and a reply, between their bytes and C.
 */

#define VARLINK_ERROR_INTERFACE_NOT_FOUND "org.varlink.service.InterfaceNotFound"
#define VARLINK_ERROR_METHOD_NOT_FOUND "org.varlink.service.MethodNotFound"
#define VARLINK_ERROR_METHOD_NOT_IMPLEMENTED "org.varlink.service.MethodNotImplemented"
#define VARLINK_ERROR_INVALID_PARAMETER "org.varlink.service.InvalidParameter"
#define VARLINK_ERROR_PERMISSION_DENIED "org.varlink.service.PermissionDenied"
#define VARLINK_ERROR_EXPECTED_MORE "org.varlink.service.ExpectedMore"

/**
 * struct message_call - a call as it arrived
 * @root:       owns all that follows
 * @method:     fully qualified, never empty
 * @parameters: an object, never NULL
 * @more:       the caller takes several answers
 * @oneway:     the caller takes no answer
 * @upgrade:    the caller wants to leave the protocol
 */
struct message_call {
	json_t *root;
	const char *method;
	json_t *parameters;
	bool more;
	bool oneway;
	bool upgrade;
};

/**
 * message_call_parse() - read a call
 * @bytes:    one message without its NUL
 * @ret_call: ended by message_call_done()
 *
 * Return: 0, -EBADMSG with a text when it is none, -ENOMEM.
 */
must_check int message_call_parse(const char *bytes, size_t n, struct message_call *ret_call,
				  struct error *err);

/** message_call_done() - drop the reference; a zeroed call is allowed */
void message_call_done(struct message_call *c);

/** enum message_flags - how a call wants to be answered */
enum message_flags {
	MESSAGE_MORE = 1,
	MESSAGE_ONEWAY = 2,
};

/**
 * message_call_new() - a call to be sent
 * @parameters: reference taken over, also on failure; NULL is an empty object
 * @flags:      enum message_flags
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *message_call_new(const char *method, json_t *parameters, unsigned flags);

/**
 * struct message_reply - an answer as it arrived
 * @root:       owns all that follows
 * @parameters: an object, never NULL
 * @error:      fully qualified error, or NULL
 * @continues:  more answers follow
 */
struct message_reply {
	json_t *root;
	json_t *parameters;
	const char *error;
	bool continues;
};

/**
 * message_reply_parse() - read a reply
 * @bytes:     one message without its NUL
 * @ret_reply: ended by message_reply_done()
 *
 * Return: 0, -EBADMSG with a text when it is none, -ENOMEM.
 */
must_check int message_reply_parse(const char *bytes, size_t n, struct message_reply *ret_reply,
				   struct error *err);

/** message_reply_done() - drop the reference; a zeroed reply is allowed */
void message_reply_done(struct message_reply *r);

/**
 * message_reply_error() - the error in a reply, for a person
 * @r:   a reply whose error is set
 * @err: id, and as text the parameter "message", or else what was answered
 *
 * Return: -EREMOTEIO.
 */
int message_reply_error(const struct message_reply *r, struct error *err);

/**
 * message_reply_new() - an answer to be sent
 * @parameters: reference taken over, also on failure; NULL is an empty object
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *message_reply_new(json_t *parameters, bool continues);

#define MESSAGE_REPLY_PARTS 3

/**
 * message_reply_parts() - an answer to be sent, around parameters that are JSON text already
 * @parameters: an object of @n bytes; borrowed by the parts
 */
void message_reply_parts(const char *parameters, size_t n, bool continues,
			 struct frames_part ret_parts[static MESSAGE_REPLY_PARTS]);

/**
 * message_error_new() - an error to be sent
 * @id:         fully qualified
 * @parameters: reference taken over, also on failure; NULL is an empty object
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *message_error_new(const char *id, json_t *parameters);

/**
 * message_error_from() - an error value as a message
 * @interface: gives its name to an error without id: INTERFACE.Failed
 * @err:       the text becomes the parameter "message"; for InvalidParameter it is the name of
 *             the field and becomes "parameter"
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *message_error_from(const char *interface, const struct error *err);

#define cleanup_message_call cleanup(message_call_done)
#define cleanup_message_reply cleanup(message_reply_done)
