# SPDX-License-Identifier: MIT
"""The supervisors: how each is configured, started, asked and ended. No measure names one of them.

Each runs its services without a shell in between, which is the best case of the families that start
a `run` file: theirs is a link to the program itself.
"""
import json
import os
import signal
import socket
import time

from instruments import BUILD, PROGRAMS, kill, now

CHILD = PROGRAMS / "child"


class Contestant:
    """One supervisor with these services in this workplace."""
    package = None  # of Debian
    fast = True     # restarts at once; the others wait a second by design and are left out of some
    killable = True  # nobody starts again what is killed with all of it

    def __init__(self, work, names):
        self.work, self.names, self.pid = work, names, None
        self.configure()

    def launch(self):
        """Begin to start it; the moment before."""
        begin = now()
        self.pid = self.work.spawn(self.command())
        return begin

    def end(self):
        """Ask for the end of everything, without waiting for it."""
        kill(self.pid, signal.SIGTERM)

    def settled(self):
        """Called when all services have begun: wait for what the launch still does."""

    def close(self):
        """Undo what is outside of the workplace; what was left there."""
        return []

    def ls(self):
        """argv that shows the state of all services, or None."""
        return None

    def restart(self, names):
        """argv that restarts these, or None."""
        return None

    def asker(self):
        """A function that asks for the state of all, without a process in between, or None."""
        return None


class Slicekeep(Contestant):
    name = "slicekeep"
    cli = BUILD / "cli/slicekeep"

    def configure(self):
        # Nobody else here measures what services use, so it does not, either.
        self.work.env.update(SLICEKEEP_HOME=str(self.work.home), SLICEKEEP_LAUNCHER="direct",
                             SLICEKEEP_NUMBERS="off")
        self.write({name: {"command": str(CHILD), "args": [name]} for name in self.names})

    def write(self, processes):
        for process in processes.values():
            process["ready"] = {"up_for": "1ms"}
        path = self.work.home / "config.json"
        path.write_text(json.dumps({"processes": processes}))
        path.chmod(0o600)

    def command(self):
        return [self.cli, "up"]

    def settled(self):
        self.work.wait(self.pid)

    def end(self):
        self.work.spawn([self.cli, "down"])

    def ls(self):
        return [self.cli, "ls"]

    def restart(self, names):
        return [self.cli, "restart", *(["--all"] if names == self.names else names)]

    def asker(self):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.connect(str(self.work.home / "run/supervisor.sock"))
        request = b'{"method":"io.slicekeep.supervisor.List","parameters":{}}\0'

        def ask():
            link.sendall(request)
            answer = link.recv(1 << 20)
            while not answer.endswith(b"\0"):
                answer += link.recv(1 << 20)
            return answer.count(b'"keeper_pid"')
        return ask


class Alone(Slicekeep):
    """Its supervisor as an init starts it, and as the peers are: `up` puts a keeper around it."""

    def command(self):
        return [BUILD / "supervisor/slicekeep-supervisor"]

    def settled(self):
        pass


class Floor(Contestant):
    name = "floor"
    program = PROGRAMS / "floor"

    def configure(self):
        self.socket = self.work.home / "floor.sock"
        self.list = self.work.home / "list"
        self.list.write_text("".join(f"{name}\t{CHILD}\t{name}\n" for name in self.names))

    def command(self):
        return [self.program, self.list, self.socket]

    def ls(self):
        return [self.program, self.socket, "status"]

    def restart(self, names):
        return [self.program, self.socket,
                "restart " + ("--all" if names == self.names else names[0])]

    def asker(self):
        def ask():
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            link.connect(str(self.socket))
            link.sendall(b"status")
            answer = b""
            while more := link.recv(1 << 20):
                answer += more
            link.close()
            return answer.count(b"\n")
        return ask


class Shape(Floor):
    """The least that has slicekeep's shape."""
    name = "shape"
    program = PROGRAMS / "shape"
    fast = False

    def command(self):
        return [self.program, "up", self.list]

    def ls(self):
        return None

    def restart(self, names):
        return None

    def end(self):
        for pid in self.work.own():
            kill(pid, signal.SIGKILL)
        for pid in self.work.pids.values():
            kill(pid, signal.SIGKILL)


class Folders(Contestant):
    """A supervisor of the daemontools family: a folder with a `run` for each service."""

    def configure(self):
        self.top = self.work.home / "sv"
        for name in self.names:
            folder = self.top / name
            folder.mkdir(parents=True)
            (folder / "run").symlink_to(CHILD)
        # runsvdir waits a second when the folder is as new as now.
        os.utime(self.top, (time.time() - 60, time.time() - 60))

    def folders(self, names):
        return [str(self.top / name) for name in names]

    def asker(self):
        paths = [f"{folder}/supervise/status" for folder in self.folders(self.names)]

        def ask():
            count = 0
            for path in paths:
                with open(path, "rb") as file:
                    count += len(file.read()) > 0
            return count
        return ask


class Runit(Folders):
    name = package = "runit"

    def command(self):
        return ["runsvdir", self.top]

    def end(self):
        kill(self.pid, signal.SIGHUP)

    def ls(self):
        return ["sv", "status", *self.folders(self.names)]

    def restart(self, names):
        return ["sv", "restart", *self.folders(names)]


class Daemontools(Folders):
    name = package = "daemontools"

    def command(self):
        return ["svscan", self.top]

    def end(self):
        kill(self.pid, signal.SIGTERM)
        self.work.spawn(["svc", "-dx", *self.folders(self.names)])

    def ls(self):
        return ["svstat", *self.folders(self.names)]

    def restart(self, names):
        return ["svc", "-t", *self.folders(names)]


class S6(Folders):
    name = package = "s6"
    fast = False

    def command(self):
        return ["s6-svscan", "-c", "1100", self.top]


ALL = (Floor, Shape, Slicekeep, Runit, Daemontools, S6)
