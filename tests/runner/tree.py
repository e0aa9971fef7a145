# SPDX-License-Identifier: MIT
"""The processes that the runner is responsible for: its own descendants, all of them.

The runner is a subreaper, so an orphan of a test comes back to it instead of going to init, and no
process can leave, whatever it does to its session, group or environment. A tag in the environment
tells from which step one came.
"""
import ctypes
import os
import select
import signal
import time

TAG = "SLICEKEEP_TEST_STEP"
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Take over orphaned descendants from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def _stat(pid):
    """(state, parent) of a process, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
        return fields[0].decode(), int(fields[1])
    except OSError:
        return None


def command_of(pid):
    """The command line of a process, for messages."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def descendants():
    """Pids of all live descendants of this process; zombies do not count."""
    stats = {int(name): _stat(name) for name in os.listdir("/proc") if name.isdigit()}
    children = {}
    for pid, stat in stats.items():
        if stat:
            children.setdefault(stat[1], []).append(pid)
    found, to_visit = [], [os.getpid()]
    while to_visit:
        for pid in children.get(to_visit.pop(), ()):
            to_visit.append(pid)
            if stats[pid][0] not in "ZX":
                found.append(pid)
    return found


def of_step(tag):
    """Pids of those descendants that carry this tag."""
    entry = f"{TAG}={tag}".encode()
    found = []
    for pid in descendants():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if entry in file.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            pass  # gone meanwhile
    return found


def kill(find):
    """Kill what find() returns until it returns nothing; return {pid: command line} of it all."""
    killed = {}
    while True:
        pids = find()
        if not pids:
            return killed
        for pid in pids:
            killed[pid] = command_of(pid)
            _kill_and_wait(pid)


def _kill_and_wait(pid):
    """End one process and wait until it is dead, be it a child of ours or not."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        end = time.monotonic() + 10
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll((end - time.monotonic()) * 1000):
            raise RuntimeError(f"process {pid} ({command_of(pid)}) does not die of SIGKILL")
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)
