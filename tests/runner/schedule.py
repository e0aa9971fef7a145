# SPDX-License-Identifier: MIT
"""Running steps side by side on the cores, in the order in which they were given.

One thread that waits for SIGCHLD and deadlines. A step gets a session of its own and a log; when it
ends, whatever it left running is killed and counts as a failure. However the runner ends, by itself
or by Ctrl-C, nothing of what it started is left.
"""
import os
import select
import signal
import subprocess
import time

import tree
from step import Outcome

TAIL_LINES = 40
# pytest needs this long to end the platforms of its tests in order.
INTERRUPT_SECONDS = 15


class Running:
    """A step that has been started."""

    def __init__(self, step, folder):
        self.step = step
        self.tag = f"{os.getpid()}/{step.name}"
        self.log_path = folder / f"{step.name.replace('/', '-')}.log"
        self.start = time.monotonic()
        self.end_at = self.start + step.timeout
        self.is_late = False
        self.exit_code = None

    def spawn(self, top):
        """Start the program; its pid is ours to wait for."""
        env = os.environ | self.step.env | {tree.TAG: self.tag}
        with open(self.log_path, "wb") as log:
            self.popen = subprocess.Popen(self.step.command, cwd=top, env=env,
                                          stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self.popen.pid

    def signal(self, number):
        """Signal the step's process group, if it has not ended."""
        if self.exit_code is None:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass

    def finish(self):
        """Count, after the end of the program: its Outcome."""
        left = tree.kill(lambda: tree.of_step(self.tag))
        outcome = self.step.count(self.exit_code, self.log_path.read_text(errors="replace"))
        with open(self.log_path, "a", encoding="utf-8") as log:
            if self.is_late:
                log.write(f"\nended after {self.step.timeout:g} s\n")
            for pid, command in left.items():
                log.write(f"\nleft behind, and killed now: {pid} {command}\n")
        if left or (self.is_late and not outcome.failed):
            outcome.failed += 1
        return outcome


class Schedule:
    """All steps of one run."""

    def __init__(self, steps, top, folder, n_cores):
        self.top, self.folder, self.n_cores = top, folder, n_cores
        self.waiting = list(steps)
        self.running = {}
        self.succeeded = set()
        self.total = Outcome()
        self.is_interrupted = False
        self._wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self):
        """Run them all; the sum. After Ctrl-C (is_interrupted) it is the sum so far."""
        tree.become_subreaper()
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            while (self.waiting or self.running) and not self.is_interrupted:
                self._start_what_can()
                if self.running:
                    self._wait()
            if self.is_interrupted:
                self._interrupt()
        finally:
            left = tree.kill(tree.descendants)
            self._reap()
        if left and not self.is_interrupted:
            self.total.failed += 1
            print(f"FAILED  left behind, and killed now: {left}")
        return self.total

    def _on_signal(self, number, _frame):
        if number != signal.SIGCHLD:
            self.is_interrupted = True

    def _start_what_can(self):
        free = self.n_cores - sum(self._cores(one.step) for one in self.running.values())
        for step in list(self.waiting):
            pending = [name for name in step.after if name not in self.succeeded]
            hopeless = [name for name in pending if self._is_over(name)]
            if hopeless:
                self.waiting.remove(step)
                self.total.failed += 1
                self._say("FAILED", step, f"not run, because {', '.join(hopeless)} failed")
            elif not pending:
                if self._cores(step) > free:
                    return  # nothing overtakes it, or it would wait for ever
                self.waiting.remove(step)
                free -= self._start(step)

    def _cores(self, step):
        return self.n_cores if step.alone else min(step.cores, self.n_cores)

    def _is_over(self, name):
        """Whether the step neither waits nor runs."""
        steps = self.waiting + [one.step for one in self.running.values()]
        return all(step.name != name for step in steps)

    def _start(self, step):
        """Start a step; the number of cores that it takes."""
        one = Running(step, self.folder)
        one.spawn(self.top)
        self.running[one.pid] = one
        return self._cores(step)

    def _wait(self):
        """Until a process has ended, a deadline has come or somebody has had enough."""
        deadline = min(one.end_at for one in self.running.values())
        self._sleep_until(deadline)
        for one in self._reap():
            self._done(one)
        now = time.monotonic()
        for one in self.running.values():
            if now >= one.end_at:
                # First the chance to end its children in order, then the end.
                one.signal(signal.SIGKILL if one.is_late else signal.SIGINT)
                one.is_late = True
                one.end_at = now + INTERRUPT_SECONDS

    def _sleep_until(self, deadline):
        timeout = max(0.0, deadline - time.monotonic())
        if select.select([self._wakeup[0]], [], [], timeout)[0]:
            os.read(self._wakeup[0], 4096)

    def _reap(self):
        """Collect every dead child; the steps among them. The others are orphans of tests."""
        ended = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            one = self.running.pop(pid, None)
            if one:
                one.popen.returncode = one.exit_code = os.waitstatus_to_exitcode(status)
                ended.append(one)

    def _done(self, one):
        outcome = one.finish()
        self.total.add(outcome)
        seconds = time.monotonic() - one.start
        number = outcome.passed + outcome.failed
        figures = f"{number} test{'' if number == 1 else 's'}" if number else ""
        figures = f"{figures:>10} {seconds:7.1f} s"
        if outcome.failed:
            self._say("FAILED", one.step, f"{figures}   {outcome.failed} failed")
            lines = one.log_path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
            print("\n".join("    " + line for line in lines))
            print(f"    (all of it: {one.log_path})", flush=True)
        else:
            self.succeeded.add(one.step.name)
            self._say("ok", one.step, figures)
        for name in outcome.skipped:
            print(f"        skipped: {name}", flush=True)

    @staticmethod
    def _say(word, step, text):
        print(f"{word:7} {step.name:32} {text}", flush=True)

    def _interrupt(self):
        """Let each step end what it started; what does not is ended by run()."""
        for one in self.running.values():
            one.signal(signal.SIGINT)
        end = time.monotonic() + INTERRUPT_SECONDS
        while self.running and time.monotonic() < end:
            self._sleep_until(end)
            self._reap()
