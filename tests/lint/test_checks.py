# SPDX-License-Identifier: MIT
"""Every check finds a bad sample and leaves a good one alone.

A check that cannot fail is worse than none.
"""
import json
import types

import check_docstrings
import check_format
import check_head
import check_interfaces
import check_layering
import check_shell
import check_sizes
import check_tidy
import check_words
import pytest
import source

SPDX = "/* SPDX-License-Identifier: MIT */\n"
ESSAY = "/*\n * " + "A sample that holds its own in this test " * 2 + "\n */\n"


@pytest.fixture(name="tree")
def make_tree(tmp_path):
    """A function that writes {path: text} into a tree of the test's own and returns its top."""
    def make(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return make


def texts(findings):
    """The findings as one text."""
    return "\n".join(map(str, findings))


def test_comments_and_strings_are_told_apart():
    text = 'a /* "b */ "c /* d" // e\n\'"\' f'
    assert source.without_comments(text) == 'a          "c /* d"     \n\'"\' f'
    assert source.without_strings(text) == 'a          "      "     \n\' \' f'


@pytest.mark.parametrize("path, text, expected", [
    ("lib/a.c", "x\n" * 601, "lib/a.c:601: 601 lines"),
    ("lib/a.h", "x\n" * 151, "lib/a.h:151: 151 lines"),
    ("lib/a.c", "\n" + "x" * 101, "lib/a.c:2: wider"),
    ("lib/a.c", "\t" * 12 + "12345", "lib/a.c:1: wider"),
    ("lib/a.c", "int f(int a)\n{\n\tif (a) {\n\t\tfor (;;) {\n\t\t\tif (a) {\n"
     "\t\t\t\tdo {\n\t\t\t\t} while (0);\n\t\t\t}\n\t\t} }\n}\n", "a.c:6: 4 blocks deep"),
])
def test_sizes_bad(tree, path, text, expected):
    assert expected in texts(check_sizes.check(tree({path: text})))


def test_sizes_good(tree):
    assert not texts(check_sizes.check(tree({
        "lib/a.c": "x\n" * 600, "lib/a.h": "x" * 100,
        "lib/b.c": "int f(int a)\n{\n\tif (a) {\n\t\twhile (a) {\n\t\t\tif (a) {\n"
                   "\t\t\t\tstruct p p[] = {{1}, (struct p){2}};\n\t\t\t\treturn (p) {1};\n"
                   "\t\t\t}\n\t\t}\n\t}\n}\n",
        "build/a.c": "x\n" * 1000})))


@pytest.mark.parametrize("path, text", [
    ("lib/a.c", "void f(void) { usleep(3); }"),
    ("lib/a.c", "void f(char *s) { strcpy(s, s); }"),
    ("lib/a.c", "/* TODO later */"),
    ("lib/a.c", 'const char *s = "/work/x";'),
    ("tests/integration/test_a.py", "time.sleep(1)"),
    ("tests/integration/test_a.py", "pytest.skip('no')"),
    ("docs/a.md", "as in ../shared/x"),
    ("tests/vm/a.sh", "pkill x"),
])
def test_words_bad(tree, path, text):
    assert len(list(check_words.check(tree({path: text})))) == 1


def test_words_good(tree):
    assert not texts(check_words.check(tree({
        "lib/a.c": '/* never sleep(1) */ const char *s = "usleep(1)"; my_strcpy(a, b);',
        "tests/integration/waiting.py": "time.sleep(1)"})))


@pytest.mark.parametrize("text, expected", [
    ("int x;\n", "does not begin"),
    (SPDX + '#include "lib/a.h"\nint x;\n' + ESSAY, "no essay"),
    (SPDX + '/* Short. */\n#include "lib/a.h"\nint x;\n', "no essay"),
    (SPDX + ESSAY + '#include <a.h>\n#include "lib/a.h"\n', "comes too late"),
    (SPDX + ESSAY + '#include "lib/a.h"\n#include "x/b.h"\n#include "lib/c.h"\n', "lib/c.h"),
    (SPDX + ESSAY + "#include <a.h>\n", "first: that proves"),
])
def test_head_bad(tree, text, expected):
    top = tree({"lib/a.c": text, "lib/a.h": SPDX + "#pragma once\n"})
    assert expected in texts(check_head.check(top))


def test_head_bad_header(tree):
    assert "pragma" in texts(check_head.check(tree({"lib/a.h": SPDX})))


@pytest.mark.parametrize("text", [
    SPDX + ESSAY + '#include "lib/a.h"\n#include <b.h>\n#include "lib/c.h"\n#include "x/y.h"\n',
    SPDX + '#include "lib/a.h"\n#define B \\\n\t3\n' + ESSAY + "int x;\n",
])
def test_head_good(tree, text):
    top = tree({"lib/a.c": text, "lib/a.h": SPDX + "#pragma once\n"})
    assert not texts(check_head.check(top))


@pytest.mark.parametrize("text, expected", [
    ("int a_b(void);", "a_b() has no docstring"),
    ("/* a_b() - do the thing */\nint a_b(void);", "a_b() has no docstring"),
    ("/** a_c() - do the thing */\nint a_b(void);", "does not begin with"),
    ("/** a_b() - thing */\nint a_b(void);", "says nothing"),
    ("/**\n * a_b() - do the thing\n * @y: why\n */\nint a_b(int x);", "no parameter @y"),
    ("/** a_b() - do the thing */\nint a_b(int x);\n\nint a_c(int x);", "a_c() has no"),
    ("static inline int a_b(void)\n{\n\treturn f(1);\n}\n", "a_b() has no docstring"),
    ("must_check int a_b(const char *s, ...) printf_like(1, 2);", "a_b() has no docstring"),
    ("struct x *a_b(void (*fn)(int), void *p);", "a_b() has no docstring"),
])
def test_docstrings_bad(tree, text, expected):
    assert expected in texts(check_docstrings.check(tree({"lib/a.h": text})))


@pytest.mark.parametrize("text", [
    "/** a_b() - do the thing */\nmust_check int a_b(int x);",
    "/**\n * a_b() - do the thing\n * @x @y: both\n *\n * Return: 0\n */\nint a_b(int x, int *y);",
    "/** a_b(), a_c() - do the thing */\nint a_b(int x);\nint a_c(int x);",
    "struct x {\n\tint (*fn)(int);\n};\ntypedef int (*fn)(int);\nstatic_assert(sizeof(int) == 4);",
    "#define A(x) \\\n\tf(x);\nextern int x;\nenum y { A, B };\n",
])
def test_docstrings_good(tree, text):
    assert not texts(check_docstrings.check(tree({"lib/a.h": text})))


TABLE = types.SimpleNamespace(
    LAYERS={"lib": {"pure": "a", "io": "b"},
            "d": {"model": "m", "main": "n"},
            "e": {"main": "o p"},
            "supervisor/keeper": {"main": "k"}},
    USES={"d": {"lib": "io"}, "e": {"lib": "pure"}},
    CONTRACTS={"e": ("d/m.h",)},
    PURE_LAYERS=("pure", "model"), NOT_PURE=("time.h",),
    THIRD_PARTY={"zstd.h": ("d/", 1)},
    BARE="supervisor/keeper/", BARE_HEADERS=("lib/a.h",), BARE_FORBIDDEN=("jansson.h",))
FILES = {"lib/a.h": "", "lib/b.h": "", "d/m.h": "", "d/n.c": "", "e/o.c": "", "e/p.c": "",
         "supervisor/keeper/k.c": ""}


@pytest.mark.parametrize("path, line, expected", [
    ("lib/a.h", '#include "lib/b.h"', "may not call up"),
    ("lib/b.h", '#include "d/m.h"', "may not know d"),
    ("d/m.h", '#include "lib/b.h"', "may not use lib (io)"),
    ("d/m.h", "#include <time.h>", "decides only"),
    ("d/n.c", '#include "e/o.h"', "does not exist"),
    ("e/o.c", '#include "lib/b.h"', "up to pure"),
    ("e/o.c", "  #  include <zstd.h>", "belongs into d/ only"),
    ("d/x.c", "", "is in no layer"),
    ("d/n.c", '#include "e/io.e.varlink.h"', "another component's interface"),
    ("supervisor/keeper/k.c", '#include "lib/b.h"', "the keeper includes"),
    ("supervisor/keeper/k.c", "#include <jansson.h>", "the keeper links nothing"),
])
def test_layering_bad(tree, path, line, expected):
    assert expected in texts(check_layering.check(tree(FILES | {path: line}), TABLE))


def test_layering_bad_library_in_two_files(tree):
    top = tree(FILES | {"d/n.c": "#include <zstd.h>", "d/m.h": "#include <zstd.h>"})
    assert "belongs into one file" in texts(check_layering.check(top, TABLE))


def test_layering_bad_table(tree):
    files = dict(FILES)
    del files["e/p.c"]
    assert "e/p does not exist" in texts(check_layering.check(tree(files), TABLE))


def test_layering_good(tree):
    assert not texts(check_layering.check(tree(FILES | {
        "lib/b.h": '#include "lib/a.h"\n#include <time.h>',
        "d/m.h": '#include "lib/a.h"\n/* #include "lib/b.h" */',
        "d/n.c": '#include "d/m.h"\n#include "lib/b.h"\n#include <zstd.h>\n'
                 '#include "d/d.varlink.h"',
        "e/o.c": '#include "d/m.h"\n#include "lib/a.h"',
        "supervisor/keeper/k.c": '#include "lib/a.h"\n#include <time.h>'}), TABLE))


INTERFACE = "interface io.slicekeep.d\nmethod Go() -> ()\nerror Bad (message: string)\n"


@pytest.mark.parametrize("text, expected", [
    ('f("io.slicekeep.d.Bad"); f("io.slicekeep.d.Worse"); f("Go");', "Worse is in no interface"),
    ('f("io.slicekeep.d" ".Bda", "io.slicekeep.d.Bad", "Go");', "Bda is in no interface"),
    ('f("Go"); /* "io.slicekeep.d.Bad" */', "nothing in d answers io.slicekeep.d.Bad"),
    ('f("io.slicekeep.d.Bad");', "Go is carried out nowhere"),
])
def test_interfaces_bad(tree, text, expected):
    top = tree({"d/d.varlink": INTERFACE, "d/a.c": text})
    assert expected in texts(check_interfaces.check(top))


def test_interfaces_good(tree):
    assert not texts(check_interfaces.check(tree({
        "d/d.varlink": INTERFACE, "d/a.c": 'f("io.slicekeep.d" ".Bad"); f("Go");',
        "cli/a.c": 'f("io.slicekeep.d.Go");'})))


def test_format_bad_and_good(tree):
    style = (source.TOP / ".clang-format").read_text()
    top = tree({".clang-format": style, "lib/a.c": "int  x;\n", "lib/b.c": "int x;\n"})
    found = list(check_format.check(top))
    assert found and {finding.path for finding in found} == {"lib/a.c"}


def test_shell_bad_and_good(tree):
    top = tree({"a": "#!/bin/sh\nrm $1\n", "b": '#!/bin/bash\nrm "$1"\n', "c": "rm $1\n"})
    assert {finding.path for finding in check_shell.check(top)} == {"a"}


def test_shell_without_scripts(tree):
    assert "no shell script" in texts(check_shell.check(tree({"c": "rm $1\n"})))


def test_tidy_bad_and_good(tree):
    long = "int long_one(int a)\n{\n" + "\ta++;\n" * 90 + "\treturn a;\n}\n"
    wide = "int wide(int a, int b, int c, int d, int e, int f, int g)\n{\n\treturn a;\n}\n"
    good = "int good(int a)\n{\n\treturn a;\n}\n"
    null = ('#include <string.h>\n#include "lib/error.h"\nstatic int g(char **p)\n{\n'
            "\treturn error_set(0, -1, \"a\");\n}\n"
            "int null(void)\n{\n\tchar *p = 0;\n\tif (g(&p) CONDITION)\n\t\treturn 0;\n"
            "\treturn (int)strlen(p);\n}\n")
    samples = {"long": long, "wide": wide, "good": good, "null": null.replace("CONDITION", "== 1"),
               "checked": null.replace("CONDITION", "< 0")}
    config = (source.TOP / ".clang-tidy").read_text()
    top = tree({".clang-tidy": config, "lib/unused.c": "int x;\n",
                "lib/error.h": "#pragma once\nint error_set(void *e, int code, char *f, ...);\n",
                "tests/lint/analyzer.h": (source.TOP / "tests/lint/analyzer.h").read_text()}
               | {f"lib/{name}.c": text for name, text in samples.items()})
    (top / "build/meson-info").mkdir(parents=True)
    (top / "build/compile_commands.json").write_text(json.dumps([
        {"directory": str(top / "build"), "file": f"../lib/{name}.c",
         "command": f"cc -I.. -c ../lib/{name}.c"} for name in samples if name != "wide"]))
    (top / "build/meson-info/intro-targets.json").write_text(json.dumps([
        {"defined_in": str(top / "lib/meson.build"),
         "target_sources": [{"sources": [str(top / f"lib/{name}.c") for name in samples]}]}]))
    found = list(check_tidy.check(top))
    assert {finding.path for finding in found} == {
        "lib/long.c", "lib/wide.c", "lib/null.c", "lib/unused.c"}, texts(found)
    assert "belongs to no program" in texts(found)
