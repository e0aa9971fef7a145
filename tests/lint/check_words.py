# SPDX-License-Identifier: MIT
"""Words that may not stand in the tree, each with the reason.

A row: pattern, which files (suffixes), which files may have it all the same, why not.
"""
import re

import source
from source import Finding

C = (".c", ".h")
PYTHON = (".py",)
ALL = (".c", ".h", ".py", ".sh", ".md", ".json", ".build", ".varlink", ".1", ".8", ".5")

ROWS = (
    (r"\b(?:sleep|usleep|nanosleep|clock_nanosleep)\s*\(", C, ("tests/",),
     "nothing sleeps: wait for an event or a deadline in the loop"),
    (r"\bsleep\(", PYTHON,
     # the one place; a pause that is measured; a program that pretends to work
     ("tests/integration/waiting.py", "tests/bench/", "config/example/"),
     "wait for a condition with a deadline: wait_until()"),
    (r"\b(?:strcpy|strcat|sprintf|vsprintf|gets|stpcpy|strncpy|strncat)\s*\(", C, ("tests/",),
     "no bound, or one that is easily wrong: lib/text.h"),
    (r"\b(?:alloca|strdupa|strndupa)\s*\(", C, (), "stack that somebody else can grow"),
    (r"\b(?:strtok|gmtime|localtime|ctime|asctime|readdir_r|tmpnam|mktemp)\s*\(", C,
     (), "hidden state: use the _r form or %m"),
    (r"\b(?:system|popen)\s*\(", C, ("tests/",), "a shell in between: lib/spawn.h"),
    (r"\b(?:signal|siginterrupt|bsd_signal)\s*\(", C, ("tests/",),
     "sigaction() says what it means"),
    (r"\bassert\s*\([^;]*(?:\+\+|--|[^=!<>]=[^=])", C, ("tests/",), "an assert with a side effect"),
    (r"pytest\.(?:skip|xfail)|mark\.(?:skip|xfail)", PYTHON, (),
     "a test runs; what may be missing belongs into tests/setup/packages"),
    (r"\b(?:TODO|FIXME|XXX|HACK)\b", ALL, (), "finish it, or open an issue"),
    (r"\bpkill\b|\bkillall\b", ALL, (), "end processes by pid"),
    (r"(?<![\w.])/work/", ALL, (), "a path of one machine"),
    (r"\.\./shared\b", ALL, (), "nothing outside of the tree is needed"),
)


def check(top):
    """Each match of a row. C is searched without its comments, but for the words of all files."""
    for path, text in source.files(top, *ALL):
        if path.startswith("tests/lint/"):
            continue  # names what it looks for
        code = source.without_strings(text) if path.endswith(C) else text
        for pattern, suffixes, exceptions, why in ROWS:
            if not path.endswith(suffixes) or path.startswith(exceptions):
                continue
            for match in re.finditer(pattern, text if suffixes is ALL else code):
                yield Finding(path, source.line_of(text, match.start()),
                              f"{match.group()!r}: {why}")


if __name__ == "__main__":
    source.main(check)
