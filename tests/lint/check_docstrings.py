# SPDX-License-Identifier: MIT
"""Each function in a header has a docstring that says something, and says it of this function.

    /** noun_verb() - what it does */            or, over several lines, with @params and Return:

A docstring may name several functions that stand below it without an empty line between them.
"""
import re

import source
from source import Finding

# A docstring of fewer words only repeats the name.
MIN_WORDS = 2
FUNCTION = re.compile(r"(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*(?:\w+\s*(?:\([^()]*\))?\s*)*$")
NOT_FUNCTION = re.compile(r"^\s*(?:typedef|struct \w+\s*$|enum \w+\s*$|static_assert|extern \"C\")")
ATTRIBUTE = re.compile(r"\b(?:must_check|unused|cleanup\(\w+\)|printf_like\([^()]*\)|"
                       r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\))")
HEADLINE = re.compile(r"/\*\*[\s*]*((?:\w+\(\)(?:,[\s*]*)?\s*)+)-\s+(.*)", re.DOTALL)
PARAM = re.compile(r"^[ \t]*\*[ \t]+((?:@\w+[ \t]*)+):", re.MULTILINE)


def statements(text):
    """(start, text) of each statement outside of braces; bodies are dropped."""
    clean = source.without_directives(source.without_strings(text))
    depth, start = 0, 0
    for offset, char in enumerate(clean):
        if char == "{":
            if depth == 0:
                yield start, clean[start:offset]
            depth += 1
        elif char == "}":
            depth -= 1
            start = offset + 1
        elif char == ";" and depth == 0:
            yield start, clean[start:offset]
            start = offset + 1


def functions(text):
    """(offset, name, parameters) of each function that a header declares or defines."""
    for start, statement in statements(text):
        if NOT_FUNCTION.match(statement) or "=" in statement.partition("(")[0]:
            continue
        match = FUNCTION.search(ATTRIBUTE.sub(lambda m: " " * len(m.group()), statement))
        if match and statement[:match.start(1)].strip():
            first = start + len(statement) - len(statement.lstrip())
            yield first, match.group(1), match.group(2)


def check_text(path, line, name, comment, parameters):
    """One docstring against its function."""
    head = HEADLINE.match(comment)
    if not head or name not in re.findall(r"(\w+)\(\)", head.group(1)):
        yield Finding(path, line, f"the docstring of {name}() does not begin with "
                                  f"'{name}() - what it does'")
        return
    words = re.findall(r"\w+", head.group(2))
    if len(words) < MIN_WORDS:
        yield Finding(path, line, f"the docstring of {name}() says nothing")
    known = set(re.findall(r"\w+", parameters))
    for row in PARAM.finditer(comment):
        for parameter in re.findall(r"@(\w+)", row.group(1)):
            if parameter not in known:
                yield Finding(path, line, f"{name}() has no parameter @{parameter}")


def check(top):
    """All functions of all headers; those of the tests are read with the test beside them."""
    for path, text in source.files(top, ".h"):
        if path.startswith("tests/"):
            continue
        comments = {match.end(): match for match in
                    re.finditer(r"/\*.*?\*/", text, re.DOTALL)}
        shared = None  # the docstring above, while no empty line ends it
        end_of_last = -1
        for offset, name, parameters in functions(text):
            line = source.line_of(text, offset)
            before = text[:offset].rstrip()
            comment = comments.get(len(before))
            if comment is None and "\n\n" not in text[end_of_last:offset] and shared:
                comment = shared
            if comment is None or not comment.group().startswith("/**"):
                yield Finding(path, line, f"{name}() has no docstring")
                shared = None
            else:
                shared = comment
                yield from check_text(path, line, name, comment.group(), parameters)
            end_of_last = offset


if __name__ == "__main__":
    source.main(check)
