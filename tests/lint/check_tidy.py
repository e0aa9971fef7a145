# SPDX-License-Identifier: MIT
"""clang-tidy over every C file that a program of ours is made of; .clang-tidy says what for.

It needs ./build, for the flags with which each file is compiled. A file that several programs are
made of is looked at once; one that meson compiles in a command of its own, as the static keeper's,
gets the flags of another file. The tests are not looked at: their macros make more noise than
sense, and both compilers and the sanitizers look at them.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import tempfile

import source
from source import Finding

DEFINES_ERROR_SET = "lib/error.c"  # analyzer.h is about its callers
MESSAGE = re.compile(r"^([^\s:]+):(\d+):\d+: (?:error|warning): (.*)$", re.MULTILINE)


def sources_of_programs(top, build):
    """Every C file that some target outside of the tests is made of."""
    found = set()
    for target in json.loads((build / "meson-info/intro-targets.json").read_text()):
        if not os.path.relpath(target["defined_in"], top).startswith("tests/"):
            for group in target["target_sources"]:
                found.update(os.path.relpath(path, top) for path in group["sources"])
    return sorted(path for path in found if path.endswith(".c") and not path.startswith(".."))


def commands(top, build):
    """One compile command for each of them."""
    known = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), top)
        known.setdefault(path, entry)
    chosen = {}
    for path in sources_of_programs(top, build):
        entry = known.get(path)
        if entry is None:
            entry = dict(next(iter(known.values())))
            new = os.path.relpath(top / path, entry["directory"])
            entry["command"] = entry["command"].replace(entry["file"], new)
            entry["file"] = new
            entry.pop("output", None)
        chosen[path] = entry
    return chosen


def check(top, build=None):
    """All of them, the largest first, as many at a time as there are cores."""
    build = pathlib.Path(build or top / "build")
    chosen = commands(top, build)
    if not chosen:
        yield Finding("compile_commands.json", 1, "has no C file of ours")
    for path, _ in source.files(top, ".c"):
        if not path.startswith("tests/") and path not in chosen:
            yield Finding(path, 1, "belongs to no program")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as file:
            json.dump(list(chosen.values()), file)

        hint = f"--extra-arg=-include{top / 'tests/lint/analyzer.h'}"

        def tidy(path):
            return path, subprocess.run(
                ["clang-tidy", "--quiet", "-p", folder, "--extra-arg=-Wno-unknown-warning-option",
                 "--extra-arg=-Wno-ignored-optimization-argument",
                 *([hint] if path != DEFINES_ERROR_SET else ()), top / path],
                cwd=top, capture_output=True, text=True, check=False)

        found = {}
        largest_first = sorted(chosen, key=lambda path: -(top / path).stat().st_size)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, done in pool.map(tidy, largest_first):
                messages = MESSAGE.findall(done.stdout)
                for where, line, text in messages:
                    where = os.path.relpath(os.path.join(build, where), top)
                    found[where, int(line), text] = True
                if done.returncode != 0 and not messages:
                    found[path, 1, done.stderr.strip() or done.stdout.strip()] = True
        for where, line, text in sorted(found):
            yield Finding(where, line, text)


if __name__ == "__main__":
    source.main(check)
