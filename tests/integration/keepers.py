# SPDX-License-Identifier: MIT
"""Keepers for tests: their spec files, their control protocol, and proof that a tree is gone.

The layouts are those of supervisor/keeper/*-frame.h and lib/intake-frame.h, written down a second
time on purpose: a change of the wire format that only one side makes is found here.
"""
import array
import dataclasses
import os
import select
import signal
import socket
import struct
import subprocess
import time

import processes
from waiting import SLOWNESS, wait_until

MAGIC, VERSION = 0x736B6B31, 2
SNAPSHOT, REQUEST, ANSWER, EXIT = 1, 2, 3, 4
STATES = ("idle", "running", "stopping", "sweeping", "backoff", "done", "failed")
COMMANDS = {name: number for number, name in enumerate(
    ("start", "stop", "leave", "restart", "fail", "signal", "subscribe", "reload", "get_fds",
     "set_fds", "hold", "ready", "reexec"), 1)}
CAUSES = ("none", "exit", "signal", "oom", "watchdog", "health", "not-ready", "stop",
          "stop-timeout", "tasks-max", "exec-failed")
STEPS = ("ok", "spec", "fork", "cgroup", "limit", "groups", "user", "cwd", "pipe", "program")
FDS_MAX, FD_NAME_MAX = 16, 32

HEADER = struct.Struct("=IHH")
SNAPSHOT_BODY = struct.Struct("=Iii5I6Q128s48s")
EXIT_BODY = struct.Struct("=IiIii3I18Q256s48s")
REQUEST_BODY = struct.Struct("=IIiIQ48s512s")
ANSWER_BODY = struct.Struct("=IiiI512s")
SNAPSHOT_FIELDS = ("state keeper_pid main_pid ready n_restarts n_failures n_processes last_cause "
                   "life main_start start_usec ready_usec next_usec spec_revision status asker")
EXIT_FIELDS = ("cause wait_status exec_step exec_errno main_pid n_killed n_left n_failures life "
               "at_usec uptime_usec next_usec maxrss_kb user_usec system_usec memory_peak_bytes "
               "memory_max_bytes oom_kills oom_hits high_hits max_hits tasks_denied n_throttled "
               "throttled_usec left_bytes spec_revision path asker")

INTAKE_MAGIC = 0x736B6C31
INTAKE = struct.Struct("=IHHIIQ64s")
OFFER, END, DRAINED = 1, 2, 3
TRIAL_USEC = 16000  # machine.h
OUT, ERR, BOTH = 1, 2, 3


def text(raw):
    """A NUL-padded text of a frame."""
    return raw.split(b"\0", 1)[0].decode()


@dataclasses.dataclass
class Frame:
    """One message of a keeper; its fields are those of the struct."""
    kind: int
    fields: dict
    fds: list = dataclasses.field(default_factory=list)

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


def parse(data, fds=()):
    """A Frame from the bytes of one message."""
    magic, version, kind = HEADER.unpack_from(data)
    assert (magic, version) == (MAGIC, VERSION)
    body = data[HEADER.size:]
    if kind == SNAPSHOT:
        fields = dict(zip(SNAPSHOT_FIELDS.split(), SNAPSHOT_BODY.unpack(body)))
        fields["state"] = STATES[fields["state"]]
        fields["last_cause"] = CAUSES[fields["last_cause"]]
        fields["status"] = text(fields["status"])
        fields["asker"] = text(fields["asker"])
    elif kind == EXIT:
        fields = dict(zip(EXIT_FIELDS.split(), EXIT_BODY.unpack(body)))
        fields["cause"] = CAUSES[fields["cause"]]
        fields["exec_step"] = STEPS[fields["exec_step"]]
        fields["path"] = text(fields["path"])
        fields["asker"] = text(fields["asker"])
    else:
        assert kind == ANSWER
        serial, result, arg, _, names = ANSWER_BODY.unpack(body)
        names = [text(names[i * FD_NAME_MAX:(i + 1) * FD_NAME_MAX]) for i in range(arg)]
        fields = {"serial": serial, "result": result, "arg": arg, "fd_names": names}
    return Frame(kind, fields, list(fds))


def make_request(command, serial=1, arg=0, cause=0, since_life=0, asker="test", fd_names=()):
    """The bytes of a request; `since_life` is the place of the other numbers of 64 bits, too."""
    names = b"".join(name.encode().ljust(FD_NAME_MAX, b"\0") for name in fd_names)
    return HEADER.pack(MAGIC, VERSION, REQUEST) + REQUEST_BODY.pack(
        COMMANDS.get(command, command), serial, arg, cause, since_life, asker.encode(), names)


class Peer:
    """A connection to a keeper's control socket; keeps everything that came."""

    def __init__(self, path, since_life=None):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(10 * SLOWNESS)
        self.sock.connect(str(path))
        self.frames = []
        self.serial = 0
        self.greeting = self.receive()
        assert self.greeting.kind == SNAPSHOT
        self.forget()
        if since_life is not None:
            assert self.request("subscribe", since_life=since_life).result == 0

    def receive(self):
        """The next message, which is kept too."""
        data, ancillary, _, _ = self.sock.recvmsg(8192, 4096)
        assert data, "the keeper has hung up"
        fds = array.array("i")
        for _, _, payload in ancillary:
            fds.frombytes(payload)
        self.frames.append(parse(data, fds))
        return self.frames[-1]

    def send(self, data, fds=()):
        """Send raw bytes."""
        socket.send_fds(self.sock, [data], list(fds))

    def request(self, command, fds=(), **fields):
        """Send a request, and return its answer."""
        self.serial += 1
        self.send(make_request(command, self.serial, **fields), fds)
        while True:
            frame = self.receive()
            if frame.kind == ANSWER and frame.serial == self.serial:
                return frame

    def wait(self, what, condition):
        """The first message, of those that came and those to come, that meets a condition."""
        end = time.monotonic() + 30 * SLOWNESS
        seen = 0
        while True:
            for frame in self.frames[seen:]:
                seen += 1
                if condition(frame):
                    return frame
            assert time.monotonic() < end, f"no {what} among {self.frames}"
            self.receive()

    def forget(self):
        """Look only at what comes from now on."""
        self.frames.clear()

    def wait_state(self, *states):
        """The next snapshot with one of these states."""
        return self.wait(f"state {states}", lambda f: f.kind == SNAPSHOT and f.state in states)

    def wait_exit(self, life=None):
        """The next exit report, of a life if one is given."""
        return self.wait("exit", lambda f: f.kind == EXIT and life in (None, f.life))

    def exits(self):
        """All exit reports that came."""
        return [frame for frame in self.frames if frame.kind == EXIT]

    def close(self):
        """Hang up."""
        self.sock.close()


class Fifo:
    """A fifo whose write end a whole process tree has: its end of file says that all are gone."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait_ready(self):
        """Until a payload, one more, has written its byte."""
        def has_byte():
            try:
                return os.read(self.fd, 1) == b"r"
            except BlockingIOError:
                return False

        wait_until(has_byte, 20, f"a payload that opens {self.path}")

    def has_writers(self):
        """Whether any process has it open for writing, once somebody had."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def wait_gone(self, deadline=10):
        """Until no process is left that has the write end."""
        wait_until(lambda: not self.has_writers(), deadline, f"no writer of {self.path}")


class Keeper:
    """A running keeper. `control` is the path of its control socket, if it has one."""

    def __init__(self, process, control):
        self.process = process
        self.control = control
        self.pid = process.pid

    def peer(self, since_life=0):
        """A subscribed peer; since_life=None: one that has not subscribed."""
        wait_until(self.control.exists, what=f"{self.control}")
        return Peer(self.control, since_life)

    def wait_exit(self, deadline=20):
        """Its exit code."""
        return self.process.wait(deadline * SLOWNESS)

    def stop(self):
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_exit()

    def said(self):
        """What it has written to stderr, for a keeper with stderr=PIPE, after its end."""
        return self.process.stderr.read().decode()


def write_spec(path, argv, env=None, **keys):
    """Write a spec file as the supervisor does: by rename."""
    records = ["slicekeep-spec 1"]
    records += [f"argv={word}" for word in argv]
    records += [f"env={key}={value}" for key, value in (env or {}).items()]
    for key, value in keys.items():
        records += [f"{key}={one}" for one in (value if isinstance(value, list) else [value])]
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(b"".join(os.fsencode(record) + b"\0" for record in records))
    temporary.replace(path)
    return path


class Nursery:
    """Starts keepers in a folder of its own, and proves at the end that nothing is left."""

    def __init__(self, folder, program, tag):
        self.folder = folder
        self.program = program
        self.env = {key: value for key, value in os.environ.items()
                    if not key.startswith(("LISTEN_", "NOTIFY_", "WATCHDOG_"))}
        self.env[processes.TAG] = tag
        self.tag = tag
        self.wrapper = []
        self.keepers = []
        self.n_fifos = 0

    def fifo(self):
        """A new Fifo."""
        self.n_fifos += 1
        return Fifo(self.folder / f"fifo{self.n_fifos}")

    def start(self, *words, control=False, env=None, **more):
        """Run slicekeep-keeper with these words; control=True: with a control socket."""
        path = self.folder / f"control{len(self.keepers)}" if control else None
        options = ["--control", path] if control else []
        argv = [str(word) for word in (*self.wrapper, self.program, *options, *words)]
        process = subprocess.Popen(argv, env=self.env | (env or {}), cwd=self.folder, **more)
        self.keepers.append(Keeper(process, path))
        return self.keepers[-1]

    def spec(self, argv, env=None, name="spec", **keys):
        """Write a spec whose payload carries the tag."""
        keys.setdefault("name", "test")
        env = {"PATH": os.environ["PATH"], processes.TAG: self.tag} | (env or {})
        return write_spec(self.folder / name, argv, env, **keys)

    def run(self, *words, **more):
        """Run slicekeep-keeper to its end; the CompletedProcess, as text."""
        return subprocess.run([str(word) for word in (self.program, *words)], cwd=self.folder,
                              env=self.env, capture_output=True, text=True, check=False,
                              timeout=60 * SLOWNESS, **more)

    def finish(self):
        """End everything; the list of what was left over that should not have been."""
        wrong = []
        for keeper in self.keepers:
            if keeper.process.poll() is None:
                keeper.process.terminate()
            try:
                keeper.process.wait(20 * SLOWNESS)
            except subprocess.TimeoutExpired:
                wrong.append(f"keeper {keeper.pid} does not end by SIGTERM")
                keeper.process.kill()
                keeper.process.wait()
            if keeper.process.stderr:
                keeper.process.stderr.close()
        left = processes.kill_tagged(self.tag)
        if left:
            wrong.append(f"left behind, and killed now: {left}")
        return wrong
