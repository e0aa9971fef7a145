# SPDX-License-Identifier: MIT
"""TCP ports for tests.

Below the ephemeral range, so that no outgoing connection takes a port between the look and the
test's own bind. Several test processes share one machine: who takes a port holds a name in the
abstract namespace of Unix sockets as long as it lives, where only one can have it.
"""
import os
import socket

FIRST, END = 10000, 32000
_start = FIRST + os.getpid() * 97 % (END - FIRST)
_held = {}


def is_held(port):
    """Make this port ours among the test processes; whether it is one's already."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0slicekeep-test-port-{port}")
    except OSError:
        name.close()
        return True
    _held[port] = name
    return False


def take():
    """A TCP port that nobody has bound on any address; never the same twice in one run."""
    for offset in range(END - FIRST):
        port = FIRST + (_start - FIRST + offset) % (END - FIRST)
        if is_held(port):
            continue
        with socket.socket() as sock:
            try:
                sock.bind(("0.0.0.0", port))
            except OSError:
                _held.pop(port).close()
                continue
        return port
    raise AssertionError(f"no free port between {FIRST} and {END}")
