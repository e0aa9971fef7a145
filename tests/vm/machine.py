# SPDX-License-Identifier: MIT
"""A virtual machine whose first process is a real systemd, for a test to do with as it likes.

It is emulated: some twenty times slower than the host. Its disk is a thin layer over the image, and
goes with the machine. A command is killed when its time is up, and the failure tells where it hung;
a machine that says nothing for longer is lost: the test fails with the last lines of its console,
and so does at once whatever it is asked later.
"""
import io
import pathlib
import shlex
import shutil
import socket
import subprocess
import tarfile
import tempfile

import cache
import emulator
from agent import Silence
from waiting import SLOWNESS

SHUTDOWN_SECONDS = 180
COMMAND_SECONDS = 120
# What the machine gets to kill a command that took too long.
GRACE_SECONDS = 20
# What guest/agent says of a file that is not there.
MISSING = 2
# What is known of a machine in which a command took too long.
WITNESSES = ("ps -e -o pid,ppid,state,wchan:24,args --forest", "journalctl --no-pager --lines 80")


def command_for(argv, seconds=COMMAND_SECONDS):
    """What guest/agent is sent."""
    words = ["bash", "-c", argv] if isinstance(argv, str) else [str(word) for word in argv]
    return {"do": "run", "argv": words, "seconds": seconds * SLOWNESS, "user": "root", "env": {},
            "cwd": None}


class Machine:
    """One machine, booted; to be closed."""

    def __init__(self):
        self.image = cache.get()
        self.turn = cache.turn()
        # Short, because a Unix socket path holds 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sk-vm-", dir="/tmp"))
        self.emulator = None
        self.agent = None
        self.lost = None
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.folder / "agent"))
        self.server.listen(1)
        try:
            self._boot(self.image / "frozen")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        """Pull the plug, and forget the disk."""
        if self.agent:
            self.agent.close()
        if self.emulator:
            self.emulator.kill()
        self.server.close()
        self.turn.close()
        shutil.rmtree(self.folder)

    def run(self, argv, *, exits=0, user="root", env=None, cwd=None, stdin="",
            seconds=COMMAND_SECONDS):
        """Run a command to its end, in an environment of its own; `argv` may be a line for bash.

        `exits` is the expected exit code, or None for any; `cwd` is the user's home unless given.
        Returns the CompletedProcess, as text.
        """
        return self._run(command_for(argv, seconds) |
                         {"user": user, "env": env or {}, "cwd": cwd}, exits, stdin.encode())

    def run_python(self, path, *words, seconds=COMMAND_SECONDS):
        """Run main() of a Python file of the machine, without the second that Python takes to
        start there. It is loaded once: it must not change."""
        return self._run(command_for([path, *words], seconds) | {"do": "python"})

    def put(self, path, data, mode=0o644, user="root"):
        """Write a file, of text or bytes, with the folders above it."""
        self._order({"do": "put", "path": str(path), "mode": mode, "user": user},
                    data.encode() if isinstance(data, str) else data)

    def get(self, path, missing=None):
        """The bytes of a file; `missing`, if given, when there is none."""
        return self._order({"do": "get", "path": str(path)}, missing=missing)

    def put_tree(self, folder, into="/"):
        """Copy what lies in a folder of the host into one of the machine; it is root's there."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for path in sorted(pathlib.Path(folder).iterdir()):
                archive.add(path, path.name)
        self._run(command_for(["tar", "-x", "--no-same-owner", "--keep-directory-symlink",
                               "-C", into]), 0, tar.getvalue())

    def reboot(self):
        """Shut down in order, and boot again from the same disk."""
        try:
            # `systemctl reboot` would first start logind, to ask it.
            self.agent.send(command_for(["systemctl", "start", "--no-block",
                                         "--job-mode=replace-irreversibly", "reboot.target"]),
                            b"", COMMAND_SECONDS)
            self.emulator.process.wait(SHUTDOWN_SECONDS * SLOWNESS)
        except (Silence, subprocess.TimeoutExpired) as why:
            self._lose(f"it does not shut down: {why}")
        self.agent.close()
        self._boot()

    def _run(self, command, exits=0, stdin=b""):
        words = command["argv"]
        code, stdout, stderr = self._call(command, stdin, shlex.join(words), command["seconds"])
        stdout, stderr = (part.decode(errors="replace") for part in (stdout, stderr))
        if code is None:
            raise AssertionError(f"{shlex.join(words)}: took longer than {command['seconds']:g} s\n"
                                 f"{stdout}{stderr}\n{self._witnesses()}")
        if exits not in (None, code):
            raise AssertionError(f"{shlex.join(words)}: exit code {code}, expected {exits}\n"
                                 f"{stdout}{stderr}")
        return subprocess.CompletedProcess(words, code, stdout, stderr)

    def _order(self, order, stdin=b"", missing=None):
        """Have something done with a file."""
        what = f"{order['do']} {order['path']}"
        code, stdout, stderr = self._call(order, stdin, what, COMMAND_SECONDS * SLOWNESS)
        if code == MISSING and missing is not None:
            return missing
        assert code == 0, f"{what}: {stderr.decode(errors='replace')}"
        return stdout

    def _call(self, order, stdin, what, seconds):
        assert not self.lost, f"the machine was lost earlier: {self.lost}"
        try:
            return self.agent.call(order, stdin, seconds + GRACE_SECONDS * SLOWNESS)
        except Silence as silence:
            self._lose(f"{silence}; asked for: {what}")

    def _boot(self, frozen=None):
        """Start the emulator, and wait until systemd has started everything."""
        self.emulator = self.agent = None
        try:
            self.emulator, self.agent = emulator.boot(self.image, self.folder,
                                                      self.folder / "disk", self.server, frozen)
        except Silence as silence:
            self._lose(str(silence))
        state = self.run(["systemctl", "is-system-running", "--wait"], exits=None).stdout.strip()
        if state != "running":
            failed = self.run(["systemctl", "--failed", "--no-legend"]).stdout
            self._lose(f"its systemd is {state}: {failed}")

    def _witnesses(self):
        """What its processes, its journal and its console say."""
        said = []
        for line in WITNESSES:
            code, stdout, _ = self._call(command_for(line, GRACE_SECONDS), b"", line, GRACE_SECONDS)
            said.append(f"--- {line}: {code}\n{stdout.decode(errors='replace')}")
        return "\n".join([*said, "--- its console", self.emulator.console()])

    def _lose(self, why):
        """It does not answer as it should: fail, and never ask it again."""
        self.lost = why
        console = f"\n--- its console\n{self.emulator.confess()}" if self.emulator else ""
        raise AssertionError(f"the machine: {why}{console}")
