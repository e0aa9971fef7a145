# SPDX-License-Identifier: MIT
"""From what a test program left behind to numbers.

cmocka, meson and pytest are all content when no test ran; so each test is counted one by one, and
a program that says "good" without having run one has failed.
"""
import json
import re
import xml.etree.ElementTree

from step import Outcome

CMOCKA_RUNNING = re.compile(r"\[==========\] (?:\w+: )?Running (\d+) test\(s\)")
CMOCKA_RESULT = re.compile(r"\[(       OK |  FAILED  |  SKIPPED )\] (.*)")


def _cmocka(entry):
    """The Outcome of one cmocka program, None if it is none."""
    planned = sum(int(number) for number in CMOCKA_RUNNING.findall(entry["stdout"]))
    if not planned:
        return None
    results = CMOCKA_RESULT.findall(entry["stdout"])
    passed = sum(1 for word, _ in results if word.strip() == "OK")
    skipped = [f"{entry['name']}: {test}" for word, test in results if word.strip() == "SKIPPED"]
    # Tests that a crash kept from running have failed too.
    return Outcome(passed, planned - passed - len(skipped), skipped)


def _meson_entry(entry):
    if entry["result"] == "SKIP":
        return Outcome(skipped=[entry["name"]])
    good = entry["result"] in ("OK", "EXPECTEDFAIL")
    outcome = _cmocka(entry)
    if outcome is None:
        return Outcome(passed=1) if good else Outcome(failed=1)
    if not good and not outcome.failed:
        outcome.failed = 1
    if good and not outcome.passed and not outcome.skipped:
        outcome.failed = 1
    return outcome


def meson(path):
    """A counter for `meson test --logbase`, which writes one JSON object a line to `path`."""
    def count(exit_code, _log_text):
        total = Outcome()
        if path.exists():
            for line in path.read_text(errors="replace").splitlines():
                total.add(_meson_entry(json.loads(line)))
        if not total.failed and (exit_code != 0 or not total.passed + len(total.skipped)):
            total.failed = 1
        return total

    return count


def pytest(path, leaves_out=False):
    """A counter for `pytest --junitxml=path`; leaves_out: what is deselected is left to --all."""
    def count(exit_code, log_text):
        deselected = sum(map(int, re.findall(r"(\d+) deselected", log_text)))
        total = Outcome(left_out=deselected if leaves_out else 0)
        if path.exists():
            for case in xml.etree.ElementTree.parse(path).iter("testcase"):
                kinds = {child.tag for child in case}
                name = f"{case.get('classname')}::{case.get('name')}"
                if kinds & {"failure", "error"}:
                    total.failed += 1
                elif "skipped" in kinds:
                    total.skipped.append(name)
                else:
                    total.passed += 1
        n_tests = total.passed + len(total.skipped) + total.left_out
        all_left_out = exit_code == 5 and total.left_out
        if not total.failed and not all_left_out and (exit_code != 0 or not n_tests):
            total.failed = 1
        return total

    return count
