# SPDX-License-Identifier: MIT
"""A step: one program that the runner starts, what it waits for, and what came of it."""
import dataclasses
import typing


@dataclasses.dataclass
class Outcome:
    """What a step proved.

    passed, failed: numbers of tests; skipped: the names of tests that did not run;
    left_out: tests that the step leaves to `./test --all`.
    """
    passed: int = 0
    failed: int = 0
    skipped: list = dataclasses.field(default_factory=list)
    left_out: int = 0

    def add(self, other):
        """Add up."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.left_out += other.left_out


def one_check(exit_code, _log_text):
    """A program that is a test itself."""
    return Outcome(passed=1) if exit_code == 0 else Outcome(failed=1)


def no_test(exit_code, _log_text):
    """A program that proves nothing by succeeding, such as the plain build."""
    return Outcome() if exit_code == 0 else Outcome(failed=1)


@dataclasses.dataclass
class Step:
    """One program to run.

    name:    also the name of its log
    command: the words of its command line
    count:   (exit code, text of the log) -> Outcome
    after:   names of steps that have to succeed first
    alone:   wants all cores, because it is parallel itself
    cores:   how many it keeps busy otherwise
    env:     variables beside the inherited ones
    timeout: seconds after which it is ended and has failed
    """
    name: str
    command: tuple
    count: typing.Callable = one_check
    after: tuple = ()
    alone: bool = False
    cores: int = 1
    env: dict = dataclasses.field(default_factory=dict)
    timeout: float = 2700
