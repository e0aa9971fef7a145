# SPDX-License-Identifier: MIT
"""One time line: what happened stands in the store between the lines, once and in order, whoever
is killed; and it is shown in the order in which it makes sense.
"""
import datetime
import json
import os
import random

import pytest

import store
from instance import program
from processes import is_alive
from waiting import wait_until

CLI = program("slicekeep")
ROUNDS = 15
# Dies at once, again and again, as fast as we let it.
CRASHING = {"command": "sh", "args": ["-c", "exit 3"],
            "restart": {"delay": "10ms", "max_delay": "10ms"}}
CALM = {"command": "sleep", "args": ["100000"], "ready": {"up_for": "1ms"}}


def pid_of(platform, who):
    if who == "supervisor":
        return platform.json("status")["pid"]
    return platform.wait_state("log", "running")["pid"]


def kill(platform, *who):
    """Kill them in the same moment; one that has ended meanwhile was killed before."""
    pids = [pid_of(platform, name) for name in who]
    for pid in pids:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            pass
    for pid in pids:
        wait_until(lambda pid=pid: not is_alive(pid), 10, f"the end of {pid}")


def happened(platform, *names):
    """What the supervisor says has happened, and its number."""
    return platform.json_lines("events", *names, "-n", "1000000")


def newest(platform):
    return happened(platform)[-1]["seq"]


def stored(platform):
    """The events as they lie in the store, each line whole; one may just be being written."""
    def whole():
        text = store.stored(platform.home / "log" / "supervisor", "0.event.*").decode()
        assert text == "" or text.endswith("\n"), f"torn: {text[-200:]}"
        return [text]

    (text,) = wait_until(whole, 20, "the last event to be whole")
    return [json.loads(line) for line in text.splitlines()]


def told(platform, *args):
    return [line for line in platform.json_lines("log", *args) if "event" in line]


def what_and_when(lines):
    return [(line["at_usec"], line["text"]) for line in lines]


def all_stored(platform):
    """Wait until every event that has happened by now is in the store; it has each one once, in
    order, as it was told."""
    known = happened(platform)
    wait_until(lambda: (stored(platform) or [{"seq": 0}])[-1]["seq"] >= known[-1]["seq"], 20,
               "all events to be stored")
    events = stored(platform)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for event in known:
        assert events[event["seq"] - 1] == event
    return events


@pytest.mark.deadline(300)
@pytest.mark.parametrize("who", [("supervisor",), ("log",), ("log", "supervisor")])
def test_killed_again_and_again_each_event_is_stored_once_and_in_order(platform, who):
    crashing = {f"crash-{i}": CRASHING for i in range(4)}
    platform.up({"processes": crashing | {"calm": CALM}})
    platform.wait_state("calm", "running")
    dice = random.Random(str(who))
    for _ in range(ROUNDS):
        for _ in range(dice.randrange(3)):
            platform.json("ls")
        before = newest(platform)
        kill(platform, *dice.sample(who, len(who)))
        wait_until(lambda before=before: newest(platform) > before, 20, "something to happen")
    platform.cli("stop", *crashing)
    events = all_stored(platform)
    assert len([event for event in events if event["kind"] == "exit"]) > ROUNDS
    shown = told(platform, "--all", "--stream", "event", "-n", "1000000")
    seqs = sorted(line["seq"] for line in shown)
    assert seqs[:len(events)] == [event["seq"] for event in events]


def test_more_events_than_a_pipe_holds_wait_for_the_collector(platform):
    crashing = {f"crash-{i}": CRASHING for i in range(4)}
    platform.up({"processes": crashing | {"calm": CALM}})
    platform.wait_state("calm", "running")
    platform.cli("stop", "log")
    before = len(stored(platform))
    wait_until(lambda: newest(platform) > before + 300, 60, "hundreds of events")
    assert len(stored(platform)) == before
    platform.cli("start", "log")
    platform.cli("stop", *crashing)
    events = all_stored(platform)
    assert sum(len(json.dumps(event)) for event in events[before:]) > 65536


def test_end_of_everything_is_told_after_it(platform):
    services = {f"calm-{i}": CALM for i in range(20)}
    platform.up({"processes": services})
    for name in services:
        platform.wait_state(name, "running")
    platform.down()
    for name in services:
        kinds = [line["event"] for line in told(platform, name)]
        assert kinds[-2:] == ["exit", "stop"]


def test_what_no_collector_heard_before_down_is_stored_after_up(platform):
    platform.up({"processes": {"calm": CALM}})
    platform.wait_state("calm", "running")
    platform.cli("stop", "log")
    platform.down()
    assert "exit" not in [event["kind"] for event in stored(platform)
                          if event.get("service") == "calm"]
    platform.up()
    platform.cli("start", "log")
    events = all_stored(platform)
    kinds = [event["kind"] for event in events if event.get("service") == "calm"]
    assert kinds.count("exit") == 1 and kinds.count("start") == 2
    assert any("stopped by" in line["text"] for line in told(platform, "calm"))


def test_state_that_was_removed_begins_the_numbers_anew(platform):
    platform.up({"processes": {"calm": CALM}})
    platform.wait_state("calm", "running")
    all_stored(platform)
    platform.down()
    for path in (platform.home / "state").glob("events.jsonl*"):
        path.unlink()
    platform.up()
    known = newest(platform)

    def new_numbers():
        seqs = [event["seq"] for event in stored(platform)]
        return seqs[seqs.index(1, 1):] if seqs.count(1) > 1 else []

    wait_until(lambda: len(new_numbers()) >= known, 20, "the new events")
    numbers = new_numbers()
    assert numbers == list(range(1, len(numbers) + 1))


# --- how it is shown ----------------------------------------------------------------------------


def test_life_begins_before_its_first_line_and_ends_behind_its_last(platform):
    platform.up({"processes": {
        "hasty": {"command": "sh", "args": ["-c", "echo first; echo last >&2; exit 3"],
                  "restart": {"delay": "10ms", "max_delay": "10ms"}}}})
    wait_until(lambda: len([line for line in told(platform, "hasty")
                            if line["event"] == "exit"]) >= 30, 30, "thirty lives")
    platform.cli("stop", "hasty")
    all_stored(platform)
    story = platform.json_lines("log", "hasty", "-n", "1000000")
    ended = set()
    for line in story:
        if "event" not in line:
            assert line["life"] not in ended, "a line behind the end of its life"
        elif line["event"] == "exit":
            ended.add(line["life"])
    begun = {line["life"]: i for i, line in enumerate(story) if line.get("event") == "start"}
    for i, line in enumerate(story):
        if "event" not in line and line["life"] in begun:
            assert i > begun[line["life"]], "a line before the beginning of its life"
    assert len(ended) >= 30


def test_service_without_a_line_shows_its_events_alone(platform):
    platform.up({"processes": {"calm": CALM, "other": CALM}})
    wait_until(lambda: [line["event"] for line in told(platform, "calm")] == ["start", "ready"],
               20, "its events")
    all_stored(platform)
    assert {line["service"] for line in told(platform, "calm")} == {"calm"}
    assert {line["service"] for line in told(platform, "--all")} >= {"calm", "other", "log",
                                                                     "supervisor"}
    assert {line["service"] for line in told(platform, "supervisor")} >= {"calm", "other"}
    platform.cli("log", "clam", exits=3)


def test_events_are_chosen_by_stream_level_and_text(platform):
    platform.up({"processes": {
        "moody": {"command": "sh", "args": ["-c", "echo started as well; exit 3"],
                  "restart": {"delay": "10s", "max_delay": "10s"}}}})
    wait_until(lambda: any(line["event"] == "backoff" for line in told(platform, "moody")), 20,
               "its backoff")
    assert told(platform, "moody", "--stream", "out") == []
    assert told(platform, "moody", "--grep", "exit") == []
    events = told(platform, "moody", "--stream", "event", "--grep", "^exit 3 after")
    assert events and {(line["event"], line["level"]) for line in events} == {("exit", "error")}
    bad = platform.json_lines("log", "moody", "--level", "warning")
    assert {(line["event"], line["level"]) for line in bad} == {("exit", "error"),
                                                                ("backoff", "warning")}
    assert len(platform.json_lines("log", "moody", "--stream", "event", "-n", "1")) == 1


def test_change_of_the_config_is_in_the_story(platform):
    platform.up({"processes": {"calm": CALM}})
    platform.wait_state("calm", "running")
    platform.config_path.write_text(json.dumps({"processes": {"calm": CALM, "other": CALM}}))
    platform.cli("config", "apply")
    all_stored(platform)
    assert "config" in [line["event"] for line in told(platform, "--all")]


def test_who_asked_is_said(platform):
    platform.up({"processes": {"calm": CALM}})
    platform.wait_state("calm", "running")
    platform.cli("restart", "calm")
    all_stored(platform)
    assert any("stopped by" in line["text"] for line in told(platform, "calm"))
    assert all("who" in line for line in told(platform, "calm")[-2:])


def test_changed_limit_is_told(platform):
    platform.up({"processes": {"calm": CALM}})
    platform.wait_state("calm", "running")
    platform.cli("limits", "calm", "open_files=123")
    all_stored(platform)
    assert [line["text"] for line in told(platform, "calm") if line["event"] == "limits"] == [
        "limits changed"]


def test_cursor_behind_a_time_goes_on_with_the_later_events(platform):
    """Those that were stored by then, which a reader has passed over, and those that came since."""
    platform.up({"processes": {"calm": CALM}})
    platform.wait_state("calm", "running")
    platform.cli("restart", "calm")
    all_stored(platform)
    events = what_and_when(told(platform, "calm"))
    at_usec, _ = events[len(events) // 2]
    second = datetime.datetime.fromtimestamp(at_usec // 1_000_000, datetime.timezone.utc)
    until = f"{second:%Y-%m-%dT%H:%M:%S}.{at_usec % 1_000_000:06}Z"
    early = told(platform, "calm", "--until", until)
    n = len(early)
    assert what_and_when(early) == events[:n] and 0 < n < len(events)
    cursor = early[-1]["cursor"]
    assert what_and_when(told(platform, "calm", "--cursor", cursor)) == events[n:]
    platform.cli("restart", "calm")
    all_stored(platform)
    later = what_and_when(told(platform, "calm"))
    assert len(later) > len(events) and later[:len(events)] == events
    assert what_and_when(told(platform, "calm", "--cursor", cursor)) == later[n:]


def test_without_the_collector_the_same_is_shown(platform):
    platform.up({"processes": {"calm": {"command": "sh", "args": ["-c", "echo one; sleep 1000"],
                                        "ready": {"up_for": "1ms"}}}})
    platform.wait_state("calm", "running")
    wait_until(lambda: platform.lines("calm"), 20, "its line")
    all_stored(platform)
    with_it = platform.cli("log", "calm").stdout
    platform.cli("stop", "log")
    without = platform.cli("log", "calm")
    assert "the collector does not answer" in without.stderr
    assert without.stdout == with_it
    assert with_it.count(" event ") == 2


def test_follow_shows_events_as_they_happen(platform):
    platform.up({"processes": {"calm": CALM}})
    platform.wait_state("calm", "running")
    follow = platform.spawn([CLI, "log", "-f", "calm", "--json"], stdout=-1, text=True)
    seen = []

    def sees(kind):
        while not seen or seen[-1]["event"] != kind:
            line = follow.stdout.readline()
            assert line, "the follow ended"
            seen.append(json.loads(line))

    sees("ready")
    platform.cli("stop", "calm")
    sees("stop")
    kill(platform, "log")
    platform.cli("start", "calm")
    sees("ready")
    kill(platform, "supervisor")
    platform.cli("stop", "calm")
    sees("stop")
    numbers = [line["seq"] for line in seen]
    assert numbers == sorted(set(numbers))
    assert numbers == [event["seq"] for event in happened(platform, "calm")]
