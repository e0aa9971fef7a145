/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** Room for the name of any unit, as systemd limits it. */
#define UNIT_NAME_MAX 256

/** Room for the object path of any unit: three characters for each that is escaped. */
#define UNIT_PATH_MAX (64 + 3 * UNIT_NAME_MAX)

/**
 * unit_name_service() - the unit of one instance, "slicekeep-NAME-INSTANCE.service"
 * @name: of a service, text_name_valid()
 */
void unit_name_service(const char *name, unsigned instance, char ret_unit[static UNIT_NAME_MAX]);

/**
 * unit_name_slice() - the slice of a group, "slicekeep-GROUP.slice"
 * @group: text_name_valid(); NULL for the slice of all groups, "slicekeep.slice"
 */
void unit_name_slice(const char *group, char ret_unit[static UNIT_NAME_MAX]);

/**
 * unit_name_parse() - which instance a unit belongs to
 * @ret_name: room for UNIT_NAME_MAX bytes
 *
 * Return: whether unit_name_service() makes that name.
 */
bool unit_name_parse(const char *unit, char ret_name[static UNIT_NAME_MAX], unsigned *ret_instance);

/** unit_name_path() - a unit's object path on the bus */
void unit_name_path(const char *unit, char ret_path[static UNIT_PATH_MAX]);

/**
 * unit_name_of_path() - the unit that an object path belongs to
 *
 * Return: whether it is the path of a unit whose name fits.
 */
bool unit_name_of_path(const char *path, char ret_unit[static UNIT_NAME_MAX]);
