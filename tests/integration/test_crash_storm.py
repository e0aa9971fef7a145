# SPDX-License-Identifier: MIT
"""Many services that die again and again, at once: who asks is answered, and every death is told.

Their keepers are heard together, now and then; what is asked of one of them, or of another service,
does not wait for that, and what was not heard when the supervisor was killed is heard by the next.
"""
import pytest

from supervision import Caller, config, identity, kill, shell, supervisor_of
from waiting import wait_until

STORMING = [f"s{i:02}" for i in range(16)]
RESTART = {"delay": "10ms", "max_delay": "1s"}
KILLS = 5


def processes_of(folder):
    """Each life of a storming service is a byte in a file of its own; `calm` ends the storm."""
    found = {name: shell(f"printf x >>{name}; test -e calm && exec sleep 1000; exit 1",
                         cwd=str(folder), restart=RESTART) for name in STORMING}
    return found | {"other": shell("exec sleep 1000", after=["early"]),
                    "early": shell("exec sleep 1000")}


def n_lives(platform, name):
    path = platform.home / name
    return path.stat().st_size if path.exists() else 0


def wait_for_lives(platform, names, more):
    """Until each of these has begun so many more lives."""
    before = {name: n_lives(platform, name) for name in names}
    wait_until(lambda: all(n_lives(platform, name) >= before[name] + more for name in names), 30,
               f"{more} more lives of {names}")


def deaths(platform, name):
    """The lives of a service whose end was told, the last one first."""
    with Caller(platform) as caller:
        return [one["life"] for one in caller.call("Exits", name=name, limit=200)["exits"]]


def begin(platform):
    platform.up(config(**processes_of(platform.home)))
    platform.wait_state("other", "running")
    wait_for_lives(platform, STORMING, 4)


@pytest.mark.sanitize
def test_crash_storm_every_death_is_told_once_though_the_supervisor_is_killed(platform):
    begin(platform)
    for round_ in range(KILLS):
        wait_for_lives(platform, [STORMING[round_]], 1)
        kill(supervisor_of(platform))
    (platform.home / "calm").touch()
    for name in STORMING:
        platform.wait_state(name, "running", deadline=30)
    for name in STORMING:
        told = deaths(platform, name)
        assert len(set(told)) == len(told) == n_lives(platform, name) - 1
    platform.down()


@pytest.mark.sanitize
def test_crash_storm_orders_to_those_in_it_and_to_others_are_carried_out(platform):
    begin(platform)
    before = identity(platform, "other")
    platform.cli("stop", STORMING[0])
    assert platform.service(STORMING[0])["state"] == "stopped"
    lives = n_lives(platform, STORMING[0])
    platform.cli("restart", "other")
    assert identity(platform, "other") != before
    platform.cli("restart", "early")
    (platform.home / "calm").touch()
    platform.cli("start", STORMING[0])
    assert platform.service(STORMING[0])["state"] == "running"
    assert n_lives(platform, STORMING[0]) == lives + 1
    platform.cli("stop", "--all")
    platform.down()
