/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct numbers;

/**
 * enum cgroup_file - the files of a cgroup that numbers are read from
 *
 * Those before CGROUP_FILE_RARE change all the time.
 */
enum cgroup_file {
	CGROUP_FILE_CPU_STAT,
	CGROUP_FILE_CPU_PRESSURE,
	CGROUP_FILE_MEMORY_CURRENT,
	CGROUP_FILE_SWAP_CURRENT,
	CGROUP_FILE_MEMORY_PRESSURE,
	CGROUP_FILE_IO_STAT,
	CGROUP_FILE_IO_PRESSURE,
	CGROUP_FILE_PIDS_CURRENT,
	CGROUP_FILE_RARE,
	CGROUP_FILE_MEMORY_PEAK = CGROUP_FILE_RARE,
	CGROUP_FILE_MEMORY_HIGH,
	CGROUP_FILE_MEMORY_MAX,
	CGROUP_FILE_COUNT,
};

/** Bytes of a file that are looked at. io.stat has a line of up to some 120 for each disk. */
#define CGROUP_TEXT_MAX 4096

/** cgroup_file_name() - "memory.current" */
const char *cgroup_file_name(enum cgroup_file file);

/**
 * cgroup_text_read() - take the numbers out of the content of a file
 * @text: NUL-terminated; what is not understood is passed over
 * @n:    numbers that the text does not tell stay as they are
 */
void cgroup_text_read(enum cgroup_file file, const char *text, struct numbers *n);
