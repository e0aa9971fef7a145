# SPDX-License-Identifier: MIT
"""One platform of a test's own: a folder, a config file, `up`, `down` and the cli between them.

The folder lies directly below /tmp because a Unix socket path holds 107 bytes. Everything that is
started carries the instance's tag, so that finish() can prove that nothing was left behind.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import uuid

import processes
from control import Control
from waiting import SLOWNESS

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLICEKEEP_BUILD", TOP / "build")).resolve()
FOLDER_OF = {
    "slicekeep": "cli",
    "slicekeep-supervisor": "supervisor",
    "slicekeep-keeper": "supervisor/keeper",
    "slicekeep-probe": "supervisor/probe",
    "slicekeep-log": "log",
}
# What a check for leaks says whose process is killed in the middle of it. It has found nothing; one
# that is killed when it has just opened its report has not even said that.
CHECK_KILLED = re.compile(r"(==\d+==Unable to get registers from thread \d+\.\s*)*")
# Set by the shell or the service manager that runs the tests; no instance may see them.
FOREIGN = ("SLICEKEEP_CONFIG", "SLICEKEEP_LAUNCHER", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID",
           "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID", "XDG_RUNTIME_DIR")


def program(name):
    """The path of one of our programs in the build folder ($SLICEKEEP_BUILD or ./build)."""
    path = BUILD / FOLDER_OF[name] / name
    assert os.access(path, os.X_OK), f"{path} is not built: ninja -C {BUILD}"
    return path


class Instance(Control):
    """A platform under a SLICEKEEP_HOME of its own."""

    def __init__(self):
        self.program = program("slicekeep")
        self.tag = uuid.uuid4().hex
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="sk-", dir="/tmp"))
        self.config_path = self.home / "config.json"
        self.env = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        self.env.update({"SLICEKEEP_HOME": str(self.home), "SLICEKEEP_LAUNCHER": "direct",
                         processes.TAG: self.tag, "LC_ALL": "C.UTF-8", "TZ": "UTC"})
        self._spawned = []
        self._is_up = False
        self._is_interrupted = False
        if "SLICEKEEP_TEST_SANITIZED" in os.environ:
            self._report_sanitizers()

    def _report_sanitizers(self):
        """Sanitizers write into files: a daemon's stderr may be anywhere."""
        (self.home / "sanitizer").mkdir()
        path = self.home / "sanitizer" / "report"
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            self.env[name] = ":".join(filter(None, (os.environ.get(name), f"log_path={path}")))

    def write_config(self, config):
        """Write the config file, 0600: a value that becomes JSON, or text as it is."""
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        self.config_path.write_text(text)
        self.config_path.chmod(0o600)
        return self.config_path

    def run(self, argv, exits=0, timeout=60, **more):
        """Run a program to its end in this instance's environment, its stdin empty.

        `exits` is the expected exit code, or None for any. Returns the CompletedProcess, as text.
        """
        more.setdefault("stdin", subprocess.DEVNULL if "input" not in more else None)
        result = subprocess.run([str(word) for word in argv], env=self.env, cwd=self.home,
                                capture_output=True, text=True, errors="replace",
                                timeout=timeout * SLOWNESS, check=False, **more)
        assert exits is None or result.returncode == exits, (
            f"{' '.join(map(str, argv))}: exit code {result.returncode}, expected {exits}\n"
            f"{result.stdout}{result.stderr}")
        return result

    def up(self, config=None, *args, prefix=(), **more):
        """Write the config, if one is given, and start the platform in the background.

        `prefix` is a program that starts it, elsewhere than here.
        """
        if config is not None:
            self.write_config(config)
        self._is_up = True
        return self.run([*prefix, self.program, "up", *args], **more)

    def down(self, **more):
        """Stop the platform, and prove that it left no process."""
        result = self.cli("down", **more)
        self._is_up = False
        left = processes.left_behind(self.tag)
        assert not left, f"left behind by `down`, and killed now: {left}"
        return result

    def spawn(self, argv, **more):
        """Start a program of the test's own; finish() ends it. Returns the Popen."""
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("cwd", self.home)
        process = subprocess.Popen([str(word) for word in argv], env=self.env | more.pop("env", {}),
                                   **more)
        self._spawned.append(process)
        return process

    def processes(self):
        """{pid: command line} of everything that runs in this instance."""
        return processes.tagged(self.tag)

    def tail_of_logs(self, size_bytes=3000):
        """The ends of the files below the log folder, for the report of a failed test."""
        parts = []
        for path in sorted(self.home.glob("log/**/*")):
            if path.is_file() and not path.is_symlink():
                with open(path, "rb") as file:
                    file.seek(max(0, path.stat().st_size - size_bytes))
                    data = file.read()
                if data and b"\0" not in data:
                    parts.append(f"--- {path}\n{data.decode(errors='replace')}")
        return "\n".join(parts)

    def finish(self):
        """End everything, remove the folder, and return the list of what was wrong."""
        wrong = []
        if self._is_up:
            result = self.cli("down", exits=None)
            if result.returncode != 0:
                wrong.append(f"`down` exits {result.returncode}: {result.stdout}{result.stderr}")
        for process in self._spawned:
            if process.poll() is None:
                process.terminate()
                self._is_interrupted = True
            try:
                process.wait(10 * SLOWNESS)
            except subprocess.TimeoutExpired:
                wrong.append(f"{process.args} does not end by SIGTERM")
                process.kill()
                process.wait()
        left = processes.left_behind(self.tag, self._is_interrupted)
        if left:
            wrong.append(f"left behind, and killed now: {left}")
        for report in sorted(self.home.glob("sanitizer/*")):
            text = report.read_text(errors="replace")
            if not CHECK_KILLED.fullmatch(text):
                wrong.append(f"sanitizer: {text}")
        if "SLICEKEEP_TEST_KEEP" not in os.environ:
            shutil.rmtree(self.home, ignore_errors=True)
        return wrong
