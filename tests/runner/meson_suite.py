# SPDX-License-Identifier: MIT
"""meson_suite.py FOLDER LOG SUITE PATH [WRAPPER]: run the tests of a meson suite whose program lies
below PATH ("" is all), and leave one JSON object a test in FOLDER/meson-logs/LOG.json.

`meson test` is content with a suite that has no test, and never runs a test that is in none of the
suites it was asked for: both are failures here.
"""
import json
import os
import pathlib
import subprocess
import sys

SUITES = {"unit", "fuzz", "vm"}
# Half a minute each is meant for a quiet machine. Valgrind and sanitizers slow down besides, which
# the runner announces by this variable.
SLOWNESS = str(6 * float(os.environ.get("SLICEKEEP_TEST_SLOWNESS", "1")))


def main(folder, log, suite, path, wrapper=""):
    """Replace this process by `meson test`."""
    for old in pathlib.Path(folder, "meson-logs").glob(f"{log}*.json"):
        old.unlink()
    listed = subprocess.run(["meson", "introspect", "--tests", folder], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    names = set()
    for test in json.loads(listed):
        suites = {name.rpartition(":")[2] for name in test["suite"]}
        if not suites & SUITES:
            sys.exit(f"test {test['name']} is in none of the suites {sorted(SUITES)}")
        below = os.path.relpath(test["cmd"][0], folder)
        if suite in suites and below.startswith(path):
            if test["name"] in names:
                sys.exit(f"two tests are named {test['name']}")
            names.add(test["name"])
    if not names:
        sys.exit(f"suite {suite} has no test in {path or folder}")
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs",
               "--num-processes", "1", "--timeout-multiplier", SLOWNESS,
               "--suite", suite, "--logbase", log]
    if wrapper:
        command += ["--wrap", wrapper]
    os.execvp("meson", command + sorted(names))


main(*sys.argv[1:])
