# SPDX-License-Identifier: MIT
"""What is measured with: the services' own word, /proc, and a clock."""
import os
import pathlib
import select
import signal
import socket
import struct
import tempfile
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
BUILD = TOP / "build-bench"
PROGRAMS = BUILD / "bench"
TAG = "SLICEKEEP_BENCH_TAG"
HELLO = struct.Struct("<QI32s4x")
# Sockets and what supervisors keep about services are in memory, as /run is; lines are on disk.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SERVICES = {str(PROGRAMS / "child"), str(PROGRAMS / "spout")}


class RealTime:
    """SCHED_RR for the bench and, by inheritance, for all that it starts: the neighbours of a
    shared machine wait meanwhile."""

    def __enter__(self):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))

    def __exit__(self, *_):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def now():
    """CLOCK_MONOTONIC in nanoseconds, the clock of child.c."""
    return time.monotonic_ns()


class Workplace:
    """A folder, a tag in the environment of all that is started, and the services' witness."""

    def __init__(self, where=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="slicekeep-bench-", dir=where))
        self.storm = self.home / "storm"
        self.tag = uuid.uuid4().hex
        self.env = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        self.env.update({TAG: self.tag, "BENCH_SOCKET": self.tag, "BENCH_STORM": str(self.storm)})
        self.witness = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.witness.bind("\0" + self.tag)
        self.pids = {}  # of the newest life of each service
        self.children = []

    def hear(self, deadline_seconds):
        """The next (at_nsec, name), or None."""
        self.witness.settimeout(max(deadline_seconds, 1e-6))
        try:
            at, pid, name = HELLO.unpack(self.witness.recv(HELLO.size))
        except (TimeoutError, BlockingIOError):
            return None
        name = name.rstrip(b"\0").decode()
        self.pids[name] = pid
        return at, name

    def wait_for(self, names, deadline_seconds=60):
        """The moment at which the last of these services began; all must begin anew."""
        missing, last = set(names), 0
        end = time.monotonic() + deadline_seconds
        while missing:
            heard = self.hear(end - time.monotonic())
            if heard is None:
                raise TimeoutError(f"{len(missing)} services did not begin: {sorted(missing)[:3]}")
            if heard[1] in missing:
                missing.discard(heard[1])
                last = max(last, heard[0])
        return last

    def silence(self):
        """Forget what was said until now."""
        while self.hear(0.05):
            pass

    def spawn(self, argv, stdin=None, stdout=None):
        """Start a program; without an own stdout it prints to nowhere. Its pid."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, nowhere if stdin is None else stdin, 0),
                   (os.POSIX_SPAWN_DUP2, nowhere if stdout is None else stdout, 1),
                   (os.POSIX_SPAWN_DUP2, nowhere, 2)]
        argv = [str(word) for word in argv]
        pid = os.posix_spawnp(argv[0], argv, self.env, file_actions=actions)
        os.close(nowhere)
        self.children.append(pid)
        return pid

    def wait(self, pid):
        """Its exit code; what is killed is not waited for again."""
        self.children.remove(pid)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def run(self, argv):
        """Run to the end: seconds that it took. Whoever fails has measured nothing."""
        begin = now()
        code = self.wait(self.spawn(argv))
        seconds = (now() - begin) / 1e9
        if code:
            raise RuntimeError(f"{' '.join(map(str, argv[:4]))} exits {code}")
        return seconds

    def tagged(self):
        """{pid: program} of everything that was started here."""
        entry, found = f"{TAG}={self.tag}".encode(), {}
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and entry in read(f"/proc/{name}/environ").split(b"\0"):
                    found[int(name)] = os.readlink(f"/proc/{name}/exe")
            except OSError:
                pass  # gone meanwhile, or a zombie
        return found

    def own(self):
        """Pids of the supervisor's own processes: all that is tagged and is no service."""
        return [pid for pid, program in self.tagged().items() if program not in SERVICES]

    def finish(self):
        """Kill what is left, remove the folder, and name what it was."""
        left, end = {}, time.monotonic() + 10
        while time.monotonic() < end:
            found = self.tagged()
            left.update(found)
            for pid in found:
                kill(pid, signal.SIGKILL)
            for pid in list(self.children):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self.children.remove(pid)
            if not found and not self.children:
                break
            time.sleep(0.01)
        self.witness.close()
        remove_tree(self.home)
        return sorted({os.path.basename(program) for program in left.values()})


class Farewell:
    """When processes end: made while they live, asked afterwards."""

    def __init__(self, pids):
        self.poller, self.fds = select.poll(), set()
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            self.fds.add(fd)
            self.poller.register(fd, select.POLLIN)

    def last(self, deadline_seconds=60):
        """The moment at which the last one was seen gone."""
        end = now() + int(deadline_seconds * 1e9)
        at = now()
        while self.fds:
            ready = self.poller.poll(max(0, (end - now()) / 1e6))
            at = now()
            if not ready:
                raise TimeoutError(f"{len(self.fds)} processes do not end")
            for fd, _ in ready:
                self.poller.unregister(fd)
                self.fds.discard(fd)
                os.close(fd)
        return at


def read(path):
    with open(path, "rb") as file:
        return file.read()


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def remove_tree(path):
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        for name in folders:
            inner = os.path.join(folder, name)
            (os.unlink if os.path.islink(inner) else os.rmdir)(inner)
    os.rmdir(path)


def sum_of(pids, name, value_of):
    """Sum of what value_of() finds in /proc/PID/name; who is gone adds nothing."""
    total = 0
    for pid in pids:
        try:
            total += value_of(read(f"/proc/{pid}/{name}"))
        except OSError:
            pass
    return total


def field(text, key):
    return int(text.split(key, 1)[1].split(None, 1)[0])


def pss_kib(pids):
    return sum_of(pids, "smaps_rollup", lambda text: field(text, b"\nPss:"))


def cpu_seconds(pids):
    """CPU time by the scheduler's own account: exact, where utime and stime count ticks."""
    return sum_of(pids, "schedstat", lambda text: int(text.split()[0])) / 1e9


def switches(pids):
    return sum_of(pids, "status", lambda text: field(text, b"\nvoluntary_ctxt_switches:"))
