# SPDX-License-Identifier: MIT
"""Orders and deaths at random, several at a time: in the end it is as was asked for last.

Everything of a service holds its lock, the setsid'd children too; so a second copy, or a life that
begins before the last one is gone, finds it taken and says so.
"""
import json
import os
import random
import signal
import subprocess

import pytest

from instance import program
from processes import is_alive, stat_of
from supervision import config, oneshot, shell
from waiting import SLOWNESS, wait_until

CLI = program("slicekeep")
ROUNDS = 12
VARIANTS = 16
LOCKED = "exec 9>>lock-{0}; flock -n 9 || echo {0} >>second-copies\n"
FOREVER = "exec sleep 1000"
UNREADY = {"ready": {"notify": True, "timeout": "300ms"}, "restart": {"max_delay": "1s"}}

# What may be true of a service that is wanted and not held up; of the others: running.
STATES = {"migrate": {"done"}, "fails": {"failed"}, "bad": {"failed"},
          "crash": {"backoff", "starting", "running", "stopping"},
          "unready": {"backoff", "starting", "stopping"}}


def processes_of(folder, variant):
    """The services, in one of their variants; each bit changes something."""
    def make(how, name, script, **more):
        return how(LOCKED.format(name) + script, cwd=str(folder), stop={"timeout": "300ms"}, **more)

    found = {
        "db": make(shell, "db", "setsid sleep 1000 & " + FOREVER),
        "cache": make(shell, "cache", FOREVER, after=["db"]),
        "migrate": make(oneshot, "migrate", "sleep 0.05", after=["db"],
                        env={"VARIANT": str(variant & 1)}),
        "web": make(shell, "web", FOREVER, after=["migrate"] + ["cache"] * (not variant & 2),
                    env={"VARIANT": str(variant & 4)}),
        "worker": make(shell, "worker", "trap '' TERM; (setsid sleep 1000 &); "
                       "while :; do sleep 1000; done", after=["web"]),
        "crash": make(shell, "crash", "sleep 0.03; exit 1",
                      restart={"delay": "50ms", "max_delay": "300ms"}),
        "fails": make(shell, "fails", "exit 3",
                      restart={"delay": "10ms", "max_delay": "10ms", "max_restarts": 2}),
        "bad": make(oneshot, "bad", "exit 4"),
        "behind": make(shell, "behind", FOREVER, after=["bad"]),
        "off": make(shell, "off", FOREVER, autostart=False),
        "unready": make(shell, "unready", FOREVER) | UNREADY,
    }
    if variant & 2:
        del found["cache"]
    if variant & 8:
        found["extra"] = make(shell, "extra", FOREVER, after=["worker"])
    return found


def holders(platform, name):
    """Who holds the lock of a service."""
    path, found = str(platform.home / f"lock-{name}"), set()
    for pid in platform.processes():
        try:
            held = (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
            if path in held:
                found.add(pid)
        except OSError:
            pass
    return found


def wills(platform):
    path = platform.home / "state/desired.json"
    return json.loads(path.read_text()) if path.exists() else {}


def is_as_wanted(platform, services):
    """Everything is as the operator and the config want it, and `ls` tells the truth about it."""
    will, seen = wills(platform), {one["name"]: one for one in platform.json("ls")}
    wanted = {name: will.get(name, "run" if one.get("autostart", True) else "stop") == "run"
              for name, one in services.items()}
    assert set(seen) == {*services, "log"}
    for name, one in services.items():
        state, held = seen[name]["state"], holders(platform, name)
        if not wanted[name]:
            assert (name, state, held) == (name, "stopped", set())
            continue
        waits = any(not wanted[dep] or seen[dep]["state"] not in ("running", "done")
                    for dep in one.get("after", []))
        may_be = STATES.get(name, {"running"}) | ({"starting"} if waits else set())
        assert state in may_be, f"{name} is {state}"
        if may_be == {"running"}:
            pid = seen[name]["pid"]
            assert is_alive(pid) and pid in held, f"{name}: pid {pid}, {held} hold its lock"
    keepers = {one["slots"][0].get("keeper_pid") for one in seen.values() if one["slots"]}
    assert set(pids_of(platform, "keeper")) <= keepers
    return True


def pids_of(platform, kind):
    """Those that are one, and not a child that is just being born, or that looks for leaks: a
    sanitizer waits for ever for such a one that was killed."""
    program_name = {"collector": "slicekeep-log"}.get(kind, f"slicekeep-{kind}")
    found = {pid: stat_of(pid) for pid, command in platform.processes().items()
             if command.split(" ")[0].endswith(f"/{program_name}")
             and "--name supervisor" not in command}
    return [pid for pid, stat in found.items() if stat and int(stat[1]) not in found]


class Storm:
    """What happens in one round, drawn from a seed."""

    def __init__(self, platform, seed):
        self.platform, self.random = platform, random.Random(seed)
        self.variant, self.calls, self.story = 0, [], []

    @property
    def services(self):
        return processes_of(self.platform.home, self.variant)

    def call(self, *words):
        self.story.append(" ".join(words))
        with open(self.platform.home / "said", "a", encoding="utf-8") as said:
            self.calls.append(self.platform.spawn([CLI, *words], stdout=said,
                                                  stderr=subprocess.STDOUT))
        return self.calls[-1]

    def order_some(self):
        names = self.random.sample(list(self.services), self.random.randint(1, 4))
        self.call(self.random.choice(["start", "stop", "restart"]), *names)

    def order_all(self):
        self.call(self.random.choice(["start", "stop", "restart"]), "--all")

    def apply(self):
        self.variant = self.random.randrange(VARIANTS)
        self.platform.write_config(config(**self.services))
        self.call("config", "apply").wait(30 * SLOWNESS)

    def look(self):
        """`ls` answers whatever happens; meanwhile time passes."""
        for _ in range(self.random.choice([1, 3, 10])):
            self.platform.cli("ls")

    def kill_some(self):
        what = self.random.choice([["supervisor"], ["keeper"], ["collector"], ["caller"],
                                   ["supervisor", "keeper"]])
        for kind in what:
            pids = ([call.pid for call in self.calls if call.poll() is None] if kind == "caller"
                    else pids_of(self.platform, kind))
            for pid in self.random.sample(pids, min(len(pids), 1 + (kind == "keeper"))):
                self.story.append(f"kill {kind}")
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def blow(self):
        for _ in range(self.random.randint(2, 7)):
            self.random.choice([self.order_some, self.order_some, self.order_all, self.apply,
                                self.kill_some, self.kill_some, self.look, self.look])()

    def calm(self):
        """Every call comes back, and everything comes to where it shall be."""
        for call in self.calls:
            call.wait(30 * SLOWNESS)
        self.calls.clear()
        self.platform.cli("config", "apply")  # an apply may have been killed with its caller
        wait_until(lambda: is_as_wanted(self.platform, self.services), 20, str(self.story))
        assert not (self.platform.home / "second-copies").exists(), self.story
        self.story.clear()


@pytest.mark.sanitize
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow)
                                       for seed in range(2, 6))])
def test_storm_of_orders_and_deaths_ends_as_was_asked_for_last(platform, seed):
    storm = Storm(platform, seed)
    platform.up(config(**storm.services))
    for _ in range(ROUNDS):
        storm.blow()
        storm.calm()
    platform.down()
