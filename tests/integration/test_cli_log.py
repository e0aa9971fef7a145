# SPDX-License-Identifier: MIT
"""log: what was printed and what happened, read, searched and followed, whoever is down."""
import datetime
import json
import os
import re
import shutil
import signal
import subprocess

from instance import BUILD, program
from processes import is_alive
from waiting import SLOWNESS, wait_until

CLI = program("slicekeep")
COUNT = BUILD / "tests/integration/programs/count"
LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) (out|err|both|event) (.*)")


def shell(script, **more):
    return {"command": "sh", "args": ["-c", script], "ready": {"up_for": "20ms"}} | more


def config(**processes):
    return {"processes": processes}


def talker(platform):
    """A service that said three things on two streams and is silent now."""
    platform.up(config(shop=shell("echo one; echo two >&2; echo three; exec sleep 1000")))
    wait_until(lambda: len(platform.lines("shop")) == 3, 10, "three lines")
    wait_until(lambda: "event ready after" in platform.cli("log", "shop").stdout, 10, "its start")


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), 10, f"the end of {pid}")


# --- what is stored -----------------------------------------------------------------------------


def test_what_the_supervisor_says_last_is_stored_even_right_after_up(platform):
    for n in range(1, 6):
        platform.up(config(shop=shell("exec sleep 1000")))
        outermost = next(pid for pid, command in platform.processes().items()
                         if "--name supervisor " in command)
        os.kill(outermost, signal.SIGTERM)
        wait_until(lambda pid=outermost: not is_alive(pid), 10, "the end of everything")
        platform._is_up = False
        said = platform.cli("log", "supervisor").stdout
        assert said.count("Terminated: stopping everything in order") == n


# --- reading ------------------------------------------------------------------------------------


def test_lines_and_events_are_one_story(platform):
    talker(platform)
    rows = [LINE.fullmatch(line) for line in platform.cli("log", "shop").stdout.splitlines()]
    assert all(rows)
    assert {row[2] for row in rows} == {"shop.0"}
    texts = [row[4] for row in rows]
    assert any(text.startswith("started, pid ") for text in texts)
    assert texts.index("one") < texts.index("three")
    assert {row[4]: row[3] for row in rows}["two"] == "err"
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)


def test_number_counts_lines_and_not_events(platform):
    talker(platform)
    rows = [LINE.fullmatch(line) for line in platform.cli("log", "-n", "2").stdout.splitlines()]
    assert len([row for row in rows if row[3] != "event"]) == 2
    assert len(platform.lines("shop", "-n", "1")) == 1
    assert platform.cli("log", "shop", "-n0", "--stream", "out").stdout == ""


def test_search_shows_lines_and_nothing_else(platform):
    talker(platform)
    assert [LINE.fullmatch(line)[4] for line in
            platform.cli("log", "--grep", "^t").stdout.splitlines()] in (["two", "three"],
                                                                        ["three", "two"])
    assert platform.cli("log", "--grep", "nothing like that").stdout == ""
    assert "regular expression" in platform.cli("log", "--grep", "(", exits=2).stderr
    assert "no cursor" in platform.cli("log", "--cursor", "x", exits=2).stderr


def test_fixed_string_is_no_expression(platform):
    platform.up(config(shop=shell("echo 'a[b.c'; echo 'a[bxc'; exec sleep 1000")))
    wait_until(lambda: len(platform.lines("shop")) == 2, 10, "both lines")
    found = platform.lines("shop", "-F", "--grep", "a[b.c")
    assert [line["text"] for line in found] == ["a[b.c"]
    assert "regular expression" in platform.cli("log", "--grep", "a[b.c", exits=2).stderr


def test_level_is_what_the_lines_say_of_themselves(platform):
    said = ['<4>marked', '{"level":50,"time":1795232340500,"msg":"object"}',
            "level=warn msg=logfmt", "level=debug msg=details", "nothing said"]
    script = "".join(f"echo '{line}'; " for line in said)
    platform.up(config(shop=shell(script + "exec sleep 1000")))
    wait_until(lambda: len(platform.lines("shop")) == len(said), 10, "all lines")
    bad = platform.lines("shop", "--level", "WARN")
    assert [(line["text"], line["level"], line.get("message")) for line in bad] == [
        (said[0], "warning", "marked"), (said[1], "error", "object"), (said[2], "warning", None)]
    assert bad[1]["said_at"] == "1795232340500"
    assert len(platform.lines("shop", "--level", "info")) == 4
    assert [line["text"] for line in
            platform.lines("shop", "--level", "debug", "-n", "1")] == [said[4]]
    assert "--level loud" in platform.cli("log", "--level", "loud", exits=2).stderr


def test_stream_is_chosen(platform):
    talker(platform)
    assert [line["text"] for line in platform.lines("--stream", "err")
            if line["service"] == "shop"] == ["two"]
    assert [line["text"] for line in platform.lines("shop", "--stream", "out")] == \
        ["one", "three"]


def test_time_range_is_kept(platform):
    talker(platform)
    at = [line["at_usec"] for line in platform.lines("shop")]
    # Of all that is told of it: it was started, which may be long before it said something.
    first = platform.cli("log", "shop").stdout.splitlines()[0].split(" ")[0]
    before = datetime.datetime.fromisoformat(first) - datetime.timedelta(seconds=1)
    after = datetime.datetime.fromtimestamp(max(at) // 1000000 + 1, datetime.timezone.utc)
    assert len(platform.lines("shop", "--since", before.isoformat())) == 3
    assert platform.lines("shop", "--until", before.isoformat()) == []
    assert len(platform.lines("shop", "--until", after.isoformat())) == 3
    assert platform.lines("shop", "--since", "2000-01-01", "--until",
                               "2000-01-02") == []
    assert "event" not in platform.cli("log", "shop", "--until", before.isoformat()).stdout


def test_service_that_said_nothing_is_no_error(platform):
    platform.up(config(quiet=shell("exec sleep 1000"), loud=shell("echo hello; exec sleep 1000")))
    wait_until(lambda: "hello" in platform.cli("log", "loud").stdout, 10, "the line")
    assert platform.lines("quiet") == []
    assert [line["text"] for line in platform.lines("quiet", "loud")] == ["hello"]
    wait_until(lambda: "started, pid" in platform.cli("log", "quiet").stdout, 10, "its start")
    platform.cli("log", "supervisor")


def test_services_that_are_stopped_or_removed_are_remembered(platform):
    talker(platform)
    platform.cli("stop", "shop")
    assert "three" in platform.cli("log", "shop").stdout
    platform.cli("config", "update", json.dumps(config()))
    wait_until(lambda: [element["name"] for element in platform.json("ls")] == ["log"], 10)
    assert "three" in platform.cli("log", "shop").stdout


# --- while the collector is down ----------------------------------------------------------------


def test_segments_are_read_without_the_collector(platform):
    talker(platform)
    with_it = platform.lines("shop")
    platform.down()
    said = platform.cli("log", "shop", "--json")
    assert "the collector is down" in said.stderr
    without = [json.loads(line) for line in said.stdout.splitlines()
               if "event" not in json.loads(line)]

    def bare(lines):
        return [{key: line[key] for key in ("service", "stream", "at_usec", "text")}
                for line in lines]

    assert bare(without) == bare(with_it)
    last = platform.cli("log", "shop", "--json", "--stream", "out", "-n1").stdout
    assert json.loads(last)["text"] == "three"
    platform.cli("log", "shpo", exits=3)
    assert "no cursor" in platform.cli("log", "--cursor", "x", exits=2).stderr
    assert "regular expression" in platform.cli("log", "--grep", "(", exits=2).stderr


def test_collector_that_does_not_answer_is_not_called_down(platform):
    talker(platform)

    def both():  # one that is just being born has the words of its parent
        found = [pid for pid, command in platform.processes().items()
                 if "slicekeep-log --" in command or " --reader" in command]
        assert len(found) == 2, platform.processes()
        return found

    held = wait_until(both)
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    said = platform.cli("log", "shop", "--stream", "out", "--json")
    for pid in held:
        os.kill(pid, signal.SIGCONT)
    assert "the collector does not answer" in said.stderr and "down" not in said.stderr
    assert [json.loads(line)["text"] for line in said.stdout.splitlines()] == ["one", "three"]


def test_why_goes_on_without_lines_that_cannot_be_read(platform):
    """A disk that stands still would hold who reads it for ever."""
    talker(platform)
    platform.cli("stop", "log")
    bin_ = platform.home / "bin"
    bin_.mkdir()
    reader = bin_ / "slicekeep-log"
    reader.write_text("#!/bin/sh\nprintf '{'\nexec sleep 1001\n")
    reader.chmod(0o755)
    said = platform.run([shutil.copy(CLI, bin_), "why", "shop"])
    assert "shop running" in said.stdout and "last lines" not in said.stdout
    assert "the last lines cannot be read: the disk does not answer" in said.stderr
    wait_until(lambda: not any("sleep 1001" in command for command in
                               platform.processes().values()), 10, "the reader to be ended")


def test_nothing_is_stored_where_nothing_ran(platform):
    assert "nothing is stored here" in platform.cli("log", exits=4).stderr


# --- following ----------------------------------------------------------------------------------


def next_line(follow):
    """The next line of a `log -f --json`, events passed over."""
    while True:
        line = follow.stdout.readline()
        assert line, "the follow ended"
        if "event" not in json.loads(line):
            return json.loads(line)


def test_follow_begins_with_the_last_lines_and_goes_on(platform):
    talker(platform)
    follow = platform.spawn([CLI, "log", "-f", "shop"], stdout=subprocess.PIPE, text=True)
    texts = []

    def sees(text):
        while not any(text in seen for seen in texts):
            line = follow.stdout.readline()
            assert line, "the follow ended"
            texts.append(LINE.fullmatch(line.rstrip("\n"))[4])

    sees("three")
    platform.cli("restart", "shop")
    sees("stopped by")
    sees("ready after")
    while min(texts.count(word) for word in ("one", "two", "three")) < 2:
        texts.append(LINE.fullmatch(follow.stdout.readline().rstrip("\n"))[4])
    assert len([text for text in texts if text in ("one", "two", "three")]) == 6


def test_follow_has_no_gap_and_no_repeat_when_our_daemons_are_killed(platform):
    platform.up(config(stream={"command": str(COUNT), "args": ["40000", "3000"],
                               "ready": {"up_for": "20ms"}}))
    follow = platform.spawn([CLI, "log", "-f", "stream", "--json", "-n", "100000"],
                            stdout=subprocess.PIPE, text=True)
    numbers = []

    def read_to(n):
        while not numbers or numbers[-1] < n:
            numbers.append(int(next_line(follow)["text"].split()[1]))

    for n in (5000, 12000, 20000):
        read_to(n)
        kill(platform.wait_state("log", "running")["pid"])
        kill(platform.json("status")["pid"])
    read_to(40000)
    assert numbers == list(range(1, 40001))


def test_follow_knows_services_that_are_born_later(platform):
    platform.up(config(a=shell("echo born; exec sleep 1000", autostart=False)))
    follow = platform.spawn([CLI, "log", "-f", "a", "--json"], stdout=subprocess.PIPE, text=True)
    platform.cli("start", "a")
    assert next_line(follow)["text"] == "born"


def test_follow_waits_for_the_end_of_a_line(platform):
    platform.up(config(a=shell("printf half; read x; exec sleep 1000", autostart=False)))
    platform.config_path.write_text(json.dumps(config(
        a=shell("printf half; while ! test -e go; do :; done; echo ' and half'; exec sleep 1000",
                autostart=False))))
    platform.cli("config", "apply")
    platform.cli("start", "a")
    wait_until(lambda: platform.lines("a"), 10, "half a line")
    follow = platform.spawn([CLI, "log", "-f", "a", "--json"], stdout=subprocess.PIPE, text=True)
    platform.cli("ls")
    (platform.home / "go").touch()
    assert next_line(follow)["text"] == "half and half"


def test_follow_ends_when_its_reader_goes_away(platform):
    talker(platform)
    follow = platform.spawn([CLI, "log", "-f", "shop"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    follow.stdout.readline()
    follow.stdout.close()
    assert follow.stderr.read() == ""
    follow.wait(10 * SLOWNESS)


def test_follow_ends_when_the_platform_does(platform):
    talker(platform)
    follow = platform.spawn([CLI, "log", "-f", "shop"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    follow.stdout.readline()
    platform.cli("down")
    said = follow.communicate(timeout=20 * SLOWNESS)
    assert follow.returncode == 4
    assert "stopped by" in said[0]
