# SPDX-License-Identifier: MIT
"""Keepers that die, hang, or drop the supervisor: the truth comes back, and nothing is left."""
import json
import os
import re
import resource
import signal

import pytest
from instance import BUILD, program
from processes import is_alive
from supervision import (FOREVER, config, events, exits, identity, keeper_of, kill, shell,
                         supervisor_of)
from waiting import SLOWNESS, wait_until

CLI = program("slicekeep")
pytestmark = pytest.mark.sanitize


def test_killed_keeper_leaves_an_exit_report_and_comes_back(platform):
    platform.up(config(a=FOREVER))
    before = identity(platform, "a")
    life = platform.service("a")["slots"][0]["life"]
    kill(keeper_of(platform, "a"))
    wait_until(lambda: identity(platform, "a") != before)
    assert not is_alive(before[0])
    found = [one for one in exits(platform, "a") if one["life"] == life]
    assert len(found) == 1, "one exit report for each exit"
    assert found[0]["cause"] == "unknown"
    assert "code" not in found[0] and "signal" not in found[0]
    assert "its keeper was killed and took it with it" in found[0]["summary"]
    assert "its keeper was killed" in platform.cli("why", "a").stdout
    assert any(event["kind"] == "exit" and event["exit"]["life"] == life
               for event in events(platform, names=["a"]))


def test_keeper_that_somebody_else_told_to_leave_has_not_died(platform):
    platform.up(config(a=FOREVER))
    before = identity(platform, "a")
    kill(keeper_of(platform, "a"), signal.SIGTERM)
    wait_until(lambda: identity(platform, "a") != before)
    assert [one["cause"] for one in exits(platform, "a")] == ["stop"]
    assert not [event for event in events(platform) if event["kind"] == "fail"]


def test_exits_are_reported_after_the_clock_was_set_back(platform):
    """Lives are numbered by the clock, and grow from one to the next all the same."""
    platform.up(config(a=FOREVER))
    platform.cli("stop", "a")
    platform.down()
    kept = platform.home / "state/exits/a.jsonl"
    report = json.loads(kept.read_text())
    report["life"] += 10 ** 15  # thirty years
    kept.write_text(json.dumps(report) + "\n")
    platform.up()
    platform.cli("start", "a")
    platform.cli("restart", "a")
    kill(identity(platform, "a")[0])
    wait_until(lambda: len(exits(platform, "a")) == 3)
    lives = [one["life"] for one in reversed(exits(platform, "a"))]
    assert lives[0] == report["life"] and lives == sorted(set(lives))


def test_keeper_of_a_finished_oneshot_that_is_killed_changes_nothing(platform):
    platform.up(config(job={"type": "oneshot", "command": "true"}))
    platform.wait_state("job", "done")
    kill(keeper_of(platform, "job"))
    assert platform.service("job")["state"] == "done"
    assert len(exits(platform, "job")) == 1
    platform.cli("start", "job")
    assert len(exits(platform, "job")) == 2


def test_keeper_killed_while_it_stops_leaves_nothing(platform):
    platform.up(config(a=shell("trap '' TERM; setsid sh -c 'echo ready; sleep 4720; sleep 4720' & "
                               "while :; do sleep 1; done",
                               ready={"log": "^ready$"}, stop={"timeout": "1h"})))
    platform.wait_state("a", "running")

    def sleeps():
        return any("sleep 4720" in line for line in platform.processes().values())

    assert sleeps()
    stop = platform.spawn([CLI, "stop", "a"])
    platform.wait_state("a", "stopping")
    kill(keeper_of(platform, "a"))
    platform.wait_state("a", "stopped")
    assert stop.wait(20 * SLOWNESS) == 0
    assert not sleeps(), "what the keeper left was not swept"


def test_keeper_that_dies_with_the_supervisor_is_replaced(platform):
    platform.up(config(a=FOREVER, b=FOREVER))
    a, b = identity(platform, "a"), identity(platform, "b")
    life = platform.service("a")["slots"][0]["life"]
    keeper, supervisor = keeper_of(platform, "a"), supervisor_of(platform)
    os.kill(supervisor, signal.SIGSTOP)  # so that it hears of nothing
    kill(keeper)
    kill(supervisor)
    wait_until(lambda: identity(platform, "a") != a)
    assert identity(platform, "b") == b
    assert not is_alive(a[0])

    found = exits(platform, "a")
    assert [one["life"] for one in found] == [life], "one exit report for each exit"
    assert found[0]["cause"] == "unknown"
    assert "nobody saw how it ended" in found[0]["summary"]
    assert "uptime_usec" not in found[0]
    assert "nobody saw how it ended" in platform.cli("why", "a").stdout
    kill(supervisor_of(platform))
    assert identity(platform, "b") == b
    assert [one["life"] for one in exits(platform, "a")] == [life], "reported once"
    assert exits(platform, "b") == []


def test_keeper_that_dies_before_it_has_greeted_the_next_supervisor_leaves_a_report(platform):
    platform.up(config(a=FOREVER))
    before, keeper = identity(platform, "a"), keeper_of(platform, "a")
    life = platform.service("a")["slots"][0]["life"]
    os.kill(keeper, signal.SIGSTOP)
    kill(supervisor_of(platform))
    # The next one answers only when it has waited for that keeper: the cli may have had enough.
    wait_until(lambda: platform.service("a")["state"] == "starting", 20)
    kill(keeper)
    wait_until(lambda: identity(platform, "a") != before)
    found = exits(platform, "a")
    assert [(one["life"], one["cause"]) for one in found] == [(life, "unknown")]
    assert "nobody saw how it ended" in found[0]["summary"]


def test_keeper_that_hangs_holds_nobody_up_and_is_not_doubled(platform):
    platform.up(config(hung=FOREVER, good=FOREVER))
    hung, good = identity(platform, "hung"), identity(platform, "good")
    keeper = keeper_of(platform, "hung")
    os.kill(keeper, signal.SIGSTOP)
    try:
        kill(supervisor_of(platform))
        assert identity(platform, "good") == good
        assert platform.service("hung")["state"] == "starting"
        # Another keeper's death must not have the silent one taken for an orphan.
        kill(keeper_of(platform, "good"))
        note = "something of its last life may still run"
        wait_until(lambda: note in (platform.service("good")["note"] or ""))
        assert is_alive(keeper) and is_alive(hung[0])
    finally:
        os.kill(keeper, signal.SIGCONT)
    assert identity(platform, "hung") == hung
    platform.wait_state("good", "running")


def test_exit_that_was_seen_but_could_not_be_kept_is_not_lost(platform):
    platform.up(config(a=FOREVER))
    platform.cli("stop", "a")
    kept = platform.home / "state/exits/a.jsonl"
    kept.unlink()
    kill(supervisor_of(platform))
    assert platform.wait_state("a", "stopped")
    assert exits(platform, "a") == []
    ends = [event for event in events(platform, names=["a"]) if event["kind"] == "exit"]
    assert len(ends) == 1, "nobody saw how it ended, says a supervisor that did"


def test_supervisor_that_was_too_slow_for_a_keeper_finds_back(platform):
    """A keeper drops a subscriber that does not read; meanwhile its service is restarted."""
    notify = BUILD / "tests/integration/programs/notify"
    talk = f"while :; do {notify} STATUS=$(date +%N); [ -e die ] && exit 7; done"
    platform.up(config(chatty=shell(talk, cwd=str(platform.home),
                                    restart={"delay": "10ms", "max_delay": "10ms"}),
                       calm=FOREVER))
    chatty, calm = identity(platform, "chatty"), identity(platform, "calm")
    supervisor, keeper = supervisor_of(platform), keeper_of(platform, "chatty")
    socket_path = str(platform.home / "run" / "keeper" / "chatty-0.sock")
    os.kill(supervisor, signal.SIGSTOP)
    try:
        wait_until(lambda: subscribers(keeper, socket_path) == 0, 60, "the keeper to drop it")
        (platform.home / "die").touch()
        wait_until(lambda: not is_alive(chatty[0]))
        (platform.home / "die").unlink()
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: identity(platform, "chatty") != chatty)
    assert supervisor_of(platform) == supervisor
    assert identity(platform, "calm") == calm
    assert [one["code"] for one in exits(platform, "chatty")][-1:] == [7], "an exit was lost"
    platform.cli("stop", "chatty")
    assert platform.service("chatty")["state"] == "stopped"


def held_by(pid):
    """What the descriptors of a process are; one may be closed while we look."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass


def subscribers(keeper, path):
    """Connections that a keeper holds on its control socket, its listener not counted."""
    with open("/proc/net/unix", encoding="utf-8") as file:
        inodes = {line.split()[6]: line.split()[3] for line in file
                  if line.rstrip().endswith(path)}
    found = [re.fullmatch(r"socket:\[(\d+)\]", name) for name in held_by(keeper)]
    return sum(1 for match in found if match and inodes.get(match.group(1)) == "00000000")


def test_out_of_descriptors_no_second_copy_is_started(platform):
    platform.up(config(**{f"s{i}": FOREVER for i in range(8)}))
    before = {f"s{i}": identity(platform, f"s{i}") for i in range(8)}
    supervisor = supervisor_of(platform)
    used = len(os.listdir(f"/proc/{supervisor}/fd"))
    limits = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (used, limits[1]))
    kill(keeper_of_fd_starved(before))
    os.kill(before["s1"][0], signal.SIGKILL)  # its keeper lives and tells
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, limits)
    wait_until(lambda: identity(platform, "s0") != before["s0"], 20)
    wait_until(lambda: identity(platform, "s1") != before["s1"], 20)
    for name in list(before)[2:]:
        assert identity(platform, name) == before[name]
    # One that has just been started may be in the middle of its exec, and is not seen.
    wait_until(lambda: list(platform.processes().values()).count("sleep 1000") >= 8)
    assert list(platform.processes().values()).count("sleep 1000") == 8


def keeper_of_fd_starved(before):
    """The keeper of s0, found without asking a supervisor that has no descriptor left."""
    with open(f"/proc/{before['s0'][0]}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(") ")[2].split()[1])
