# SPDX-License-Identifier: MIT
"""Runs in the machine: prints as JSON which processes and which cgroups of ours there are.

The agent imports it, see Machine.run_python().
"""
import json
import os
import pathlib

KERNEL_THREADS = "2"
CGROUPS = "/sys/fs/cgroup"


def processes():
    """[pid, command line] of each; not of zombies: those are dead, and their parent will see it."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = pathlib.Path("/proc", pid, "stat").read_text(errors="replace")
            command = pathlib.Path("/proc", pid, "cmdline").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        name, _, fields = stat.rpartition(") ")
        state, parent = fields.split()[:2]
        if KERNEL_THREADS not in (pid, parent) and state not in "ZX":
            yield int(pid), command.replace("\0", " ").strip() or name


def cgroups():
    """Their folders, but for those of slices: systemd keeps them, even when nothing is in them."""
    for folder, names, _ in os.walk(CGROUPS):
        yield from (os.path.join(folder, name) for name in names
                    if name.startswith("slicekeep") and not name.endswith(".slice"))


def main():
    """One look."""
    print(json.dumps({"processes": list(processes()), "cgroups": list(cgroups())}))
