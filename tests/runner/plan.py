# SPDX-License-Identifier: MIT
"""What is run: the steps of `./test` and of `./test --all`, as data.

The order is the order of starting. `alone` is for steps that use every core by themselves, the
builds; the others run side by side.
"""
import pathlib

import counting
from step import Step, no_test, one_check

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
SANITIZED = TOP / "build-sanitize"
REPORT = BUILD / "report"
PACKAGE = BUILD / "package"
PYTHON = "/usr/bin/python3"
PYTEST = (PYTHON, "-B", "-m", "pytest", "-q", "-ra", "--tb=short", "-p", "no:cacheprovider",
          "--strict-markers")

SANITIZED_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "SLICEKEEP_TEST_SANITIZED": "1",
    "SLICEKEEP_TEST_SLOWNESS": "4",
}
# gcc 12's analyzer does not understand the cleanup attribute: it takes what free_ptr() frees for
# uninitialized, what an intrusive list holds for lost, and its next element for the freed one;
# sanitizers and valgrind do that. It cannot see into error_set() and takes failures for successes
# without a result; clang's can (tests/lint/analyzer.h).
# What remains are allocations that nobody checked, double frees, and the like.
ANALYZER = ("-fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-after-free "
            "-Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-null-dereference "
            "-Wno-analyzer-null-argument")
VALGRIND_ENV = {"SLICEKEEP_TEST_SLOWNESS": "10"}
VALGRIND = ("valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all "
            "--errors-for-leak-kinds=all")


def build(name, folder, *options, compiler="gcc", count=one_check):
    """A build in a folder of its own."""
    return Step(name, (TOP / "tests/setup/build", folder, *options), count, alone=True,
                env={"CC": compiler})


def meson(name, folder, suite, after, path="", env=(), wrapper=""):
    """The tests of a meson suite below `path` of the build folder."""
    log = f"report-{name.replace('/', '-')}"
    written = f"{log}-{wrapper.split()[0]}" if wrapper else log  # meson's way to name it
    return Step(name, (PYTHON, "-B", TOP / "tests/runner/meson_suite.py", folder, log, suite, path,
                       wrapper),
                counting.meson(folder / "meson-logs" / f"{written}.json"), (after,), env=dict(env))


def pytest(name, path, after=(), marks="", env=(), cores=1):
    """The tests of one Python file or folder."""
    result = REPORT / f"{name.replace('/', '-')}.xml"
    return Step(name, (*PYTEST, "-m", marks, f"--junitxml={result}", path),
                counting.pytest(result, leaves_out=marks == "not slow"), after,
                cores=cores, env=dict(env))


def unit(prefix, folder, after, env=()):
    """Unit tests, a step for each area."""
    for area in sorted((TOP / "tests/unit").iterdir()):
        if any(area.glob("test-*.c")):
            yield meson(f"{prefix}/{area.name}", folder, "unit", after,
                        f"tests/unit/{area.name}/", env)


def integration(prefix, folder, after, marks="", env=(), only_with=""):
    """Integration tests, a step for each file; `only_with`: for each file with this word in it."""
    for path in sorted((TOP / "tests/integration").glob("test_*.py")):
        if only_with in path.read_text():
            yield pytest(f"{prefix}/{path.stem.removeprefix('test_')}", path, (after,), marks,
                         {"SLICEKEEP_BUILD": str(folder)} | dict(env))


def package():
    """The Debian package."""
    yield Step("package/build", (TOP / "tests/package/build", PACKAGE), no_test, alone=True)
    yield pytest("package", TOP / "tests/package", ("package/build",),
                 env={"SLICEKEEP_PACKAGE": str(PACKAGE)})


def vm():
    """Tests in machines with a systemd of their own, a step for each file and machine."""
    yield Step("vm/image", (TOP / "tests/vm/image",), no_test)
    for path in sorted((TOP / "tests/vm").glob("test_*.py")):
        yield pytest(f"vm/{path.stem.removeprefix('test_')}", path,
                     ("build", "vm/image", "package/build"),
                     env={"SLICEKEEP_BUILD": str(BUILD), "SLICEKEEP_PACKAGE": str(PACKAGE)},
                     cores=2)


def everyday(is_all=False):
    """`./test`: does it work?"""
    yield build("build", BUILD, "-Dtests=true", count=no_test)
    yield from unit("unit", BUILD, "build")
    yield from integration("integration", BUILD, "build", "" if is_all else "not slow")


def thorough():
    """What `./test --all` adds: on every compiler, at every edge, and in good shape."""
    for path in sorted((TOP / "tests/lint").glob("check_*.py")):
        needs_build = path.stem == "check_tidy"  # the flags of each file, and every core
        yield Step(f"lint/{path.stem.removeprefix('check_')}", (PYTHON, "-B", path),
                   after=("build",) if needs_build else (), alone=needs_build)
    yield pytest("lint/self", TOP / "tests/lint")
    yield pytest("runner", TOP / "tests/runner")
    yield pytest("bench", TOP / "tests/bench")
    yield meson("fuzz", BUILD, "fuzz", "build")
    yield meson("valgrind", BUILD, "unit", "build", "tests/unit/keeper/", VALGRIND_ENV, VALGRIND)
    yield from package()
    yield from vm()
    yield build("sanitize/build", SANITIZED, "-Dtests=true", "-Dbuildtype=debug",
                "-Db_sanitize=address,undefined", "-Dc_args=-fno-sanitize-recover=all")
    yield from unit("sanitize/unit", SANITIZED, "sanitize/build", SANITIZED_ENV)
    yield meson("sanitize/fuzz", SANITIZED, "fuzz", "sanitize/build", env=SANITIZED_ENV)
    yield from integration("sanitize/integration", SANITIZED, "sanitize/build", "sanitize",
                           SANITIZED_ENV, only_with="mark.sanitize")
    # With glibc the keeper is compiled like everything else, and not by musl's own command.
    strict = ("-Dtests=true", "-Dwerror=true", "-Dkeeper_libc=glibc")
    yield build("werror/gcc", TOP / "build-gcc", *strict, f"-Dc_args={ANALYZER}")
    yield build("werror/clang", TOP / "build-clang", *strict, compiler="clang")


def make(words, is_all):
    """The steps to run, and the names of what is left to `--all`.

    With words only those that have one of them in their name, and the builds that they need.
    """
    extra = list(thorough())
    steps = [*everyday(is_all), *(extra if is_all else ())]
    if words:
        wanted = [step for step in steps if any(word in step.name for word in words)]
        needed = {name for step in wanted for name in step.after}
        steps = [step for step in steps if step in wanted or step.name in needed]
    left_out = () if is_all or words else [step.name.partition("/")[0] for step in extra]
    return steps, list(dict.fromkeys(left_out))
