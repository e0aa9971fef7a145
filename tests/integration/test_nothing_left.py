# SPDX-License-Identifier: MIT
"""Promise 1: stop, crash and a stop in backoff end with the whole process tree gone.

Proven by more than names: see programs/family.c.
"""
import os

import pytest

from instance import BUILD
from waiting import wait_until

FAMILY = BUILD / "tests/integration/programs/family"


class Family:
    """A fifo that all processes of a service hold, and the lock that tells lives apart."""

    def __init__(self, platform):
        self.fifo = platform.home / "fifo"
        self.lock = platform.home / "lock"
        os.mkfifo(self.fifo)
        self.fd = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)

    def args(self, *more):
        return [str(self.fifo), str(self.lock), *more]

    def someone_lives(self):
        try:
            return os.read(self.fd, 1) != b""
        except BlockingIOError:
            return True


@pytest.fixture
def family(platform):
    return Family(platform)


def service(family, *args, **more):
    return {"processes": {"family": {"command": str(FAMILY), "args": family.args(*args),
                                     "ready": {"log": "^ready$"}, "stop": {"timeout": "100ms"},
                                     **more}}}


def violations(platform):
    return platform.cli("log", "family", "--grep", "VIOLATION").stdout


def test_stop_of_a_running_family_200_times_leaves_nobody(platform, family):
    platform.up(service(family))
    for _ in range(200):
        assert family.someone_lives()
        platform.cli("stop", "family")
        assert not family.someone_lives()
        platform.cli("start", "family")
    platform.down()
    assert not family.someone_lives()


def test_stop_of_a_family_that_ignores_sigterm_leaves_nobody(platform, family):
    platform.up(service(family, "ignore-term"))
    for _ in range(20):
        platform.cli("stop", "family")
        assert not family.someone_lives()
        platform.cli("start", "family")
    platform.down()


def test_stop_of_a_fork_storm_leaves_nobody(platform, family):
    platform.up(service(family, "storm"))
    for _ in range(20):
        assert family.someone_lives()
        platform.cli("stop", "family")
        assert not family.someone_lives()
        platform.cli("start", "family")
    platform.down()


def test_crash_200_times_never_meets_an_earlier_life(platform, family):
    platform.up(service(family, "exit=3", restart={"delay": "1ms", "max_delay": "1ms"},
                        ready={"up_for": "1h", "timeout": "2h"}))

    def crashed_often():
        return platform.service("family")["restarts"] >= 200

    wait_until(crashed_often, 60, "200 crashes")
    platform.cli("stop", "family")
    assert not family.someone_lives()
    assert violations(platform) == ""


def test_stop_during_backoff_leaves_nobody(platform, family):
    platform.up(service(family, "exit=3", restart={"delay": "1h", "max_delay": "1h"},
                        ready={"up_for": "1h", "timeout": "2h"}))
    for _ in range(10):
        platform.wait_state("family", "backoff")
        assert not family.someone_lives()
        platform.cli("stop", "family")
        assert platform.service("family")["state"] == "stopped"
        platform.cli("start", "family", exits=1)
    platform.down()


def test_killed_keeper_takes_its_family_along_and_the_service_comes_back(platform, family):
    platform.up(service(family))
    for _ in range(6):
        before = platform.wait_state("family", "running")
        os.kill(before["slots"][0]["keeper_pid"], 9)

        def back():
            now = platform.service("family")
            return now["state"] == "running" and now["pid"] != before["pid"]

        wait_until(back, 20, "the service to be back")
    assert violations(platform) == ""
    platform.cli("stop", "family")
    assert not family.someone_lives()
