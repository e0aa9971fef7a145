# SPDX-License-Identifier: MIT
"""A whole platform whose log folder is on a small disk: who is told, and that it mends itself."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from supervision import FOREVER, config, events, identity, kill, shell, supervisor_of
from waiting import wait_until

pytestmark = pytest.mark.sanitize

# As fast as it can, then not at all.
TALKS = "while [ -e flood ]; do printf '%099d\\n' 0; done; exec sleep 1000"
FULL = "No space left on device"


class SmallDisk:
    """A tmpfs of 4 MB on the log folder, in a mount namespace that the platform is started in."""

    def __init__(self, platform):
        self.folder = platform.home / "log"
        self.folder.mkdir()
        self.anchor = platform.spawn(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
             f"mount -t tmpfs -o size=4m none '{self.folder}' && touch '{self.folder}/here' && "
             "read never"], stdin=subprocess.PIPE)
        self.view = pathlib.Path(f"/proc/{self.anchor.pid}/root/{self.folder}")
        wait_until((self.view / "here").exists)

    def prefix(self):
        return ["nsenter", "--target", str(self.anchor.pid), "--mount"]

    def fill(self, left_bytes):
        size = os.statvfs(self.view)
        (self.view / "ballast").write_bytes(b"\0" * (size.f_bavail * size.f_frsize - left_bytes))

    def relieve(self):
        (self.view / "ballast").unlink()


@pytest.fixture
def small_disk(platform):
    if os.geteuid() != 0:
        pytest.fail("needs root, to mount a small disk")
    return SmallDisk(platform)


def collector_findings(platform):
    found = platform.run([platform.program, "doctor", "--json"], exits=None)
    return [one for one in json.loads(found.stdout) if one["check"] == "collector"]


def note_of(platform, name):
    return platform.service(name)["note"] or ""


def told(platform, name):
    return [event["text"] for event in events(platform, names=[name]) if event["kind"] == "log"]


def synced_usec(disk):
    """What was written before that is on the disk; 0: nothing was ever synced."""
    path = disk.view / ".housekeeper"
    return int.from_bytes(path.read_bytes(), sys.byteorder) if path.exists() else 0


def test_full_disk_that_has_room_again_is_synced_by_another_collector(platform, small_disk):
    """It has never seen the disk full itself; what held up the one before it is over, and told."""
    cwd = str(platform.home)
    platform.write_config({"log": {"max_total": "1G", "sync": "200ms"},
                           **config(held=shell(TALKS, cwd=cwd))})
    small_disk.fill(300_000)
    (platform.home / "flood").touch()
    platform.up(prefix=small_disk.prefix())
    wait_until(lambda: note_of(platform, "held"))
    (platform.home / "flood").unlink()
    collector = identity(platform, "log")[0]
    os.kill(collector, signal.SIGSTOP)
    small_disk.relieve()
    relieved_at_usec = time.time_ns() // 1000
    kill(collector)
    wait_until(lambda: not note_of(platform, "held"), what="another collector")
    assert told(platform, "held")[-1] == "another collector takes its output"
    wait_until(lambda: synced_usec(small_disk) > relieved_at_usec, what="it to be synced")


def test_full_disk_is_told_in_ls_and_doctor_and_mends_itself(platform, small_disk):
    cwd = str(platform.home)
    platform.write_config({"log": {"max_total": "1G", "sync": "200ms"}, **config(
        held=shell(TALKS, cwd=cwd), lossy=shell(TALKS, cwd=cwd, log={"policy": "drop"}),
        silent=FOREVER)})
    small_disk.fill(300_000)
    (platform.home / "flood").touch()
    platform.up(prefix=small_disk.prefix())
    before = {name: identity(platform, name) for name in ("held", "lossy", "silent")}
    wait_until(lambda: note_of(platform, "held") == f"its output is held up: {FULL}")
    wait_until(lambda: note_of(platform, "lossy") == f"its output is dropped: {FULL}")
    assert not note_of(platform, "silent")
    found = collector_findings(platform)
    assert any(one["verdict"] == "wrong" and FULL in one["text"] for one in found), found
    # Whoever is replaced meanwhile knows it again.
    for victim in (supervisor_of(platform), identity(platform, "log")[0]):
        kill(victim)
        platform.wait_state("log", "running")
        wait_until(lambda: "held up" in note_of(platform, "held") and
                   "dropped" in note_of(platform, "lossy"))
    (platform.home / "flood").unlink()
    small_disk.relieve()
    relieved_at_usec = time.time_ns() // 1000
    wait_until(lambda: not note_of(platform, "held") and not note_of(platform, "lossy"))
    wait_until(lambda: not any(one["verdict"] == "wrong" for one in collector_findings(platform)),
               what="doctor to find nothing wrong")
    assert {name: identity(platform, name) for name in before} == before
    wait_until(lambda: synced_usec(small_disk) > relieved_at_usec, what="it to be synced")
    said = told(platform, "held")
    assert f"its output is held up: {FULL}" in said and said[-1] == "its output is stored again"
