/* SPDX-License-Identifier: MIT */
/*
 * org.varlink.service: a server describes itself. Anybody who reaches the socket may ask.
 */
#include "lib/varlink/service.h"

#include <string.h>

#include "lib/json.h"
#include "lib/error.h"
#include "lib/varlink/call-state.h"
#include "lib/varlink/message.h"
#include "lib/varlink/org.varlink.service.varlink.h"

static int act_get_info(struct varlink_call *call, json_t *parameters, void *userdata,
			struct error *err)
{
	json_t *names = json_array();
	const struct varlink_interface *i;

	for (size_t n = 0; (i = varlink_server_interface(userdata, n)); n++)
		if (json_array_append_new(names, json_string(i->name)) < 0) {
			json_decref(names);
			return error_set(err, -ENOMEM, "out of memory");
		}
	varlink_call_reply(call, json_pack("{s:s, s:s, s:s, s:s, s:o}", "vendor", "slicekeep",
					   "product", program_invocation_short_name, "version",
					   SLICEKEEP_VERSION, "url", "", "interfaces", names));
	return 0;
}

static int act_get_interface_description(struct varlink_call *call, json_t *parameters,
					 void *userdata, struct error *err)
{
	const char *name = json_get_string(parameters, "interface");
	const struct varlink_interface *i;

	if (!name)
		return error_set_id(err, -EINVAL, VARLINK_ERROR_INVALID_PARAMETER, "interface");
	for (size_t n = 0; (i = varlink_server_interface(userdata, n)); n++)
		if (strcmp(i->name, name) == 0)
			break;
	if (i)
		varlink_call_reply(call, json_pack("{s:s}", "description", i->text));
	else
		varlink_call_error(call, VARLINK_ERROR_INTERFACE_NOT_FOUND,
				   json_pack("{s:s}", "interface", name));
	return 0;
}

static const struct varlink_method service_methods[] = {
	{"GetInfo", VARLINK_ROLE_NONE, act_get_info},
	{"GetInterfaceDescription", VARLINK_ROLE_NONE, act_get_interface_description},
};

const struct varlink_interface service_interface = {
	.name = "org.varlink.service",
	.text = org_varlink_service,
	.methods = service_methods,
	.n_methods = ARRAY_LEN(service_methods),
};
