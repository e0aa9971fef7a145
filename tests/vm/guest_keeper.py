# SPDX-License-Identifier: MIT
"""Runs in the machine, beside keepers.py: asks a keeper, and prints what it answers as JSON.

The agent imports it, see Machine.run_python().

    guest_keeper.py CONTROL state [STATE…]     its snapshot, once it is in one of these states
    guest_keeper.py CONTROL exit SINCE_LIFE    the exit of a later life, once there is one
    guest_keeper.py CONTROL kill               kill -9; the snapshot of the keeper that follows
    guest_keeper.py CONTROL COMMAND            the answer
"""
import contextlib
import json
import os
import signal
import sys

from keepers import Peer
from waiting import wait_until


def connect(path, since_life=None):
    """A peer of the keeper, once there is one."""
    def reach():
        with contextlib.suppress(OSError, AssertionError):
            return Peer(path, since_life)
        return None

    return wait_until(reach, 60, f"a keeper that answers at {path}")


def snapshot_of(path, is_wanted, what):
    """What the keeper says, once it is what is wanted."""
    def look():
        greeting = connect(path).greeting
        return greeting if is_wanted(greeting) else None

    return wait_until(look, 60, what)


def kill(path):
    """The snapshot of the keeper that follows."""
    before = connect(path).greeting.keeper_pid
    os.kill(before, signal.SIGKILL)
    return snapshot_of(path, lambda now: now.keeper_pid != before, "another keeper")


def main():
    """One question."""
    path, verb, *words = sys.argv[1:]
    if verb == "exit":
        frame = connect(path, int(words[0])).wait_exit()
    elif verb == "state":
        frame = snapshot_of(path, lambda now: not words or now.state in words, f"state {words}")
    elif verb == "kill":
        frame = kill(path)
    else:
        frame = connect(path).request(verb)
    print(json.dumps(frame.fields))
