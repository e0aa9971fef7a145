# SPDX-License-Identifier: MIT
"""Followers that do not read: nobody waits for them, and what they missed can be fetched."""
import os
import signal
import time

import pytest

from collector import RSS_KIB_MAX, collectors, peak_rss_kib, store_lines  # noqa: F401
from processes import stat_of
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize

# log/gap.h: how old the next line has to be, in seconds.
LATE = 10


def numbered(first, last):
    return b"".join(b"line %d\n" % i for i in range(first, last + 1))


def numbers(lines):
    return [int(line["text"].split()[1]) for line in lines]


def read_on(caller, n):
    """What a Follow answers until n lines were shown or skipped: (lines, answers with a gap)."""
    seen, gaps = [], []
    while len(seen) + sum(gap["skipped_lines"] for gap in gaps) < n:
        reply = caller.answer()
        assert reply and "error" not in reply, reply
        if "skipped_lines" in reply["parameters"]:
            gaps.append(reply["parameters"])
        seen += reply["parameters"]["lines"]
    return seen, gaps


def fetch(collector, gap, **filter_):
    return collector.caller().query(**filter_, cursor=gap["skipped_from"],
                                    until_at_usec=gap["skipped_until_at_usec"])


def rest(pid):
    """Wait until a process has slept for a second: all that it could hand out is handed out, and
    it waits for those who do not read."""
    def look():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return [line for line in file if line.startswith("State") or "ctxt_switches" in line]

    seen, since = [], time.monotonic()

    def rested():
        nonlocal seen, since
        now = look()
        if now != seen or "S (sleeping)" not in now[0]:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 1

    wait_until(rested, 60, "the reader to rest")


def age(began):
    """Wait until what was stored at `began` is too old for a follower."""
    wait_until(lambda: time.monotonic() > began + LATE + 1, deadline=LATE + 10,
               what="lines to be old")


def test_lines_that_a_follower_is_too_slow_for_are_skipped_and_can_be_fetched(collectors):
    n = 1_000_000
    collector = collectors()
    keeper = collector.keeper()
    store_lines(keeper, "shop", numbered(0, 0))
    slow, picky = collector.caller(), collector.caller()
    slow.follow(names=["shop"])
    picky.follow(names=["shop"], grep="0$")
    for caller in (slow, picky):
        assert numbers(caller.next_lines(1)) == [0]
    began = time.monotonic()
    store_lines(keeper, "shop", numbered(1, n))
    # All is stored while they stand still.
    assert collector.stored("shop").endswith(b"line %d\n" % n)
    # One that begins now, and does not read either, has only history before it.
    history = collector.caller()
    history.follow(names=["shop"], tail=n // 10)
    rest(collector.reader_pid())
    age(began)
    store_lines(keeper, "shop", numbered(n + 1, n + 10))
    for caller, filter_, step in ((slow, {}, 1), (picky, {"grep": "0$"}, 10)):
        seen, gaps = read_on(caller, n // step + 10 // step)
        (gap,) = gaps
        fetched = fetch(collector, gap, names=["shop"], **filter_)
        assert gap["skipped_lines"] == len(fetched) > n // step // 2
        assert gap["skipped_bytes"] == sum(len(line["text"]) for line in fetched)
        assert "skipped" not in gap
        seen = numbers(seen)
        assert seen == sorted(seen)
        assert sorted(seen + numbers(fetched)) == list(range(step, n + 11, step))
    seen, gaps = read_on(history, n // 10 + 10)
    assert numbers(seen) == list(range(n - n // 10 + 1, n + 11)) and not gaps
    assert peak_rss_kib(collector.reader_pid()) < RSS_KIB_MAX


def test_gap_over_several_services_is_exact(collectors):
    n = 60_000
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    names = ["a", "b", "c"]
    for name in names:
        store_lines(keeper, name, numbered(0, 0))
    slow = collector.caller()
    slow.follow()
    assert len(slow.next_lines(3)) == 3
    began = time.monotonic()
    for name in names:
        store_lines(keeper, name, numbered(1, n))
    rest(collector.reader_pid())
    age(began)
    store_lines(keeper, "born", numbered(1, 1))
    seen, gaps = read_on(slow, 3 * n + 1)
    assert len(gaps) == 1
    fetched = fetch(collector, gaps[0])
    assert sorted((line["service"], line["text"]) for line in seen + fetched) == sorted(
        [(name, f"line {i}") for name in names for i in range(1, n + 1)] + [("born", "line 1")])


def test_collector_killed_before_the_gap_was_told_repeats_it_as_history(collectors):
    n = 200_000
    collector = collectors()
    keeper = collector.keeper()
    store_lines(keeper, "shop", numbered(0, 0))
    slow = collector.caller()
    slow.follow(names=["shop"])
    assert numbers(slow.next_lines(1)) == [0]
    store_lines(keeper, "shop", numbered(1, n))
    seen = numbers(slow.next_lines(10))
    cursor = slow.cursor
    collector.kill()
    collector.start()
    again = collector.caller()
    again.follow(names=["shop"], cursor=cursor)
    more, gaps = read_on(again, n - len(seen))
    assert seen + numbers(more) == list(range(1, n + 1)) and not gaps


def test_line_that_comes_while_another_one_waits_is_not_forgotten(collectors):
    """A stream whose next line waits for that of a busier one is told of its news as well."""
    collector = collectors()
    keeper = collector.keeper()
    quiet, loud = keeper.pipe("quiet"), keeper.pipe("loud")
    caller = collector.caller()
    caller.follow(names=["quiet", "loud"], grep="^line")
    noise = b"no match\n" * 7000
    for i in range(300):
        quiet.write(b"line %d\n" % i)
        loud.write(noise)
        quiet.write(b"line %d\n" % i)
    seen = numbers(caller.next_lines(600, deadline=30))
    assert seen == [i for i in range(300) for _ in range(2)]


def test_follower_that_is_stopped_prints_how_to_fetch_what_it_missed(platform):
    n = 150_000
    go = platform.home / "go"
    os.mkfifo(go)
    platform.up({"processes": {"shop": {
        "command": "/bin/sh", "user": "root", "restart": {"when": "never"},
        "args": ["-c", f"echo line 0; read x <{go}; seq -f 'line %.0f' 1 {n}; "
                       f"read x <{go}; echo line {n + 1}; read x <{go}"]}}})
    path = platform.home / "followed"
    with open(path, "wb") as file:
        follower = platform.spawn([platform.program, "log", "-f", "--stream", "out", "shop"],
                                  stdout=file)
    wait_until(lambda: path.read_bytes().endswith(b"line 0\n"))
    follower.send_signal(signal.SIGSTOP)
    wait_until(lambda: stat_of(follower.pid)[0] == b"T")
    go.write_text("\n")
    began = time.monotonic()
    last = ["log", "-n1", "--stream", "out", "shop"]
    wait_until(lambda: f"line {n}\n" in platform.cli(*last).stdout, deadline=60)
    (reader,) = [pid for pid, command in platform.processes().items() if " --reader" in command]
    rest(reader)
    age(began)
    follower.send_signal(signal.SIGCONT)
    wait_until(lambda: b" shows them\n" in path.read_bytes(), deadline=60)
    go.write_text("\n")
    wait_until(lambda: path.read_bytes().endswith(b"line %d\n" % (n + 1)), deadline=60)
    follower.terminate()
    follower.wait(20 * SLOWNESS)
    followed = path.read_text().splitlines()
    told = [line for line in followed if line.startswith("-- ")]
    assert len(told) == 1 and " lines skipped: " in told[0]
    command = told[0].partition(" lines skipped: ")[2].removesuffix(" shows them")
    words = ["/bin/sh", "-c", f"slicekeep() {{ {platform.program} \"$@\"; }}; {command}"]
    fetched = platform.run(words, timeout=120).stdout.splitlines()
    assert told[0].startswith(f"-- {len(fetched)} lines skipped: slicekeep log ")
    followed.remove(told[0])
    assert sorted(int(line.split()[-1]) for line in followed + fetched) == list(range(n + 2))
    assert len(fetched) > n // 2
