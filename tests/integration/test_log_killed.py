# SPDX-License-Identifier: MIT
"""The promise of the collector: killed at any moment, it loses, repeats and tears nothing."""
import os
import random
import signal
import subprocess
import time

import pytest

import instance
import store
from collector import Pipe, collectors, store_lines  # noqa: F401
from processes import minds, stat_of
from waiting import SLOWNESS, wait_until

KILLS = 50


def spout(platform, n, size, *words, **more):
    return platform.spawn([instance.BUILD / "tests/integration/programs/spout", n, size, *words],
                          **more)


def expected(n):
    return b"".join(b"line %09d\n" % i for i in range(1, n + 1))


def assert_stored(collector, name, data):
    """Compare megabytes without a diff of them."""
    stored = collector.stored(name)
    same = os.path.commonprefix([stored, data]) if stored != data else data
    assert len(same) == len(stored) == len(data), (
        f"{len(stored)} of {len(data)} bytes, the first {len(same)} are right: "
        f"{stored[len(same) - 40:len(same) + 40]!r}")


def kill_while_running(collector, keeper, writer, kills, deadline=60):
    """kill -9 the collector so often at random moments, and until the writer is done.

    Returns how many of the kills fell into what it wrote, and when it was done."""
    done, inside, end = 0, 0, time.monotonic() + deadline * SLOWNESS
    ended = None
    while done < kills or writer.poll() is None:
        assert time.monotonic() < end, f"the stream does not come to its end: {collector.said()}"
        if keeper.has_news(random.uniform(0, 0.02)) and not keeper.receive():
            raise AssertionError("the collector hung up by itself:\n" + collector.said())
        if writer.poll() is None:
            inside += done < kills
        else:
            ended = ended or time.monotonic()
        if done < kills:
            collector.kill()
            collector.start()
            keeper.connect()
            done += 1
    return inside, ended or time.monotonic()


@pytest.mark.parametrize("size, pause_usec, is_former",
                         [(4096, 100, False), (977, 30, False), (977, 30, True)])
def test_stream_under_50_kills_is_complete(platform, collectors, size, pause_usec, is_former):
    n = 1_000_000
    collector = collectors("--segment", "256K", "--max-total", "8G")
    keeper = collector.keeper(is_former=is_former)
    pipe = keeper.pipe("shop")
    writer = spout(platform, n, size, pause_usec, stdout=pipe.write_end)
    pipe.close_write()
    kill_while_running(collector, keeper, writer, KILLS)
    assert writer.returncode == 0, "the writer saw a broken pipe"
    keeper.wait_drained(pipe)
    assert_stored(collector, "shop", expected(n))
    assert store.check_stream(collector.log / "shop") > 40
    collector.stop()


def assert_stored_as_printed(platform, collector, name, n):
    """Compare hundreds of megabytes, segment by segment, with what is printed once more."""
    again = spout(platform, n, 65536, stdout=subprocess.PIPE)
    for path in store.segments(collector.log / name):
        data = store.read(path)
        printed = again.stdout.read(len(data))
        same = len(os.path.commonprefix([data, printed])) if data != printed else len(data)
        assert same == len(data), f"{path} at {same}: {data[max(same - 40, 0):same + 40]!r}"
    assert not again.stdout.read(1), "the end is missing"


@pytest.mark.slow
@pytest.mark.deadline(600)
def test_stream_of_a_million_lines_a_second_under_500_kills_is_complete(platform, collectors,
                                                                        capsys):
    # 1.46 million a second for 34 s; what a kill held up is made up for.
    n, size, pause_usec = 50_000_000, 65536, 3000
    collector = collectors("--segment", "4M", "--max-total", "8G")
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    begin = time.monotonic()
    writer = spout(platform, n, size, pause_usec, "pace", stdout=pipe.write_end)
    pipe.close_write()
    inside, ended = kill_while_running(collector, keeper, writer, 10 * KILLS, deadline=400)
    assert writer.returncode == 0, "the writer saw a broken pipe"
    keeper.wait_drained(pipe, deadline=120)
    with capsys.disabled():
        print(f"\n{n / (ended - begin) / 1e6:.2f} million lines a second, "
              f"{inside} of {10 * KILLS} kills among them")
    # It gives way to everybody, and may have had no turn yet.
    wait_until(lambda: list((collector.log / "shop").glob("*.zst")), 120, "some to be packed")
    assert_stored_as_printed(platform, collector, "shop", n)
    assert store.check_stream(collector.log / "shop") > 150


def test_lives_under_kills_stay_in_order(platform, collectors):
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    lives, pipes = 40, []
    for i in range(lives):
        # All are offered while the first is still written to; each ends without a newline.
        pipe = keeper.pipe("shop", life=1000 + i)
        script = (f"i=0; while [ $i -lt 400 ]; do echo life {i} line $i; i=$((i+1)); done; "
                  f"printf 'last {i}'")
        platform.spawn(["/bin/sh", "-c", script], stdout=pipe.write_end)
        pipe.close_write()
        pipes.append(pipe)
    for _ in range(10):
        keeper.has_news(random.uniform(0, 0.01))
        collector.kill()
        collector.start()
        keeper.connect()
    keeper.wait_drained(*pipes)
    assert collector.stored("shop") == b"".join(
        b"".join(b"life %d line %d\n" % (i, j) for j in range(400)) + b"last %d" % i
        for i in range(lives))
    lines = collector.read(names=["shop"])
    assert [(line["life"], line["text"]) for line in lines] == [
        (1000 + i, text) for i in range(lives)
        for text in [*(f"life {i} line {j}" for j in range(400)), f"last {i}"]]
    assert not any("open" in line or "cut" in line for line in lines)


def test_index_that_a_kill_left_alone_goes_at_the_next_start(collectors):
    collector = collectors()
    keeper = collector.keeper()
    store_lines(keeper, "shop", b"one\n")
    collector.kill()
    (index,) = (collector.log / "shop").glob("*.idx")
    left = [collector.log / "shop/0.out.17.idx", collector.log / "shop/0.out.18.idx.zst",
            collector.log / "gone/0.err.19.idx"]
    left[2].parent.mkdir()
    for path in left:
        path.write_bytes(index.read_bytes())
    collector.start()
    keeper.connect()
    store_lines(keeper, "shop", b"two\n")
    assert not any(path.exists() for path in left) and not left[2].parent.exists()
    assert collector.stored("shop") == b"one\ntwo\n" and index.exists()


def test_drained_pipe_offered_again_is_answered_at_once(collectors):
    collector = collectors()
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    pipe.write(b"one\n")
    pipe.close_write()
    keeper.wait_drained(pipe)
    pipe.drained = False
    collector.kill()
    collector.start()
    keeper.connect()
    keeper.wait_drained(pipe)
    assert collector.stored("shop") == b"one\n"


def test_end_drains_a_pipe_whose_other_end_a_stranger_holds(collectors):
    collector = collectors()
    keeper = collector.keeper()
    first, second = keeper.pipe("shop", life=1), keeper.pipe("shop", life=2)
    second.write(b"second\n")
    first.write(b"first without end")
    keeper.end(first)
    keeper.wait_drained(first)
    keeper.end(second)
    keeper.wait_drained(second)
    lines = collector.read(names=["shop"])
    assert [(line["life"], line["text"]) for line in lines] == [(1, "first without end"),
                                                                (2, "second")]


def cpu_ticks(pid):
    fields = stat_of(pid)
    return int(fields[11]) + int(fields[12])


def test_life_that_is_offered_late_is_waited_for(collectors):
    collector = collectors()
    keeper = collector.keeper()
    second = keeper.pipe("shop", life=2)
    second.write(b"second, too early\n")
    wait_until(lambda: collector.stored("shop"))
    first = keeper.pipe("shop", life=1)
    wait_until(lambda: collector.caller().call("Stats")["pipes"] == 2)
    second.write(b"second, in its turn\n")
    # It knows that there is something to read and must not look for it all the time.
    ticks, since = cpu_ticks(collector.process.pid), time.monotonic()
    wait_until(lambda: time.monotonic() - since > 0.5)
    assert cpu_ticks(collector.process.pid) - ticks < 10
    first.write(b"first\n")
    first.close_write()
    second.close_write()
    keeper.wait_drained(first, second)
    assert collector.stored("shop") == b"second, too early\nfirst\nsecond, in its turn\n"
    lines = collector.read(names=["shop"])
    assert [line["life"] for line in lines] == [2, 1, 2]


def test_pipe_of_a_keeper_that_has_gone_is_stored(collectors):
    collector = collectors()
    keeper = collector.keeper()
    pipe = keeper.pipe("shop", life=1)
    keeper.sock.close()
    pipe.write(b"still here\n")
    other = collector.keeper()
    after = other.pipe("shop", life=2)
    after.write(b"next life\n")
    after.close_write()
    other.wait_drained(after)
    assert collector.stored("shop") == b"still here\nnext life\n"


def test_second_collector_waits_for_the_first(platform, collectors):
    first = collectors()
    keeper = first.keeper()
    pipe = keeper.pipe("shop")
    pipe.write(b"one\n")
    pipe.close_write()
    keeper.wait_drained(pipe)
    second = platform.spawn([instance.program("slicekeep-log"), "--log-dir", first.log,
                             "--run-dir", platform.home / "run2"], stderr=subprocess.PIPE)
    assert b"another collector still writes" in second.stderr.readline()
    first.stop()
    wait_until((platform.home / "run2/log.intake").exists)
    wait_until(lambda: minds(second.pid, signal.SIGTERM))
    second.terminate()
    assert second.wait(20 * SLOWNESS) == 0


def test_stranger_frames_end_the_connection_and_nothing_else(collectors):
    collector = collectors()
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    for junk in (b"", b"x", b"\0" * 88, b"\xff" * 88, b"y" * 4096,
                 Pipe("../../etc").frame(1), Pipe("shop").frame(2)[:-1]):
        bad = collector.keeper()
        if junk:
            bad.sock.send(junk)
            assert not bad.receive()
    no_fd = collector.keeper()
    no_fd.sock.send(pipe.frame(1))
    assert not no_fd.receive()
    pipe.write(b"unharmed\n")
    pipe.close_write()
    keeper.wait_drained(pipe)
    assert collector.stored("shop") == b"unharmed\n"
