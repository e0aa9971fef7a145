# SPDX-License-Identifier: MIT
"""A file is one noun: near its cap it is two, to be split by meaning and not by length.

The caps of functions are clang-tidy's (readability-function-size in .clang-tidy).
"""
import source
from source import Finding

MAX_LINES = {".c": 600, ".h": 150, ".py": 600}
MAX_COLUMNS = 100
# Longer on purpose: path, and why.
EXCEPTIONS = {
    "supervisor/keeper/control-frame.h": "one wire format, documented field by field",
}


def check(top):
    """Files that are too long, lines that are too wide."""
    for path, text in source.files(top, *MAX_LINES):
        lines = text.splitlines()
        cap = MAX_LINES["." + path.rpartition(".")[2]]
        if len(lines) > cap and path not in EXCEPTIONS:
            yield Finding(path, cap + 1, f"{len(lines)} lines, {cap} at most: two nouns, split it")
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > MAX_COLUMNS:
                yield Finding(path, number, f"wider than {MAX_COLUMNS} columns")


if __name__ == "__main__":
    source.main(check)
