# SPDX-License-Identifier: MIT
"""Waiting for a condition with a deadline: the only way in which a test may wait.

A deadline is generous, because it costs nothing when the condition comes true early; a fixed sleep
is either too short on a busy machine or too long on a quiet one, so no test has one. For the same
reason none asserts that something was quick: what must not be waited for is made to last for ever.
"""
import os
import time

# Deadlines are meant for a quiet machine, and many are busy. Sanitizers and valgrind slow our
# programs down besides; the runner says by how much.
SLOWNESS = 6 * float(os.environ.get("SLICEKEEP_TEST_SLOWNESS", "1"))
PAUSE_SECONDS = 0.01


def wait_until(condition, deadline=10.0, what=None):
    """Call condition() until it returns something true, and return that.

    A condition that raises AssertionError is asked again, so that `assert` may be used inside.
    After `deadline` seconds the test fails and says what was waited for and what was seen last.
    """
    end = time.monotonic() + deadline * SLOWNESS
    while True:
        late = time.monotonic() >= end
        try:
            seen = condition()
        except AssertionError as failure:
            seen = failure
        else:
            if seen:
                return seen
        if late:
            name = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"waited {deadline * SLOWNESS:g} s for {name}, "
                                 f"last seen: {seen!r}")
        time.sleep(PAUSE_SECONDS)
