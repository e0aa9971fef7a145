# SPDX-License-Identifier: MIT
"""TCP ports for tests.

Below the ephemeral range, so that no outgoing connection takes a port between the look and the
test's own bind; and from a start that differs between processes, since several test runs may share
one machine.
"""
import os
import socket

FIRST, END = 10000, 32000
_start = FIRST + os.getpid() * 97 % (END - FIRST)
_taken = set()


def take():
    """A TCP port that nobody has bound on any address; never the same twice in one run."""
    for offset in range(END - FIRST):
        port = FIRST + (_start - FIRST + offset) % (END - FIRST)
        if port in _taken:
            continue
        with socket.socket() as sock:
            try:
                sock.bind(("0.0.0.0", port))
            except OSError:
                continue
        _taken.add(port)
        return port
    raise AssertionError(f"no free port between {FIRST} and {END}")
