# SPDX-License-Identifier: MIT
"""Whoever floods gets a turn and no more before the others have theirs.

Nothing here looks at a clock: how much of the floods was stored before the line of the quiet one
stands in the stamps, which one loop gives to all of them.
"""
import signal

import pytest

import instance
import store
from collector import collectors  # noqa: F401
from waiting import wait_until

pytestmark = pytest.mark.sanitize

TURN_BYTES = 256 * 1024
FLOODS = [f"flood{i}" for i in range(4)]
LINES = 500_000
LINE_BYTES = len("line 000000000\n")


def records(collector, name):
    """(bytes, stamp) of each batch of a service, oldest first."""
    found = []
    for path in sorted((collector.log / name).glob("*.idx")):
        base = 0
        for kind, end, at_usec, _ in store.read_index(path)[1]:
            if kind == store.DATA:
                found.append((end - base, at_usec))
                base = end
    return found


def is_stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


def test_quiet_line_waits_for_a_turn_of_each_flood_at_most(platform, collectors):
    collector = collectors("--max-total", "1G", "--segment", "64M")
    keeper = collector.keeper()
    pipes = {name: keeper.pipe(name) for name in [*FLOODS, "quiet"]}
    for name, pipe in pipes.items():
        pipe.write(b"here\n")
        wait_until(lambda: collector.stored(name) == b"here\n")
    pid = collector.process.pid
    collector.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: is_stopped(pid))
    # Now all have something, and the floods go on for as long as they find room.
    for name in FLOODS:
        platform.spawn([instance.BUILD / "tests/integration/programs/spout", LINES, 65536],
                       stdout=pipes[name].write_end)
        pipes[name].close_write()
    pipes["quiet"].write(b"a line\n")
    collector.process.send_signal(signal.SIGCONT)
    pipes["quiet"].close_write()
    keeper.wait_drained(*pipes.values(), deadline=60)
    (_, _), (n_bytes, quiet_usec) = records(collector, "quiet")
    assert n_bytes == len(b"a line\n")
    for name in FLOODS:
        batches = records(collector, name)[1:]
        assert sum(n for n, _ in batches) == LINES * LINE_BYTES
        before = sum(n for n, at_usec in batches if at_usec < quiet_usec)
        assert before <= 2 * TURN_BYTES, f"{name}: {before} bytes came first"
