# SPDX-License-Identifier: MIT
"""The contestants in a machine with systemd: its own units, and slicekeep with either launcher.

All of them are there before they are measured, and their services are known to them and not
started: a launch is the order to start them, given by the command that a person types.
"""
import json
import os
import pathlib
import signal
import subprocess
import time

from contestants import CHILD, Contestant
from instruments import kill, now

UNITS = pathlib.Path("/run/systemd/system")
CONFIG = pathlib.Path("/etc/slicekeep/config.json")
FOLDERS = ("/etc/slicekeep", "/run/slicekeep", "/var/lib/slicekeep", "/var/log/slicekeep")
INSTALLED = "/usr/local/"
LEAVE_SECONDS = 60


def run(*argv):
    """A step beside what is measured, to its end."""
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def running(*prefixes):
    """{pid: program} of those whose program is there."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = os.readlink(f"/proc/{name}/exe")
        except OSError:
            continue  # gone meanwhile, or a thread of the kernel
        if program.startswith(prefixes):
            found[int(name)] = program
    return found


class Managed(Contestant):
    """Services that somebody else starts; `weights` are their shares of the one core they get."""
    weights = ()
    killable = False

    def configure(self):
        self.env = {"BENCH_SOCKET": self.work.tag} | ({"BENCH_SPIN": "1"} if self.weights else {})
        self.ordered = None
        self.prepare()

    def launch(self):
        begin = now()
        self.ordered = self.work.spawn(self.order("start"))
        return begin

    def settled(self):
        self.work.wait(self.ordered)

    def end(self):
        self.work.spawn(self.order("stop"))

    def close(self):
        """Whoever is still there has been left behind, and is killed."""
        self.undo()
        end = time.monotonic() + LEAVE_SECONDS
        while (left := running(INSTALLED + "libexec/slicekeep/", str(CHILD))) \
                and time.monotonic() < end:
            time.sleep(0.1)
        for pid in left:
            kill(pid, signal.SIGKILL)
        return sorted(set(left.values()))

    def own(self):
        """Pids of all that is there for the services."""
        return []


class Plain(Managed):
    """Units as an administrator writes them."""
    name = "plain units"

    def prepare(self):
        for number, name in enumerate(self.names):
            lines = ["[Unit]", "StartLimitIntervalSec=0", "[Service]", "Restart=always",
                     "RestartSec=0", f"ExecStart={CHILD} {name}",
                     *(f"Environment={key}={value}" for key, value in self.env.items())]
            if self.weights:
                lines += [f"CPUWeight={self.weights[number]}", "AllowedCPUs=0"]
            (UNITS / self.unit(name)).write_text("\n".join(lines) + "\n")
        run("systemctl", "daemon-reload")

    def undo(self):
        for path in UNITS.glob(self.unit("*")):
            path.unlink()
        run("systemctl", "daemon-reload")

    def unit(self, name):
        return f"bench-{name}.service"

    def order(self, verb):
        return ["systemctl", verb, *map(self.unit, self.names)]


class Slicekeep(Managed):
    """What both launchers have in common."""
    # Nobody else here measures what services use, so it does not, either.
    quiet = {"SLICEKEEP_NUMBERS": "off"}
    job = None  # these, instead of services

    def prepare(self):
        CONFIG.parent.mkdir(exist_ok=True)
        processes = dict(map(self.process, range(len(self.names))))
        CONFIG.write_text(json.dumps({"processes": processes}))
        CONFIG.chmod(0o600)
        self.up()

    def process(self, number):
        name = self.names[number]
        if self.job:
            return name, {"command": self.job, "type": "oneshot", "user": "root",
                          "autostart": False}
        process = {"command": str(CHILD), "args": [name], "env": self.env, "user": "root",
                   "autostart": False, "ready": {"up_for": "1ms"}}
        if self.weights:
            process["limits"] = {"cpu_weight": self.weights[number], "cpus": "0"}
        return name, process

    def undo(self):
        run("slicekeep", "down")
        run("rm", "-rf", *FOLDERS)

    def order(self, verb):
        return ["slicekeep", verb, "--all"]

    def own(self):
        return list(running(INSTALLED))


class Systemd(Slicekeep):
    """Each keeper a unit."""
    name = "systemd launcher"

    def up(self):
        subprocess.run(["slicekeep", "up", "--launcher", "systemd"], check=True,
                       stdout=subprocess.DEVNULL, env=os.environ | self.quiet)


class Direct(Slicekeep):
    """One unit whose cgroup is delegated, and in it a cgroup for each keeper."""
    name = "direct launcher"

    def up(self):
        run("systemd-run", "--quiet", "--unit=slicekeep-bench", "--collect",
            "--property=KillMode=mixed", "--property=Delegate=yes",
            *(f"--setenv={key}={value}" for key, value in self.quiet.items()),
            "slicekeep", "up", "--foreground", "--launcher", "direct")
        end = time.monotonic() + LEAVE_SECONDS
        while subprocess.run(["slicekeep", "status"], check=False, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode:
            if time.monotonic() > end:
                raise TimeoutError("its supervisor does not answer")
            time.sleep(0.1)


ALL = (Plain, Systemd, Direct)
OURS = (Systemd, Direct)
