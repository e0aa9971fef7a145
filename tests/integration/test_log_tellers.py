# SPDX-License-Identifier: MIT
"""Events as any daemon of ours may tell them: what a query makes of their lines, in whatever order
they come, however many they are, and whatever else lies there.
"""
import json
import time

import pytest

from collector import collectors, store_lines  # noqa: F401

pytestmark = pytest.mark.sanitize


def event(seq, text, **more):
    return json.dumps({"seq": seq, "at_usec": time.time_ns() // 1000, "service": "shop",
                       "instance": 0, "kind": "note", "text": text} | more).encode() + b"\n"


def tell(collector, writer, *lines):
    store_lines(collector.keeper(), writer, b"".join(lines), stream="event")


def texts(lines):
    return [line["text"] for line in lines]


def test_what_tells_nothing_is_passed_over(collectors):
    collector = collectors()
    tell(collector, "supervisor", event(1, "one"), b"no event\n", b"\xff\0\n", b"[]\n",
         b'{"seq":2}\n', event(2, "x" * 70_000), event(3, "two"), b'{"seq":4,"at_usec":7,"ki')
    tell(collector, "supervisor", event(4, "three"))
    caller = collector.caller()
    for lines in (caller.query(names=["shop"], unknown_ok=True), caller.query(),
                  caller.query(tail=100), collector.read(), caller.query(streams=["event"])):
        assert texts(lines) == ["one", "two", "three"]
        assert {(line["service"], line["stream"]) for line in lines} == {("shop", "event")}
    assert [line["seq"] for line in caller.query(streams=["event"], tail=1)] == [4]
    assert "NoSuchService" in str(caller.fails("Query", filter={"names": ["shop"]}))


def test_all_daemons_tell_one_story(collectors):
    collector = collectors()
    tell(collector, "ci", event(1, "deployed", at_usec=1000), event(2, "again", at_usec=3000))
    tell(collector, "supervisor", event(7, "started", at_usec=2000),
         event(8, "elsewhere", at_usec=2500, service="db"))
    caller = collector.caller()
    assert texts(caller.query()) == ["deployed", "started", "elsewhere", "again"]
    assert texts(caller.query(names=["ci"])) == ["deployed", "again"]
    assert texts(caller.query(names=["shop"], unknown_ok=True)) == ["deployed", "started", "again"]
    assert texts(caller.query(names=["db"], unknown_ok=True)) == ["elsewhere"]
    # What is not one of ours tells nothing.
    tell(collector, "stranger", event(1, "liar", at_usec=1))
    assert "liar" not in texts(caller.query(names=["shop"], unknown_ok=True))


def test_time_is_when_it_happened_and_not_when_it_was_stored(collectors):
    collector = collectors()
    tell(collector, "supervisor", event(1, "old", at_usec=1000), event(2, "new"),
         event(3, "late", at_usec=2000))
    caller = collector.caller()
    for tail in ({}, {"tail": 10}):
        assert texts(caller.query(until_at_usec=5000, **tail)) == ["old", "late"]
        assert texts(caller.query(since_at_usec=5000, **tail)) == ["new"]
        assert texts(caller.query(since_at_usec=1500, until_at_usec=2000, **tail)) == ["late"]


def test_tail_counts_lines_and_brings_a_thousand_events_at_most(collectors):
    collector = collectors()
    keeper = collector.keeper()
    store_lines(keeper, "shop", b"1\n2\n")
    tell(collector, "supervisor", *(event(i, f"event {i}") for i in range(1, 3001)))
    store_lines(keeper, "shop", b"3\n4\n")
    caller = collector.caller()
    assert texts(caller.query(names=["shop"], tail=2)) == ["3", "4"]
    lines = caller.query(names=["shop"], tail=3)
    assert texts(lines) == ["2", *(f"event {i}" for i in range(2001, 3001)), "3", "4"]
    assert len(caller.query(names=["shop"], tail=4)) == 1004
    assert len(caller.query(names=["shop"])) == 3004
    assert texts(caller.query(names=["shop"], streams=["event"], tail=2)) == ["event 2999",
                                                                            "event 3000"]
    assert texts(caller.query(names=["shop"], streams=["out"], tail=3)) == ["2", "3", "4"]


def test_pages_have_no_gap_and_no_repeat(collectors):
    collector = collectors("--segment", "64K")
    keeper = collector.keeper()
    for i in range(10):
        store_lines(keeper, "shop", b"".join(b"line %d\n" % (i * 100 + n) for n in range(100)))
        tell(collector, "supervisor", *(event(n, f"event {n}") for n in range(i * 90, i * 90 + 90)),
             *(event(10_000, "of others", service="db") for n in range(200)))
    collector.wait_packed("supervisor")
    caller = collector.caller()
    whole = caller.query(names=["shop"])
    assert len(whole) == 1900
    for limit in (1, 7, 500):
        seen, filter_ = [], {"names": ["shop"]}
        while limit > 1 or len(seen) < 200:
            reply = caller.call("Query", filter=filter_, limit=limit)
            if not reply["lines"]:
                break
            seen += reply["lines"]
            filter_["cursor"] = reply["cursor"]
        assert texts(seen) == texts(whole)[:len(seen)]
        assert limit == 1 or len(seen) == len(whole)


def test_last_words_come_before_the_end_of_their_life(collectors):
    collector = collectors()
    life = time.time_ns() // 1000
    tell(collector, "supervisor",
         event(1, "started", kind="start", life=life, at_usec=life),
         event(2, "exit 1", kind="exit", at_usec=life + 1, exit={"life": life}),
         event(3, "started again", kind="start", life=life + 2, at_usec=life + 2))
    keeper = collector.keeper()
    for number, text in ((life, b"last words\n"), (life + 2, b"first words\n")):
        pipe = keeper.pipe("shop", "out", 0, number)
        pipe.write(text)
        pipe.close_write()
        keeper.wait_drained(pipe)
    caller = collector.caller()
    story = ["started", "last words", "exit 1", "started again", "first words"]
    assert texts(caller.query(names=["shop"])) == story
    assert texts(caller.query(names=["shop"], tail=1)) == story[4:]
    assert texts(caller.query(names=["shop"], tail=2)) == story[1:]
    assert texts(caller.query(names=["shop"], tail=3)) == story
    assert texts(caller.query(names=["shop"], since_life=life + 2)) == story[3:]
    assert texts(caller.query(names=["shop"], until_life=life)) == story[:3]


def test_follow_wakes_for_events(collectors):
    collector = collectors()
    caller = collector.caller()
    caller.follow(names=["shop"])
    tell(collector, "supervisor", event(1, "of another", service="db"), event(2, "one"))
    assert texts(caller.next_lines(1)) == ["one"]
    store_lines(collector.keeper(), "shop", b"line\n")
    assert texts(caller.next_lines(1)) == ["line"]
    tell(collector, "scheduler", event(1, "two"))
    assert texts(caller.next_lines(1)) == ["two"]
