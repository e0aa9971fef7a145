/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/varlink/server.h"

/** service_interface - org.varlink.service, which every server speaks; its userdata is the server
 */
extern const struct varlink_interface service_interface;
