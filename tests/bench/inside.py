# SPDX-License-Identifier: MIT
"""Runs in the machine: one suite of measures; prints samples and remarks as JSON.

    inside.py SUITE OPTIONS
"""
import json
import os
import subprocess
import sys
import time

import jobs as short_jobs
import measures
import units
from instruments import cpu_seconds, now, pss_kib, read
from measures import Notes, Session, msec, turns

SUPERVISOR = "/run/slicekeep/supervisor.sock"
TREE = "/sys/fs/cgroup"
WEIGHTS = (300, 100)
MANAGER = [1]


def crash(options, notes):
    """The same as outside."""
    yield from measures.crash(units.ALL, options["quick"], notes)


def life(options, notes):
    """Start and stop of 100, and the memory in between, also the first process's."""
    for kind in turns(units.ALL, 1 if options["quick"] else 3, notes):
        # Or it would use again what it has kept of the services before.
        units.run("systemctl", "daemon-reexec")
        before = pss_kib(MANAGER)
        with Session(kind, 100, notes) as session:
            session.add("start.100", msec(session.begun, session.up))
            time.sleep(2)
            own, manager = pss_kib(session.it.own()), pss_kib(MANAGER) - before
            session.add("pss.own", own / 1024)
            session.add("pss.manager", manager / 1024)
            session.add("pss.all", (own + manager) / 1024)
        if session.left:
            session.add("stop.100", session.left[0])
        yield


def weights(options, notes):
    """How two that take what they get share a core."""
    for kind in turns(units.ALL, 1 if options["quick"] else 2, notes):
        weighted = type(kind.__name__, (kind,), {"weights": WEIGHTS})
        with Session(weighted, len(WEIGHTS), notes) as session:
            pids = [[session.work.pids[name]] for name in session.names]
            time.sleep(1)
            before = list(map(cpu_seconds, pids))
            time.sleep(5 if options["quick"] else 15)
            heavy, light = (after - then for after, then in zip(map(cpu_seconds, pids), before))
            session.add("weights", heavy / light)
        yield


def numbers(options, notes):
    """What it costs to look once a second at what 100 services use."""
    for kind in turns(units.OURS, 1 if options["quick"] else 2, notes):
        looking = type(kind.__name__, (kind,), {"quiet": {}})
        with Session(looking, 100, notes) as session:
            time.sleep(5)
            own = session.it.own()
            begin, before = now(), cpu_seconds(own)
            time.sleep(5 if options["quick"] else 30)
            session.add("numbers", (cpu_seconds(own) - before) / ((now() - begin) / 1e9) * 100)
        yield


def cgroups():
    """All but slices, which systemd makes and keeps by itself."""
    return {folder for folder, _, _ in os.walk(TREE) if not folder.endswith(".slice")}


def loaded_units():
    done = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend"],
                          check=True, stdout=subprocess.PIPE, text=True)
    return {line.split()[0] for line in done.stdout.splitlines() if ".slice " not in line}


def jobs(options, notes):
    """Short jobs, each with a keeper of its own, and whether they leave a cgroup or a unit."""
    for kind in units.OURS:
        kind = type(kind.__name__, (kind,), {"job": "/bin/true"})
        work = measures.Workplace(measures.MEMORY)
        it = kind(work, measures.service_names(short_jobs.AT_ONCE))
        try:
            run_jobs(it, options, notes)
        finally:
            left = work.finish() + it.close()
        if left:
            notes.remark(f"{kind.name} left behind: {', '.join(left)}")
        yield


def run_jobs(it, options, notes):
    supervisor, count = short_jobs.Supervisor(SUPERVISOR), 0
    # A first round, for what is made once for all.
    list(short_jobs.rounds(supervisor, it.names, len(it.names)))
    before = cgroups(), loaded_units()
    begin = time.monotonic()
    try:
        for count in short_jobs.rounds(supervisor, it.names, options["jobs"],
                                       options["minutes"] * 60):
            pass
    except measures.FAILURES as problem:
        notes.remark(f"{it.name}, after {count} jobs: {problem}")
    notes.add("jobs", it.name, count)
    notes.add("jobs.second", it.name, count / (time.monotonic() - begin))
    notes.add("jobs.cgroups", it.name, len(short_jobs.gone(before[0], cgroups)))
    notes.add("jobs.units", it.name, len(short_jobs.gone(before[1], loaded_units)))
    dying = read(f"{TREE}/cgroup.stat").decode().split("nr_dying_descendants ")[1].split()[0]
    notes.add("jobs.dying", it.name, int(dying))


SUITES = {"crash": crash, "life": life, "weights": weights, "numbers": numbers, "jobs": jobs}


def main():
    options, notes = json.loads(sys.argv[2]), Notes()
    try:
        for _ in SUITES[sys.argv[1]](options, notes):
            pass
    except measures.FAILURES as problem:
        notes.remark(f"{sys.argv[1]} is incomplete: {problem}")
    print(json.dumps({"samples": notes.samples, "remarks": notes.remarks}))


if __name__ == "__main__":
    main()
