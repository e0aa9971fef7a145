# SPDX-License-Identifier: MIT
"""A disk under the logs that is far slower than what is printed: collecting lags behind, services
are supervised and steered all the same, also when the supervisor is killed then, and nothing is
lost.
"""
import json

import pytest
from supervision import FOREVER, config, shell, supervisor_of
from waiting import wait_until

LOGS = "/var/log/slicekeep"
COUNT = "/run/drip-count"
# What the kernel keeps for all disks before it holds up who writes.
BUFFER_BYTES = 256 << 10
# Bytes a second: minutes for the flood.
SLOW = 32 << 10
LINES = 1_000_000
FLOOD_BYTES = sum(len(f"{i}\n") for i in range(1, LINES + 1))

FLOOD = shell(f"seq {LINES}; exec sleep 1000", user="root")
# Numbered from 1 in each life; what it has said last stands in a file.
DRIP = shell(f"rm -f {COUNT}; i=0; while :; do i=$((i + 1)); echo $i; echo $i >{COUNT}; "
             "sleep 0.2; done", user="root")
SILENT = FOREVER | {"user": "root"}
LATE = SILENT | {"autostart": False}
CRASH = shell("sleep 0.2; exit 3", user="root", restart={"delay": "10ms", "max_delay": "50ms"})


@pytest.fixture(name="disk")
def mount_disk(platform):
    """A disk of its own for the log folder, which can be slowed down."""
    emulator = platform.machine.emulator
    platform.run(f"mke2fs -q -t ext4 /dev/vdb && mkdir -p {LOGS} && mount /dev/vdb {LOGS} && "
                 f"echo {BUFFER_BYTES} >/proc/sys/vm/dirty_bytes")
    yield emulator
    emulator.slow_down(0)
    platform.cli("down", exits=None)
    platform.run(["umount", LOGS])


class Flood:
    """What the collector has stored of it."""

    def __init__(self, platform):
        self.platform = platform
        self.paths = wait_until(
            lambda: platform.run(f"ls {LOGS}/flood/0.out.*.log", exits=None).stdout.split(), 60,
            "the flood")
        self.collector = platform.service("log")["pid"]

    def stored_bytes(self):
        """Asked without touching the disk: the file is one, and known."""
        (path,) = self.paths
        return int(self.platform.run(["stat", "-c", "%s", path]).stdout)

    def is_held(self):
        """Whether the collector is in the middle of a write, and has not stored all."""
        state = self.platform.read(f"/proc/{self.collector}/stat").rpartition(") ")[2]
        return state.startswith("D") and self.stored_bytes() < 2 * FLOOD_BYTES

    def wait_stored(self, times):
        """Wait until the collector has so many of them."""
        wait_until(lambda: self.stored_bytes() == times * FLOOD_BYTES, 60, "the flood to be stored")

    def check(self):
        """No line is missing, repeated or torn."""
        (path,) = self.paths
        self.platform.run(f"cmp {path} <(seq {LINES}; seq {LINES})")


def restarts(platform, name):
    return platform.service(name)["restarts"]


def wait_restart(platform, name):
    """Wait until it has crashed once more and was started again."""
    before = restarts(platform, name)
    wait_until(lambda: restarts(platform, name) > before, 60, f"{name} to be started again")


def operate(platform):
    """What an operator does."""
    silent = platform.wait_state("silent", "running")["pid"]
    platform.cli("stop", "silent")
    assert platform.service("silent")["state"] == "stopped"
    platform.cli("start", "silent", "late")
    assert platform.wait_state("silent", "running")["pid"] != silent
    before = platform.wait_state("late", "running")["pid"]
    platform.cli("restart", "late")
    assert platform.wait_state("late", "running")["pid"] != before
    platform.cli("stop", "late")
    platform.cli("status")


def supervise(platform):
    """What goes on without one, and how it is explained."""
    wait_restart(platform, "crash")
    exit_ = platform.json("why", "crash")["exits"][0]
    assert (exit_["cause"], exit_["code"]) == ("exit", 3)


def read(platform):
    """What was stored before is shown."""
    assert platform.lines("drip", "--grep", "^1$")[0]["text"] == "1"


def happened(platform):
    return platform.json_lines("events", "-n", "1000000")


def stored_events(platform):
    """Without one of which only the beginning is stored yet."""
    text = platform.run(f"cat {LOGS}/supervisor/0.event.*.log").stdout
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def check_events(platform):
    """Each event is stored once, in order, as it was told."""
    told = happened(platform)

    def stored():
        events = stored_events(platform)
        return events if events and events[-1]["seq"] >= told[-1]["seq"] else None

    events = wait_until(stored, 60, "all events to be stored")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for event in told:
        assert events[event["seq"] - 1] == event


def check_drip(platform, said):
    """Each life's lines are stored once, in order, and all of the last one's."""
    lives = {}
    for line in platform.lines("drip", "-n", "1000000"):
        lives.setdefault(line["life"], []).append(int(line["text"]))
    for numbers in lives.values():
        assert numbers == list(range(1, len(numbers) + 1))
    assert len(lives) == 2 and len(list(lives.values())[-1]) >= said
    return True


def test_slow_disk_costs_no_line_no_event_and_no_service(platform, disk):
    platform.up(config(flood=FLOOD, drip=DRIP, silent=SILENT, late=LATE, crash=CRASH) |
                {"log": {"max_total": "1G"}})
    for name in ("flood", "drip", "silent"):
        platform.wait_state(name, "running")
    # As long as the disk takes what it gets, so much is no matter, the buffers being as small.
    flood = Flood(platform)
    flood.wait_stored(1)
    wait_until(lambda: platform.lines("drip", "--grep", "^1$"), 60, "the slow one's first line")
    disk.slow_down(SLOW)
    platform.cli("restart", "flood", "drip")
    wait_until(flood.is_held, 60, "the collector to be held up")
    operate(platform)
    supervise(platform)
    read(platform)
    before = {name: platform.service(name) for name in ("flood", "drip", "silent")}
    supervisor = supervisor_of(platform)
    platform.run(["kill", "-KILL", str(supervisor)])
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    for name, element in before.items():
        after = platform.wait_state(name, "running")
        assert (after["pid"], after["restarts"]) == (element["pid"], element["restarts"])
    platform.cli("restart", "silent")
    supervise(platform)
    wait_until(flood.is_held, 60, "the collector to be held up still")
    said = int(wait_until(lambda: platform.machine.get(COUNT, missing=b"").strip(), 60, "a line"))
    disk.slow_down(0)
    flood.wait_stored(2)
    flood.check()
    platform.cli("stop", "drip", "crash")
    wait_until(lambda: check_drip(platform, said), 60, "all lines of the slow one")
    check_events(platform)
