# SPDX-License-Identifier: MIT
"""slicekeep as `meson install` puts it into a machine: the system layout, operated by root.

After a test nothing of it may be left: no process but those of the bare machine, no unit and no
cgroup of ours. The machine is the next test's as well.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile

from control import Control
from waiting import wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLICEKEEP_BUILD", TOP / "build")).resolve()
CONFIG = "/etc/slicekeep/config.json"
FOLDERS = ("/etc/slicekeep", "/run/slicekeep", "/var/lib/slicekeep", "/var/log/slicekeep")
# The unit that a test may run the platform in, see Installed.up_in_unit().
UNIT = "slicekeep-test.service"
# What runs in a bare machine, also when systemd was asked something or a user has a manager.
BARE = re.compile(r"/sbin/init|/(?:usr/)?lib/systemd/|\(sd-pam\)|/usr/bin/dbus-daemon|"
                  r"/usr/bin/python3 -ISB /usr/local/sbin/agent")
LOOK = "/opt/test/guest_look.py"
SLICE = "/sys/fs/cgroup/slicekeep.slice"
CALL = "/opt/test/guest_call.py"


def install(machine):
    """Install it in a machine, without debug information: that would be most of the way."""
    with tempfile.TemporaryDirectory(prefix="sk-vm-") as folder:
        done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--strip",
                               "--quiet", "--destdir", folder], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, f"{BUILD} is not built?\n{done.stdout}{done.stderr}"
        machine.put_tree(folder)
    for path in (LOOK, CALL):
        machine.put(path, (TOP / "tests/vm" / pathlib.Path(path).name).read_bytes())


class Installed(Control):
    """The platform of one test; run() and the others are the machine's."""

    def __init__(self, machine):
        self.machine = machine
        self.run = machine.run
        self.is_in_unit = False

    def read(self, path):
        """The text of a file, without white space around it."""
        return self.machine.get(path).decode(errors="replace").strip()

    def write_config(self, config):
        """Write the config file as root would."""
        self.machine.put(CONFIG, json.dumps(config, indent=2), mode=0o600)

    def call(self, method, **parameters):
        """What the supervisor answers to a call of Varlink."""
        return json.loads(self.machine.run_python(CALL, method, json.dumps(parameters)).stdout)

    def up(self, config=None, *options, **more):
        """Write the config, if one is given, and start the platform as from a shell.

        A launcher is named, or the installed unit would be started; another one may be.
        """
        if config is not None:
            self.write_config(config)
        return self.cli("up", "--launcher", "direct", *options, **more)

    def up_in_unit(self, config, *properties):
        """Start the platform in UNIT, with these properties of systemd's."""
        self.write_config(config)
        self.is_in_unit = True
        self.run(["systemd-run", "--quiet", f"--unit={UNIT}", "--property=KillMode=mixed",
                  *(f"--property={text}" for text in properties),
                  "slicekeep", "up", "--foreground", "--launcher", "direct"])
        self.wait_up()

    def wait_up(self):
        """Wait until the supervisor answers."""
        wait_until(lambda: self.cli("status", exits=None).returncode == 0, 60, "the supervisor")

    def wait_state(self, name, *states, deadline=60):
        """The same in a machine that is slower."""
        return super().wait_state(name, *states, deadline=deadline)

    def wait_processes(self, command, number):
        """The pids of the processes with this command line, once there are so many."""
        def find():
            found = {pid for pid, line in self.processes().items() if line == command}
            return found if len(found) == number else None

        return wait_until(find, 60, f"{number} times `{command}`")

    def look(self):
        """({pid: command line} of all processes that a bare machine has not, our cgroups)."""
        seen = json.loads(self.machine.run_python(LOOK).stdout)
        return ({pid: command for pid, command in seen["processes"] if not BARE.match(command)},
                seen["cgroups"])

    def processes(self):
        """The former."""
        return self.look()[0]

    def left(self):
        """What a bare machine has not: processes, units, cgroups.

        Not slices: systemd makes them by itself and keeps them, even when nothing is in them.
        """
        processes, cgroups = self.look()
        wrong = [f"process {pid}: {command}" for pid, command in processes.items()]
        units = self.run(["systemctl", "list-units", "--all", "--plain", "--no-legend",
                          "slicekeep*"]).stdout
        wrong += [f"unit {line}" for line in units.splitlines() if ".slice " not in line]
        return wrong + [f"cgroup {folder}" for folder in cgroups]

    def left_at_last(self):
        """The same, when systemd has unloaded the units whose processes have ended."""
        try:
            wait_until(lambda: not self.left(), 60, "nothing to be left")
        except AssertionError:
            return self.left()
        return []

    def tell(self):
        """Print what helps to understand a test that failed."""
        print(self.run("slicekeep ls; journalctl --no-pager --lines 60", exits=None).stdout)

    def finish(self):
        """End everything, and return what was left of it; the next test finds a clean machine."""
        if self.is_in_unit:
            self.run(["systemctl", "stop", UNIT], exits=None)
        self.cli("down", exits=None)
        left = self.left_at_last()
        if left:
            self._end_what_is_left()
        if self.machine.get(f"{SLICE}/cgroup.events", missing=b""):
            self.run(["systemctl", "stop", "slicekeep.slice"], exits=None)
        self.run(["rm", "-rf", *FOLDERS])
        return left

    def _end_what_is_left(self):
        for pid in self.processes():
            self.run(["kill", "-KILL", str(pid)], exits=None)
        self.run(["systemctl", "reset-failed"])
