# SPDX-License-Identifier: MIT
"""What is complete is packed, by a process that may be killed at any moment, as all of ours."""
import os
import random
import select
import signal
import subprocess
import time

import pytest

import instance
import store
from collector import Caller, collectors, store_lines, used_bytes  # noqa: F401
from test_log_stored import small_disk  # noqa: F401
from waiting import SLOWNESS, wait_until

LINE_BYTES = len("line 000000001\n")


def numbered(first, last):
    return b"".join(b"line %09d\n" % i for i in range(first, last + 1))


def random_lines(n, seed=1):
    """Lines that packing makes half as long, at best."""
    generator = random.Random(seed)
    return b"".join(b"%d %b\n" % (i, generator.randbytes(46).hex().encode()) for i in range(n))


def spout(platform, n, pipe, pause_usec, size=4096):
    writer = platform.spawn([instance.BUILD / "tests/integration/programs/spout", n, size,
                             pause_usec], stdout=pipe.write_end)
    pipe.close_write()
    return writer


def assert_nothing_else(folder):
    """Nothing but segments, each either plain or packed, with its index."""
    names = {path.name for path in folder.iterdir()}
    expected = set()
    for path in store.segments(folder):
        end = "" if path.exists() else ".zst"
        expected |= {path.name + end, path.with_suffix(".idx").name + end}
    assert names == expected


def test_packed_segments_are_read_by_us_and_by_zstd(platform, collectors):
    collector = collectors("--segment", "256K")
    keeper = collector.keeper()
    store_lines(keeper, "shop", numbered(1, 100_000))
    collector.wait_packed("shop")
    folder = collector.log / "shop"
    packed = sorted(folder.glob("*.log.zst"))
    assert len(packed) >= 5
    text = subprocess.run(["zstdcat", *packed], stdout=subprocess.PIPE, check=True).stdout
    assert numbered(1, 100_000).startswith(text) and len(text) > 5 * 256 * 1024
    found = platform.run(["zstdgrep", "-h", "line 000000777$", packed[0]])
    assert found.stdout == "line 000000777\n"
    assert_nothing_else(folder)
    lines = collector.caller().query(names=["shop"])
    assert [line["text"] for line in lines] == numbered(1, 100_000).decode().split("\n")[:-1]
    for line in lines:
        line.pop("cursor", None)
    assert collector.read(names=["shop"])[:-1] == lines[:-1]
    middle = lines[30_000]["at_usec"]
    window = collector.read(names=["shop"], since_at_usec=middle, until_at_usec=middle)
    assert [line["text"] for line in window] == [
        line["text"] for line in lines if line["at_usec"] == middle]
    assert store.check_stream(folder) == len(packed) + 1
    used = sum(path.stat().st_size for path in folder.iterdir())
    assert used < len(text) / 3
    caller = collector.caller()
    wait_until(lambda: caller.call("Stats")["stored_bytes"] == used)


def test_damaged_frame_is_said_and_costs_no_more(collectors):
    collector = collectors("--segment", "1M", "--max-total", "100M")
    store_lines(collector.keeper(), "shop", numbered(1, 100_000))
    collector.wait_packed("shop")
    path = min((collector.log / "shop").glob("*.log.zst"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xff
    path.write_bytes(data)
    lines = collector.read(names=["shop"])
    damaged = [i for i, line in enumerate(lines) if line.get("damaged")]
    assert len(damaged) == 1 and lines[damaged[0]]["dropped"] == 256 * 1024
    at = damaged[0]
    whole = [line["text"] for line in lines[:at - 1] + lines[at + 2:]]
    n_before = at - 1
    assert whole[:n_before] == numbered(1, n_before).decode().split("\n")[:-1]
    n_after = len(whole) - n_before
    assert whole[n_before:] == numbered(100_001 - n_after, 100_000).decode().split("\n")[:-1]
    assert 100_000 - len(whole) <= 256 * 1024 // LINE_BYTES + 2
    assert collector.read(names=["shop"], tail=100_000)[-1]["text"] == "line 000100000"


class Follower:
    """Follows a service through the deaths of whoever answers, from cursor to cursor."""

    def __init__(self, collector, name):
        self.collector, self.name = collector, name
        self.caller, self.cursor, self.texts = None, None, []

    def _begin(self):
        self.caller = Caller(self.collector.run / "log.sock")
        more = {"cursor": self.cursor} if self.cursor else {}
        self.caller.follow(names=[self.name], **more)

    def step(self, seconds=0):
        """Take what there is, or find out that nobody is there any more."""
        if not self.caller:
            self._begin()
        while b"\0" in self.caller.rest or select.select([self.caller.sock], [], [], seconds)[0]:
            try:
                answer = self.caller.answer()
            except ConnectionError:
                answer = None
            if not answer:
                self.close()
                return
            assert "error" not in answer and "skipped" not in answer["parameters"], answer
            self.texts += [line["text"] for line in answer["parameters"]["lines"]]
            self.cursor = answer["parameters"].get("cursor", self.cursor)
            seconds = 0

    def close(self):
        if self.caller:
            self.caller.close()
        self.caller = None


def kill_if_there(pid):
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def test_storm_of_kills_leaves_stream_and_follower_exact(platform, collectors):
    n = 300_000
    collector = collectors("--segment", "64K", "--max-total", "8G", "--sync", "50ms")
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    follower = Follower(collector, "shop")
    writer = spout(platform, n, pipe, 3000)
    kills, end = 0, time.monotonic() + 120 * SLOWNESS
    while writer.poll() is None or kills < 40:
        assert time.monotonic() < end, f"the stream does not come to its end: {collector.said()}"
        follower.step(random.uniform(0, 0.05))
        while keeper.has_news() and keeper.receive():
            pass
        victim = random.choice(["collector", "housekeeper", "housekeeper", "reader"])
        if victim == "collector":
            collector.kill()
            collector.start()
            keeper.connect()
        else:
            kill_if_there(next(iter(collector.readers()), None) if victim == "reader"
                          else collector.housekeeper_pid())
        kills += 1
    assert writer.returncode == 0, "the writer saw a broken pipe"
    keeper.wait_drained(pipe)
    while len(follower.texts) < n:
        assert time.monotonic() < end, f"{len(follower.texts)} lines came"
        follower.step(0.1)
    follower.close()
    assert follower.texts == numbered(1, n).decode().split("\n")[:-1]
    assert collector.stored("shop") == numbered(1, n)
    # The next pass is the last one's heir: what it had begun is made whole.
    collector.wait_pass(keeper)
    collector.wait_packed("shop")
    assert_nothing_else(collector.log / "shop")
    assert collector.stored("shop") == numbered(1, n)
    assert store.check_stream(collector.log / "shop") > 50


def test_retention_and_packing_do_not_meet(platform, collectors):
    collector = collectors("--segment", "64K", "--max-total", "1M", "--sync", "50ms")
    keeper = collector.keeper()
    data = random_lines(60_000)
    pipe = keeper.pipe("shop")
    for begin in range(0, len(data), 1 << 17):
        pipe.write(data[begin:begin + (1 << 17)])
        if random.random() < 0.5:
            kill_if_there(collector.housekeeper_pid())
    pipe.close_write()
    keeper.wait_drained(pipe)
    collector.wait_pass(keeper)
    collector.wait_packed("shop")
    folder, caller = collector.log / "shop", collector.caller()
    wait_until(lambda: caller.call("Stats")["stored_bytes"] == used_bytes(collector.log, "*/*"))
    assert_nothing_else(folder)
    stored = collector.stored("shop")
    assert data.endswith(stored) and 500_000 < len(stored) < len(data)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_200_000


def test_full_disk_is_left_to_what_services_print(platform, small_disk):
    keeper, collector = small_disk.keeper, small_disk.collector
    collector.kill()
    collector.options = ("--segment", "128K", "--max-total", "1G")
    small_disk.start()
    keeper.connect()
    caller = collector.caller()
    pipe = keeper.pipe("shop")
    data = random_lines(12_000)
    small_disk.fill(300_000)
    writer = platform.spawn(["/bin/cat"], stdin=subprocess.PIPE, stdout=pipe.write_end)
    pipe.close_write()
    os.set_blocking(writer.stdin.fileno(), False)
    sent = 0

    def blocks():
        nonlocal sent
        try:
            sent += os.write(writer.stdin.fileno(), data[sent:sent + 65536])
        except BlockingIOError:
            return "note" in caller.call("Stats")
        return False

    wait_until(blocks, what="the disk to be full")
    wait_until(lambda: not collector.housekeeper_pid())
    assert data.startswith(collector.stored("shop"))
    small_disk.relieve()
    os.set_blocking(writer.stdin.fileno(), True)
    writer.stdin.write(data[sent:])
    writer.stdin.close()
    keeper.wait_drained(pipe)
    collector.wait_packed("shop")
    assert collector.stored("shop") == data
    assert_nothing_else(small_disk.view / "shop")


def test_folder_that_cannot_be_read_keeps_no_other_from_being_packed(collectors):
    collector = collectors("--segment", "64K", "--sync", "100ms", start=False)
    (collector.log / "aaa").mkdir(parents=True)
    (collector.log / "aaa/notes").touch()
    # Root may read everything, unless it was told otherwise.
    collector.start(["setpriv", "--bounding-set=-dac_override,-dac_read_search"])
    keeper = collector.keeper()
    names = [f"shop{i}" for i in range(8)]
    for name in names:
        store_lines(keeper, name, b"one line\n")
    (collector.log / "zzz").mkdir()
    for name in ("aaa", "zzz"):
        (collector.log / name).chmod(0)
    for name in names:
        store_lines(keeper, name, numbered(1, 10_000))
    for name in names:
        collector.wait_packed(name)
        assert list((collector.log / name).glob("*.log.zst"))
    wait_until(lambda: "segments of \"aaa\": Permission denied" in collector.said())


@pytest.mark.parametrize("left", [0, 1 / 2, 1], ids=["none", "half", "all"])
def test_power_loss_in_the_middle_of_packing_loses_nothing_that_was_packed(collectors, left):
    """A plain file was not deleted yet, and comes back as long as the disk had it by then."""
    collector = collectors("--segment", "64K", "--sync", "100ms")
    keeper = collector.keeper()
    store_lines(keeper, "shop", numbered(1, 20_000))
    collector.wait_packed("shop")
    collector.stop()
    for path in store.segments(collector.log / "shop")[1:3]:
        for plain in (path, path.with_suffix(".idx")):
            data = store.read(plain)
            plain.write_bytes(data[:int(len(data) * left)])
    collector.start()
    keeper.connect()
    store_lines(keeper, "other", b"one line\n")
    collector.wait_packed("shop")
    assert collector.stored("shop") == numbered(1, 20_000)
    assert_nothing_else(collector.log / "shop")
    assert store.check_stream(collector.log / "shop") > 3


def test_plain_segment_that_was_gone_on_with_is_packed_again(collectors):
    collector = collectors("--segment", "64K", "--sync", "100ms")
    keeper = collector.keeper()
    store_lines(keeper, "shop", numbered(1, 20_000))
    collector.wait_packed("shop")
    collector.stop()
    path = store.segments(collector.log / "shop")[1]
    longer = store.read(path) + b"written again\n"
    path.with_suffix(".idx").write_bytes(store.read(path.with_suffix(".idx")))
    path.write_bytes(longer)
    collector.start()
    keeper.connect()
    store_lines(keeper, "other", b"one line\n")
    collector.wait_packed("shop")
    assert store.read(path) == longer
    assert_nothing_else(collector.log / "shop")


def test_segments_that_somebody_has_put_there_stay(collectors):
    collector = collectors("--segment", "64K", "--sync", "100ms")
    keeper = collector.keeper()
    store_lines(keeper, "shop", numbered(1, 20_000))
    collector.wait_packed("shop")
    restored = collector.log / "restored"
    restored.mkdir()
    for path in store.segments(collector.log / "shop")[:4]:
        for name in (path.name, path.with_suffix(".idx").name):
            (restored / name).write_bytes(store.read(path.with_name(name)))
    there = collector.stored("restored")
    store_lines(keeper, "other", b"one line\n")
    collector.wait_packed("restored")
    assert len(list(restored.glob("*.log.zst"))) == 3
    assert collector.stored("restored") == there == numbered(1, len(there) // LINE_BYTES)


def test_sync_interval_is_kept_while_something_is_stored(collectors):
    collector = collectors("--sync", "100ms")
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    mark = collector.log / ".housekeeper"

    def synced_usec():
        return int.from_bytes(mark.read_bytes(), "little") if mark.exists() else 0

    for i in range(3):
        since = time.time_ns() // 1000
        pipe.write(b"line %d\n" % i)
        wait_until(lambda: synced_usec() > since, what="a pass that began after the line came")


def test_what_a_former_collector_left_is_synced_and_packed_in_silence(collectors):
    collector = collectors("--segment", "64K", "--sync", "0")
    store_lines(collector.keeper(), "shop", numbered(1, 20_000))
    collector.wait_packed("shop")
    collector.kill()
    store.unpack_all(collector.log / "shop")
    assert len(list((collector.log / "shop").glob("*.log"))) > 3
    assert (collector.log / ".housekeeper").read_bytes() == b""
    collector.options = ("--segment", "64K", "--sync", "100ms")
    collector.start()
    collector.wait_packed("shop")
    wait_until(lambda: (collector.log / ".housekeeper").read_bytes())
    assert collector.stored("shop") == numbered(1, 20_000)


def test_sync_0_starts_nobody_before_a_segment_is_complete(collectors):
    collector = collectors("--sync", "0", "--segment", "64K")
    keeper = collector.keeper()
    store_lines(keeper, "shop", b"one line\n")
    assert not (collector.log / ".housekeeper").exists()
    store_lines(keeper, "shop", numbered(1, 10_000))
    collector.wait_packed("shop")
    wait_until(lambda: list((collector.log / "shop").glob("*.log.zst")))
