# SPDX-License-Identifier: MIT
"""A file is one noun: near its cap it is two, to be split by meaning and not by length.

Here too: how deep blocks are nested. The other caps of functions are clang-tidy's
(readability-function-size in .clang-tidy).
"""
import re

import source
from source import Finding

MAX_LINES = {".c": 600, ".h": 150, ".py": 600}
MAX_COLUMNS = 100
MAX_NESTING = 3
# Words before a brace that opens a block; and what stands before the ( ) of a cast instead.
BLOCK_WORD = re.compile(r"(?:\belse|\bdo|:)\s*$")
NO_CALL = re.compile(r"(?:[^\w\s]|\breturn)\s*$")


def opens_block(code, offset):
    """Whether the brace at offset opens a block, and not the values of an array or a literal."""
    before = code[:offset].rstrip()
    if not before.endswith(")"):
        return bool(BLOCK_WORD.search(before[-8:]))
    depth = 0
    for start in range(len(before) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(before[start], 0)
        if depth == 0:
            return not NO_CALL.search(before[max(0, start - 16):start])
    return True


def nesting(text):
    """(line, depth) of each block inside of a function; its own body has depth 0."""
    code = source.without_directives(source.without_strings(text))
    stack = []
    for match in re.finditer(r"[{}]", code):
        if match.group() == "}":
            stack.pop()
        else:
            is_block = opens_block(code, match.start())
            stack.append(is_block)
            if is_block:
                yield source.line_of(code, match.start()), sum(stack) - 1


def check(top):
    """Files that are too long, lines that are too wide, blocks that are too deep."""
    for path, text in source.files(top, *MAX_LINES):
        lines = text.splitlines()
        cap = MAX_LINES["." + path.rpartition(".")[2]]
        if len(lines) > cap:
            yield Finding(path, cap + 1, f"{len(lines)} lines, {cap} at most: two nouns, split it")
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > MAX_COLUMNS:
                yield Finding(path, number, f"wider than {MAX_COLUMNS} columns")
        if path.endswith(".c"):
            for number, depth in nesting(text):
                if depth > MAX_NESTING:
                    yield Finding(path, number, f"{depth} blocks deep, {MAX_NESTING} at most")


if __name__ == "__main__":
    source.main(check)
