# SPDX-License-Identifier: MIT
"""Units around a keeper, written by hand as slicekeep-keeper(8) says, in a machine."""
import json
import pathlib

from waiting import wait_until

KEEPER = "/usr/local/libexec/slicekeep/slicekeep-keeper"
HERE = pathlib.Path(__file__).resolve().parent
HELPERS = (HERE / "guest_keeper.py", *(HERE.parent / "integration" / f"{name}.py"
                                       for name in ("keepers", "processes", "waiting")))
UNIT = """[Unit]
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart=!{keeper} --unit --spec {spec} --control {control} --start
ExecStop=!{keeper} --unit-stop --control {control}
ExecStopPost=!{keeper} --unit-stopped --control {control}
Delegate=yes
KillMode=process
Restart=always
RestartSec=0
RestartPreventExitStatus=0 1 2
FileDescriptorStoreMax=16
OOMPolicy=continue
OOMScoreAdjust=-1000
TimeoutStopSec=30
{more}
"""


def install(machine):
    """What the tests need in a machine, once."""
    for path in HELPERS:
        machine.put(f"/opt/test/{path.name}", path.read_text())


class Unit:
    """One service of the system's manager, with its keeper and its payload.

    Its name was never used before: so the manager reads its file without a daemon-reload.
    A payload that must have got somewhere, with its traps set, writes into the file $READY then.
    """

    user = "root"
    manager = ("systemctl",)
    run = "/run/test"
    units = "/run/systemd/system"
    cgroups = "/sys/fs/cgroup/system.slice"

    def __init__(self, machine, name, argv, more="", **keys):
        self.machine = machine
        self.name = name
        self.control = f"{self.run}/{name}.sock"
        self.program = f"/opt/test/keeper-{name}"
        self.folder = f"{self.cgroups}/{name}.service"
        self.ready = f"{self.run}/{name}.ready"
        spec = f"{self.run}/{name}.spec"
        records = ["slicekeep-spec 1", f"name={name}", "env=PATH=/usr/bin:/bin",
                   f"env=READY={self.ready}"]
        records += [f"argv={word}" for word in argv]
        records += [f"{key}={value}" for key, value in keys.items()]
        machine.run(["cp", KEEPER, self.program])
        machine.put(spec, "".join(record + "\0" for record in records), user=self.user)
        machine.put(f"{self.units}/{name}.service",
                    UNIT.format(keeper=self.program, spec=spec, control=self.control, more=more))

    def start(self, n_processes=1, says_ready=False):
        """systemctl start; the snapshot of the running payload.

        That it runs means that it was forked: it is waited for until it has made so many processes,
        and until it says that it is ready.
        """
        self.systemctl("start")
        snapshot = self.state("running")
        wait_until(lambda: len(self.pids("payload")) == n_processes, 60, f"{n_processes} processes")
        if says_ready:
            wait_until(lambda: self.machine.get(self.ready), 60, self.ready)
        return snapshot

    def systemctl(self, *words, **more):
        """systemctl WORDS… UNIT"""
        return self.machine.run([*self.manager, *words, self.name], user=self.user, **more)

    def end(self):
        """Whatever state it is in; for the end of a test."""
        ctl = " ".join(self.manager)
        self.machine.run(f"{ctl} stop {self.name}; "
                         f"[ ! -e {self.folder} ] || {ctl} kill --signal=KILL {self.name}",
                         user=self.user, exits=None)

    def show(self, key):
        """A property of the unit."""
        return self.systemctl("show", "--value", "--property", key).stdout.strip()

    def ask(self, *words):
        """What the keeper answers; see guest_keeper.py."""
        done = self.machine.run_python("/opt/test/guest_keeper.py", self.control, *words,
                                       seconds=150)
        return json.loads(done.stdout)

    def state(self, *states):
        """The snapshot once the keeper is in one of these states."""
        return self.ask("state", *states)

    def pids(self, below=""):
        """Who is in the unit's cgroup, or in one below it."""
        path = f"{self.folder}/{below}/cgroup.procs"
        return [int(pid) for pid in self.machine.get(path, missing=b"").split()]

    def kill_keeper(self):
        """kill -9 of the keeper; the snapshot of the one that follows."""
        return self.ask("kill")

    def wait_inactive(self):
        """Until the manager has ended it. One that is being restarted is inactive for a moment,
        with a job that starts it."""
        def ended():
            shown = set(self.systemctl("show", "--property=ActiveState,Job").stdout.split())
            return shown in ({"ActiveState=inactive", "Job="}, {"ActiveState=failed", "Job="})

        wait_until(ended, 60, f"{self.name} to be inactive")

    def left(self):
        """What is left of a unit that is not active: processes, and files beside its socket."""
        files = self.machine.run(f"ls -d {self.control}* {self.folder} 2>&-", exits=None).stdout
        return self.pids() + self.pids("payload") + files.split()

    def log(self):
        """What the keeper has said, and the manager of it, until now."""
        return self.machine.run(f"journalctl --sync && journalctl --no-pager -u {self.name}").stdout


def user_unit(machine, user):
    """The class of units of a user's manager, which is there from now on."""
    machine.run(["loginctl", "enable-linger", user])
    uid = machine.run(["id", "-u", user]).stdout.strip()
    machine.run(["systemctl", "start", f"user@{uid}"])
    return type("UserUnit", (Unit,), {
        "user": user,
        "manager": ("systemctl", "--user"),
        "run": f"/run/user/{uid}/test",
        "units": "/etc/systemd/user",
        "cgroups": f"/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/app.slice",
    })
