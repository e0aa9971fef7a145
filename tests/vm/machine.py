# SPDX-License-Identifier: MIT
"""A virtual machine whose first process is a real systemd, for a test to do with as it likes.

It is emulated, without KVM, so that it is the same wherever the tests run: some twenty times slower
than the host. Its disk is a thin layer over the image, and goes with the machine. A command is
killed when its time is up; a machine that says nothing for longer fails the test with the last
lines of its console.
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
from agent import Agent, Silence
from waiting import SLOWNESS

MEMORY_MIB = 1024
BOOT_SECONDS = 90
SHUTDOWN_SECONDS = 90
COMMAND_SECONDS = 60
# What the machine gets to kill a command that took too long.
GRACE_SECONDS = 20
CONSOLE_LINES = 40
KERNEL_OPTIONS = (
    "root=/dev/vda rw console=ttyS0 quiet panic=-1 psi=1 mitigations=off nokaslr audit=0 "
    "systemd.show_status=0 tsc=reliable random.trust_cpu=on no_timer_check cryptomgr.notests")


def command_for(argv, seconds=COMMAND_SECONDS):
    """What guest/agent is sent."""
    words = ["bash", "-c", argv] if isinstance(argv, str) else [str(word) for word in argv]
    return {"argv": words, "seconds": seconds * SLOWNESS, "user": "root", "env": {}, "cwd": None}


class Machine:
    """One machine, booted; to be closed."""

    def __init__(self):
        self.image = cache.get()
        self.turn = cache.turn()
        # Short, because a Unix socket path holds 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sk-vm-", dir="/tmp"))
        self.qemu = None
        self.agent = None
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.folder / "agent"))
        self.server.listen(1)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                        "-b", self.image / "disk", self.folder / "disk"], check=True)
        try:
            self._boot()
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
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
        self.server.close()
        self.turn.close()
        shutil.rmtree(self.folder)

    def run(self, argv, *, exits=0, user="root", env=None, cwd=None, stdin="",
            seconds=COMMAND_SECONDS):
        """Run a command to its end, in an environment of its own; `argv` may be a line for bash.

        `exits` is the expected exit code, or None for any; `cwd` is the user's home unless given.
        Returns the CompletedProcess, as text.
        """
        done = self._call(argv, exits, stdin.encode(), seconds,
                          {"user": user, "env": env or {}, "cwd": cwd})
        return subprocess.CompletedProcess(done.args, done.returncode,
                                           done.stdout.decode(errors="replace"),
                                           done.stderr.decode(errors="replace"))

    def put(self, path, data, mode=0o644, user="root"):
        """Write a file, of text or bytes, with the folders above it."""
        script = 'umask 022 && mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self._call(["sh", "-c", script, "sh", path, f"{mode:o}"], more={"user": user},
                   stdin=data.encode() if isinstance(data, str) else data)

    def get(self, path):
        """The bytes of a file."""
        return self._call(["cat", path]).stdout

    def put_tree(self, folder, into="/"):
        """Copy what lies in a folder of the host into one of the machine; it is root's there."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for path in sorted(pathlib.Path(folder).iterdir()):
                archive.add(path, path.name)
        self._call(["tar", "-x", "--no-same-owner", "--keep-directory-symlink", "-C", into],
                   stdin=tar.getvalue())

    def reboot(self):
        """Shut down in order, and boot again from the same disk."""
        try:
            self.agent.send(command_for(["systemctl", "reboot"]), b"", COMMAND_SECONDS)
            self.qemu.wait(SHUTDOWN_SECONDS * SLOWNESS)
        except (Silence, subprocess.TimeoutExpired) as why:
            self._fail(f"it does not shut down: {why}")
        self.agent.close()
        self._boot()

    def _call(self, argv, exits=0, stdin=b"", seconds=COMMAND_SECONDS, more=()):
        command = command_for(argv, seconds) | dict(more)
        words = command["argv"]
        try:
            code, stdout, stderr = self.agent.call(command, stdin,
                                                   (seconds + GRACE_SECONDS) * SLOWNESS)
        except Silence as silence:
            self._fail(f"{silence}; asked for: {shlex.join(words)}")
        if code is None or exits not in (None, code):
            said = (stdout + stderr).decode(errors="replace")
            what = "took too long" if code is None else f"exit code {code}, expected {exits}"
            raise AssertionError(f"{shlex.join(words)}: {what}\n{said}")
        return subprocess.CompletedProcess(words, code, stdout, stderr)

    def _boot(self):
        """Start the emulator, and wait until systemd has started everything."""
        self.qemu = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL)
        try:
            self.agent = Agent(self.server, BOOT_SECONDS * SLOWNESS)
        except Silence as silence:
            self._fail(f"it does not boot: {silence}")
        state = self.run(["systemctl", "is-system-running", "--wait"], exits=None).stdout.strip()
        if state != "running":
            failed = self.run(["systemctl", "--failed", "--no-legend"]).stdout
            self._fail(f"its systemd is {state}: {failed}")

    def _command(self):
        # However the test ends, the machine ends with it: --pdeathsig.
        return ["setpriv", "--pdeathsig=KILL",
                "qemu-system-x86_64", "-M", "q35,hpet=on,usb=off,vmport=off,smm=off",
                "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max", "-smp", "2",
                "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-no-reboot",
                "-display", "none", "-kernel", self.image / "vmlinux",
                "-initrd", self.image / "initrd", "-append", KERNEL_OPTIONS,
                "-chardev", f"file,id=console,path={self.folder}/console,append=on",
                "-serial", "chardev:console",
                "-drive", f"file={self.folder}/disk,if=virtio,format=qcow2,cache=unsafe",
                "-device", "virtio-serial",
                "-chardev", f"socket,id=agent,path={self.folder}/agent",
                "-device", "virtserialport,chardev=agent,nr=1"]

    def _fail(self, why):
        console = (self.folder / "console").read_text(errors="replace").splitlines()
        tail = "\n".join(console[-CONSOLE_LINES:])
        raise AssertionError(f"the machine: {why}\n--- the end of its console\n{tail}")
