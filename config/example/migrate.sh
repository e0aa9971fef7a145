#!/bin/sh
# SPDX-License-Identifier: MIT
# What has to be done once before others may start: it counts as ready when it has exited with 0.
set -eu
for table in users orders invoices; do
	echo "migrating $table"
	sleep 0.1
done
echo "3 tables are up to date"
