# SPDX-License-Identifier: MIT
"""C and the Varlink interface files name the same things.

Every fully qualified name in a C string is a method or an error of some interface file; every error
of a file is answered by, and every method named in, the daemon whose file it is.
"""
import collections
import re

import source
from source import Finding

DECLARED = re.compile(r"^(interface|error|method)\s+([\w.]+)", re.MULTILINE)
# "a.b.c" "D" in one expression is one string.
STRINGS = re.compile(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*')
QUALIFIED = re.compile(r"((?:io\.slicekeep|org\.varlink)(?:\.[a-z][a-z0-9]*)*)\.([A-Z]\w*)")
# The server makes INTERFACE.Failed of a failure without an id.
MADE_BY_THE_SERVER = ("Failed",)


def read_interfaces(top):
    """{interface: (path, {name: (kind, line)})}."""
    found = {}
    for path, text in source.files(top, ".varlink"):
        if path.startswith("tests/"):
            continue
        name, members = None, {}
        for match in DECLARED.finditer(text):
            if match.group(1) == "interface":
                name = match.group(2)
            else:
                members[match.group(2)] = (match.group(1), source.line_of(text, match.start()))
        found[name] = (path, members)
    return found


def check(top):
    """Both directions."""
    interfaces = read_interfaces(top)
    used = set()
    words_of_folder = collections.defaultdict(set)
    for path, text in source.files(top, ".c", ".h"):
        if path.startswith("tests/"):
            continue
        clean = source.without_comments(text)
        for match in STRINGS.finditer(clean):
            string = "".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', match.group()))
            words_of_folder[path.rpartition("/")[0]].add(string)
            for interface, name in QUALIFIED.findall(string):
                used.add((path.rpartition("/")[0], interface, name))
                if name not in interfaces.get(interface, (None, {}))[1]:
                    yield Finding(path, source.line_of(clean, match.start()),
                                  f"{interface}.{name} is in no interface file")
    for interface, (path, members) in interfaces.items():
        folder = path.rpartition("/")[0]
        for name, (kind, line) in members.items():
            if kind == "error" and name not in MADE_BY_THE_SERVER:
                if (folder, interface, name) not in used:
                    yield Finding(path, line, f"nothing in {folder} answers {interface}.{name}")
            if kind == "method" and name not in words_of_folder[folder]:
                yield Finding(path, line, f"{interface}.{name} is carried out nowhere")


if __name__ == "__main__":
    source.main(check)
