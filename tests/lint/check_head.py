# SPDX-License-Identifier: MIT
"""How a C file begins: SPDX line, #pragma once in a header, essay and own header in a .c."""
import re

import source
from source import Finding

SPDX = "/* SPDX-License-Identifier: MIT */"
ESSAY_MIN_WORDS = 12
COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]+([<\"][^>\"]+[>\"])", re.MULTILINE)


def includes(text):
    """(line, "<…>" or "\\"…\\"") of each #include."""
    clean = source.without_comments(text)
    return [(source.line_of(clean, match.start(1)), match.group(1))
            for match in INCLUDE.finditer(clean)]


def check_essay(path, text):
    """Above or right below the includes a comment says what the file is."""
    code = source.without_directives(source.without_comments(text))
    end = len(code) - len(code.lstrip())
    comments = [match for match in COMMENT.finditer(text, len(SPDX)) if match.start() < end]
    if not any(len(re.findall(r"\w+", match.group(1))) >= ESSAY_MIN_WORDS for match in comments):
        yield Finding(path, 2, "no essay at the top: what the object is, which invariant it "
                               "keeps, why the obvious way was refused")


def check_order(path, text, own):
    """Own header first, then <system>, then "lib/…", then the daemon's."""
    def rank(name):
        if name.strip('"') == own:
            return 0
        if name.startswith("<"):
            return 1
        return 2 if name.startswith('"lib/') else 3

    highest = 0
    for line, name in includes(text):
        if name.endswith(".varlink.h\""):
            continue  # made at build time
        if rank(name) < highest:
            yield Finding(path, line, f"{name} comes too late: own header, <system>, "
                                      "\"lib/…\", then the others")
        highest = max(highest, rank(name))


def check(top):
    """Heads of all C files; the tests' own essays and orders are theirs."""
    for path, text in source.files(top, ".c", ".h"):
        if not text.startswith(SPDX + "\n"):
            yield Finding(path, 1, f"does not begin with {SPDX}")
        if path.endswith(".h"):
            if "#pragma once" not in text:
                yield Finding(path, 2, "no #pragma once")
        elif not path.startswith("tests/"):
            yield from check_essay(path, text)
            own = path[:-1] + "h"
            yield from check_order(path, text, own)
            names = [name for _, name in includes(text)]
            if (top / own).exists() and names[:1] != [f'"{own}"']:
                yield Finding(path, 2, f'#include "{own}" first: that proves that it is whole')


if __name__ == "__main__":
    source.main(check)
