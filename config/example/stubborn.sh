#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that makes a service hard to stop: it ignores SIGTERM, and beside a plain child it has one
# in a session of its own and one that was forked twice and has no parent any more.
trap '' TERM
sleep infinity &
plain=$!
setsid sleep infinity &
(setsid sleep infinity &)
echo "4 processes, and none of them minds SIGTERM"
trap 'echo "asked to stop; no"' TERM
while kill -0 "$plain" 2>/dev/null; do
	wait "$plain"
done
