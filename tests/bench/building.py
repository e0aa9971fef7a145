# SPDX-License-Identifier: MIT
"""What is built to be measured, and what a report says of where and when."""
import datetime
import os
import pathlib
import platform
import subprocess
import sys

from instruments import BUILD, HERE, PROGRAMS, TOP

FREESTANDING = ("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector")


def quietly(*argv):
    """Run a step of the preparation; its output is shown when it fails."""
    done = subprocess.run([str(word) for word in argv], cwd=TOP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\n{argv[0]} exits {done.returncode}")
    return done.stdout.strip()


def compile_one(compiler, source, name, *flags):
    quietly(compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra",
            HERE / f"{source}.c", "-o", PROGRAMS / name, *flags)


def build():
    """Ours as it is installed, and the small programs of the bench."""
    quietly(TOP / "tests/setup/build", BUILD, "--buildtype=release", "-Dtests=false")
    PROGRAMS.mkdir(exist_ok=True)
    for name in ("child", "spout", "floor"):
        compile_one("gcc", name, name, *(FREESTANDING if name == "child" else []))
    # As slicekeep's own keepers and daemons are linked.
    compile_one("musl-gcc", "shape", "shape", "-static")
    compile_one("gcc", "shape", "shape-linked", "-Wl,--no-as-needed", "-ljansson", "-levent_core")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def load():
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def stolen():
    """Seconds of CPU that went to other machines of the same host, since boot."""
    return int(pathlib.Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%d %B %Y, %H:%M UTC")


def facts_of(how, more, load_before, seconds):
    """Rows for the head of a report: `how` is ours started, `more` rows are of the contestants."""
    commit = quietly("git", "-c", f"safe.directory={TOP}", "describe", "--always", "--dirty")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = quietly(BUILD / "cli/slicekeep", "version").splitlines()[0]
    return [("slicekeep", f"{version}, {commit}, --buildtype=release, {how}"), *more,
            ("compiler", quietly("gcc", "--version").splitlines()[0]),
            ("machine", f"{os.cpu_count()} × {processor()}, {memory:.0f} GiB"),
            ("kernel", f"{platform.system()} {platform.release()}"),
            ("load before and after", f"{load_before}; {load()}"),
            ("took", f"{seconds:.0f} s")]
