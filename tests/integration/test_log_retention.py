# SPDX-License-Identifier: MIT
"""What is deleted, by caps and ages of services, and what those who read notice of it."""
import hashlib
import pathlib
import re
import time

import pytest

from collector import (MAGIC, RETAIN, RETAIN_FRAME, collectors,  # noqa: F401
                       store_lines, used_bytes)
from waiting import wait_until

pytestmark = pytest.mark.sanitize

KIB = 1024
FOR_EVER = (0, 0)


def lines(first, last):
    """144 bytes each, of which packing leaves half."""
    return b"".join(b"line %09d %b\n" % (i, hashlib.sha512(b"%d" % i).hexdigest().encode())
                    for i in range(first, last + 1))


def stored_bytes(collector, name):
    """With the indexes, as caps count."""
    return used_bytes(collector.log_seen / name)


def numbers(answer):
    return [int(line["text"].split()[1]) for line in answer]


def timer(pid):
    """What the timer of the wall clock of a process is set to, in seconds from now; 0: not set."""
    texts = [path.read_text() for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir()]
    wall, = [text for text in texts if "clockid: 0\n" in text]
    seconds, nanoseconds = re.search(r"it_value: \((\d+), (\d+)\)", wall).groups()
    return int(seconds) + int(nanoseconds) / 1e9


def test_service_above_its_cap_loses_its_own_oldest_lines(collectors):
    collector = collectors()
    keeper, supervisor = collector.keeper(), collector.keeper()
    supervisor.retain(shop=(512 * KIB, 0))
    store_lines(keeper, "older", lines(1, 10_000))
    store_lines(keeper, "shop", lines(1, 20_000))
    wait_until(lambda: stored_bytes(collector, "shop") <= 512 * KIB)
    left = numbers(collector.caller().query(names=["shop"]))
    assert left == list(range(left[0], 20_001)) and 1 < left[0] < 20_000
    assert collector.stored("older") == lines(1, 10_000)
    caller = collector.caller()
    wait_until(lambda: caller.call("Stats")["stored_bytes"] == (
        stored_bytes(collector, "shop") + stored_bytes(collector, "older")))


def test_cap_that_is_told_later_deletes_at_once_and_goes_with_its_round(collectors):
    collector = collectors("--segment", "64K")
    keeper, supervisor = collector.keeper(), collector.keeper()
    store_lines(keeper, "shop", lines(1, 10_000))
    store_lines(keeper, "db", lines(1, 10_000))
    supervisor.retain(shop=(256 * KIB, 0))
    wait_until(lambda: stored_bytes(collector, "shop") <= 256 * KIB)
    assert collector.stored("db") == lines(1, 10_000)
    # A round without it takes the rule away; one that has not ended takes nothing.
    supervisor.retain()
    store_lines(keeper, "shop", lines(10_001, 20_000))
    assert stored_bytes(collector, "shop") > 512 * KIB
    # So does a collector that was told nothing yet: it keeps the total alone.
    supervisor.retain(shop=(256 * KIB, 0))
    wait_until(lambda: stored_bytes(collector, "shop") <= 256 * KIB)
    collector.kill()
    collector.start()
    keeper.connect()
    store_lines(keeper, "shop", lines(20_001, 30_000))
    assert stored_bytes(collector, "shop") > 512 * KIB
    supervisor.connect()
    supervisor.retain(shop=(256 * KIB, 0))
    wait_until(lambda: stored_bytes(collector, "shop") <= 256 * KIB)


def test_lines_older_than_their_age_go_whether_somebody_writes_or_not(collectors):
    collector = collectors()
    keeper, supervisor = collector.keeper(), collector.keeper()
    silent = keeper.pipe("silent")
    silent.write(b"old\nhalf a li")
    store_lines(keeper, "ended", lines(1, 10))
    store_lines(keeper, "kept", lines(1, 10))
    wait_until(lambda: collector.stored("silent").endswith(b"li"))
    supervisor.retain(common=(0, 0.5), kept=FOR_EVER)
    wait_until(lambda: not collector.stored("silent") and not collector.stored("ended"))
    assert collector.stored("kept") == lines(1, 10)
    # One that somebody may write to goes on in a segment that knows what came before it.
    supervisor.retain()
    silent.write(b"ne\nnew\n")
    wait_until(lambda: collector.stored("silent") == b"ne\nnew\n")
    wait_until(lambda: not (collector.log / "ended").exists())


def test_busy_service_loses_what_is_too_old_and_nothing_else(collectors):
    collector = collectors()
    keeper, supervisor = collector.keeper(), collector.keeper()
    supervisor.retain(common=(0, 1))
    pipe = keeper.pipe("shop")
    written = []

    def write_until_something_is_gone():
        written.append(time.time())
        pipe.write(lines(len(written), len(written)))
        stored = collector.stored("shop")
        return stored and not stored.startswith(lines(1, 1))

    wait_until(write_until_something_is_gone, deadline=30)
    supervisor.retain()
    asked_at = time.time()
    left = numbers(collector.caller().query(names=["shop"]))
    assert left == list(range(left[0], left[-1] + 1)) and left[0] > 1
    assert asked_at - written[left[0] - 2] >= 1, "the newest that is gone was too young"


def test_collector_sleeps_until_something_is_too_old(collectors):
    collector = collectors()
    keeper, supervisor = collector.keeper(), collector.keeper()
    store_lines(keeper, "ended", lines(1, 10))
    pipe = keeper.pipe("shop")
    pipe.write(b"line\n")
    wait_until(lambda: collector.stored("shop"))
    assert timer(collector.process.pid) == 0
    supervisor.retain(common=(0, 7200), ended=(0, 3600))
    wait_until(lambda: 3500 < timer(collector.process.pid) <= 3600)
    supervisor.retain(common=(0, 7200), ended=FOR_EVER)
    wait_until(lambda: 7100 < timer(collector.process.pid) <= 7200)
    supervisor.retain()
    wait_until(lambda: timer(collector.process.pid) == 0)


def follow_to_the_end(collector, caller, last):
    """(numbers, skipped bytes) of a Follow, up to the line with the last number.

    On a slow machine there may be lines that are there still, but too old for a follower.
    """
    seen, skipped = [], 0
    while not seen or seen[-1] != last:
        reply = caller.answer()["parameters"]
        if "skipped_lines" in reply:
            seen += numbers(collector.caller().query(
                names=["shop"], cursor=reply["skipped_from"],
                until_at_usec=reply["skipped_until_at_usec"]))
        seen += numbers(reply["lines"])
        skipped += reply.get("skipped", 0)
    return seen, skipped


@pytest.mark.parametrize("rule", ["cap", "age"])
def test_follower_is_told_what_was_deleted_before_it_could_read(collectors, rule):
    collector = collectors("--segment", "64K")
    keeper, supervisor = collector.keeper(), collector.keeper()
    pipe = keeper.pipe("shop")
    pipe.write(lines(1, 1))
    slow = collector.caller()
    slow.follow(names=["shop"])
    assert slow.next_lines(1)
    # Far more than fits into its socket, while it does not read.
    pipe.write(lines(2, 60_000))
    wait_until(lambda: collector.stored("shop").endswith(lines(60_000, 60_000)))
    supervisor.retain(shop=(256 * KIB, 0) if rule == "cap" else (0, 0.5))
    wait_until(lambda: stored_bytes(collector, "shop") <= 256 * KIB)
    supervisor.retain()
    pipe.write(lines(60_001, 60_002))
    seen, skipped = follow_to_the_end(collector, slow, 60_002)
    assert seen == sorted(set(seen))
    gone = 60_002 - 1 - len(seen)
    assert skipped == gone * len(lines(1, 1)) > 0


def test_cursor_into_what_was_deleted_says_how_much_is_missing(collectors):
    collector = collectors("--segment", "64K")
    keeper, supervisor = collector.keeper(), collector.keeper()
    keeper.pipe("shop").write(lines(1, 20_000))
    wait_until(lambda: collector.stored("shop").endswith(lines(20_000, 20_000)))
    caller = collector.caller()
    read = caller.call("Query", filter={"names": ["shop"]}, limit=100)
    assert numbers(read["lines"]) == list(range(1, 101)) and "skipped" not in read
    filter_ = {"names": ["shop"], "cursor": read["cursor"]}
    assert "skipped" not in caller.call("Query", filter=filter_, limit=1)
    supervisor.retain(shop=(128 * KIB, 0))
    wait_until(lambda: stored_bytes(collector, "shop") <= 128 * KIB)
    reply = caller.call("Query", filter=filter_, limit=1)
    (first,) = numbers(reply["lines"])
    assert reply["skipped"] == len(lines(101, first - 1)) > 0
    follower = collector.caller()
    follower.follow(**filter_)
    assert follower.answer()["parameters"]["skipped"] == reply["skipped"]
    # One of an older version does not know.
    old = filter_ | {"cursor": filter_["cursor"].rpartition(":")[0]}
    reply = caller.call("Query", filter=old, limit=1)
    assert numbers(reply["lines"]) == [first] and "skipped" not in reply


@pytest.mark.parametrize("rule", ["cap", "age"])
def test_follower_that_keeps_up_misses_nothing(collectors, rule):
    collector = collectors("--segment", "64K")
    keeper, supervisor = collector.keeper(), collector.keeper()
    follower = collector.caller()
    pipe = keeper.pipe("shop")
    pipe.write(lines(1, 1))
    follower.follow(names=["shop"])
    assert numbers(follower.next_lines(1)) == [1]
    for i in range(4):
        first, last = 10_000 * i + 2, 10_000 * i + 10_001
        pipe.write(lines(first, last))
        seen, skipped = follow_to_the_end(collector, follower, last)
        assert seen == list(range(first, last + 1)) and skipped == 0
        # All that it has read is deleted, but for the segment that a cap cannot take.
        supervisor.retain(shop=(1, 0) if rule == "cap" else (0, 0.001))
        left_max = 80 * KIB if rule == "cap" else 0
        wait_until(lambda: len(collector.stored("shop")) <= left_max)
        supervisor.retain()


@pytest.mark.parametrize("frame", [
    RETAIN_FRAME.pack(MAGIC, RETAIN, 0, 0, 1, 1, b"shop"),
    RETAIN_FRAME.pack(MAGIC, RETAIN, 0, 5, 1, 1, b"../shop"),
    RETAIN_FRAME.pack(MAGIC, RETAIN, 0, 5, 1, 1, b"x" * 64),
    RETAIN_FRAME.pack(MAGIC + 1, RETAIN, 0, 5, 1, 1, b""),
    RETAIN_FRAME.pack(MAGIC, RETAIN, 0, 5, 1, 1, b"")[:-1],
], ids=["no round", "path", "endless name", "magic", "short"])
def test_rule_that_is_none_is_hung_up_on(collectors, frame):
    collector = collectors()
    keeper, supervisor = collector.keeper(), collector.keeper()
    store_lines(keeper, "shop", lines(1, 1000))
    supervisor.sock.send(frame)
    assert not supervisor.receive()
    store_lines(keeper, "shop", lines(1001, 2000))
    assert collector.stored("shop") == lines(1, 2000)
