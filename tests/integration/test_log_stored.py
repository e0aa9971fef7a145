# SPDX-License-Identifier: MIT
"""What is stored when the output, the disk or the folder is not as one would wish."""
import base64
import errno
import os
import pathlib
import random
import resource
import signal
import subprocess

import pytest

import instance
import store
from collector import (FRAME, MAGIC, RETAIN, RETAIN_FRAME, RSS_KIB_MAX, TROUBLE,  # noqa: F401
                       collectors, peak_rss_kib, store_lines, used_bytes)
from processes import stat_of
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize


def test_bytes_are_stored_as_they_came(collectors):
    collector = collectors()
    keeper = collector.keeper()
    data = bytes(range(256)) * 300 + b"\n" + b"\0\0\0\n" + "grün\n".encode() + b"\xff\xfe end"
    store_lines(keeper, "shop", data)
    assert collector.stored("shop") == data
    lines = collector.caller().query(names=["shop"])
    again = b""
    for line in lines:
        raw = base64.b64decode(line["raw"]) if "raw" in line else line["text"].encode()
        again += raw + (b"" if line.get("cut") else b"\n")
    assert again == data + b"\n"
    assert [line["text"] for line in lines[-3:]] == ["\ufffd" * 3, "grün", "\ufffd\ufffd end"]
    assert "raw" not in lines[-2]


def test_line_of_100_mb_costs_no_memory(collectors):
    collector = collectors("--segment", "8M")
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    pipe.write(b"before\n")
    piece = b"0123456789abcdef" * 65536
    for _ in range(100):
        pipe.write(piece)
    pipe.write(b"\nafter\n")
    pipe.close_write()
    keeper.wait_drained(pipe)
    assert collector.stored("shop") == b"before\n" + piece * 100 + b"\nafter\n"
    assert store.check_stream(collector.log / "shop") >= 11
    caller = collector.caller()
    lines = caller.query(names=["shop"], tail=3)
    assert [line["text"] for line in lines[-1:]] == ["after"]
    assert [bool(line.get("cut")) for line in lines] == [True, False, False]
    total = 0
    caller.send("Query", {"filter": {"names": ["shop"]}}, more=True)
    while True:
        reply = caller.answer()
        total += sum(len(line["text"]) for line in reply["parameters"]["lines"])
        if not reply.get("continues"):
            break
    assert total == len("before") + len(piece) * 100 + len("after")
    assert peak_rss_kib(collector.process.pid) < RSS_KIB_MAX
    assert peak_rss_kib(collector.reader_pid()) < RSS_KIB_MAX


@pytest.fixture
def many_files():
    """As many open files as this machine allows, for one test."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_500_services_fit_into_4_megabytes(many_files, collectors):
    collector = collectors()
    keeper, caller = collector.keeper(), collector.caller()
    pipes = [keeper.pipe(f"shop{i}", stream) for i in range(500) for stream in ("out", "err")]
    for _ in range(3):
        for pipe in pipes:
            pipe.write(b"a line of many\n")
    wait_until(lambda: caller.call("Stats")["pipes"] == len(pipes))
    for pipe in pipes:
        pipe.close_write()
    keeper.wait_drained(*pipes)
    assert collector.stored("shop499", "err") == 3 * b"a line of many\n"
    assert peak_rss_kib(collector.process.pid) < RSS_KIB_MAX / 2


def test_folder_that_cannot_be_written_stops_one_service_only(collectors):
    collector = collectors()
    (collector.log).mkdir(exist_ok=True)
    (collector.log / "broken").write_text("in the way")
    keeper = collector.keeper()
    broken = keeper.pipe("broken")
    broken.write(b"kept in the pipe\n")
    store_lines(keeper, "shop", b"unharmed\n")
    assert collector.stored("shop") == b"unharmed\n"
    caller = collector.caller()
    wait_until(lambda: caller.call("Stats").get("note"))
    assert caller.call("Stats")["note"] == "Not a directory: broken blocks"
    (collector.log / "broken").unlink()
    broken.close_write()
    keeper.wait_drained(broken)
    assert collector.stored("broken") == b"kept in the pipe\n"
    assert "note" not in caller.call("Stats")
    errors = [line for line in collector.said().splitlines() if "cannot store" in line]
    assert len(errors) == 1, errors
    assert "broken.0.out is stored again" in collector.said()


def test_supervisor_is_told_of_more_troubles_than_its_socket_takes(collectors):
    n = 1000
    collector = collectors()
    collector.log.mkdir(exist_ok=True)
    keeper, supervisor = collector.keeper(), collector.keeper()
    names = {f"bad{i}" for i in range(n)}
    for name in names:
        (collector.log / name).write_text("in the way")
        pipe = keeper.pipe(name)
        pipe.write(b"kept in the pipe\n")
        pipe.close()
    wait_until(lambda: collector.said().count("cannot store") == n)
    supervisor.sock.send(RETAIN_FRAME.pack(MAGIC, RETAIN, 0, 1, 0, 0, b""))
    assert supervisor.has_news(20 * SLOWNESS)
    wait_until(lambda: stat_of(collector.process.pid)[0] == b"S", what="all to be said")
    while names:
        data = supervisor.sock.recv(4096)
        assert data, f"hung up on before {len(names)} of {n} were told"
        _, kind, _, _, _, code, name = FRAME.unpack(data)
        assert (kind, code) == (TROUBLE, errno.ENOTDIR)
        names.remove(name.rstrip(b"\0").decode())


class SmallDisk:
    """A collector whose log folder is a tmpfs of 2 MB, in a mount namespace that outlives it."""

    def __init__(self, platform, collectors, disk="-t tmpfs -o size=2m"):
        folder = platform.home / "log"
        folder.mkdir()
        self.anchor = platform.spawn(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
             f"mount {disk} none '{folder}' && touch '{folder}/here' && read never"],
            stdin=subprocess.PIPE)
        self.view = pathlib.Path(f"/proc/{self.anchor.pid}/root/{folder}")
        wait_until((self.view / "here").exists)
        self.collector = collectors(start=False)
        # Nothing is sealed: what is packed would make room.
        self.collector.options = ("--segment", "4M", "--max-total", "1G")
        self.collector.log_seen = self.view
        self.start()
        self.keeper = self.collector.keeper()
        self.ballast = self.view / "ballast"

    def start(self):
        self.collector.start(["nsenter", "--target", self.anchor.pid, "--mount"])

    def fill(self, left_bytes):
        size = os.statvfs(self.view)
        self.ballast.write_bytes(b"\0" * (size.f_bavail * size.f_frsize - left_bytes))

    def relieve(self):
        self.ballast.unlink()


@pytest.fixture
def small_disk(platform, collectors):
    if os.geteuid() != 0:
        pytest.fail("needs root, to mount a small disk")
    return SmallDisk(platform, collectors)


def spout(platform, n, pipe):
    writer = platform.spawn([instance.BUILD / "tests/integration/programs/spout", n, 1000],
                            stdout=pipe.write_end)
    pipe.close_write()
    return writer


def expected(n):
    return b"".join(b"line %09d\n" % i for i in range(1, n + 1))


def test_full_disk_blocks_and_goes_on(platform, small_disk):
    keeper, collector = small_disk.keeper, small_disk.collector
    caller = collector.caller()
    pipe = keeper.pipe("shop")
    small_disk.fill(200_000)
    writer = spout(platform, 60_000, pipe)
    wait_until(lambda: caller.call("Stats").get("note"))
    assert caller.call("Stats")["note"] == "No space left on device: shop blocks"
    assert writer.poll() is None, "the pipe should be full"
    # A kill changes nothing about that: its successor says the same and waits as well.
    collector.kill()
    small_disk.start()
    keeper.connect()
    caller = collector.caller()
    wait_until(lambda: caller.call("Stats").get("note"))
    assert writer.poll() is None
    small_disk.relieve()
    keeper.wait_drained(pipe)
    assert writer.wait(20 * SLOWNESS) == 0
    assert collector.stored("shop") == expected(60_000)
    assert store.check_stream(small_disk.view / "shop") == 1
    assert collector.said().count("cannot store") == 2
    assert caller.call("Stats")["dropped"] == 0


def test_full_disk_drops_whole_lines_and_counts_them(platform, small_disk):
    keeper, collector = small_disk.keeper, small_disk.collector
    caller = collector.caller()
    pipe = keeper.pipe("shop", policy="drop")
    small_disk.fill(200_000)
    held = os.dup(pipe.write_end)
    writer = spout(platform, 60_000, pipe)
    assert writer.wait(20 * SLOWNESS) == 0, "nothing may hold it up"
    wait_until(lambda: caller.call("Stats")["dropped"] + len(collector.stored("shop")) ==
               60_000 * len(b"line 000000001\n"), what="the pipe to be empty")
    assert caller.call("Stats")["note"] == "No space left on device: shop drops"
    small_disk.relieve()
    number = 0

    def stored_again():
        nonlocal number
        number += 1
        os.write(held, b"after %d\n" % number)
        return b"after" in collector.stored("shop")

    wait_until(stored_again)
    os.close(held)
    keeper.wait_drained(pipe)
    dropped = caller.call("Stats")["dropped"]
    lines = caller.query(names=["shop"])
    marks = [i for i, line in enumerate(lines) if "dropped" in line]
    assert len(marks) == 1 and lines[marks[0]]["dropped"] == dropped
    assert lines[marks[0] + 1]["text"].startswith("after ")
    total = 60_000 * 15 + sum(len(b"after %d\n" % i) for i in range(1, number + 1))
    assert len(collector.stored("shop")) + dropped == total
    assert collector.stored("shop").startswith(expected(1000))


def test_total_cap_deletes_the_oldest_and_never_blocks(collectors):
    collector = collectors("--segment", "64K", "--max-total", "1M")
    keeper = collector.keeper()
    caller = collector.caller()
    generator = random.Random(3)
    for i in range(8):
        store_lines(keeper, f"old{i}", generator.randbytes(30_000).hex().encode() + b"\n")
    # Packing halves what is as random as this.
    store_lines(keeper, "shop", b"".join(b"%d %b\n" % (i, generator.randbytes(46).hex().encode())
                                         for i in range(80_000)))
    collector.wait_packed("shop")

    def in_use():
        return used_bytes(collector.log, "*/*")

    wait_until(lambda: caller.call("Stats")["stored_bytes"] == in_use(), what="what is said "
               "to be stored to be what is on the disk")
    assert in_use() < 1_200_000
    assert caller.call("Stats")["segments"] == sum(len(store.segments(folder)) for folder
                                                   in collector.log.iterdir() if folder.is_dir())
    lines = caller.query(names=["shop"], tail=5)
    assert [int(line["text"].split()[0]) for line in lines] == list(range(79_995, 80_000))
    assert not collector.segments("old0"), "the oldest should be gone"


def test_disk_that_does_not_know_its_size_keeps_and_packs_everything(platform, collectors):
    disk = SmallDisk(platform, collectors, "-t ramfs")
    disk.collector.kill()
    disk.collector.options = ("--segment", "64K")
    disk.start()
    disk.keeper.connect()
    data = expected(30_000)
    store_lines(disk.keeper, "shop", data)
    disk.collector.wait_packed("shop")
    assert disk.collector.stored("shop") == data


def test_flood_does_not_starve_the_others(platform, collectors):
    collector = collectors("--segment", "8M", "--max-total", "64M")
    keeper = collector.keeper()
    quiet = keeper.pipe("quiet")
    floods = []
    for i in range(3):
        pipe = keeper.pipe(f"flood{i}")
        floods.append(platform.spawn([instance.BUILD / "tests/integration/programs/spout",
                                      1_000_000_000, 65536], stdout=pipe.write_end))
        pipe.close_write()
    wait_until(lambda: all(collector.stored(f"flood{i}") for i in range(3)))
    for i in range(50):
        quiet.write(b"line %d\n" % i)
        wait_until(lambda: collector.stored("quiet").endswith(b"line %d\n" % i))
    assert all(flood.poll() is None for flood in floods)
    stats = collector.caller().call("Stats")
    assert stats["stored_bytes"] < 90_000_000


def test_many_lives_and_streams_share_one_segment_each(collectors):
    collector = collectors()
    keeper = collector.keeper()
    for life in range(1, 21):
        store_lines(keeper, "shop", b"life %d" % life, life=life)
        store_lines(keeper, "shop", b"err %d\n" % life, stream="err", life=life)
    assert len(collector.segments("shop")) == 2
    lines = collector.read(names=["shop"], streams=["out"], since_life=19)
    assert [(line["life"], line["text"]) for line in lines] == [(19, "life 19"), (20, "life 20")]


def test_collector_that_is_told_to_end_stores_what_the_pipes_hold(collectors):
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    data = b"".join(b"line %d\n" % i for i in range(6_000))
    pipe.write(data)
    wait_until(lambda: collector.stored("shop") == data, what="what does not fill the segment")
    collector.process.send_signal(signal.SIGSTOP)
    pipe.write(data)
    for life in range(1, 17):
        other = keeper.pipe("lives", life=life)
        other.write(b"life %d\n" % life)
        other.close_write()
        keeper.end(other)
    collector.process.terminate()
    collector.process.send_signal(signal.SIGCONT)
    assert collector.process.wait(20 * SLOWNESS) == 0
    assert collector.stored("shop") == 2 * data
    assert collector.stored("lives") == b"".join(b"life %d\n" % life for life in range(1, 17))


def test_damaged_index_costs_stamps_and_no_line(collectors):
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    data = b"".join(b"line %d\n" % i for i in range(30_000))
    store_lines(keeper, "shop", data)
    collector.stop()
    store.unpack_all(collector.log / "shop")
    indexes = sorted((collector.log / "shop").glob("*.idx"))
    assert len(indexes) > 3
    generator = random.Random(7)
    indexes[0].unlink()
    indexes[1].write_bytes(generator.randbytes(5000))
    indexes[2].write_bytes(indexes[2].read_bytes()[:100])
    broken = bytearray(indexes[3].read_bytes())
    for _ in range(50):
        broken[generator.randrange(64, len(broken))] ^= 1 << generator.randrange(8)
    indexes[3].write_bytes(bytes(broken))
    lines = collector.read(names=["shop"])
    assert b"".join(line["text"].encode() for line in lines) == data.replace(b"\n", b"")
    indexes[-1].write_bytes(b"rubbish")
    collector.start()
    keeper.connect()
    store_lines(keeper, "shop", b"one more\n")
    assert collector.stored("shop") == data + b"one more\n"
    assert collector.read(names=["shop"], tail=1)[0]["text"] == "one more"
