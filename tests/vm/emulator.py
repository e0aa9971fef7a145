# SPDX-License-Identifier: MIT
"""The emulator of one machine: its command line, its console, and what can be asked behind the
machine's back.

Without KVM, so that it is the same wherever the tests run. A machine may begin as a copy of one
that was frozen when it had booted, see image.py: thawing takes a second, booting ten.
"""
import contextlib
import os
import shutil
import socket
import subprocess
import sys

import ticks
from agent import Agent, Silence
from waiting import SLOWNESS

BOOT_SECONDS = 90
BOOTS = 3
MEMORY_MIB = 1024
SPARE_BYTES = 64 << 20  # a sparse file
CONSOLE_LINES = 60
KERNEL_OPTIONS = (
    "root=/dev/vda rw console=ttyS0 quiet panic=-1 psi=1 mitigations=off nokaslr audit=0 "
    "systemd.show_status=0 tsc=reliable random.trust_cpu=on no_timer_check cryptomgr.notests "
    "sysrq_always_enabled init_on_alloc=0 transparent_hugepage=madvise rcupdate.rcu_expedited=1")
# Copying with "rep movsb" is fast on real processors, and here byte for byte.
CPU = "max,erms=off,fsrm=off"
PROMPT = b"(qemu) "
# One who has said nothing for so long has said everything.
PAUSE_SECONDS = 2
# Everything to the console, blocked tasks, and what each CPU does; see the kernel's sysrq.
CONFESSION_KEYS = "7wl"


class Emulator:
    """A machine that runs. `folder` is for its sockets, its console and the like.

    `image` holds kernel and initrd; `frozen` is a state that freeze() has written with this disk.
    A second disk, /dev/vdb there, is for a test to do with as it likes, see slow_down().
    """

    def __init__(self, image, folder, disk, frozen=None):
        self.folder = folder
        (folder / "console").touch()
        more = ["-incoming", f"exec:cat {frozen}"] if frozen else []
        self.process = subprocess.Popen(command(image, folder, disk, kernel_options()) + more,
                                        stdin=subprocess.DEVNULL)

    def kill(self):
        """Pull the plug."""
        self.process.kill()
        self.process.wait()

    def freeze(self, into):
        """Write the state of the machine, which is of no use any more then; not of its disk."""
        self._ask(f'migrate "exec:cat >{into}"', 60)
        assert "completed" in self._ask("info migrate"), "the machine cannot be frozen"

    def slow_down(self, bytes_per_second):
        """From now on the spare disk takes so much, or with 0 as much as it can."""
        self._ask(f"block_set_io_throttle spare 0 0 {bytes_per_second} 0 0 0")
        said = self._ask("info block spare")
        assert f"bps_wr={bytes_per_second} " in said if bytes_per_second else \
            "bps_wr=" not in said, said

    def console(self):
        """The last lines of its console."""
        return "\n".join(self._console_lines()[-CONSOLE_LINES:])

    def _console_lines(self):
        return (self.folder / "console").read_text(errors="replace").splitlines()

    def confess(self):
        """The same, and where its kernel says that everything hangs. For one that is silent."""
        before, said, where = self.console(), len(self._console_lines()), []
        with contextlib.suppress(OSError, AssertionError):
            state = self._ask("info status") + self._ask("info registers -a")
            with socket.socket(socket.AF_UNIX) as keyboard:
                keyboard.connect(str(self.folder / "keyboard"))
                keyboard.settimeout(PAUSE_SECONDS)
                for key in CONFESSION_KEYS:
                    self._ask("chardev-send-break console")
                    keyboard.sendall(key.encode())
                    _hear_out(keyboard)
            where = [line for line in state.splitlines() if line.startswith(("VM ", "RIP", "EIP"))]
        return "\n".join([before, *where, *self._console_lines()[said:]])

    def _ask(self, line, seconds=10):
        """What the emulator's monitor answers."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(seconds * SLOWNESS)
            monitor.connect(str(self.folder / "monitor"))
            _until_prompt(monitor)
            monitor.sendall(line.encode() + b"\n")
            return _until_prompt(monitor)


def _hear_out(console):
    with contextlib.suppress(TimeoutError):
        while console.recv(1 << 16):
            pass


def _until_prompt(monitor):
    said = b""
    while not said.endswith(PROMPT):
        data = monitor.recv(1 << 16)
        assert data, "the emulator is gone"
        said += data
    return said.decode(errors="replace").replace("\r", "")


def boot(image, folder, disk, server, frozen=None):
    """Start one until it answers: an (Emulator, Agent). `server` is a socket at folder/agent.

    One that was frozen gets the disk that it was frozen with, new for each attempt. The spare one
    is empty at first.

    An emulated processor hangs before its kernel has said a word, once in some hundred boots: then
    it is switched off and on again, as it would be in a rack, and that is said. Raises Silence.
    """
    said = ""
    for _ in range(BOOTS):
        if frozen:
            # What a machine that was only slow has written by now is not what its copy knows.
            make_disk(disk, image / "booted", "qcow2")
        if frozen or not (folder / "spare").exists():
            make_spare(folder / "spare")
        machine = Emulator(image, folder, disk, frozen)
        agent = None
        try:
            agent = Agent(server, BOOT_SECONDS * SLOWNESS)
            return machine, agent
        except Silence as silence:
            said = f"it does not boot: {silence}\n--- its console\n{machine.confess()}"
            print(f"the machine is switched off and on again: {said}", file=sys.stderr)
        finally:
            if not agent:
                machine.kill()
    raise Silence(said)


def make_disk(path, beneath, kind):
    """A thin layer over another disk of that kind, qcow2 or raw."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", beneath, path],
                   check=True)


def make_spare(path):
    """A small disk with nothing on it."""
    path.write_bytes(b"")
    os.truncate(path, SPARE_BYTES)


def version():
    """Of the emulator: what one has frozen is for no other."""
    return subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True,
                          check=True).stdout


def kernel_options():
    """KERNEL_OPTIONS, and what the kernel of this host's machines is to know."""
    khz = ticks.khz()
    return KERNEL_OPTIONS + (f" tsc_early_khz={khz}" if khz else "")


def command(image, folder, disk, options=KERNEL_OPTIONS):
    """The command line."""
    # However the test ends, the machine ends with it: --pdeathsig.
    return [shutil.which("setpriv"), "--pdeathsig=KILL",
            "qemu-system-x86_64", "-M", "q35,hpet=on,usb=off,vmport=off,smm=off",
            "-accel", "tcg,thread=multi,tb-size=256", "-cpu", CPU, "-smp", "2",
            "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-kernel", image / "vmlinux",
            "-initrd", image / "initrd", "-append", options,
            "-chardev", f"socket,id=console,path={folder}/keyboard,server=on,wait=off,"
                        f"logfile={folder}/console,logappend=on",
            "-serial", "chardev:console",
            "-monitor", f"unix:{folder}/monitor,server=on,wait=off",
            "-drive", f"file={disk},if=virtio,format=qcow2,cache=unsafe",
            "-drive", f"id=spare,file={folder}/spare,if=virtio,format=raw,cache=unsafe",
            "-device", "virtio-serial",
            "-chardev", f"socket,id=agent,path={folder}/agent",
            "-device", "virtserialport,chardev=agent,nr=1"]
