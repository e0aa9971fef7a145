# SPDX-License-Identifier: MIT
"""./test behind its shell part, when the packages are there: plan, run, count."""
import os
import pathlib
import sys

import plan
import schedule

# Tests that may be skipped, one name a line with the reason after it; each is named when it is.
ALLOWED = pathlib.Path(__file__).with_name("allowed-skips")


def allowed_skips():
    """The names in ALLOWED."""
    lines = [line.split() for line in ALLOWED.read_text().splitlines()]
    return {words[0] for words in lines if words and not words[0].startswith("#")}


def main(args):
    """Run, print the total last, return the exit code."""
    is_all = "--all" in args
    words = [word for word in args if word != "--all"]
    steps, left_out = plan.make(words, is_all)
    if not steps:
        print(f"nothing is named like {' or '.join(words)}", file=sys.stderr)
        return 1
    plan.REPORT.mkdir(parents=True, exist_ok=True)
    run = schedule.Schedule(steps, plan.TOP, plan.REPORT, os.cpu_count() or 1)
    total = run.run()

    if total.left_out:
        left_out.append(f"{total.left_out} slow integration tests")
    if left_out:
        print(f"not run: {', '.join(left_out)} (./test --all runs everything)")
    surprising = [name for name in total.skipped if name not in allowed_skips()]
    if surprising:
        print(f"skipped without being listed in {ALLOWED}: {', '.join(surprising)}")
    if run.is_interrupted:
        print("interrupted")
    elif total.passed == 0:
        print("no test ran")
    skipped = f", {len(total.skipped)} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {total.failed} failed{skipped}")
    if run.is_interrupted:
        return 130
    return 0 if total.passed and not total.failed and not surprising else 1


sys.exit(main(sys.argv[1:]))
