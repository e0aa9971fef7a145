# SPDX-License-Identifier: MIT
"""Runs in the machine, beside keepers.py: asks a keeper, and prints what it answers as JSON.

    guest_keeper.py CONTROL state [STATE…]     wait for one of these states, print the snapshot
    guest_keeper.py CONTROL exit SINCE_LIFE    wait for the exit of a later life, print it
    guest_keeper.py CONTROL COMMAND            print the answer
"""
import contextlib
import json
import sys

from keepers import Peer
from waiting import wait_until


def connect(path, since_life):
    """A subscribed peer of the keeper, once there is one."""
    def reach():
        with contextlib.suppress(OSError, AssertionError):
            return Peer(path, since_life)
        return None

    return wait_until(reach, 20, f"a keeper that answers at {path}")


def main():
    """One question."""
    path, verb, *words = sys.argv[1:]
    if verb == "exit":
        frame = connect(path, int(words[0])).wait_exit()
    elif verb == "state":
        peer = connect(path, 0)
        frame = peer.wait_state(*words) if words else peer.greeting
    else:
        frame = connect(path, None).request(verb)
    print(json.dumps(frame.fields))


main()
