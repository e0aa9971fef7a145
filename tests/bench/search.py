# SPDX-License-Identifier: MIT
"""Searching what is stored: a store that the real collector made, its segments packed.

The lines are those of a web shop: times, words, numbers, and eight digits of chance in each, so
that packing makes them a quarter. The first hit of a window is asked for over the socket, as
`slicekeep log` does; a whole scan is beside zstdgrep over the same packed files.
"""
import json
import os
import random
import select
import socket
import time

from instruments import BUILD, Workplace, now

COLLECTOR = BUILD / "log/slicekeep-log"
BLOCK_BYTES = 32 << 20
PATTERN = "status=500 took=77ms"
WORDS = ("GET POST /api/cart /api/user /static/app.js /login /checkout ok failed retry upstream "
         "timeout db query slow cache hit miss session user order paid").split()
PACKING_SECONDS = 600
ANSWER_SECONDS = 60
# Of the whole store, set by --gigabytes.
gigabytes = 0.5


def block():
    """Lines of about 90 bytes; no frame knows another, so they may come again."""
    chance, lines, size = random.Random(1), [], 0
    while size < BLOCK_BYTES:
        i = len(lines)
        lines.append(f"2026-11-21T{i // 90000 % 24:02}:{i // 1500 % 60:02}:{i // 25 % 60:02}."
                     f"{i % 1000:03} {chance.choice(('INFO', 'INFO', 'WARN', 'ERROR'))} "
                     f"[{chance.randrange(9999)}] {' '.join(chance.choices(WORDS, k=3))} "
                     f"status={chance.choice((200, 200, 404, 500))} "
                     f"took={chance.randrange(3000)}ms id={chance.getrandbits(32):08x}\n")
        size += len(lines[-1])
    return "".join(lines).encode()


class Store:
    """A collector with one service in its store."""

    def __init__(self, n_bytes):
        self.work = Workplace()
        self.log, self.run = self.work.home / "log", self.work.home / "run"
        self.collector = self.work.spawn([COLLECTOR, "--log-dir", self.log, "--run-dir", self.run,
                                          "--max-total", "1T"])
        self.await_(lambda: (self.run / "log.intake").exists(), ANSWER_SECONDS)
        self.fill(n_bytes)

    @staticmethod
    def await_(condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the store is not made")
            time.sleep(0.05)

    def fill(self, n_bytes):
        reading, writing = os.pipe()
        pipe = self.work.spawn([COLLECTOR, "pipe", "--run-dir", self.run, "shop"], stdin=reading)
        os.close(reading)
        data, done = block(), 0
        with os.fdopen(writing, "wb", buffering=0) as file:
            while done < n_bytes:
                view = memoryview(data)
                while view:
                    view = view[file.write(view):]
                done += len(data)
        if self.work.wait(pipe):
            raise RuntimeError("slicekeep-log pipe failed")
        self.n_bytes = done
        self.await_(lambda: len(self.files("*.log")) <= 1, PACKING_SECONDS)

    def files(self, pattern):
        return sorted((self.log / "shop").glob(pattern))

    def query(self, **filter_):
        """The lines of one answer."""
        call = {"method": "io.slicekeep.log.Query",
                "parameters": {"filter": {"names": ["shop"], **filter_}, "limit": 1}}
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.run / "log.sock"))
            sock.sendall(json.dumps(call).encode() + b"\0")
            answer = b""
            while not answer.endswith(b"\0"):
                if not select.select([sock], [], [], ANSWER_SECONDS)[0]:
                    raise TimeoutError("no answer to a query")
                answer += sock.recv(1 << 16)
        return json.loads(answer[:-1])["parameters"]["lines"]


def search(_kinds, quick, notes):
    """A window and a whole scan of packed segments."""
    store = Store(BLOCK_BYTES * 2 if quick else int(gigabytes * (1 << 30)))
    try:
        first = store.query()[0]["at_usec"]
        last = store.query(tail=1)[0]["at_usec"]
        for i in range(3 if quick else 20):
            notes.round = i
            since = first + (last - first) * (i + 1) // 22
            begin = now()
            lines = store.query(since_at_usec=since, until_at_usec=since + 900_000_000)
            notes.add("log.window", "slicekeep", (now() - begin) / 1e6)
            if not lines or lines[0]["at_usec"] < since:
                notes.remark("slicekeep: a window was not found")
            yield
        packed = store.files("*.log.zst")
        filter_ = json.dumps({"names": ["shop"], "grep": PATTERN})
        for notes.round in range(1 if quick else 5):
            for name, argv in (("slicekeep", [COLLECTOR, "read", "--log-dir", store.log, filter_]),
                               ("zstdgrep", ["zstdgrep", "-h", PATTERN, *packed])):
                notes.add("log.scan", name, store.work.run(argv) / (store.n_bytes / 1e9))
                yield
    finally:
        store.work.finish()
