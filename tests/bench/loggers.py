# SPDX-License-Identifier: MIT
"""The log paths: from a program that prints to a line that is stored."""
import os
import signal
import struct
import subprocess

import contestants
from instruments import PROGRAMS

SPOUT = PROGRAMS / "spout"
LINE_BYTES = 100
# log/index.h: one record for each batch that was stored.
INDEX_HEADER_BYTES = 64
INDEX_RECORD_BYTES = 24
SEEK_FOOTER = struct.Struct("<IBI")


class LogPath:
    """Programs that print, each with its own store."""
    package = None

    def __init__(self, work, names, spout_args):
        self.work, self.names = work, names
        self.commands = {name: [SPOUT, name, *map(str, spout_args)] for name in names}

    def start(self):
        for name in self.names:
            folder = self.work.home / "stored" / name
            folder.mkdir(parents=True)
            reading, writing = os.pipe()
            self.start_logger(reading, folder)
            self.work.spawn(self.commands[name], stdout=writing)
            os.close(reading)
            os.close(writing)

    def start_logger(self, reading, folder):
        self.work.spawn(self.logger(folder), stdin=reading)

    def files(self):
        return [path for path in (self.work.home / "stored").rglob("*")
                if path.is_file() and path.name not in ("lock", "state", "status")]

    def lines_a_stamp(self, _n_lines):
        """How many lines share a time, or None if no time is known."""
        return 1

    def end(self):
        """Nothing to ask for: the workplace ends what it started."""


class Cat(LogPath):
    """The floor: `cat > file` keeps every byte and knows no time."""
    name = "cat"

    def lines_a_stamp(self, _n_lines):
        return None

    def start_logger(self, reading, folder):
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        writing = os.open(folder / "current", flags, 0o600)
        self.work.spawn(["cat"], stdin=reading, stdout=writing)
        os.close(writing)


class Svlogd(LogPath):
    name, package = "svlogd -tt", "runit"

    def logger(self, folder):
        (folder / "config").write_text("s268435456\nn100\n")
        return ["svlogd", "-tt", folder]

    def files(self):
        return [path for path in super().files() if path.name != "config"]


class S6Log(LogPath):
    name, package = "s6-log T", "s6"

    def logger(self, folder):
        return ["s6-log", "T", "n1000", "s268435455", folder]


class S6LogPlain(LogPath):
    """Without the time of each line, as nobody would keep logs; what `T` costs is seen by it."""
    name, package = "s6-log", "s6"

    def logger(self, folder):
        return ["s6-log", "n1000", "s268435455", folder]

    def lines_a_stamp(self, _n_lines):
        return None


class Multilog(LogPath):
    name, package = "multilog t", "daemontools"

    def logger(self, folder):
        return ["multilog", "t", "s16777215", "n1000", folder]


SUPERVISORD = """[supervisord]
nodaemon = true
silent = true
logfile = {home}/supervisord.log
pidfile = {home}/supervisord.pid
"""
SUPERVISORD_PROGRAM = """
[program:{name}]
command = {command}
startsecs = 0
redirect_stderr = true
stdout_logfile = {home}/stored/{name}.log
stdout_logfile_maxbytes = 256MB
"""


class Supervisord(LogPath):
    """Supervisor and collector in one; it knows no times."""
    name, package = "supervisord", "supervisor"

    def start(self):
        (self.work.home / "stored").mkdir()
        config = self.work.home / "supervisord.conf"
        config.write_text(SUPERVISORD.format(home=self.work.home) + "".join(
            SUPERVISORD_PROGRAM.format(name=name, home=self.work.home,
                                       command=" ".join(map(str, command)))
            for name, command in self.commands.items()))
        self.work.spawn(["supervisord", "-c", config])

    def lines_a_stamp(self, _n_lines):
        return None


class Slicekeep(LogPath):
    """The whole platform: keepers hold the pipes, the collector stores."""
    name = "slicekeep"

    def start(self):
        self.platform = contestants.Slicekeep(self.work, [])
        self.platform.write({name: {"command": str(argv[0]), "args": argv[1:]}
                             for name, argv in self.commands.items()})
        self.platform.launch()
        self.platform.settled()

    def found(self, pattern):
        folder = self.work.home / "log"
        return [path for name in self.names for path in (folder / name).glob(pattern)]

    def stored(self, suffix):
        """Plain files, and packed ones that have none beside them any more."""
        plain = self.found(f"*.{suffix}")
        return plain + [path for path in self.found(f"*.{suffix}.zst")
                        if path.with_suffix("") not in plain]

    def files(self):
        return self.stored("log")

    def lines_a_stamp(self, n_lines):
        records = sum((plain_bytes(path) - INDEX_HEADER_BYTES) // INDEX_RECORD_BYTES
                      for path in self.stored("idx"))
        return n_lines / max(records, 1)

    def end(self):
        self.work.run([self.platform.cli, "down"])


def packed_of(path):
    """A file that was not there any more has been packed in the meantime."""
    return path.with_name(f"{path.name}.zst")


def plain_bytes(path):
    """Size of a file, or of what was packed into it: the sum of its table (log/seek-table.h)."""
    if path.suffix != ".zst":
        try:
            return path.stat().st_size
        except FileNotFoundError:
            path = packed_of(path)
    data = path.read_bytes()
    n_frames = struct.unpack_from("<I", data, len(data) - SEEK_FOOTER.size)[0]
    entries = data[len(data) - SEEK_FOOTER.size - n_frames * 8:len(data) - SEEK_FOOTER.size]
    return sum(n_bytes for _, n_bytes in struct.iter_unpack("<II", entries))


def content(path):
    """What is in a file, or was packed into it."""
    if path.suffix != ".zst":
        try:
            return path.read_bytes()
        except FileNotFoundError:
            path = packed_of(path)
    return subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout


def lines_stored(files):
    """How many lines stand in these files."""
    return sum(content(path).count(b"\n") for path in files)


def bytes_stored(files):
    total = 0
    for path in files:
        try:
            total += plain_bytes(path)
        except FileNotFoundError:
            continue  # rotated while it was looked at
    return total


def go(work, names):
    for name in names:
        os.kill(work.pids[name], signal.SIGUSR1)


ALL = (Cat, Slicekeep, Svlogd, S6Log, S6LogPlain, Multilog, Supervisord)
