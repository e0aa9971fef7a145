# SPDX-License-Identifier: MIT
"""What a person types: tables, JSON, exit codes, start and stop, daemons that are away."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

from instance import TOP, program
from processes import is_alive
from waiting import SLOWNESS, wait_until

CLI = program("slicekeep")
FOREVER = {"command": "sleep", "args": ["1000"], "ready": {"up_for": "20ms"}}
# Never started by the supervisor itself, so that a test decides when.
RESTING = FOREVER | {"autostart": False}


def shell(script, **more):
    """A service that is a few lines of shell."""
    return {"command": "sh", "args": ["-c", script], "ready": {"up_for": "20ms"}} | more


# Three processes, all of them there when it is ready.
FAMILY = shell("sleep 1000 & setsid sleep 1000 & echo ready; wait", ready={"log": "^ready$"})


def dying(script, **more):
    """One that will not be taken for ready, however slowly it dies."""
    return shell(script, ready={"up_for": "1m"}, **more)


def config(**processes):
    return {"processes": processes}


def pids(platform):
    return {element["name"]: element["pid"] for element in platform.json("ls")}


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), 10, f"the end of {pid}")


# --- what can be said without a platform --------------------------------------------------------


def test_with_nothing_running_each_verb_says_how_to_start(platform):
    for words in (["ls"], ["status"], ["start", "a"], ["stop", "a"], ["restart", "--all"],
                  ["why", "a"], ["events"], ["signal", "a", "HUP"], ["config", "plan"],
                  ["log", "-f"]):
        platform.write_config(config(a=FOREVER))
        said = platform.cli(*words, exits=4)
        assert 'start it with "slicekeep up"' in said.stderr, words


def test_hint_is_how_the_person_called_us(platform):
    platform.env["SLICEKEEP_CLI_HINT"] = "./run cli"
    assert 'start it with "./run cli up"' in platform.cli("ls", exits=4).stderr
    assert "usage: ./run cli why NAME" in platform.cli("why", exits=2).stderr


@pytest.mark.parametrize("words, text", [
    (["lss"], 'unknown verb "lss", did you mean "ls"?'),
    (["ls", "--jsn"], 'unknown option "--jsn", did you mean "--json"?'),
    (["log", "-n", "many"], "whole number"),
    (["log", "--since", "soon"], "is no time"),
    (["log", "--stream", "in"], "out, err or event"),
    (["log", "-f", "--until", "now"], "no end"),
    (["start", "--all", "a"], "do not go together"),
    (["stop"], "which services?"),
    (["restart"], "which services?"),
    (["stop", "supervisor"], "slicekeep down"),
    (["why"], "one name is needed"),
    (["signal", "a"], "one signal"),
    (["add", "a"], 'behind "--"'),
    (["add", "A", "--", "true"], "cannot be a name"),
    (["add", "a", "--port", "65536", "--", "true"], "is no port"),
    (["add", "a", "--memory-max", "much", "--", "true"], "is no size"),
    (["config", "a", "got"], "is no word of config"),
    (["config", "update"], "needs one JSON text"),
    (["down", "a"], 'stopped by "stop a"'),
    (["up", "a"], 'started by "start a"'),
])
def test_wrong_usage_exits_2_and_says_what(platform, words, text):
    assert text in platform.cli(*words, exits=2).stderr


def test_help_names_each_verb_and_each_option(platform):
    verbs = platform.cli("--complete-verbs").stdout.split()
    everything = platform.cli("help").stdout
    for verb in verbs:
        assert re.search(rf"^  {verb} ", everything, re.MULTILINE), verb
        one = platform.cli("help", verb).stdout
        assert one == platform.cli(verb, "--help").stdout
        for option in platform.cli("--complete-options", verb).stdout.split():
            assert option in one
    assert len(verbs) > 12
    assert platform.cli("help", "lgo", exits=2).stderr.count('did you mean "log"')


def test_manual_names_each_verb_and_each_option(platform):
    manual = (TOP / "cli" / "slicekeep.1").read_text()
    for verb in platform.cli("--complete-verbs").stdout.split():
        assert f"\\fB{verb}\\fR" in manual or f"|\\fB{verb}\\fR" in manual, verb
        for option in platform.cli("--complete-options", verb).stdout.split():
            if option not in ("--json", "--follow", "--lines", "--watch", "--all"):
                assert option.replace("-", "\\-") in manual, (verb, option)


def test_hint_is_the_other_name_when_that_was_typed(platform):
    other = platform.home / "cli"
    other.symlink_to(CLI)
    assert 'start it with "cli up"' in platform.run([other, "ls"], exits=4).stderr


def test_version_needs_no_environment():
    done = subprocess.run([CLI, "version"], env={}, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"slicekeep \d+\.\d+\.\d+\n", done.stdout)
    done = subprocess.run([CLI, "version", "--json"], env={}, capture_output=True, check=True)
    assert set(json.loads(done.stdout)) == {"version"}


# --- ls -----------------------------------------------------------------------------------------


def test_ls_json_is_the_contract(platform):
    platform.up(config(a=FOREVER | {"ports": [4711]}, b=RESTING))
    a, b, log = platform.json("ls")
    assert [a["name"], b["name"], log["name"]] == ["a", "b", "log"]
    assert a["state"] == "running" and is_alive(a["pid"]) and a["ports"] == [4711]
    assert [slot["pid"] for slot in a["slots"]] == [a["pid"]]
    assert set(a["slots"][0]) >= {"instance", "state", "pid", "ports"}
    assert b["state"] == "stopped" and b["pid"] is None and "pid" in b
    assert log["system"] and not a["system"]
    assert [element["name"] for element in platform.json("ls", "b")] == ["b"]


def test_ls_table_tells_what_is_odd(platform):
    platform.up(config(good=FOREVER, after=FOREVER | {"after": ["good"]},
                       bad=dying("exit 3", restart={"delay": "1h", "max_delay": "1h"}),
                       many=FAMILY, off=RESTING))
    platform.wait_state("bad", "backoff")
    lines = platform.cli("ls").stdout.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert lines[0].split() == ["SERVICE", "STATE", "UP", "CPU", "MEMORY", "RESTARTS", "PORTS"]
    assert re.match(r"after +running +\S+ +\S+ +\S+ +0 +- +after good$", rows["after"])
    assert re.match(r"bad +backoff +- +- +- +\d+ \(exit 3\) +- +why bad$", rows["bad"])
    assert re.match(r"off +stopped +- +- +- +0 +-$", rows["off"])
    assert rows["log"].endswith("part of slicekeep")
    assert re.match(r"slicekeep itself: 2 daemons, \d+ keepers", lines[-1])
    assert "\x1b" not in "".join(lines)
    assert platform.service("many")["processes"] == 3


def test_ls_watch_prints_each_change(platform):
    platform.up(config(a=RESTING))
    watch = platform.spawn([CLI, "ls", "-w", "--json", "a"], stdout=subprocess.PIPE, text=True)
    states = []

    def sees(state):
        while not states or states[-1] != state:
            line = watch.stdout.readline()
            assert line, "the watch ended"
            states.append(json.loads(line)[0]["state"])

    sees("stopped")
    platform.cli("start", "a")
    sees("running")
    kill(platform.json("status")["pid"])
    platform.cli("stop", "a")
    sees("stopped")


def test_ls_watch_of_nobody_exits_3(platform):
    platform.up(config(a=RESTING))
    assert 'did you mean "a"' not in platform.cli("ls", "-w", "zzzz", exits=3).stderr


# --- start, stop, restart -----------------------------------------------------------------------


def test_start_returns_when_it_is_ready(platform):
    platform.up(config(a=shell("echo warming up; echo open for business; exec sleep 1000",
                               ready={"log": "open for"}, autostart=False)))
    assert platform.cli("start", "a").stdout == "a running\n"
    assert platform.service("a")["state"] == "running"


def test_start_that_fails_says_why_and_what_was_printed_last(platform):
    platform.up(config(a=dying("echo cannot find my shoes >&2; exit 7", autostart=False)))
    said = platform.cli("start", "a", exits=1)
    assert re.search(r"^slicekeep: a: exit 7 after", said.stderr, re.MULTILINE)
    assert re.search(r"^  \S+ a\.0 err cannot find my shoes$", said.stderr, re.MULTILINE)


def test_start_of_some_goes_on_when_one_fails(platform):
    platform.up(config(a=RESTING, b=dying("exit 1", autostart=False)))
    said = platform.json("start", "a", "b", exits=1)
    assert [(row["name"], row["ok"]) for row in said] == [("a", True), ("b", False)]


def test_unknown_name_exits_3_and_changes_nothing(platform):
    platform.up(config(shop=FOREVER, db=FOREVER))
    before = pids(platform)
    for words in (["ls", "shpo"], ["start", "db", "shpo"], ["stop", "db", "shpo"],
                  ["restart", "db", "shpo"], ["why", "shpo"], ["log", "shpo"],
                  ["events", "shpo"], ["signal", "shpo", "HUP"]):
        said = platform.cli(*words, exits=3)
        assert 'did you mean "shop"?' in said.stderr, words
    assert pids(platform) == before


def test_stop_says_how_many_processes_are_gone(platform):
    platform.up(config(a=FAMILY))
    assert platform.cli("stop", "a").stdout == "a stopped: 3 processes, 0 left\n"


def test_stop_counts_no_process_where_none_is_left(platform):
    platform.up(config(done={"command": "true", "type": "oneshot"},
                       crashed=dying("exit 1", restart={"delay": "1h", "max_delay": "1h"})))
    platform.wait_state("done", "done")
    platform.wait_state("crashed", "backoff")
    # Each is told when it has ended, and neither waits for the other.
    assert sorted(platform.cli("stop", "done", "crashed").stdout.splitlines()) == [
        "crashed stopped", "done stopped"]


def test_restart_of_all_has_a_line_for_each(platform):
    platform.up(config(a=FOREVER, b=FOREVER, c=FOREVER))
    before = pids(platform)
    said = platform.cli("restart", "--all").stdout
    assert sorted(said.splitlines()) == ["a running", "b running", "c running"]
    after = pids(platform)
    assert before["log"] == after["log"]
    assert all(before[name] != after[name] for name in "abc")


def test_restart_ci_renews_our_daemons_and_nothing_else(platform):
    platform.up(config(a=FOREVER, b=FOREVER))
    before, supervisor = pids(platform), platform.json("status")["pid"]
    platform.cli("restart", "ci")
    after = pids(platform)
    assert platform.json("status")["pid"] != supervisor
    assert before["log"] != after["log"]
    assert (before["a"], before["b"]) == (after["a"], after["b"])
    platform.cli("restart", "log")
    assert pids(platform)["log"] != after["log"]


def test_words_of_adabru_server(platform):
    platform.write_config(config(a=FOREVER))
    platform._is_up = True
    assert "running" in platform.cli("start", "ci").stdout
    before = pids(platform)
    platform.cli("start")
    assert pids(platform) == before
    assert "ci is not in this build yet" in platform.cli("stop", "ci", exits=1).stderr
    assert pids(platform) == before


def test_signal_reaches_the_main_process(platform):
    platform.up(config(a=shell("trap 'echo caught' HUP; sleep 1000 & echo ready; "
                               "while :; do wait; done", ready={"log": "ready"})))
    for n, name in enumerate(("hup", "SIGHUP"), 1):
        platform.cli("signal", "a", name)
        wait_until(lambda: len(platform.lines("a", "--grep", "caught")) == n, 10, name)
    assert "no signal" in platform.cli("signal", "a", "SIGNONSENSE", exits=1).stderr


def test_status_names_what_runs(platform):
    platform.up(config(a=FOREVER))
    status = platform.json("status")
    assert is_alive(status["pid"]) and status["launcher"] == "direct" and status["revision"] == 1
    assert status["config"] == str(platform.config_path)
    assert status["services"] == 2 and status["keepers"] == 3 and status["pss_bytes"] > 0
    said = platform.cli("status").stdout
    assert f"config      {platform.config_path}, revision 1\n" in said
    assert f"supervisor  pid {status['pid']}, up " in said


# --- why, events --------------------------------------------------------------------------------


def test_why_has_the_evidence(platform):
    platform.up(config(a=dying("echo last words; exit 7", restart={"delay": "1h",
                                                                   "max_delay": "1h"})))
    platform.wait_state("a", "backoff")
    wait_until(lambda: len(platform.lines("a")) == 3, 10, "its last words")
    said = platform.cli("why", "a").stdout
    assert re.match(r"a backoff: exit 7 after .*, third failure in a row; next try in ", said)
    assert "last words" in said and "used" in said and "earlier" in said
    why = platform.json("why", "a")
    assert why["name"] == "a" and why["service"]["state"] == "backoff"
    assert [exit_["code"] for exit_ in why["exits"]] == [7, 7, 7], why["exits"]
    assert why["lines"][-1]["text"] == "last words"


def test_why_shows_the_lines_of_the_life_that_died_not_of_the_next_one(platform):
    platform.up(config(a=shell("seq 20; [ -e been ] && exec sleep 1000; touch been; "
                               "echo last words; exit 7")))
    platform.wait_state("a", "running")
    wait_until(lambda: len(platform.lines("a")) >= 41, 10, "the lines of both lives")
    texts = [line["text"] for line in platform.json("why", "a")["lines"]]
    assert texts == [*map(str, range(12, 21)), "last words"]


def test_why_shows_the_last_words_that_the_collector_came_late_for(platform):
    """They waited in the pipe, and the time that they have is that of its coming."""
    platform.up(config(a=shell("until rm go 2>/dev/null; do sleep 0.01; done; echo last words; "
                               "exit 7", cwd=str(platform.home), restart={"when": "never"})))
    platform.wait_state("a", "running")
    platform.cli("stop", "log")
    (platform.home / "go").touch()
    platform.wait_state("a", "failed")
    ended = time.monotonic()
    wait_until(lambda: time.monotonic() > ended + 1.1, what="the lines to be late")
    platform.cli("start", "log")
    wait_until(lambda: platform.lines("a"), what="them to be collected")
    assert [line["text"] for line in platform.json("why", "a")["lines"]] == ["last words"]


def test_why_of_a_service_that_is_well(platform):
    platform.up(config(a=FOREVER, b=RESTING))
    assert re.match(r"a running for \S+: it has not exited yet\n", platform.cli("why", "a").stdout)
    assert "it stays stopped until" in platform.cli("why", "b").stdout or \
        "has not exited yet" in platform.cli("why", "b").stdout


def test_why_of_a_removed_service_remembers(platform):
    platform.up(config(a=dying("exit 5"), b=FOREVER))
    platform.wait_state("a", "backoff")
    platform.write_config(config(b=FOREVER))
    platform.cli("config", "apply")
    wait_until(lambda: "a" not in pids(platform), 10, "a to be gone")
    assert "exit 5" in platform.cli("why", "a").stdout


def test_events_tell_what_happened_and_who_did_it(platform):
    platform.up(config(a=FOREVER))
    platform.cli("restart", "a")
    events = platform.json_lines("events", "a")
    assert [event["kind"] for event in events].count("start") == 2
    assert all(event["service"] == "a" for event in events)
    text = platform.cli("events", "a", "-n", "2").stdout.splitlines()
    assert len(text) == 2
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z a\.0 event ", text[0])


def test_events_are_followed_across_the_supervisors_death(platform):
    platform.up(config(a=RESTING))
    follow = platform.spawn([CLI, "events", "-f", "a", "--json"], stdout=subprocess.PIPE, text=True)
    seen = []

    def sees(kind):
        while not seen or seen[-1]["kind"] != kind:
            line = follow.stdout.readline()
            assert line, "the follow ended"
            seen.append(json.loads(line))

    platform.cli("start", "a")
    sees("ready")
    kill(platform.json("status")["pid"])
    platform.cli("stop", "a")
    sees("stop")
    numbers = [event["seq"] for event in seen]
    assert numbers == sorted(set(numbers)), "an event came twice"


# --- the way to a daemon ------------------------------------------------------------------------


def outermost(platform):
    found = [pid for pid, command in platform.processes().items()
             if "--name supervisor" in command]
    assert len(found) == 1
    return found[0]


def test_supervisor_that_is_gone_for_good_is_no_reason_to_wait(platform):
    platform.up(config(a=FOREVER, b=FOREVER))
    before = pids(platform)
    kill(outermost(platform))
    wait_until(lambda: platform.cli("ls", exits=None).returncode == 4, 10, "nobody to answer")
    said = platform.cli("ls", exits=4)
    assert "3 services still run under keepers" in said.stderr
    platform.up()
    assert {name: pid for name, pid in pids(platform).items() if name != "log"} == \
        {name: pid for name, pid in before.items() if name != "log"}


def test_down_ends_what_a_lost_supervisor_has_left(platform):
    platform.up(config(a=FOREVER, b=FOREVER))
    kill(outermost(platform))
    wait_until(lambda: platform.cli("ls", exits=None).returncode == 4, 10, "nobody to answer")
    assert "3 keepers are told to stop" in platform.down().stderr


def test_who_may_not_exits_5(platform):
    platform.up(config(a=FOREVER))
    run = platform.home / "run"
    who = {}
    if os.geteuid() == 0:
        who = {"user": 65534, "group": 65534, "extra_groups": []}
        platform.home.chmod(0o755)
    else:
        run.chmod(0)
    try:
        said = platform.cli("ls", exits=5, **who)
        assert "ermission denied" in said.stderr
        if os.geteuid() == 0:
            run.chmod(0o755)
            assert platform.cli("stop", "a", exits=5, **who).stderr
    finally:
        run.chmod(0o700)
    assert platform.service("a")["state"] == "running"


# --- where the output goes ----------------------------------------------------------------------


def test_output_that_cannot_be_written_is_a_failure(platform):
    platform.up(config(a=FOREVER))
    with open("/dev/full", "w") as full:
        done = subprocess.run([CLI, "ls"], env=platform.env, stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == 1 and "cannot write the output" in done.stderr


def test_reader_that_goes_away_is_none(platform):
    platform.up(config(a=FOREVER))
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([CLI, "ls"], env=platform.env, stdout=write_end, stderr=subprocess.PIPE,
                          text=True, check=False)
    os.close(write_end)
    assert done.stderr == ""


def on_terminal(platform, *words, **env):
    """Run the cli on a terminal of its own; its output."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = platform.spawn([CLI, *words], stdin=slave, stdout=slave, stderr=slave,
                             env={"TERM": "xterm"} | env)
    os.close(slave)
    said = b""
    while select.select([master], [], [], 20 * SLOWNESS)[0]:
        try:
            said += os.read(master, 65536)
        except OSError:  # the other end is closed
            break
    os.close(master)
    assert process.wait(20 * SLOWNESS) == 0, said
    return said.decode()


def test_colours_are_for_terminals(platform):
    platform.up(config(a=FOREVER))
    assert "\x1b[32mrunning" in on_terminal(platform, "ls")
    assert "\x1b" not in on_terminal(platform, "ls", NO_COLOR="1")
    assert "\x1b" not in on_terminal(platform, "ls", TERM="dumb")


def test_ls_watch_on_a_terminal_is_drawn_in_place(platform):
    platform.up(config(a=RESTING, b=FOREVER))
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 30))
    platform.spawn([CLI, "ls", "-w"], stdin=slave, stdout=slave, stderr=slave,
                   env={"TERM": "xterm"})
    os.close(slave)
    said = b""

    def sees(text):
        nonlocal said
        while text not in said.rpartition(b"\x1b[H\x1b[J")[2]:
            assert select.select([master], [], [], 20 * SLOWNESS)[0], said
            said += os.read(master, 65536)

    sees(b"\x1b[2mstopped")
    platform.cli("start", "a")
    sees(b"a        \x1b[32mrunning")
    seen = said
    assert seen.count(b"\x1b[H\x1b[J") >= 2
    while not re.search(rb"running\x1b\[0m +([2-9]|\d\d)s", said):
        assert select.select([master], [], [], 20 * SLOWNESS)[0], said
        said += os.read(master, 65536)
    lines = re.sub(rb"\x1b\[\w*?[mHJ]", b"", said).replace(b"\r", b"").split(b"\n")
    assert max(len(line) for line in lines) <= 30, "wider than the terminal"
    os.close(master)


def test_progress_on_a_terminal_is_one_block(platform):
    platform.up(config(a=FOREVER, b=FOREVER))
    said = on_terminal(platform, "restart", "a", "b")
    assert re.search(r"\x1b\[[12]A\r\x1b\[J", said), "the block was not written over"
    last = said[said.rindex("\x1b[J"):]
    assert "a \x1b[32mrunning" in last and "b \x1b[32mrunning" in last


def test_log_on_a_terminal_goes_through_the_pager(platform):
    platform.up(config(a=shell("echo hello; exec sleep 1000")))
    wait_until(lambda: "hello" in platform.cli("log", "a").stdout, 10, "the line")
    kept = platform.home / "paged"
    said = on_terminal(platform, "log", "a", PAGER=f"tee {kept}")
    assert "hello" in said and "hello" in kept.read_text()
    assert "hello" in on_terminal(platform, "log", "a", PAGER="no-such-pager-anywhere")


def test_pager_that_is_left_early_ends_the_log(platform):
    platform.up(config(a=shell("seq -f 'line %.0f' 1 50000; exec sleep 1000")))
    wait_until(lambda: "line 50000" in platform.cli("log", "a", "-n1").stdout, 20, "all lines")
    said = on_terminal(platform, "log", "a", "-n50000", "--stream", "out", PAGER="head -n1")
    assert re.search(r"a\.0.* line 1\r\n", said)
    assert said.count("\n") == 1


def test_pager_is_not_opened_for_nothing(platform):
    platform.up(config(a=FOREVER))
    kept = platform.home / "paged"
    assert on_terminal(platform, "log", "a", "--grep", "x", PAGER=f"tee {kept}") == ""
    assert not kept.exists()


@pytest.mark.parametrize("words", [["log", "a"], ["log", "-f", "a"], ["events"], ["events", "-f"]])
def test_output_that_cannot_be_written_is_said(platform, words):
    platform.up(config(a=shell("seq -f 'line %.0f' 1 50000; exec sleep 1000")))
    wait_until(lambda: "line 50000" in platform.cli("log", "a", "-n1").stdout, 20, "all lines")
    done = platform.run(["/bin/sh", "-c", '"$@" >/dev/full', "sh", CLI, *words], exits=1)
    assert done.stderr == "slicekeep: cannot write the output: No space left on device\n"
