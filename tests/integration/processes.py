# SPDX-License-Identifier: MIT
"""Finding and ending the processes of one test, by a tag in their environment.

Whatever a test starts inherits the tag, through daemons, keepers and payloads, setsid'd and
double-forked ones too; so what was left behind is found wherever it went, and nothing else is ever
touched. A zombie has no environment: it is dead already and waits for its parent only.
"""
import contextlib
import os
import signal

from waiting import wait_until

TAG = "SLICEKEEP_TEST_TAG"


def environ_of(pid):
    """The raw environment of a process; empty when it is gone, a zombie, or another user's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def command_of(pid):
    """The command line of a process, for messages."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def stat_of(pid):
    """The fields of /proc/PID/stat after the name, state first; None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].split()
    except OSError:
        return None


def is_alive(pid):
    """Whether this process exists and is no zombie."""
    stat = stat_of(pid)
    return stat is not None and stat[0] not in (b"Z", b"X")


def minds(pid, number):
    """Whether a signal does not simply end a process: it is caught, or blocked to be read."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        masks = dict(line.split(":\t", 1) for line in file if line.startswith("Sig"))
    return bool((int(masks["SigBlk"], 16) | int(masks["SigCgt"], 16)) >> (number - 1) & 1)


def start_time_of(pid):
    """Start time of a process in clock ticks: with the pid it names a process for ever."""
    stat = stat_of(pid)
    return int(stat[19]) if stat else None


def tagged(tag):
    """{pid: command line} of each live process that carries this tag."""
    entry = f"{TAG}={tag}".encode()
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and entry in environ_of(name).split(b"\0"):
            found[int(name)] = command_of(name)
    return found


def left_behind(tag, is_interrupted=False):
    """What carries this tag and does not end by itself; it is killed.

    LeakSanitizer looks through a process at its very end, with a second process: there, who has
    said goodbye already is waited for. So is the helper of a cli that was interrupted.
    """
    if is_interrupted or "SLICEKEEP_TEST_SANITIZED" in os.environ:
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not tagged(tag), 5)
    return kill_tagged(tag)


def kill_tagged(tag):
    """Kill everything that carries this tag; return what there was.

    Repeated until nothing is found, because a fork may happen between the look and the kill.
    """
    killed = {}

    def none_left():
        found = tagged(tag)
        killed.update(found)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not found

    wait_until(none_left, deadline=20, what=f"the end of every process tagged {tag}")
    return killed
