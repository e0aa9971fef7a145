# SPDX-License-Identifier: MIT
"""A collector of a test's own, and what stands around it: keepers, writers of output, callers.

The test plays the keepers: it holds the listening sockets, as the real keeper of the collector
does, makes the pipes, offers their read ends (lib/intake-frame.h) and keeps duplicates of them.
"""
import array
import json
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import time

import pytest

import instance
import store
from waiting import SLOWNESS, wait_until

FRAME = struct.Struct("=IHHIIQ64s")
MAGIC = 0x736B6C31
RETAIN_FRAME = struct.Struct("=IHHQQQ64s")
OFFER, END, DRAINED, RETAIN, TROUBLE = 1, 2, 3, 4, 5
STREAMS = {"out": 1, "err": 2, "both": 3, "event": 4}
POLICIES = {"block": 0, "drop": 1}
# Of the collector and of its reader, whatever they do. A sanitizer keeps what was freed:
# then it is a bound for the machine's sake.
RSS_KIB_MAX = 1_500_000 if "SLICEKEEP_TEST_SANITIZED" in os.environ else 8_000


class Pipe:
    """One life's pipe of one stream, as its keeper holds it."""

    def __init__(self, name, stream="out", instance_no=0, life=None, policy="block"):
        self.name, self.stream, self.instance, self.policy = name, stream, instance_no, policy
        self.life = life or time.time_ns() // 1000
        self.read_end, self.write_end = os.pipe2(os.O_CLOEXEC)
        self.drained = False

    def frame(self, kind):
        return FRAME.pack(MAGIC, kind, STREAMS[self.stream], self.instance,
                          POLICIES[self.policy], self.life, self.name.encode())

    def key(self):
        """What a frame calls it by."""
        return self.name, STREAMS[self.stream], self.instance, self.life

    def write(self, data):
        """Write all of it; blocks while the pipe is full."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.write_end, view):]

    def close_write(self):
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self):
        self.close_write()
        if self.read_end >= 0:
            os.close(self.read_end)
            self.read_end = -1


def make_transit():
    """One descriptor for both ends of a pipe, as of lib/transit.h."""
    ends = os.pipe2(os.O_CLOEXEC)
    transit = os.open(f"/proc/self/fd/{ends[0]}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    for end in ends:
        os.close(end)
    return transit


class Keeper:
    """One connection to the intake and the pipes that are offered over it.

    A former version of the keeper has no transits.
    """

    def __init__(self, collector, is_former=False):
        self.path = collector.run / "log.intake"
        self.is_former = is_former
        self.transits = {}
        self.pipes = []
        self.sock = None
        self.connect()

    def connect(self):
        """Connect anew and offer every pipe that is not drained again."""
        if self.sock:
            self.sock.close()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(20 * SLOWNESS)
        self.sock.connect(str(self.path))
        for pipe in self.pipes:
            if not pipe.drained:
                self._offer(pipe)

    def _offer(self, pipe):
        fds = array.array("i", [pipe.read_end])
        if not self.is_former:
            fds.append(self.transit(pipe))
        self.sock.sendmsg([pipe.frame(OFFER)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])

    def transit(self, pipe):
        """The transit of its stream."""
        stream = pipe.name, pipe.stream, pipe.instance
        if stream not in self.transits:
            self.transits[stream] = make_transit()
        return self.transits[stream]

    def pipe(self, name, *args, **more):
        """Make a pipe and offer it."""
        pipe = Pipe(name, *args, **more)
        self.pipes.append(pipe)
        self._offer(pipe)
        return pipe

    def end(self, pipe):
        """Say that nobody writes into it any more."""
        self.sock.send(pipe.frame(END))

    def retain(self, common=(0, 0), **rules):
        """Tell rules (bytes, seconds) as the supervisor does: of services, and of all others.

        They hold when this returns, because a pipe that was offered behind them has been drained.
        """
        round_ = time.monotonic_ns()
        for name, (max_bytes, seconds) in [*rules.items(), ("", common)]:
            self.sock.send(RETAIN_FRAME.pack(MAGIC, RETAIN, 0, round_, max_bytes,
                                             int(seconds * 1_000_000), name.encode()))
        pipe = self.pipe("rules")
        pipe.close_write()
        self.wait_drained(pipe)

    def receive(self):
        """Take one DRAINED; False when the collector has hung up."""
        try:
            data = self.sock.recv(4096)
        except ConnectionResetError:
            return False
        if not data:
            return False
        _, kind, stream, number, _, life, name = FRAME.unpack(data)
        assert kind == DRAINED
        name = name.rstrip(b"\0").decode()
        for pipe in self.pipes:
            if pipe.key() == (name, stream, number, life):
                pipe.drained = True
        return True

    def has_news(self, seconds=0):
        return bool(select.select([self.sock], [], [], seconds)[0])

    def wait_drained(self, *pipes, deadline=30):
        """Wait until the collector has said DRAINED for all of them, coming back if it dies."""
        end = time.monotonic() + deadline * SLOWNESS
        while not all(pipe.drained for pipe in pipes):
            assert time.monotonic() < end, "waited for DRAINED"
            if self.has_news(0.05) and not self.receive():
                self.connect()

    def close(self):
        self.sock.close()
        for pipe in self.pipes:
            pipe.close()
        for transit in self.transits.values():
            os.close(transit)
        self.transits = {}


class Caller:
    """A Varlink client, one call at a time."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30 * SLOWNESS)
        self.sock.connect(str(path))
        self.rest = b""

    def send(self, method, parameters, more=False):
        call = {"method": f"io.slicekeep.log.{method}", "parameters": parameters}
        if more:
            call["more"] = True
        self.sock.sendall(json.dumps(call).encode() + b"\0")

    def answer(self):
        """The next answer as it stands on the wire; None at the end of file."""
        while b"\0" not in self.rest:
            data = self.sock.recv(1 << 16)
            if not data:
                return None
            self.rest += data
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        """Call and return the parameters of the only answer."""
        self.send(method, parameters)
        reply = self.answer()
        assert "error" not in reply, reply
        return reply["parameters"]

    def fails(self, method, **parameters):
        """Call and return the error that it answers with."""
        self.send(method, parameters)
        reply = self.answer()
        assert "error" in reply, reply
        return reply

    def query(self, **filter_):
        """All lines that Query answers with "more"."""
        self.send("Query", {"filter": {"names": [], **filter_}}, more=True)
        lines = []
        while True:
            reply = self.answer()
            assert "error" not in reply, reply
            lines += reply["parameters"]["lines"]
            if not reply.get("continues"):
                self.cursor = reply["parameters"].get("cursor")
                return lines

    def follow(self, **filter_):
        self.send("Follow", {"filter": {"names": [], **filter_}}, more=True)

    def next_lines(self, n, deadline=20):
        """The next n lines of a Follow that was begun."""
        lines = []
        end = time.monotonic() + deadline * SLOWNESS
        while len(lines) < n:
            assert time.monotonic() < end, f"{len(lines)} of {n} lines came: {lines[-3:]}"
            reply = self.answer()
            assert reply and "error" not in reply, reply
            lines += reply["parameters"]["lines"]
            self.cursor = reply["parameters"].get("cursor")
        return lines

    def close(self):
        self.sock.close()


class Collector:
    """slicekeep-log below a folder, with sockets that outlive it."""

    def __init__(self, platform, *options):
        self.platform = platform
        self.run = platform.home / "run"
        self.log = platform.home / "log"
        self.log_seen = self.log  # another path, when the folder is mounted for it alone
        self.run.mkdir(exist_ok=True)
        self.options = options
        self.sockets = [self._listen("log.intake", socket.SOCK_SEQPACKET),
                        self._listen("log.sock", socket.SOCK_STREAM)]
        self.keepers, self.callers = [], []
        self.process = None
        self.errors = platform.home / "collector.stderr"

    def _listen(self, name, kind):
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(str(self.run / name))
        sock.listen(128)
        return sock

    def start(self, prefix=()):
        """Start it; connections wait in the sockets until it is ready."""
        words = [*prefix, "/bin/bash", "-c",
                 "exec 3<&$0 4<&$1; shift; export LISTEN_PID=$$ LISTEN_FDS=2 "
                 "LISTEN_FDNAMES=intake:varlink; exec \"$@\"",
                 *[str(sock.fileno()) for sock in self.sockets],
                 str(instance.program("slicekeep-log")), "--log-dir", str(self.log), "--run-dir",
                 str(self.run), *map(str, self.options)]
        with open(self.errors, "ab") as errors:
            self.process = self.platform.spawn(words, stderr=errors,
                                               pass_fds=[s.fileno() for s in self.sockets])
        return self

    def kill(self):
        """kill -9, and see it gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20 * SLOWNESS)

    def stop(self):
        """In order, and see those gone that go with it: the store is nobody's then."""
        self.process.terminate()
        assert self.process.wait(20 * SLOWNESS) == 0
        wait_until(lambda: not self.readers() and not self.housekeeper_pid(), 20,
                   "the end of reader and housekeeper")

    def readers(self):
        """The pids of processes that answer: none, if nobody has asked for a while."""
        return [pid for pid, command in self.platform.processes().items() if "--reader" in command]

    def reader_pid(self):
        """The process that answers whoever is connected now."""
        (pid,) = self.readers()
        return pid

    def keeper(self, **more):
        self.keepers.append(Keeper(self, **more))
        return self.keepers[-1]

    def caller(self):
        self.callers.append(Caller(self.run / "log.sock"))
        return self.callers[-1]

    def read(self, exits=0, **filter_):
        """What `slicekeep-log read` prints, parsed."""
        result = self.platform.run([instance.program("slicekeep-log"), "read", "--log-dir",
                                    self.log, json.dumps(filter_)], exits=exits)
        return [json.loads(line) for line in result.stdout.splitlines()] if exits == 0 else result

    def stored(self, name, stream="out", instance_no=0):
        """The bytes of all segments of a stream, in order."""
        return store.stored(self.log_seen / name, f"{instance_no}.{stream}.*")

    def segments(self, name):
        return [path.name for path in store.segments(self.log_seen / name)]

    def housekeeper_pid(self):
        """The process that packs, or None."""
        return next((pid for pid, command in self.platform.processes().items()
                     if "--housekeeper" in command), None)

    def wait_pass(self, keeper):
        """Have a housekeeper make a whole pass that begins now: one that syncs notes when it
        began. None is due before something is stored."""
        since, mark = time.time_ns() // 1000, self.log_seen / ".housekeeper"
        store_lines(keeper, "other", b"one line\n")
        wait_until(lambda: mark.exists() and int.from_bytes(mark.read_bytes(), "little") > since,
                   120, "a pass that began now")

    def wait_packed(self, name, n=1):
        """Wait until all segments but so many newest ones are packed."""
        # It gives way to everybody, and comes back only a while after it was killed.
        wait_until(lambda: len(list((self.log_seen / name).glob("*.log"))) <= n
                   and not self.housekeeper_pid(), 120, f"the segments of {name} to be packed")

    def said(self):
        """What it printed on stderr."""
        return self.errors.read_text(errors="replace")

    def finish(self):
        for one in self.callers + self.keepers:
            one.close()
        for sock in self.sockets:
            sock.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20 * SLOWNESS)


def store_lines(keeper, name, data, **more):
    """One life that prints this and ends, stored."""
    pipe = keeper.pipe(name, **more)
    pipe.write(data)
    pipe.close_write()
    keeper.wait_drained(pipe)


def used_bytes(folder, pattern="*"):
    """The sum of the sizes of its files, some of which may be deleted while it is looked at."""
    while True:
        try:
            return sum(path.stat().st_size for path in folder.glob(pattern))
        except FileNotFoundError:
            pass


def peak_rss_kib(pid):
    """The most memory that a process ever had."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


@pytest.fixture
def collectors(platform):
    """A function that makes and starts a Collector; import it where it is used."""
    made = []

    def make(*options, start=True):
        made.append(Collector(platform, *options))
        return made[-1].start() if start else made[-1]

    yield make
    for one in made:
        one.finish()
    # One that was just being started has the words of its parent still.
    words = f"--log-dir {platform.home / 'log'}"
    wait_until(lambda: not any(words in command for command in platform.processes().values()),
               what="the end of readers and housekeepers, which comes by itself")
