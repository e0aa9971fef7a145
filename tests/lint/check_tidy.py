# SPDX-License-Identifier: MIT
"""clang-tidy over every C file that a program of ours is made of; .clang-tidy says what for.

It needs ./build, for the flags with which each file is compiled. A file that several programs are
made of is looked at once. The tests are not: their macros make more noise than sense, and both
compilers and the sanitizers look at them.
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

MESSAGE = re.compile(r"^([^\s:]+):(\d+):\d+: (?:error|warning): (.*)$", re.MULTILINE)


def commands(top, build):
    """One compile command for each file."""
    chosen = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), top)
        if not path.startswith(("tests/", "..")) and path.endswith(".c"):
            chosen.setdefault(path, entry)
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

        def tidy(path):
            return path, subprocess.run(
                ["clang-tidy", "--quiet", "-p", folder, "--extra-arg=-Wno-unknown-warning-option",
                 "--extra-arg=-Wno-ignored-optimization-argument", top / path],
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
