# SPDX-License-Identifier: MIT
"""What the operator wants is kept, and an order that cannot be carried out changes nothing."""
import ctypes
import json
import os

import pytest
from supervision import (FOREVER, Caller, config, events, identity, keeper_of, kill, shell,
                         supervisor_of)
from waiting import wait_until


class Renames:
    """What gets its name in a folder, as inotify(7) tells it."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        # IN_CREATE | IN_MOVED_TO: two of the same in a row would be told as one.
        assert libc.inotify_add_watch(self.fd, os.fsencode(folder), 0x180) >= 0

    def __enter__(self):
        return self

    def __exit__(self, *_why):
        os.close(self.fd)

    def of(self, name):
        """How often since the last question."""
        try:
            return os.read(self.fd, 1 << 16).count(name.encode() + b"\0")
        except BlockingIOError:
            return 0


def state_of(platform, name):
    return platform.service(name)["state"]


def test_will_outlives_down_and_a_killed_supervisor(platform):
    platform.up(config(off=FOREVER, on=FOREVER | {"autostart": False}, plain=FOREVER))
    platform.cli("stop", "off")
    platform.cli("start", "on")
    kill(supervisor_of(platform))
    assert (state_of(platform, "off"), state_of(platform, "on")) == ("stopped", "running")
    platform.down()
    platform.up()
    assert state_of(platform, "off") == "stopped"
    identity(platform, "on")
    identity(platform, "plain")


def test_will_that_cannot_be_stored_is_refused_and_nothing_changes(platform):
    platform.up(config(a=FOREVER, b=FOREVER | {"autostart": False}))
    before = identity(platform, "a")
    # A folder in its place cannot be replaced by a file, not even by root on a full disk.
    (platform.home / "state" / "desired.json" / "x").mkdir(parents=True)
    for words in (["stop", "a"], ["start", "b"]):
        said = platform.cli(*words, exits=1)
        assert "desired.json" in said.stdout + said.stderr
    assert identity(platform, "a") == before
    assert platform.service("a")["desired"] == "run"
    assert platform.service("b")["desired"] == "stop"


def test_will_for_all_is_written_once(platform):
    """Each write waits for the disk."""
    platform.up(config(**{f"s{i}": FOREVER for i in range(8)}))
    with Renames(platform.home / "state") as renames:
        for verb, n in (("stop", 1), ("start", 1), ("stop", 1), ("restart", 1), ("start", 0)):
            platform.cli(verb, "--all")
            assert renames.of("desired.json") == n, verb


def test_restart_with_a_broken_env_file_leaves_the_old_life_running(platform):
    env = platform.home / "env"
    env.write_text("A=1\n")
    platform.up(config(db=FOREVER | {"env_file": str(env)}, app=FOREVER | {"after": ["db"]}))
    before = {name: identity(platform, name) for name in ("db", "app")}
    env.write_text("not an assignment\n")
    for names in (["db"], ["db", "app"]):
        said = platform.cli("restart", *names, exits=1)
        assert "line 1" in said.stdout + said.stderr
        assert identity(platform, "db") == before["db"]
    platform.cli("start", "db")  # it runs: nothing is looked up, nothing is wrong
    assert identity(platform, "db") == before["db"]
    env.write_text("A=2\n")
    platform.cli("restart", "db")
    assert identity(platform, "db") != before["db"]


def test_start_of_one_that_failed_with_a_broken_env_file_is_refused(platform):
    env = platform.home / "env"
    env.write_text("A=1\n")
    platform.up(config(a=shell("exit 1", env_file=str(env), restart={"when": "never"})))
    platform.wait_state("a", "failed")
    env.unlink()
    said = platform.cli("start", "a", exits=1)
    assert str(env) in said.stdout + said.stderr
    assert state_of(platform, "a") == "failed"


def test_collector_that_is_stopped_by_hand_stops_alone_and_stays_stopped(platform):
    platform.up(config(a=FOREVER))
    before = identity(platform, "a")
    platform.cli("stop", "log")
    assert state_of(platform, "log") == "stopped"
    assert identity(platform, "a") == before
    kill(supervisor_of(platform))
    assert state_of(platform, "log") == "stopped"
    assert identity(platform, "a") == before
    platform.cli("start", "log")
    identity(platform, "log")


def test_note_is_gone_when_it_is_not_true_any_more(platform):
    gate = platform.home / "gate"

    def a(timeout):
        return FOREVER | {"ready": {"exec": ["test", "-e", str(gate)], "timeout": timeout}}

    platform.up(config(a=a("300ms")))
    wait_until(lambda: "not ready" in (platform.service("a")["note"] or ""), 20)
    platform.cli("stop", "a")
    assert not platform.service("a")["note"]
    gate.touch()
    platform.cli("config", "update", json.dumps(config(a=a("10m"))))
    platform.cli("start", "a")
    assert not platform.service("a")["note"]


def test_note_that_is_cut_in_the_middle_of_a_character_hides_nothing(platform):
    """Every length: one of them is cut inside a character, wherever the cut is."""
    names = [f"a{i}" for i in range(4)]
    platform.up(config(**{name: FOREVER | {"env_file": "/" + "x" * i + "ä€" * 120}
                          for i, name in enumerate(names)}))
    for name in names:
        element = platform.wait_state(name, "backoff")
        assert "ä€" in element["note"]
    assert [event for event in events(platform) if event["kind"] == "fail"]
    wait_until(lambda: "ä€" in platform.cli("log", "supervisor").stdout, 20)


def test_service_with_the_longest_name_lives_through_everything(platform):
    name = "n" * 48
    platform.up(config(**{name: FOREVER}))
    before = identity(platform, name)
    supervisor = supervisor_of(platform)
    kill(supervisor)
    wait_until(lambda: supervisor_of(platform) != supervisor)
    assert identity(platform, name) == before
    kill(keeper_of(platform, name))
    wait_until(lambda: identity(platform, name) != before)
    platform.cli("stop", name)
    assert state_of(platform, name) == "stopped"


def test_list_with_more_tells_each_change_and_events_follow(platform):
    platform.up(config(a=FOREVER, b=FOREVER))
    identity(platform, "a")
    with Caller(platform) as changes, Caller(platform) as story:
        changes.send("List", more=True, names=["a"])
        story.send("Events", more=True, since=events(platform)[-1]["seq"], names=["a"])
        assert story.answer()["parameters"]["events"] == []
        platform.cli("restart", "b")
        platform.cli("stop", "a")
        seen = []
        while seen[-1:] != ["stopped"]:
            (service,) = changes.answer()["parameters"]["services"]
            assert service["name"] == "a"
            seen.append(service["state"])
        assert "stopping" in seen
        told = []
        while told[-1:] != ["stop"]:
            told += [event["kind"] for event in story.answer()["parameters"]["events"]]
        assert told == ["exit", "stop"]


def test_user_groups_and_limits_are_set_before_the_program_begins(platform):
    if os.geteuid() != 0:
        pytest.fail("this test changes users: run it as root")
    platform.home.chmod(0o711)
    platform.up(config(a=FOREVER | {
        "user": "nobody", "groups": ["daemon"], "cwd": "/usr", "env": {"MARK": "secret"},
        "limits": {"open_files": 99, "oom_score": 500}}))
    pid = identity(platform, "a")[0]
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["Uid"].split() == ["65534"] * 4
    assert status["Gid"].split() == ["65534"] * 4
    assert sorted(status["Groups"].split()) == ["1", "65534"]
    assert status["CapEff"].strip("0") == status["CapPrm"].strip("0") == ""
    assert os.readlink(f"/proc/{pid}/cwd") == "/usr"
    with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
        assert ["99", "99"] in [line.split()[3:5] for line in file if "open files" in line]
    with open(f"/proc/{pid}/oom_score_adj", encoding="utf-8") as file:
        assert file.read() == "500\n"
    spec = platform.home / "run" / "spec" / "a-0"
    assert spec.stat().st_mode & 0o777 == 0o600
    assert b"secret" in spec.read_bytes()
    for line in platform.processes().values():
        assert "secret" not in line
