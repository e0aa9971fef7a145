# SPDX-License-Identifier: MIT
"""An upgrade: programs are replaced on disk as a package manager does it, while all runs on."""
import os
import shutil

import pytest

from instance import BUILD, FOLDER_OF, program
from supervision import FOREVER, config, identity, keeper_of, supervisor_of
from waiting import wait_until


@pytest.fixture(name="installed")
def make_installed(platform):
    """The platform, its programs copied to a place where they can be replaced."""
    place = platform.home / "programs"
    for name, folder in FOLDER_OF.items():
        (place / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(program(name), place / folder / name)
    platform.program = place / FOLDER_OF["slicekeep"] / "slicekeep"
    return platform


def upgrade(platform):
    """Other files with the same names; those that run lose theirs."""
    for name, folder in FOLDER_OF.items():
        path = platform.home / "programs" / folder / name
        shutil.copy(BUILD / folder / name, path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)


def is_new(pid):
    return "deleted" not in os.readlink(f"/proc/{pid}/exe")


def test_renewed_daemons_bring_the_keepers_along_and_no_service_restarts(installed):
    installed.up(config(a=FOREVER, b=FOREVER))
    before = {name: (identity(installed, name), keeper_of(installed, name)) for name in "ab"}
    upgrade(installed)
    assert not any(is_new(keeper) for _, keeper in before.values())
    installed.cli("restart", "ci")
    wait_until(lambda: all(is_new(keeper) for _, keeper in before.values()), 20, "new keepers")
    after = {name: (identity(installed, name), keeper_of(installed, name)) for name in "ab"}
    assert after == before
    assert is_new(supervisor_of(installed))
    installed.cli("restart", "a")
    assert identity(installed, "a") != before["a"][0]
    assert keeper_of(installed, "a") == before["a"][1]
