# SPDX-License-Identifier: MIT
"""Who starts after whom, who stops before whom, and what a start that waits is told."""
import os
import signal
import subprocess
import sys
import time

from instance import BUILD, program
from supervision import (FOREVER, Caller, config, events, held, identity, kill, oneshot, shell,
                         stop_held, supervisor_of)
from waiting import SLOWNESS, wait_until

CLI = program("slicekeep")
STUBBORN = "trap '' TERM; while :; do sleep 1000; done"


def times(platform, kind):
    """{service: number of its first event of this kind}; the numbers grow with time."""
    found = {}
    for event in events(platform):
        if event["kind"] == kind and "service" in event:
            found.setdefault(event["service"], event["seq"])
    return found


def test_each_starts_when_what_it_comes_after_is_ready(platform, free_port):
    port = free_port()
    notify = ('import os,signal,socket; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);'
              's.sendto(b"READY=1","\\0"+os.environ["NOTIFY_SOCKET"][1:]); signal.pause()')
    chain = {
        "z-exec": FOREVER | {"after": ["y-tcp"], "ready": {"exec": ["true"]}},
        "y-tcp": {"command": sys.executable, "after": ["x-log"], "ready": {"tcp": port},
                  "args": ["-m", "http.server", "--bind", "127.0.0.1", str(port)]},
        "x-log": shell("echo up and well; exec sleep 1000", after=["w-notify"],
                       ready={"log": "^up and"}),
        "w-notify": {"command": sys.executable, "args": ["-c", notify], "after": ["v-oneshot"],
                     "ready": {"notify": True}},
        "v-oneshot": oneshot("exit 0", after=["u-up-for"]),
        "u-up-for": FOREVER,
    }
    platform.up(config(**chain))
    platform.wait_state("z-exec", "running")
    # A oneshot may be over before anybody hears that it has started; its end counts for both.
    started, ready = ({"v-oneshot": times(platform, "exit")["v-oneshot"], **times(platform, kind)}
                      for kind in ("start", "ready"))
    order = list(reversed(chain))
    for before, after in zip(order, order[1:]):
        assert ready[before] < started[after]
    platform.cli("stop", "--all")
    stopped = times(platform, "stop")
    assert sorted(chain, key=stopped.get) == list(chain), "stopped in another order"


def test_what_is_started_together_waits_for_each_other(platform):
    """The one that comes after is named first, when what it comes after is still stopped."""
    off = FOREVER | {"autostart": False}
    platform.up(config(app=off | {"after": ["db"]}, db=off))
    platform.cli("start", "app", "db")
    assert platform.service("app")["state"] == "running"
    platform.cli("stop", "--all")
    platform.cli("start", "--all")
    assert platform.service("app")["state"] == "running"


def test_start_behind_a_chain_that_is_stopped_says_so(platform):
    off = FOREVER | {"autostart": False}
    platform.up(config(a=off | {"after": ["b"]}, b=off | {"after": ["c"]}, c=off))
    platform.cli("start", "b", exits=1)
    said = platform.cli("start", "a", exits=1)
    assert '"c"' in said.stdout + said.stderr
    assert "start it first" in said.stdout + said.stderr
    platform.cli("start", "c")
    platform.wait_state("a", "running")


def test_start_behind_one_that_fails_says_so(platform):
    platform.up(config(app=FOREVER | {"after": ["migrate"], "autostart": False},
                       migrate=oneshot("exit 3")))
    said = platform.cli("start", "app", exits=1)
    assert '"migrate", which is failed' in said.stdout + said.stderr


def test_restart_of_related_services_stops_and_starts_in_order(platform):
    platform.up(config(db=FOREVER, app=FOREVER | {"after": ["db"]}, other=FOREVER))
    for name in ("db", "app", "other"):
        platform.wait_state(name, "running")
    mark = events(platform)[-1]["seq"]
    other = identity(platform, "other")
    platform.cli("restart", "db", "app")
    names = ["app", "db", "other"]
    story = [(event["service"], event["kind"])
             for event in events(platform, since=mark, names=names)
             if event["kind"] in ("exit", "start", "ready")]
    assert story == [("app", "exit"), ("db", "exit"), ("db", "start"), ("db", "ready"),
                     ("app", "start"), ("app", "ready")]
    assert identity(platform, "other") == other


def test_restart_of_one_leaves_what_comes_after_it(platform):
    platform.up(config(db=FOREVER, app=FOREVER | {"after": ["db"]}))
    app, db = identity(platform, "app"), identity(platform, "db")
    platform.cli("restart", "db")
    assert identity(platform, "app") == app
    assert identity(platform, "db") != db


def test_restart_in_order_outlives_the_supervisor(platform):
    """What had not begun when the supervisor died is asked of its successor."""
    gate = platform.home / "gate"
    platform.up(config(db=FOREVER, app=held(gate, after=["db"])))
    before = {name: identity(platform, name) for name in ("db", "app")}
    restart = platform.spawn([CLI, "restart", "db", "app"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    platform.wait_state("app", "stopping")
    kill(supervisor_of(platform))
    gate.touch()
    said, _ = restart.communicate(timeout=30 * SLOWNESS)
    assert restart.returncode == 0, said
    for name, old in before.items():
        assert identity(platform, name) != old
    stop_held(platform, "app", gate)


def test_oneshot_is_done_when_it_has_succeeded_and_not_when_it_says_ready(platform):
    gate = platform.home / "gate"
    notify = BUILD / "tests/integration/programs/notify"
    os.mkfifo(gate)
    platform.up(config(
        migrate=oneshot(f"{notify} READY=1 && exec cat {gate}", autostart=False),
        app=FOREVER | {"after": ["migrate"], "autostart": False}))
    platform.spawn([CLI, "start", "migrate", "app"])

    def has_said_so():
        return platform.service("migrate")["pid"]

    wait_until(has_said_so)
    with open(gate, "w", encoding="utf-8"):  # opens when its `cat` runs: after its word
        assert platform.service("migrate")["state"] == "starting"
        assert platform.service("app")["pid"] is None
    platform.wait_state("migrate", "done")
    platform.wait_state("app", "running")


def test_oneshot_that_is_done_runs_again_when_it_is_asked_to(platform):
    platform.up(config(job=oneshot("echo once >>ran", cwd=str(platform.home))))
    ran = platform.home / "ran"
    platform.wait_state("job", "done")
    platform.cli("start", "job")
    platform.cli("restart", "job")
    assert platform.service("job")["state"] == "done"
    assert ran.read_text() == "once\n" * 3


def test_start_that_a_shutdown_overtakes_is_answered(platform):
    platform.up(config(slow=FOREVER | {"autostart": False, "ready": {"notify": True,
                                                                     "timeout": "10m"}},
                       stubborn=shell(STUBBORN, stop={"timeout": "1s"})))
    platform.wait_state("stubborn", "running")
    start = platform.spawn([CLI, "start", "slow"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    platform.wait_state("slow", "starting")
    platform.cli("down")
    said, _ = start.communicate(timeout=30 * SLOWNESS)
    assert start.returncode == 1
    assert "stopped" in said


def test_stop_and_start_in_any_state_and_twice(platform):
    """What was asked last is what is true in the end."""
    platform.up(config(a=shell(STUBBORN, stop={"timeout": "200ms"}),
                       crash=shell("exit 1", restart={"delay": "1s"})))
    for name in ("a", "crash"):
        for words in (["stop", "start"], ["restart", "restart"], ["stop", "stop", "start"],
                      ["start", "stop", "start"], ["restart", "stop", "start"]):
            calls = [platform.spawn([CLI, word, name], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL) for word in words[:-1]]
            platform.cli(words[-1], name, exits=None)
            for call in calls:
                call.wait(30 * SLOWNESS)
        platform.cli("stop", name)
        assert platform.service(name)["state"] == "stopped"
    platform.cli("start", "a")
    assert platform.service("a")["state"] == "running"


def test_restart_in_one_breath_with_a_stop_is_a_restart(platform):
    platform.up(config(a=FOREVER))
    before = identity(platform, "a")
    with Caller(platform) as caller:
        caller.send("Stop", names=["a"])
        caller.send("Restart", names=["a"], wait=True)
        assert "error" not in caller.answer()
        assert caller.answer()["parameters"]["progress"][0]["ok"]
    assert identity(platform, "a") != before


def test_restart_that_a_stop_and_a_start_have_cancelled_is_answered(platform):
    gate = platform.home / "gate"
    platform.up(config(db=FOREVER, app=held(gate, after=["db"])))
    before = identity(platform, "db")
    identity(platform, "app")
    supervisor = supervisor_of(platform)
    with Caller(platform) as one, Caller(platform) as two, Caller(platform) as three:
        one.send("Restart", names=["db", "app"], wait=True)
        platform.wait_state("app", "stopping")
        os.kill(supervisor, signal.SIGSTOP)  # so that it takes both in one breath
        two.send("Stop", names=["db"])
        three.send("Start", names=["db"])
        os.kill(supervisor, signal.SIGCONT)
        assert "error" not in two.answer() and "error" not in three.answer()
        gate.touch()
        rows = {row["name"]: row for row in one.answer()["parameters"]["progress"]}
    assert rows["app"]["ok"] and not rows["db"]["ok"]
    assert "another order" in rows["db"]["text"] or "stopped" in rows["db"]["text"]
    if platform.service("db")["desired"] == "run":
        assert identity(platform, "db") == before
    stop_held(platform, "app", gate)


def restarts(platform):
    return {s["name"]: s["restarts"] for s in platform.json("ls") if s["name"] != "log"}


def test_hundred_that_crash_together_are_bounded_and_ls_answers(platform, tmp_path):
    """From the third restart in a row on a keeper asks for a place, in a bucket that holds 64."""
    lives = tmp_path / "lives"
    crash = shell(f"printf . >>{lives}; exit 1", restart={"delay": "1ms", "max_delay": "1ms"})
    platform.up({"processes": {f"s{i}": crash for i in range(100)}})
    supervisor = supervisor_of(platform)

    def went_on(times=12):
        now = restarts(platform)
        return all(now[name] >= first[name] + times for name in first)

    first = restarts(platform)
    wait_until(lambda: went_on(3), 60, "every one of them to be held")
    began, before = time.monotonic(), lives.stat().st_size
    first = restarts(platform)
    wait_until(went_on, 60, "every one of them to be tried again and again")
    grown = lives.stat().st_size - before
    # What is counted is what ran. 200 a second are granted, 64 may have been saved up, and one that
    # was held for a second goes ahead alone.
    assert grown <= 64 + 100 + 250 * (time.monotonic() - began)
    assert supervisor_of(platform) == supervisor
    first = restarts(platform)
    kill(supervisor)  # without anybody to ask, they go on alone
    wait_until(lambda: went_on(2), 60)
