# SPDX-License-Identifier: MIT
"""The keeper with a cgroup: born in it, killed with it, counted by it.

Each test has a mount namespace of its own with the cgroup v2 tree mounted below its folder, and a
cgroup of its own there; the host's mounts are left alone. No controllers are needed.
"""
import errno
import os
import pathlib
import shlex
import signal
import subprocess

import pytest

import processes
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize
CLONE3 = 435


class Cgroups:
    """The cgroup v2 tree as seen from a mount namespace that a process of ours keeps."""

    def __init__(self, folder):
        self.mount = folder / "cgroups"
        self.mount.mkdir()
        script = f"mount -t cgroup2 none {shlex.quote(str(self.mount))} && echo ready && exec cat"
        self.holder = subprocess.Popen(["unshare", "-m", "sh", "-c", script], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == "ready\n", "cannot mount cgroup2: not root?"
        self.own = self.mount / f"slicekeep-test-{os.getpid()}-{folder.name}"
        self.seen(self.own).mkdir()
        self.payload = self.own / "payload"

    def seen(self, path):
        """A path in the namespace, as this process can reach it."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{path}")

    def enter(self):
        """The beginning of a command line that runs in the namespace."""
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--wd={self.mount}"]

    def pids(self):
        """Who is in the payload's cgroup."""
        return [int(pid) for pid in (self.seen(self.payload) / "cgroup.procs").read_text().split()]

    def finish(self):
        """Remove our cgroups, deepest first, and let the namespace go."""
        def removed():
            try:
                for path, _, _ in os.walk(self.seen(self.own), topdown=False):
                    os.rmdir(path)
            except OSError as error:  # who has been killed may still be on the way out
                assert error.errno != errno.EBUSY, error
                raise
            return True

        wait_until(removed)
        self.holder.stdin.close()
        self.holder.wait(10 * SLOWNESS)
        self.holder.stdout.close()


@pytest.fixture
def cgroups(nursery):
    """Cgroups whose keepers the nursery starts in them."""
    made = Cgroups(nursery.folder)
    nursery.wrapper = made.enter()
    yield made
    for keeper in nursery.keepers:
        if keeper.process.poll() is None:
            keeper.stop()
    made.finish()


def test_payload_is_born_in_its_cgroup_and_the_keeper_is_not(nursery, cgroups, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--cgroup", cgroups.payload, "--", tree, fifo.path, "session", "daemon")
    fifo.wait_ready()
    pids = cgroups.pids()
    assert len(pids) == 3
    assert keeper.pid not in pids
    assert keeper.stop() == 0
    assert not fifo.has_writers()


def test_cgroup_that_the_keeper_made_goes_with_it(nursery, cgroups):
    keeper = nursery.start("--cgroup", cgroups.payload, "--", "sleep", "1000")
    wait_until(lambda: cgroups.seen(cgroups.payload).exists() and cgroups.pids())
    assert keeper.stop() == 0
    assert not cgroups.seen(cgroups.payload).exists()


def test_cgroup_that_was_there_stays(nursery, cgroups):
    cgroups.seen(cgroups.payload).mkdir()
    keeper = nursery.start("--cgroup", cgroups.payload, "--", "sleep", "1000")
    wait_until(cgroups.pids)
    assert keeper.stop() == 0
    assert cgroups.seen(cgroups.payload).exists()


@pytest.mark.parametrize("words", (["child", "session", "daemon", "stubborn"], ["storm"]),
                         ids="+".join)
def test_stop_kills_the_whole_cgroup(nursery, cgroups, tree, words):
    fifo = nursery.fifo()
    keeper = nursery.start("--cgroup", cgroups.payload, "--stop-timeout", "50ms", "--", tree,
                           fifo.path, *words)
    fifo.wait_ready()
    assert keeper.stop() == 0
    assert not fifo.has_writers()


def test_frozen_cgroup_is_killed(nursery, cgroups, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--cgroup", cgroups.payload, "--stop-timeout", "50ms", "--", tree,
                           fifo.path, "child")
    fifo.wait_ready()
    (cgroups.seen(cgroups.payload) / "cgroup.freeze").write_text("1")
    assert keeper.stop() == 0
    assert not fifo.has_writers()


def test_process_that_came_from_elsewhere_is_killed_before_the_next_life(nursery, cgroups, tree):
    """Somebody who is no descendant of the keeper, but in the payload's cgroup."""
    fifo, lives = nursery.fifo(), nursery.folder / "lives"
    stranger = subprocess.Popen(["sleep", "1000"])
    keeper = nursery.start("--cgroup", cgroups.payload, "--", "sh", "-c",
                           f"echo $$ >>{lives}; exec {tree} {fifo.path}")
    fifo.wait_ready()
    (cgroups.seen(cgroups.payload) / "cgroup.procs").write_text(str(stranger.pid))
    os.kill(int(lives.read_text()), signal.SIGKILL)
    fifo.wait_ready()
    assert stranger.wait(10 * SLOWNESS) == -signal.SIGKILL
    assert len(cgroups.pids()) == 1
    assert keeper.stop() == 0


def test_child_that_left_the_cgroup_is_killed_too(nursery, cgroups, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--cgroup", cgroups.payload, "--", tree, fifo.path, "session")
    fifo.wait_ready()
    pids = cgroups.pids()
    main, child = sorted(pids, key=lambda pid: int(processes.stat_of(pid)[1]) in pids)
    (cgroups.seen(cgroups.own) / "cgroup.procs").write_text(str(child))
    os.kill(main, signal.SIGKILL)
    fifo.wait_ready()
    assert not processes.is_alive(child)
    assert keeper.stop() == 0
    assert not fifo.has_writers()


def test_payload_enters_the_cgroup_without_clone3(nursery, cgroups, tree, without):
    nursery.wrapper += [without, CLONE3]
    fifo = nursery.fifo()
    keeper = nursery.start("--cgroup", cgroups.payload, "--", tree, fifo.path, "session")
    fifo.wait_ready()
    assert len(cgroups.pids()) == 2
    assert keeper.pid not in cgroups.pids()
    assert keeper.stop() == 0
    assert not fifo.has_writers()


def test_cgroup_that_cannot_be_entered_is_named(nursery, cgroups):
    spec = nursery.spec(["true"], type="oneshot", cgroup=str(cgroups.own / "no" / "such"))
    keeper = nursery.start("--spec", spec, "--start", stderr=subprocess.PIPE)
    assert keeper.wait_exit() == 127
    assert f"entering the cgroup '{cgroups.own}/no/such': No such file" in keeper.said()


def test_replaced_program_keeps_the_cgroup(nursery, cgroups, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--cgroup", cgroups.payload, "--", tree, fifo.path, control=True)
    fifo.wait_ready()
    peer = keeper.peer()
    assert peer.request("reexec").result == 0
    peer.request("fail", cause=5)
    fifo.wait_ready()
    assert len(cgroups.pids()) == 1
    assert keeper.stop() == 0
    assert not cgroups.seen(cgroups.payload).exists()
