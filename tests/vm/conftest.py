# SPDX-License-Identifier: MIT
"""A machine for each file of tests, with slicekeep installed in it."""
import pathlib
import sys

import pytest

# How to wait, and what to ask a platform, is the same as in the integration tests.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

# pylint: disable=wrong-import-position
import installed
from machine import Machine


@pytest.fixture(scope="module")
def machine():
    """A booted Machine (machine.py): run(), put(), get(), reboot()."""
    with Machine() as one:
        installed.install(one)
        yield one


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Let a fixture know whether its test has failed."""
    report = (yield).get_result()
    item.has_failed = getattr(item, "has_failed", False) or report.failed


@pytest.fixture
def platform(machine, request):
    """slicekeep in the machine, not started yet (installed.py): up(), cli(), wait_state() …"""
    one = installed.Installed(machine)
    yield one
    if request.node.has_failed:
        one.tell()
    left = one.finish()
    if left:
        one.tell()
        pytest.fail("left behind, and killed now:\n" + "\n".join(left))
