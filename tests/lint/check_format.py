# SPDX-License-Identifier: MIT
"""clang-format decides how C looks; it is idempotent, so it can be a gate."""
import re
import subprocess

import source
from source import Finding

MESSAGE = re.compile(r"^(.*?):(\d+):\d+: error: (.*)$", re.MULTILINE)


def check(top):
    """All C files, those of the tests too."""
    paths = [path for path, _ in source.files(top, ".c", ".h")]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=3", *paths],
                          cwd=top, capture_output=True, text=True, check=False)
    for path, line, text in MESSAGE.findall(done.stderr):
        yield Finding(path, int(line), f"{text}: clang-format -i {path}")
    if done.returncode != 0 and not MESSAGE.search(done.stderr):
        yield Finding(".clang-format", 1, done.stderr.strip())


if __name__ == "__main__":
    source.main(check)
