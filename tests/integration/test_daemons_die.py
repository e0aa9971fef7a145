# SPDX-License-Identifier: MIT
"""Promise 2: any daemon of ours may die at any time.

No service restarts, no second copy appears, `ls` tells the truth, and no line is lost, repeated or
torn. A stream of numbered lines runs through all of it.
"""
import os
import random
import re

import pytest

import store
from instance import BUILD
from processes import is_alive, start_time_of
from supervision import held
from waiting import wait_until

COUNT = BUILD / "tests/integration/programs/count"
KILLS = 50
LINES = 1_000_000
BYSTANDERS = 5


def config():
    """A stream that lasts for seconds, and services that only have to stay as they are."""
    processes = {"stream": {"command": str(COUNT), "args": [str(LINES), "60"]}}
    for i in range(BYSTANDERS):
        processes[f"calm-{i}"] = {"command": str(COUNT), "args": ["3"]}
    return {"log": {"segment_size": "4M"}, "processes": processes}


def identities(platform):
    """{service: (pid, start time)} of what runs: both say which process it is, for ever."""
    return {element["name"]: (element["pid"], start_time_of(element["pid"]))
            for element in platform.json("ls")
            if element["name"] != "log" and element["pid"]}


def supervisor_pid(platform):
    return platform.json("status")["pid"]


def collector_pid(platform):
    return platform.wait_state("log", "running")["pid"]


def kill(platform, find):
    """Kill what find() names; what it names may have ended a moment ago, then there is another."""
    def killed():
        pid = find(platform)
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            return None
        return pid

    pid = wait_until(killed, 10, f"a {find.__name__} to kill")
    wait_until(lambda: not is_alive(pid), 10, f"the end of {pid}")


def stored_numbers(platform):
    text = stored(platform)
    lines = text.split(b"\n")
    assert lines.pop() == b"", "the stored stream ends in mid-line"
    for line in lines:
        assert re.fullmatch(rb"line \d{9} of a numbered stream", line), f"a torn line: {line[:80]}"
    return [int(line[5:14]) for line in lines]


def stored(platform):
    found = store.stored(platform.home / "log" / "stream", "*.out.*")
    assert found, "no segment of the stream"
    return found


def check_stream(platform):
    def complete():
        return len(stored(platform)) >= LINES * len("line 000000001 of a numbered stream\n")

    wait_until(complete, 120, "the whole stream to be stored")
    assert stored_numbers(platform) == list(range(1, LINES + 1))


VICTIMS = {
    "supervisor": [supervisor_pid],
    "collector": [collector_pid],
    "both": [collector_pid, supervisor_pid],
}


@pytest.mark.parametrize("who", VICTIMS)
def test_killed_50_times_no_service_notices_and_no_line_is_lost(platform, who):
    platform.up(config())
    for name in ["stream", *(f"calm-{i}" for i in range(BYSTANDERS))]:
        platform.wait_state(name, "running")
    before = identities(platform)
    assert len(before) == BYSTANDERS + 1
    dice = random.Random(who)
    for _ in range(KILLS):
        # A random number of questions in between is a random moment for the kill.
        for _ in range(dice.randrange(4)):
            platform.json("ls")
        for find in VICTIMS[who]:
            kill(platform, find)
        # A keeper that is slow to greet the next supervisor is not known yet; who was another one
        # once is never the same again.
        wait_until(lambda: identities(platform) == before, 20, "all to be as before")
    check_stream(platform)
    assert [element["restarts"] for element in platform.json("ls")
            if element["name"] in before] == [0] * len(before)
    copies = [pid for pid, command in platform.processes().items()
              if command.startswith(str(COUNT))]
    assert sorted(copies) == sorted(pid for pid, _ in before.values())


def test_supervisor_that_comes_back_knows_the_operators_will(platform):
    platform.up(config())
    platform.cli("stop", "calm-0")
    kill(platform, supervisor_pid)
    assert platform.service("calm-0")["state"] == "stopped"
    platform.down()
    platform.up()
    assert platform.service("calm-0")["state"] == "stopped"
    assert platform.wait_state("calm-1", "running")["pid"]
    platform.cli("start", "calm-0")
    assert platform.service("calm-0")["state"] == "running"


def test_finished_oneshot_does_not_run_again_when_the_supervisor_dies(platform):
    marker = platform.home / "ran"
    platform.up({"processes": {"migrate": {
        "type": "oneshot", "command": "sh", "args": ["-c", f"echo once >> {marker}"]}}})
    platform.wait_state("migrate", "done")
    for _ in range(5):
        kill(platform, supervisor_pid)
        assert platform.wait_state("migrate", "done")
    assert marker.read_text() == "once\n"


def test_supervisor_killed_in_the_middle_of_a_stop_goes_on_with_it(platform):
    gate = platform.home / "gate"
    platform.up({"processes": {"slow": held(gate)}})
    platform.wait_state("slow", "running")
    platform.spawn([BUILD / "cli/slicekeep", "stop", "slow"])
    platform.wait_state("slow", "stopping")
    kill(platform, supervisor_pid)
    assert platform.service("slow")["state"] == "stopping"
    gate.touch()
    platform.wait_state("slow", "stopped")
