# SPDX-License-Identifier: MIT
"""The measures. Each is a generator of sessions; a session has one contestant alone on the machine.

Sessions are short and come in rounds: in each round every contestant has one, so that what else the
machine does meets all of them, and the report can tell from the rounds how steady a ratio is.
A session adds samples: notes.add(key, contestant, value). Milliseconds unless the key says
otherwise. Pauses stand where a contestant needs age (the daemontools family waits a second with
whoever dies young) and between samples, never inside of one.
"""
import signal
import time

import contestants
import jobs
import loggers
import search
from instruments import (MEMORY, Farewell, Workplace, cpu_seconds, kill, now, pss_kib, switches)


FAILURES = (TimeoutError, RuntimeError)
# So old that nobody thinks of a crash loop.
GROWN_SECONDS = 1.2


class Notes:
    """Samples by measure and contestant, each with the round in which it was taken."""

    def __init__(self):
        self.samples, self.remarks, self.round = {}, [], 0

    def add(self, key, name, value):
        self.samples.setdefault(key, {}).setdefault(name, []).append((self.round, value))

    def remark(self, text):
        if text not in self.remarks:
            self.remarks.append(text)


def turns(kinds, n_rounds, notes):
    """Whose session is next: in each round all have one, in an order that is turned after each and
    begins elsewhere after two, so that all have each place and each neighbour equally often."""
    for notes.round in range(n_rounds):
        first = notes.round // 2 % len(kinds)
        order = [*kinds[first:], *kinds[:first]]
        yield from reversed(order) if notes.round % 2 else order


def msec(begin, end):
    return (end - begin) / 1e6


def service_names(count):
    return [f"s{number:03}" for number in range(count)]


class Session:
    """One contestant with its services up; whatever happens, nothing of it stays."""

    def __init__(self, kind, count, notes, leaves=True):
        self.work, self.names, self.notes = Workplace(MEMORY), service_names(count), notes
        self.kind, self.leaves, self.left = kind, leaves or not kind.killable, None
        try:
            self.it = kind(self.work, self.names)
        except BaseException:
            self.work.finish()
            raise

    def __enter__(self):
        try:
            self.begun = self.it.launch()
            self.up = self.work.wait_for(self.names)
            self.it.settled()
        except BaseException:
            self.work.finish()
            raise
        return self

    def __exit__(self, kind, error, _trace):
        """Who fails here is named in the report, and the others are measured all the same. Where
        the end is not measured, all are killed."""
        if kind is None and self.leaves:
            try:
                self.leave()
            except FAILURES as problem:
                error = problem
        left = self.work.finish() + self.it.close()
        if error:
            self.notes.remark(f"{self.kind.name} with {len(self.names)} services: {error}")
        elif left and self.leaves:
            self.notes.remark(f"{self.kind.name} left behind: {', '.join(left)}")
        return isinstance(error, FAILURES)

    def leave(self):
        """End everything: seconds until the services, and until all is gone."""
        services = Farewell(self.work.pids.values())
        own = Farewell(self.work.own())
        begin = now()
        self.it.end()
        self.left = msec(begin, services.last()), msec(begin, own.last())
        for pid in list(self.work.children):
            self.work.wait(pid)

    def add(self, key, value):
        self.notes.add(key, self.kind.name, value)

    def kill(self, name):
        """Kill a service; milliseconds until the first instruction of its replacement."""
        begin = now()
        kill(self.work.pids[name], signal.SIGKILL)
        return msec(begin, self.work.wait_for([name]))


def crash(kinds, quick, notes):
    """A service that was healthy is killed; and killed again when it is younger than 0.1 s."""
    n_rounds, n_kills = (1, 5) if quick else (10, 45)
    for kind in turns(kinds, n_rounds, notes):
        # Who waits a second with the second kill waits for nothing else here.
        if not kind.fast and notes.round % 3:
            continue
        with Session(kind, n_kills + 1, notes, leaves=False) as session:
            time.sleep(GROWN_SECONDS)
            *names, again = session.names
            for name in names:
                if kind.fast:
                    session.add("crash", session.kill(name))
                    time.sleep(0.005)
            session.kill(again)
            time.sleep(0.02)
            session.add("crash.again", session.kill(again))
        yield


def life(kinds, quick, notes):
    """Start of N; in the first rounds also the memory, and the stop."""
    for count, n_rounds, n_whole in ((1, 40, 5), (10, 12, 0), (100, 12, 6), (500, 8, 8)):
        for kind in turns(kinds, 1 if quick else n_rounds, notes):
            if kind is contestants.Slicekeep:
                with Session(contestants.Alone, count, notes, leaves=False) as session:
                    session.add(f"start.{count}", msec(session.begun, session.up))
            with Session(kind, count, notes, leaves=notes.round < n_whole) as session:
                key = "up" if kind is contestants.Slicekeep else "start"
                session.add(f"{key}.{count}", msec(session.begun, session.up))
                if session.leaves:
                    time.sleep(GROWN_SECONDS)
                    own = session.work.own()
                    session.add(f"pss.{count}", pss_kib(own) / 1024)
                    session.add(f"processes.{count}", len(own))
            if session.left:
                session.add(f"stop.{count}", session.left[0])
                session.add(f"stop_all.{count}", session.left[1])
            yield


def idle(kinds, quick, notes):
    """100 services and nobody asks anything. All at once: who is idle does not disturb."""
    sessions = []
    try:
        for kind in kinds:
            sessions.append(Session(kind, 100, notes).__enter__())
        # What they have to say of their start is on the disk by then (log.sync).
        time.sleep(1 if quick else 15)
        before = [counts(session.work.own()) for session in sessions]
        time.sleep(1 if quick else 30)
        for session, (pids, cpu, switched) in zip(sessions, before):
            session.add("idle.cpu", (cpu_seconds(pids) - cpu) * 1000)
            session.add("idle.switches", switches(pids) - switched)
    finally:
        for session in sessions:
            session.__exit__(None, None, None)
    yield


def counts(pids):
    return pids, cpu_seconds(pids), switches(pids)


def control(kinds, quick, notes):
    """What a person or a page asks for while 100 services run."""
    n_rounds, n_asked, n_restarted = (1, 3, 2) if quick else (7, 7, 3)
    for kind in turns([kind for kind in kinds if kind.fast], n_rounds, notes):
        with Session(kind, 100, notes, leaves=False) as session:
            time.sleep(GROWN_SECONDS)
            for _ in range(n_asked):
                session.add("ls", session.work.run(session.it.ls()) * 1000)
            ask = session.it.asker()
            for _ in range(n_asked * 3):
                begin = now()
                count = ask()
                session.add("ls.direct", msec(begin, now()))
                if count < len(session.names):
                    raise RuntimeError(f"{kind.name} names {count} services only")
            for name in session.names[:n_restarted]:
                restart(session, "restart.one", [name])
            time.sleep(GROWN_SECONDS)
            restart(session, "restart.all", session.names)
        yield


def restart(session, key, names):
    """Until the last replacement began, and until the command came back."""
    begin = now()
    pid = session.work.spawn(session.it.restart(names))
    session.add(key, msec(begin, session.work.wait_for(names)))
    session.work.wait(pid)
    session.add(key + ".returns", msec(begin, now()))
    time.sleep(0.02)


def storm(kinds, quick, notes):
    """100 services that die at once, for 4 s: what a restart costs; and does it still answer?

    Not shorter: what is restarted at once, with all others, costs less than what is restarted alone
    later. Who asks comes after: an `ls` costs some the CPU of a daemon, which is counted, and
    others that of the program that asks, which is not.
    """
    n_rounds, seconds = (1, 1) if quick else (5, 4)
    for kind in turns(kinds, n_rounds, notes):
        if not kind.fast and notes.round % 3:
            continue
        with Session(kind, 100, notes, leaves=False) as session:
            time.sleep(GROWN_SECONDS)
            own = session.work.own()
            cpu = cpu_seconds(own)
            begin_storm(session)
            time.sleep(seconds)
            restarts = session.work.storm.stat().st_size
            session.add("storm.restarts", restarts / seconds)
            session.add("storm.cpu", (cpu_seconds(own) - cpu) * 1e6 / max(restarts, 1))
            if session.it.ls():
                ask_in_storm(session, 10)
        yield


def begin_storm(session):
    """Kill all, and let all replacements die."""
    session.work.storm.touch()
    for pid in session.work.pids.values():
        kill(pid, signal.SIGKILL)


def ask_in_storm(session, n_asked):
    for _ in range(n_asked):
        try:
            session.add("storm.ls", session.work.run(session.it.ls()) * 1000)
        except RuntimeError as problem:
            session.notes.remark(f"in the crash storm: {problem}")
        time.sleep(0.1)


def logs(_kinds, quick, notes):
    """Lines of 100 bytes as fast as they are taken, in writes of 4 kB and of one line."""
    n_rounds, million = (1, 100_000) if quick else (5, 1_000_000)
    for kind in turns(loggers.ALL, n_rounds, notes):
        for key, write_bytes in (("log.blocks", 4000), ("log.lines", 100)):
            log_session(kind, key, 1, (million, write_bytes, 0), notes)
        yield


def pace(_kinds, quick, notes):
    """50 services that print a line each millisecond."""
    n_rounds, n_lines = (1, 500) if quick else (5, 2000)
    for kind in turns(loggers.ALL, n_rounds, notes):
        log_session(kind, "log.fifty", 50, (n_lines, 100, 1000), notes)
        yield


def log_session(kind, key, n_programs, spout_args, notes):
    """One log path from the first line to the last that is stored."""
    work, names = Workplace(), service_names(n_programs)
    n_lines = n_programs * spout_args[0]
    path = kind(work, names, spout_args)
    try:
        path.start()
        work.wait_for(names)
        time.sleep(0.2)
        own = work.own()
        cpu = cpu_seconds(own)
        begin = now()
        loggers.go(work, names)
        at = work.wait_for([f"{name}.end" for name in names])
        wait_until_stored(path, n_lines)
        notes.add(key + ".cpu", kind.name, (cpu_seconds(own) - cpu) * 1e6 / n_lines)
        notes.add(key, kind.name, n_lines / ((at - begin) / 1e9) / 1e6)
        stored = loggers.lines_stored(path.files())
        if stored != n_lines:
            notes.remark(f"{kind.name}: {stored} lines of {n_lines} were stored ({key})")
        stamp = path.lines_a_stamp(n_lines)
        if stamp:
            notes.add(key + ".stamp", kind.name, stamp)
        path.end()
    finally:
        work.finish()


def wait_until_stored(path, n_lines):
    """Who stamps stores more bytes than were printed, so rest counts as well."""
    size, since, end = -1, now(), time.monotonic() + 10
    while time.monotonic() < end:
        stored = loggers.bytes_stored(path.files())
        if stored != size:
            size, since = stored, now()
        elif stored >= n_lines * loggers.LINE_BYTES and msec(since, now()) > 100:
            return
        time.sleep(0.01)


# With --rt. Who is idle needs no priority, and with one a logger would wake for every single line.
ALONE = ("crash", "life", "control", "storm", "logs")
SUITES = {"crash": crash, "life": life, "control": control, "storm": storm, "logs": logs,
          "pace": pace, "idle": idle, "jobs": jobs.jobs, "search": search.search}
CONTESTANTS = contestants.ALL
