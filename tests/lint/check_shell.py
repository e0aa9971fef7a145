# SPDX-License-Identifier: MIT
"""shellcheck over every shell script: they are what a new user meets first."""
import os
import pathlib
import re
import subprocess

import source
from source import Finding

SHEBANG = re.compile(rb"#!\s*(?:/usr)?/bin/(?:env )?(?:ba|da)?sh\b")
MESSAGE = re.compile(r"^(.*?):(\d+):\d+: (?:error|warning|note): (.*)$", re.MULTILINE)
# SC2016: text for another program, which has its own $( ).
EXCLUDED = "SC2016"


def scripts(top):
    """Every file that begins like a shell script."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders
                            if name == ".ci" or not source.SKIPPED_FOLDERS.fullmatch(name))
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.is_file():
                with open(path, "rb") as file:
                    if SHEBANG.match(file.read(64)):
                        yield path.relative_to(top).as_posix()


def check(top):
    """All scripts at once."""
    paths = list(scripts(top))
    if not paths:
        yield Finding(".", 1, "no shell script found")
        return
    done = subprocess.run(["shellcheck", "--format=gcc", f"--exclude={EXCLUDED}", *paths],
                          cwd=top, capture_output=True, text=True, check=False)
    for path, line, text in MESSAGE.findall(done.stdout):
        yield Finding(path, int(line), text)
    if done.returncode != 0 and not MESSAGE.search(done.stdout):
        yield Finding("shellcheck", 1, done.stderr.strip())


if __name__ == "__main__":
    source.main(check)
