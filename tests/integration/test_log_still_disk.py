# SPDX-License-Identifier: MIT
"""A disk below the logs that stands still: collecting waits for it, and nobody else does.

No line and no event is missing when it goes on, whoever was killed meanwhile.
"""
import fcntl
import itertools
import json
import os
import pathlib
import subprocess

import pytest

import store
from collector import collectors  # noqa: F401
from processes import is_alive, stat_of
from supervision import FOREVER, config, identity, shell, supervisor_of
from waiting import SLOWNESS, wait_until

FREEZE, THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW of linux/fs.h
# Whatever becomes of a test, the disk goes on after so many seconds.
STILL_SECONDS = 170
LINES = 1_000_000


class StillDisk:
    """A disk of its own on the log folder, in a mount namespace that others are started in.

    It is a file on another one, which is frozen to let it stand still: who writes to a frozen file
    system waits before the kernel has begun with it, and to a still disk in the middle. Each write
    goes to the disk at once, as all do that are too many for the memory.
    """

    def __init__(self, platform):
        self.folder = platform.home / "log"
        below = platform.home / "below"
        for folder in (self.folder, below):
            folder.mkdir()
        self.anchor = platform.spawn(
            ["unshare", "--mount", "--propagation", "private", "/bin/bash", "-ec",
             f"truncate -s 256M '{platform.home}/disk'; mke2fs -q -t ext4 '{platform.home}/disk'; "
             f"mount -o loop '{platform.home}/disk' '{below}'; truncate -s 128M '{below}/disk'; "
             f"mke2fs -q -t ext4 '{below}/disk'; "
             f"mount -o loop,sync '{below}/disk' '{self.folder}'; touch '{self.folder}/here'; "
             f"read -t {STILL_SECONDS} never || fsfreeze --unfreeze '{below}'"],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        root = pathlib.Path(f"/proc/{self.anchor.pid}/root")
        self.view = root / self.folder.relative_to("/")
        wait_until((self.view / "here").exists)
        self.fd = os.open(root / below.relative_to("/"), os.O_RDONLY | os.O_DIRECTORY)
        self.is_still = False

    def prefix(self):
        return ["nsenter", "--target", str(self.anchor.pid), "--mount"]

    def stand_still(self):
        fcntl.ioctl(self.fd, FREEZE, 0)
        self.is_still = True

    def stand_still_under(self, pid, say=lambda: None):
        """Stand still in the middle of a splice(2) of that process, which has something to do.

        say() gives it something.
        """
        def is_caught():
            self.stand_still()
            say()
            wait_until(lambda: is_held(pid), 60, "the disk to be waited for")
            if "splice" in pathlib.Path(f"/proc/{pid}/stack").read_text():
                return True
            self.go_on()
            return False

        wait_until(is_caught, 60, "a splice that waits for the disk")

    def go_on(self):
        """Fails when it went on by itself: then somebody has waited for it."""
        self.is_still = False
        fcntl.ioctl(self.fd, THAW, 0)

    def finish(self):
        try:
            if self.is_still:
                self.go_on()
        finally:
            os.close(self.fd)
            self.anchor.stdin.close()


@pytest.fixture(name="disk")
def mount_disk(platform):
    if os.geteuid() != 0:
        pytest.fail("needs root, to mount a disk of its own")
    made = StillDisk(platform)
    yield made
    made.finish()


def is_held(pid):
    """Whether a process waits for a disk."""
    return stat_of(pid)[0] == b"D"


def line(number):
    return b"%09d\n" % number


def fill(pipe, numbers):
    """Write numbered lines until the pipe takes no more; the first that was not taken."""
    os.set_blocking(pipe.write_end, False)
    for number in numbers:
        try:
            os.write(pipe.write_end, line(number))
        except BlockingIOError:
            return number


def test_who_writes_never_waits_for_the_disk(collectors, disk):
    collector = collectors(start=False)
    collector.log_seen = disk.view
    collector.start(disk.prefix())
    keeper = collector.keeper()
    pipe, other = keeper.pipe("shop"), keeper.pipe("calm")
    numbers = itertools.count()
    disk.stand_still_under(collector.process.pid, lambda: pipe.write(line(next(numbers))))
    n = fill(pipe, numbers)
    n_others = fill(other, itertools.count())
    assert is_held(collector.process.pid)
    collector.process.kill()
    disk.go_on()
    collector.process.wait(20 * SLOWNESS)
    collector.start(disk.prefix())
    keeper.connect()
    for one in (pipe, other):
        one.close_write()
    keeper.wait_drained(pipe, other)
    assert collector.stored("shop") == b"".join(line(i) for i in range(n))
    assert collector.stored("calm") == b"".join(line(i) for i in range(n_others))


FLOOD = shell(f"seq {LINES}; exec sleep 1000")
SILENT = FOREVER
CRASH = shell("sleep 0.1; exit 3", restart={"delay": "10ms", "max_delay": "50ms"})


def drip(count):
    """Says a number now and then, and in a file what it has said."""
    return shell(f"i=0; while :; do i=$((i + 1)); echo $i; echo $i >{count}.new; "
                 f"mv {count}.new {count}; sleep 0.02; done")


def go_round(platform):
    """What an operator does."""
    silent = identity(platform, "silent")
    platform.cli("stop", "silent")
    assert platform.service("silent")["state"] == "stopped"
    platform.cli("start", "silent", "late")
    assert identity(platform, "silent") != silent
    before = identity(platform, "late")
    platform.cli("restart", "late")
    assert identity(platform, "late") != before
    platform.cli("stop", "late")
    platform.cli("status")
    assert platform.json_lines("events", "-n", "10")
    exit_ = platform.json("why", "crash")["exits"][0]
    assert (exit_["cause"], exit_["code"]) == ("exit", 3)


def happened(platform):
    return platform.json_lines("events", "-n", "1000000")


def stored_events(disk):
    return [json.loads(line) for line in
            store.stored(disk.view / "supervisor", "0.event.*").splitlines()]


def check_events(platform, disk):
    """Each event is stored once, in order, as it was told."""
    told = happened(platform)
    wait_until(lambda: stored_events(disk)[-1]["seq"] >= told[-1]["seq"], 60, "all events")
    events = stored_events(disk)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for event in told:
        assert events[event["seq"] - 1] == event


def numbers(n):
    return b"".join(b"%d\n" % i for i in range(1, n + 1))


def check_flood(disk):
    """The first life was stopped in its middle, the second one was not."""
    stored = store.stored(disk.view / "flood", "0.out.*")
    whole = numbers(LINES)
    assert stored.endswith(whole) and whole.startswith(stored[:-len(whole)])
    return True


def test_still_disk_holds_up_no_service_and_no_supervisor(platform, disk):
    count = platform.home / "count"
    platform.up({**config(drip=drip(count), silent=SILENT, late=SILENT | {"autostart": False},
                          flood=FLOOD | {"autostart": False}, crash=CRASH),
                 "log": {"max_total": "1G"}}, prefix=disk.prefix())
    for name in ("drip", "silent"):
        platform.wait_state(name, "running")
    collector = identity(platform, "log")[0]
    wait_until(lambda: stored_events(disk))
    disk.stand_still_under(collector)
    platform.cli("start", "flood")
    said = int(count.read_text())
    go_round(platform)
    # Until the pipes of all are full, or nearly: nobody is in the way of the others.
    wait_until(lambda: int(count.read_text()) > said + 100, 30, "the slow one to go on")
    platform.cli("stop", "flood")
    platform.cli("start", "flood")
    before = {name: identity(platform, name) for name in ("drip", "silent", "flood")}
    supervisor = supervisor_of(platform)
    os.kill(supervisor, 9)
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    wait_until(lambda: before == {name: identity(platform, name) for name in before})
    go_round(platform)
    os.kill(collector, 9)
    go_round(platform)
    wait_until(lambda: int(count.read_text()) > said + 200, 30, "the slow one to go on")
    assert is_held(collector)
    disk.go_on()
    wait_until(lambda: not is_alive(collector), 20, "the collector's end")
    wait_until(lambda: check_flood(disk), 60)
    platform.cli("stop", "drip", "crash")
    said = int(count.read_text())
    wait_until(lambda: store.stored(disk.view / "drip", "0.out.*").count(b"\n") >= said, 30)
    stored = store.stored(disk.view / "drip", "0.out.*")
    assert stored == numbers(stored.count(b"\n"))
    check_events(platform, disk)
