# SPDX-License-Identifier: MIT
"""The runner itself: what it counts, what it ends, when it says no."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import counting
import pytest
from step import Outcome

HERE = pathlib.Path(__file__).parent

CMOCKA_GOOD = "[==========] Running 2 test(s).\n[       OK ] a\n[       OK ] b\n"
CMOCKA_BAD = "[==========] Running 2 test(s).\n[       OK ] a\n[  FAILED  ] b\n"
CMOCKA_CRASHED = "[==========] Running 3 test(s).\n[       OK ] a\n[ RUN      ] b\n"
CMOCKA_SKIPPED = "[==========] Running 2 test(s).\n[       OK ] a\n[  SKIPPED ] b\n"


@pytest.mark.parametrize("stdout, result, exit_code, expected", [
    (CMOCKA_GOOD, "OK", 0, Outcome(2, 0)),
    (CMOCKA_GOOD + CMOCKA_GOOD, "OK", 0, Outcome(4, 0)),
    (CMOCKA_GOOD, "FAIL", 1, Outcome(2, 1)),  # a sanitizer's report after the tests
    (CMOCKA_BAD, "FAIL", 1, Outcome(1, 1)),
    (CMOCKA_CRASHED, "FAIL", 1, Outcome(1, 2)),
    (CMOCKA_CRASHED, "OK", 0, Outcome(1, 2)),  # exit(0) in the middle of a test
    (CMOCKA_SKIPPED, "OK", 0, Outcome(1, 0, ["t: b"])),
    ("", "OK", 0, Outcome(1, 0)),
    ("", "TIMEOUT", 1, Outcome(0, 1)),
    ("", "SKIP", 0, Outcome(0, 0, ["t"])),
])
def test_meson_is_counted(tmp_path, stdout, result, exit_code, expected):
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"name": "t", "stdout": stdout, "result": result}) + "\n")
    assert counting.meson(log)(exit_code, "") == expected


@pytest.mark.parametrize("exit_code", [0, 1])
def test_meson_that_wrote_nothing_has_failed(tmp_path, exit_code):
    assert counting.meson(tmp_path / "none")(exit_code, "") == Outcome(0, 1)


@pytest.mark.parametrize("cases, exit_code, text, expected", [
    ("<testcase/><testcase/>", 0, "2 passed", Outcome(2, 0)),
    ("<testcase><failure/></testcase><testcase/>", 1, "", Outcome(1, 1)),
    ("<testcase><error/></testcase>", 1, "", Outcome(0, 1)),
    ('<testcase classname="c" name="n"><skipped/></testcase>', 0, "", Outcome(0, 0, ["c::n"])),
    ("", 5, "no tests ran", Outcome(0, 1)),
    ("", 5, "3 deselected in 0.1s", Outcome(0, 0, [], 3)),
    ("", 2, "error in conftest", Outcome(0, 1)),
])
def test_pytest_is_counted(tmp_path, cases, exit_code, text, expected):
    result = tmp_path / "result.xml"
    result.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert counting.pytest(result, leaves_out=True)(exit_code, text) == expected


@pytest.mark.parametrize("exit_code", [0, 5])
def test_pytest_that_selected_nothing_has_failed(tmp_path, exit_code):
    assert counting.pytest(tmp_path / "none")(exit_code, "3 deselected") == Outcome(0, 1)


def schedule(tmp_path, steps, n_cores=2):
    """A program that runs these steps; it says 'PASSED FAILED' last."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(f"""
        import pathlib, sys
        sys.path.insert(0, {str(HERE)!r})
        from schedule import Schedule
        from step import Step, no_test
        top = pathlib.Path({str(tmp_path)!r})
        def sh(name, text, **more):
            return Step(name, ("sh", "-c", text), **more)
        run = Schedule([{steps}], top, top, {n_cores})
        total = run.run()
        print(total.passed, total.failed, *(["interrupted"] if run.is_interrupted else []))
    """))
    return [sys.executable, "-B", str(program)]


def run(tmp_path, steps, **more):
    """Run it to its end: everything that it printed, and the last line."""
    done = subprocess.run(schedule(tmp_path, steps, **more), capture_output=True, text=True,
                          timeout=600, check=True)
    return done.stdout, done.stdout.splitlines()[-1]


def has_ended(pid):
    """Whether a process is gone, or dead and waits for its parent only."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except FileNotFoundError:
        return True


def test_steps_follow_each_other(tmp_path):
    _, last = run(tmp_path, """sh("b", "test -e a-was-here", after=("a",)),
                               sh("a", "touch a-was-here", count=no_test)""")
    assert last == "1 0"


def test_step_that_fails_shows_its_log(tmp_path):
    text, last = run(tmp_path, 'sh("a", "echo why; exit 3"), sh("b", "true", after=("a",))')
    assert last == "0 2"
    assert "    why\n" in text
    assert "not run, because a failed" in text


def test_step_that_is_late_is_ended(tmp_path):
    text, last = run(tmp_path, 'sh("a", "echo begun; exec sleep 1000", timeout=0.2)')
    assert last == "0 1"
    assert "ended after 0.2 s" in text


@pytest.mark.parametrize("escape", ["sleep 1000 & echo $! >pid",
                                    "setsid sleep 1000 & echo $! >pid",
                                    "(env -i setsid sleep 1000 & echo $! >pid)"])
def test_process_that_is_left_behind_is_killed(tmp_path, escape):
    text, last = run(tmp_path, f'sh("a", {escape!r})')
    assert last == "1 1" and "left behind, and killed now" in text
    assert has_ended((tmp_path / "pid").read_text().strip())


def test_interrupt_ends_everything(tmp_path):
    os.mkfifo(tmp_path / "begun")
    program = subprocess.Popen(
        schedule(tmp_path, 'sh("a", "setsid sleep 1000 & echo $! >pid; echo >begun; wait"),'
                           'sh("b", "true", after=("a",))'),
        stdout=subprocess.PIPE, text=True)
    with open(tmp_path / "begun", encoding="utf-8") as begun:
        begun.read()
    program.send_signal(signal.SIGINT)
    stdout, _ = program.communicate(timeout=600)
    assert stdout.splitlines()[-1] == "0 0 interrupted"
    assert has_ended((tmp_path / "pid").read_text().strip())
