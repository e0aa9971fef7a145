# SPDX-License-Identifier: MIT
"""The images that have been built, each in a folder that is named by its key.

$SLICEKEEP_TEST_CACHE, else slicekeep-test in the user's cache folder. A folder appears there when
it is whole, by its renaming; one builder at a time. A few are kept, so that two checkouts whose
images differ do not take turns in deleting each other's.
"""
import fcntl
import os
import pathlib
import shutil

import image

N_KEPT = 3
CORES_OF_A_MACHINE = 2


def folder():
    """Where the images lie."""
    chosen = os.environ.get("SLICEKEEP_TEST_CACHE")
    if chosen:
        return pathlib.Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "slicekeep-test"


def turn():
    """Wait until there is a core for one more machine; closing what this returns ends its turn.

    An emulated machine keeps two cores busy, and what it is asked has deadlines: all of them are
    done sooner one after the other.
    """
    n_turns = max(1, (os.cpu_count() or 1) // CORES_OF_A_MACHINE)
    folder().mkdir(parents=True, exist_ok=True)
    # Whose turn it is depends on the pid, so that those who wait spread over all turns.
    lock = open(folder() / f"turn-{os.getpid() % n_turns}", "w", encoding="ascii")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def get():
    """The folder with the image of this tree, built if it is not there yet."""
    top = folder()
    wanted = top / image.key()
    top.mkdir(parents=True, exist_ok=True)
    with open(top / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            _build(wanted)
        os.utime(wanted)
        _forget(top)
    return wanted


def _build(wanted):
    """Build it beside its place; what a builder that was killed has left there goes first."""
    part = wanted.with_name("part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    image.build(part)
    part.rename(wanted)


def _forget(top):
    """Keep the images that were used last."""
    images = sorted(top.glob("*/disk"), key=lambda disk: disk.parent.stat().st_mtime)
    for disk in images[:-N_KEPT]:
        shutil.rmtree(disk.parent)
