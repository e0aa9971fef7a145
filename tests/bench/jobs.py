# SPDX-License-Identifier: MIT
"""Short jobs, each with a keeper and a cgroup of its own, as many as it takes to find what is left.

Outside of the machine they run in a cgroup that is made for them in the tree of cgroup v2. Where
the controllers belong to cgroup v1, slicekeep would leave that tree alone, so the list of
controllers is pretended there: jobs that have no limits ask none of them for anything, and
everything else about their cgroups is the kernel's.
"""
import json
import os
import socket
import time

from contestants import Slicekeep
from instruments import MEMORY, Workplace, now, read

AT_ONCE = 50
GONE_SECONDS = 60
ANSWER_SECONDS = 300
UP_SECONDS = 30
JOB = {"command": "/bin/true", "type": "oneshot", "autostart": False}
TREE = "/sys/fs/cgroup"
CONTROLLERS = "cpu io memory pids"
# $1: the cgroup, $2: the controllers, $3: a folder of ours; the rest is run in there.
ENTER = r"""
set -e
cgroup=$1
mount --make-rprivate /
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	umount -R /sys/fs/cgroup
	mount -t cgroup2 none /sys/fs/cgroup
fi
mkdir "$1"
if ! grep -q memory "$1/cgroup.controllers"; then
	echo "$2" >"$3/controllers"
	: >"$3/subtree_control"
	mount --bind "$3/controllers" "$1/cgroup.controllers"
	mount --bind "$3/subtree_control" "$1/cgroup.subtree_control"
fi
shift 3
sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cgroup" "$@"
find "$cgroup" -depth -type d -exec rmdir {} +
"""


class Supervisor:
    """Its socket, for a caller that starts no process for each question."""

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(ANSWER_SECONDS)
        self.link.connect(str(path))

    def order(self, verb, names):
        """Until it has happened."""
        call = {"method": f"io.slicekeep.supervisor.{verb}",
                "parameters": {"names": names, "wait": True}}
        self.link.sendall(json.dumps(call).encode() + b"\0")
        answer = b""
        while not answer.endswith(b"\0"):
            more = self.link.recv(1 << 20)
            if not more:
                raise RuntimeError(f"the supervisor hung up at {verb}")
            answer += more
        answer = json.loads(answer[:-1])
        failed = [one for one in answer["parameters"].get("progress", []) if not one["ok"]]
        if "error" in answer or failed:
            raise RuntimeError(f"{verb}: {failed[:1] or answer}")


def rounds(supervisor, names, n_jobs, seconds=float("inf")):
    """Each is started and, when it is done, stopped; yields how many have been."""
    count, end = 0, time.monotonic() + seconds
    while count < n_jobs and time.monotonic() < end:
        supervisor.order("Start", names)
        supervisor.order("Stop", names)
        count += len(names)
        yield count


def gone(before, look):
    """What is there beside `before`, once nothing is or it is late."""
    end = time.monotonic() + GONE_SECONDS
    while (more := look() - before) and time.monotonic() < end:
        time.sleep(0.2)
    return more


class Delegated(Slicekeep):
    """With the direct launcher in a cgroup of its own."""

    def configure(self):
        super().configure()
        self.cgroup = f"{TREE}/{self.work.home.name}"
        path = self.work.home / "config.json"
        path.write_text(json.dumps({"processes": dict.fromkeys(self.names, JOB)}))

    def command(self):
        return ["unshare", "-m", "sh", "-c", ENTER, "sh", self.cgroup, CONTROLLERS, self.work.home,
                *super().command(), "--foreground"]

    def seen(self):
        """Its cgroup, from outside of its namespace."""
        return f"/proc/{self.pid}/root{self.cgroup}"

    def supervisor(self):
        end = time.monotonic() + UP_SECONDS
        while True:
            try:
                return Supervisor(self.work.home / "run/supervisor.sock")
            except OSError:
                if time.monotonic() > end:
                    raise TimeoutError("the supervisor does not answer") from None
                time.sleep(0.01)

    def cgroups(self):
        return {folder for folder, _, _ in os.walk(self.seen())}


def jobs(_kinds, quick, notes):
    """100,000 of them; which cgroups they leave."""
    work = Workplace(MEMORY)
    try:
        it = Delegated(work, [f"s{number:03}" for number in range(AT_ONCE)])
        it.launch()
        supervisor = it.supervisor()
        # A first round, for what is made once for all.
        for _ in rounds(supervisor, it.names, AT_ONCE):
            pass
        before = it.cgroups()
        if len(before) == 1:
            raise RuntimeError(f"{it.name} makes no cgroups here")
        for key, value in run(supervisor, it, 500 if quick else 100_000, before):
            notes.add(key, it.name, value)
        it.end()
        # The command that ends it, too: it is about to return when all is gone.
        for pid in list(work.children):
            work.wait(pid)
    finally:
        left = work.finish()
    if left:
        notes.remark(f"{it.name} left behind: {', '.join(left)}")
    yield


def run(supervisor, it, n_jobs, before):
    begin, count = now(), 0
    for count in rounds(supervisor, it.names, n_jobs):
        pass
    yield "jobs", count
    yield "jobs.second", count * 1e9 / (now() - begin)
    yield "jobs.cgroups", len(gone(before, it.cgroups))
    stat = read(f"{it.seen()}/cgroup.stat").decode()
    yield "jobs.dying", int(stat.split("nr_dying_descendants ")[1].split()[0])
