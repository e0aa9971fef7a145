# SPDX-License-Identifier: MIT
"""What the tests of the supervisor share: who runs, killing one of ours, calls over its socket."""
import json
import os
import signal
import socket

from instance import program
from processes import is_alive, start_time_of
from waiting import SLOWNESS, wait_until

FOREVER = {"command": "sleep", "args": ["1000"], "ready": {"up_for": "20ms"}}


def shell(script, **more):
    """A service that is a shell script, ready at once unless it says otherwise."""
    return {"command": "sh", "args": ["-c", script], "ready": {"up_for": "20ms"}, **more}


def held(gate, **more):
    """A service that minds no SIGTERM once it is ready; a file @gate ends it, and goes with it."""
    script = f"trap '' TERM; echo ready; until rm {gate} 2>/dev/null; do sleep 0.05; done"
    return shell(script, ready={"log": "^ready$"}, stop={"timeout": "1m"}, **more)


def stop_held(platform, name, gate):
    """End what would keep `down` waiting."""
    stop = platform.spawn([program("slicekeep"), "stop", name])
    platform.wait_state(name, "stopping")
    gate.touch()
    assert stop.wait(30 * SLOWNESS) == 0


def oneshot(script, **more):
    return {"command": "sh", "args": ["-c", script], "type": "oneshot", **more}


def config(**processes):
    return {"processes": processes}


def identity(platform, name):
    """(pid, start time) of a service that runs: which process it is, for ever.

    It may have died a moment ago, before anybody has heard of it: then the next one is waited for.
    """
    def runs():
        pid = platform.wait_state(name, "running")["pid"]
        start = start_time_of(pid)
        return start and (pid, start)

    return wait_until(runs, 20, f"{name} to run")


def supervisor_of(platform):
    return platform.json("status")["pid"]


def keeper_of(platform, name):
    """Its pid, or None while the supervisor knows of none."""
    slots = platform.service(name)["slots"]
    return slots[0].get("keeper_pid") if slots else None


def kill(pid, signo=signal.SIGKILL):
    """Kill, and wait until it is dead."""
    os.kill(pid, signo)
    wait_until(lambda: not is_alive(pid), 10, f"the end of {pid}")


class Caller:
    """A Varlink client of the supervisor, one call at a time."""

    def __init__(self, platform):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30 * SLOWNESS)
        self.sock.connect(str(platform.home / "run" / "supervisor.sock"))
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_why):
        self.sock.close()

    def send(self, method, more=False, **parameters):
        call = {"method": f"io.slicekeep.supervisor.{method}", "parameters": parameters}
        if more:
            call["more"] = True
        self.sock.sendall(json.dumps(call).encode() + b"\0")

    def answer(self):
        """The next answer as it stands on the wire."""
        while b"\0" not in self.rest:
            data = self.sock.recv(1 << 16)
            assert data, "the supervisor hung up"
            self.rest += data
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        """Call and return the parameters of the only answer."""
        self.send(method, **parameters)
        reply = self.answer()
        assert "error" not in reply, reply
        return reply["parameters"]


def events(platform, **parameters):
    with Caller(platform) as caller:
        return caller.call("Events", limit=1000, **parameters)["events"]


def exits(platform, name):
    with Caller(platform) as caller:
        return caller.call("Exits", name=name)["exits"]
