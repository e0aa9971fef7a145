# SPDX-License-Identifier: MIT
"""What is answered: tail, time, patterns, merged services, cursors, following."""
import json
import os
import random
import signal
import threading
import time

import pytest

import instance
import store
from collector import RSS_KIB_MAX, collectors, peak_rss_kib, store_lines  # noqa: F401
from waiting import wait_until

pytestmark = pytest.mark.sanitize


def numbered(first, last):
    return b"".join(b"line %d\n" % i for i in range(first, last + 1))


def numbers(lines):
    return [int(line["text"].split()[1]) for line in lines]


def wait_stored(collector, name, data, stream="out"):
    """Until it is stored and has its time, which it gets a moment later."""
    def is_stamped():
        assert collector.stored(name, stream).endswith(data)
        last = max((collector.log / name).glob(f"0.{stream}.*.log"))
        _, records = store.read_index(last.with_suffix(".idx"))
        return records and records[-1][1] == last.stat().st_size

    wait_until(is_stamped)


@pytest.fixture
def shop(collectors):
    """A collector with 100,000 lines of "shop" in many segments."""
    collector = collectors("--segment", "64K")
    collector.shop_keeper = collector.keeper()
    store_lines(collector.shop_keeper, "shop", numbered(1, 100_000))
    assert len(collector.segments("shop")) > 10
    return collector


def test_tail_is_exact_over_segments(shop):
    caller = shop.caller()
    for n in (0, 1, 2, 10_000, 99_999, 100_000, 200_000):
        lines = caller.query(names=["shop"], tail=n)
        assert numbers(lines) == list(range(max(1, 100_001 - n), 100_001))
    assert numbers(shop.read(names=["shop"], tail=7)) == list(range(99_994, 100_001))


def test_cursor_pages_without_gap_or_repeat(shop):
    caller = shop.caller()
    seen, cursor, filter_ = [], None, {"names": ["shop"], "tail": 5_000}
    while True:
        reply = caller.call("Query", filter=filter_, limit=777)
        if not reply["lines"]:
            break
        assert len(reply["lines"]) <= 777
        seen += numbers(reply["lines"])
        assert reply["lines"][-1]["cursor"] == reply["cursor"] != cursor
        cursor = reply["cursor"]
        filter_ = {"names": ["shop"], "cursor": cursor}
    assert seen == list(range(95_001, 100_001))


def test_grep_finds_and_refuses(shop):
    caller = shop.caller()
    lines = caller.query(names=["shop"], grep="^line (7|42|9999[0-9])$")
    assert numbers(lines) == [7, 42, *range(99_990, 100_000)]
    lines = caller.query(names=["shop"], grep="00$", tail=3)
    assert numbers(lines) == [99_800, 99_900, 100_000]
    for pattern in ("(", "a{1,999}{1,999}{1,999}", "x" * 2000):
        reply = caller.fails("Query", filter={"names": ["shop"], "grep": pattern})
        assert reply["error"] == "io.slicekeep.log.BadPattern"
    result = shop.read(exits=2, names=["shop"], grep="(")
    assert "no POSIX extended regular expression" in result.stderr


def test_pattern_costs_neither_time_nor_memory(collectors):
    """Each of these takes regexec(3) minutes, all memory, or both."""
    collector = collectors()
    letters = random.Random(1).choices("ab", k=1_000_000)
    text = "".join(letters)
    lines = [text[i:i + 100] for i in range(0, len(text), 100)]
    lines += [text[i:i + 60_000] for i in range(0, len(text) // 2, 60_000)] + [text[:60_000] + "c"]
    store_lines(collector.keeper(), "shop", "\n".join(lines).encode() + b"\n")
    caller = collector.caller()
    for pattern in (".*a.{50}(c|d)", "a.*(c|d)", "[a-z]+(c|d)", "(a|b|ab)*(c|d)", "(a*)*(b*)*[cd]"):
        (found,) = caller.query(names=["shop"], grep=pattern)
        assert len(found["text"]) == 60_001
    assert caller.query(names=["shop"], grep=".*a.{50}(d|e)") == []
    assert peak_rss_kib(collector.reader_pid()) < RSS_KIB_MAX
    reply = caller.fails("Query", filter={"names": [], "grep": r"((a|b)*)*(.*)\2\3c"})
    assert reply["error"] == "io.slicekeep.log.BadPattern"


def test_time_range_takes_the_lines_of_that_time(collectors):
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    moments = []
    for i in range(1, 11):
        moments.append(time.time_ns() // 1000)
        first = (i - 1) * 1000
        pipe.write(numbered(first + 1, first + 1000))
        wait_stored(collector, "shop", b"line %d\n" % (first + 1000))
    caller = collector.caller()
    for i, j in ((0, 9), (3, 4), (8, 9), (0, 1)):
        lines = caller.query(names=["shop"], since_at_usec=moments[i],
                             until_at_usec=moments[j] - 1)
        assert numbers(lines) == list(range(i * 1000 + 1, j * 1000 + 1))
        lines = caller.query(names=["shop"], until_at_usec=moments[j] - 1, tail=3)
        assert numbers(lines) == list(range(j * 1000 - 2, j * 1000 + 1))
    assert caller.query(names=["shop"], since_at_usec=time.time_ns() // 1000) == []
    assert numbers(caller.query(names=["shop"], since_at_usec=moments[9], tail=2000)) == list(
        range(9001, 10_001))


def test_services_are_merged_by_time(collectors):
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    pipes = [keeper.pipe(f"s{i}", stream) for i in range(5) for stream in ("out", "err")]
    for turn in range(200):
        pipe = pipes[turn * 7 % len(pipes)]
        pipe.write(b"turn %d\n" % turn)
        wait_stored(collector, pipe.name, b"turn %d\n" % turn, pipe.stream)
    caller = collector.caller()
    lines = caller.query()
    assert numbers(lines) == list(range(200))
    assert [line["at_usec"] for line in lines] == sorted(line["at_usec"] for line in lines)
    assert numbers(caller.query(tail=37)) == list(range(163, 200))
    picked = caller.query(names=["s1", "s3"], streams=["err"])
    assert {(line["service"], line["stream"]) for line in picked} == {("s1", "err"), ("s3", "err")}
    assert numbers(collector.read(tail=37)) == list(range(163, 200))


def test_follow_goes_on_at_a_cursor(shop):
    caller = shop.caller()
    caller.follow(names=["shop"], tail=10)
    seen = numbers(caller.next_lines(10))
    pipe = shop.shop_keeper.pipe("shop")
    pipe.write(numbered(100_001, 100_500) + b"line 100501 not yet com")
    while len(seen) < 510:
        seen += numbers(caller.next_lines(1))
    cursor = caller.cursor
    caller.close()
    pipe.write(b"plete\n" + numbered(100_502, 100_600))
    again = shop.caller()
    again.follow(names=["shop"], cursor=cursor)
    seen += numbers(again.next_lines(100))
    assert seen == list(range(99_991, 100_601))


def test_follow_sees_new_services_segments_and_the_end_of_a_life(collectors):
    collector = collectors("--segment", "64K")
    caller, everything = collector.caller(), collector.caller()
    caller.follow(names=["later"])
    everything.follow()
    keeper = collector.keeper()
    pipe = keeper.pipe("later")
    pipe.write(numbered(1, 20_000) + b"last words")
    assert numbers(caller.next_lines(20_000)) == list(range(1, 20_001))
    assert len(everything.next_lines(20_000)) == 20_000
    keeper.end(pipe)
    keeper.wait_drained(pipe)
    assert [line["text"] for line in caller.next_lines(1)] == ["last words"]
    assert [line["text"] for line in everything.next_lines(1)] == ["last words"]


def test_follow_survives_the_collector_by_its_cursor(collectors):
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    n, seen, cursor = 60_000, [], None

    def write():
        for first in range(1, n + 1, 1000):
            pipe.write(numbered(first, first + 999))

    thread = threading.Thread(target=write)
    thread.start()
    while len(seen) < n:
        caller = collector.caller()
        caller.follow(names=["shop"], **({"cursor": cursor} if cursor else {}))
        for _ in range(20):
            if len(seen) == n:
                break
            seen += numbers(caller.next_lines(1))
            cursor = caller.cursor
        caller.close()
        collector.kill()
        collector.start()
        keeper.connect()
    thread.join()
    assert seen == list(range(1, n + 1))


def test_slow_follower_costs_nobody_anything(collectors):
    collector = collectors("--segment", "64K", "--max-total", "2M")
    keeper = collector.keeper()
    store_lines(keeper, "shop", b"begin 0\n")
    slow = collector.caller()
    slow.follow(names=["shop"])
    assert slow.next_lines(1)
    store_lines(keeper, "shop", numbered(1, 1_000_000))
    assert collector.caller().query(names=["shop"], tail=1)[0]["text"] == "line 1000000"
    assert peak_rss_kib(collector.reader_pid()) < RSS_KIB_MAX
    # What it could not take in time is gone, and it is told so; the rest is in order.
    seen, skipped = [], 0
    while not seen or seen[-1] != 1_000_000:
        reply = slow.answer()["parameters"]
        # On a slow machine there may be lines that are there still, but too old for a follower.
        if "skipped_lines" in reply:
            seen += numbers(collector.caller().query(
                names=["shop"], cursor=reply["skipped_from"],
                until_at_usec=reply["skipped_until_at_usec"]))
        seen += numbers(reply["lines"])
        skipped += reply.get("skipped", 0)
    assert seen == sorted(set(seen))
    gone = set(range(1, 1_000_001)) - set(seen)
    assert skipped == sum(len(b"line %d\n" % i) for i in gone) > 0


def test_reader_ends_when_nobody_asks_and_comes_back(shop):
    caller = shop.caller()
    caller.query(names=["shop"], tail=1)
    first = shop.reader_pid()
    caller.close()
    wait_until(lambda: not shop.readers(), 60, "the reader's end")
    assert numbers(shop.caller().query(names=["shop"], tail=1)) == [100_000]
    assert shop.reader_pid() != first
    assert "reader" not in shop.said()


def test_reader_may_die(shop):
    caller = shop.caller()
    caller.query(names=["shop"], tail=1)
    os.kill(shop.reader_pid(), signal.SIGKILL)
    assert caller.sock.recv(1) == b""
    assert numbers(shop.caller().query(names=["shop"], tail=1)) == [100_000]
    assert "the reader was killed by signal 9" in shop.said()
    assert shop.process.poll() is None


def test_rotate_begins_new_segments(collectors):
    collector = collectors()
    keeper = collector.keeper()
    pipe = keeper.pipe("shop")
    pipe.write(b"one\nhalf a li")
    wait_stored(collector, "shop", b"li")
    caller = collector.caller()
    caller.call("Rotate", names=["shop"])
    pipe.write(b"ne\n")
    wait_stored(collector, "shop", b"half a line\n")
    pipe.write(b"two\n")
    wait_until(lambda: len(collector.segments("shop")) == 2)
    caller.call("Rotate", names=[])
    pipe.write(b"three\n")
    wait_until(lambda: len(collector.segments("shop")) == 3)
    pipe.close_write()
    keeper.wait_drained(pipe)
    lines = caller.query(names=["shop"])
    assert [line["text"] for line in lines] == ["one", "half a line", "two", "three"]
    reply = caller.fails("Rotate", names=["nobody"])
    assert reply["error"] == "io.slicekeep.log.NoSuchService"


def test_rotate_takes_as_many_names_as_there_are(collectors):
    collector = collectors()
    keeper = collector.keeper()
    pipes = [keeper.pipe(f"s{i}") for i in range(600)]
    for pipe in pipes:
        pipe.write(b"line\n")

    def segments():
        return sum(len(collector.segments(pipe.name)) for pipe in pipes)

    wait_until(lambda: segments() == len(pipes))
    caller = collector.caller()
    caller.call("Rotate", names=[pipe.name for pipe in pipes])
    for pipe in pipes:
        pipe.write(b"line\n")
    wait_until(lambda: segments() == 2 * len(pipes))
    reply = caller.fails("Rotate", names="s1")
    assert reply["error"] == "org.varlink.service.InvalidParameter"


def test_services_and_stats_tell_what_there_is(shop):
    shop.wait_packed("shop")
    shop.shop_keeper.pipe("db", "err").write(b"one\n")
    wait_stored(shop, "db", b"one\n", "err")
    caller = shop.caller()
    services = caller.call("Services")["services"]
    assert [(one["name"], one["active"]) for one in services] == [("db", True), ("shop", False)]
    assert services[1]["segments"] == len(shop.segments("shop"))
    assert abs(services[0]["newest_at_usec"] - time.time_ns() // 1000) < 60_000_000
    stats = caller.call("Stats")
    assert stats["pipes"] == 1 and stats["dropped"] == 0 and stats["splices"] > 10
    wait_until(lambda: caller.call("Stats")["stored_bytes"] == sum(
        one["bytes"] for one in caller.call("Services")["services"]))
    assert 0 < stats["lag_usec"] < 20_000_000


def test_wrong_questions_get_clear_answers(shop):
    caller = shop.caller()
    assert caller.fails("Query", filter={"names": ["nobody"]})["error"].endswith("NoSuchService")
    assert caller.fails("Query", filter={"names": ["../shop"]})["error"].endswith("NoSuchService")
    for filter_ in ({"names": 3}, {"names": [], "streams": ["in"]}, {"names": [], "cursor": "1 x"},
                    {"names": [], "tail": -1}, {"names": [], "instance": 1 << 40}):
        assert caller.fails("Query", filter=filter_)
    assert "more" in json.dumps(caller.fails("Follow", filter={"names": []}))
    result = shop.read(exits=3, names=["nobody"])
    assert 'nothing is stored of "nobody"' in result.stderr
    program = instance.program("slicekeep-log")
    assert "64K" in shop.platform.run([program, "--segment", "3"], exits=2).stderr
    assert "needs a value" in shop.platform.run([program, "--log-dir"], exits=2).stderr
    assert shop.platform.run([program, "read", "{]"], exits=2).stderr


def test_idle_collector_does_not_wake_up(shop):
    caller = shop.caller()
    caller.follow(names=["shop"], tail=1)
    caller.next_lines(1)

    def switches():
        total = 0
        for pid in shop.platform.processes():
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
            except FileNotFoundError:
                continue  # a housekeeper that is done
        return total

    seen, since = switches(), time.monotonic()

    def rested():
        nonlocal seen, since
        now = switches()
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 1

    wait_until(rested, deadline=15)
