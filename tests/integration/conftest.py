# SPDX-License-Identifier: MIT
"""What every integration test may ask for: a platform of its own, ports, programs.

Real processes in a folder of their own. After each test nothing of it may be left; what is left is
killed by pid and the test fails, whatever else it proved.
"""
import signal
import uuid

import pytest

import instance
import keepers
import ports
from waiting import SLOWNESS

DEADLINE_SECONDS = 180


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitize: runs with the sanitizer build as well")
    config.addinivalue_line("markers", "slow: runs with ./test --all only")
    config.addinivalue_line("markers", "deadline(seconds): may take longer than the others")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """A test that hangs fails, with the line in which it hung; its fixtures still clean up."""
    marker = item.get_closest_marker("deadline")
    seconds = (marker.args[0] if marker else DEADLINE_SECONDS) * SLOWNESS

    def on_alarm(_number, _frame):
        # No AssertionError: wait_until() would take it for one of its condition's.
        pytest.fail(f"the test has not ended after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.has_failed = outcome.get_result().failed


@pytest.fixture
def platforms(request):
    """A function that makes an Instance; for tests that need more than one."""
    made = []

    def make():
        made.append(instance.Instance())
        return made[-1]

    yield make
    wrong = []
    for one in reversed(made):
        logs = one.tail_of_logs() if getattr(request.node, "has_failed", True) else ""
        found = one.finish()
        wrong += found
        if logs or found:
            print(f"instance {one.home}\n{logs}")
    if wrong:
        pytest.fail("\n".join(wrong))


@pytest.fixture
def platform(platforms):
    """One Instance: write_config(), up(), cli(), json(), wait_state(), down() … (instance.py)."""
    return platforms()


@pytest.fixture
def program():
    """program("slicekeep-keeper"): the path of one of our programs in the build folder."""
    return instance.program


@pytest.fixture
def free_port():
    """A function that returns a TCP port that nobody has bound, another one at each call."""
    return ports.take


@pytest.fixture
def nursery(tmp_path):
    """Starts keepers without a supervisor (keepers.py), and proves that they leave nothing."""
    tmp_path.chmod(0o755)
    made = keepers.Nursery(tmp_path, instance.program("slicekeep-keeper"), uuid.uuid4().hex)
    yield made
    wrong = made.finish()
    if wrong:
        pytest.fail("\n".join(wrong))


@pytest.fixture
def tree():
    """The path of programs/tree.c: a payload with all the children that are hard to get rid of."""
    return instance.BUILD / "tests/integration/programs/tree"


@pytest.fixture
def without():
    """The path of programs/without.c: runs a program that lacks a system call."""
    return instance.BUILD / "tests/integration/programs/without"
