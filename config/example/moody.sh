#!/bin/sh
# SPDX-License-Identifier: MIT
# Dies soon after each start, as programs with a bad day do: watch the delay between its restarts grow.
seconds=$(($(od -An -N1 -tu1 /dev/urandom) % 3 + 1))
echo "fine so far"
sleep "$seconds"
echo "cannot go on after $seconds s: the answer was not 42" >&2
exit 1
