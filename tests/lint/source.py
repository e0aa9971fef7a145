# SPDX-License-Identifier: MIT
"""What the checks share: finding source files, reading C without its comments, reporting.

A check is a generator check(top) of findings. A run that has looked at nothing fails, since a check
that cannot fail is worse than none.
"""
import dataclasses
import os
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = re.compile(r"\..*|build|build-.*|var|node_modules|__pycache__")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def files(top, *suffixes):
    """(path relative to top, text) of each source file with one of these suffixes, in order."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not SKIPPED_FOLDERS.fullmatch(name))
        for name in sorted(names):
            if name.endswith(suffixes):
                path = pathlib.Path(folder, name)
                yield path.relative_to(top).as_posix(), path.read_text(encoding="utf-8")


# A comment, a string or a character; what is found first decides what it is.
TOKENS = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def without_comments(text):
    """C text whose comments are blanks; every other character stays where it was."""
    def blank(match):
        token = match.group()
        return re.sub(r"[^\n]", " ", token) if token.startswith("/") else token

    return TOKENS.sub(blank, text)


def without_strings(text):
    """C text whose comments and the insides of strings are blanks."""
    def blank(match):
        token = match.group()
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[-1]

    return TOKENS.sub(blank, text)


def without_directives(text):
    """C text whose preprocessor lines are blanks."""
    return re.sub(r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def line_of(text, offset):
    """The line number of an offset."""
    return text.count("\n", 0, offset) + 1


def main(check):
    """Run a check on the tree that this file lies in: the findings, and exit."""
    n_files = sum(1 for _ in files(TOP, ".c", ".h"))
    findings = list(check(TOP))
    for finding in findings:
        print(finding)
    print(f"{n_files} C files, {len(findings)} findings")
    sys.exit(1 if findings or not n_files else 0)
