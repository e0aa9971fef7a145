# SPDX-License-Identifier: MIT
"""What a machine boots: kernel, initrd and disk, made from Debian packages; and one booted already.

The kernel is taken out of its compressed wrapper, since under emulation unpacking it costs as much
as the rest of the boot. The initrd is a shell and the modules that reach the disk, because Debian's
would look for hardware first. udev, gettys, timers and whatever else only costs time in a machine
that lives for seconds are masked. Then a machine is booted once, and frozen: a test thaws a copy.
"""
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import emulator
import ticks

HERE = pathlib.Path(__file__).resolve().parent
GUEST = HERE / "guest"
# Makes the root; it names the Debian suite.
ROOT = HERE.parent / "setup/root"
PACKAGES = (
    "linux-image-cloud-amd64", "systemd-sysv",
    "dbus", "dbus-user-session", "libpam-systemd",  # managers of users
    "libevent-core-2.1-7", "libevent-extra-2.1-7", "libjansson4", "libcgroup2",
    "libzstd1",  # our libraries
    "python3",  # the agent, and the payloads of the tests
    "procps", "iproute2",
)
# In the order of their dependencies.
MODULES = (
    "virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_legacy_dev",
    "virtio/virtio_pci_modern_dev", "virtio/virtio_pci", "block/virtio_blk", "char/virtio_console",
)
MASKED = (
    "systemd-udevd.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket",
    "systemd-udev-trigger.service", "getty.target", "apt-daily.timer", "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "systemd-tmpfiles-clean.timer", "systemd-networkd.service", "systemd-random-seed.service",
    "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
    "systemd-pstore.service", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount",
    "systemd-firstboot.service", "systemd-machine-id-commit.service", "systemd-sysusers.service",
    "systemd-modules-load.service", "kmod-static-nodes.service", "modprobe@.service",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "dev-hugepages.mount",
    "dev-mqueue.mount", "remote-fs.target", "systemd-journal-flush.service",
)
# Started when they are asked for, and not at boot: with a bus and a listener on it, systemd tells
# both of all that it does, which makes a unit's start and stop dearer by two fifths.
UNWANTED = ("dbus.service", "systemd-logind.service")
FILES = {
    "etc/fstab": "",
    "etc/hostname": "vm\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/systemd/journald.conf.d/vm.conf":
        "[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\nRateLimitIntervalSec=0\n",
}
BOOTED_SECONDS = 120
DISK_BYTES = 4 << 30  # a sparse file
LZ4_LEGACY_MAGIC = b"\x02\x21\x4c\x18"


def key():
    """Names the image by all that it is made of."""
    digest = hashlib.sha256(emulator.version())
    # Wherever it will lie: that of another checkout is as good.
    place = pathlib.Path("image")
    digest.update(repr(emulator.command(place, place, place / "disk")[1:]).encode())
    # What is frozen goes by the ticks of the host that it was frozen on.
    digest.update(str(round(ticks.khz() or 0, -4)).encode())
    for path in (pathlib.Path(__file__), ROOT, *sorted(GUEST.iterdir())):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def unpack_kernel(path):
    """The ELF image in a kernel that is compressed with LZ4."""
    data = path.read_bytes()
    at = data.find(LZ4_LEGACY_MAGIC)
    while at >= 0:
        # It complains about what stands behind the compressed part, and is right.
        done = subprocess.run(["lz4", "-d", "-c"], input=data[at:], capture_output=True,
                              check=False)
        if done.stdout.startswith(b"\x7fELF"):
            return done.stdout
        at = data.find(LZ4_LEGACY_MAGIC, at + 1)
    raise RuntimeError(f"{path} holds no kernel compressed with LZ4")


def make_initrd(root, into):
    """guest/init, a shell for it, and MODULES."""
    (drivers,) = root.glob("lib/modules/*/kernel/drivers")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ("dev", "modules", "root", "bin"):
            (folder / name).mkdir()
        shutil.copy("/bin/busybox", folder / "bin")
        shutil.copy(GUEST / "init", folder)
        for number, name in enumerate(MODULES):
            module = folder / "modules" / f"{number}-{pathlib.Path(name).name}.ko"
            subprocess.run(["strip", "--strip-debug", drivers / f"{name}.ko", "-o", module],
                           check=True)
        names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
        with open(into, "wb") as file:
            subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=folder,
                           input=names.encode(), stdout=file, check=True)


def furnish(root):
    """What makes a machine for tests of a Debian."""
    units = root / "etc/systemd/system"
    for name in MASKED:
        (units / name).symlink_to("/dev/null")
    for name in UNWANTED:
        (root / "lib/systemd/system/multi-user.target.wants" / name).unlink()
    masks = root / "etc/systemd/system-generators"
    masks.mkdir(exist_ok=True)
    for generator in (root / "lib/systemd/system-generators").iterdir():
        (masks / generator.name).symlink_to("/dev/null")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    # How the root was unpacked is not how packages of tests are.
    (root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink()
    shutil.copy(GUEST / "agent", root / "usr/local/sbin")
    shutil.copy(GUEST / "agent.service", units)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/agent.service").symlink_to("../agent.service")


def freeze(into):
    """Boot what was built; `booted`, the disk from then on, and `frozen`, the rest of its state."""
    # Named as from where it lies, since the folder is renamed.
    emulator.make_disk(into / "booted", "disk", "raw")
    with tempfile.TemporaryDirectory(prefix="sk-vm-", dir="/tmp") as folder, \
            socket.socket(socket.AF_UNIX) as server:
        folder = pathlib.Path(folder)
        server.bind(str(folder / "agent"))
        server.listen(1)
        machine, agent = emulator.boot(into, folder, into / "booted", server)
        try:
            code, said, _ = agent.call({
                "do": "run", "argv": ["systemctl", "is-system-running", "--wait"], "user": "root",
                "env": {}, "cwd": None, "seconds": BOOTED_SECONDS}, b"", BOOTED_SECONDS)
            assert code == 0, f"its systemd is {said.decode().strip()}:\n{machine.console()}"
            machine.freeze(into / "frozen")
        finally:
            machine.kill()


def build(into):
    """Make `vmlinux`, `initrd` and `disk` in the folder `into`, as root; then freeze()."""
    with tempfile.TemporaryDirectory(dir=into) as folder:
        root = pathlib.Path(folder) / "root"
        left_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*"
                    for name in ("doc", "man", "locale", "info")]
        # INITRD: one by Debian's own tools would be made for nothing.
        subprocess.run([ROOT, root, "--variant=minbase", f"--include={','.join(PACKAGES)}",
                        *left_out], env=os.environ | {"INITRD": "No"}, check=True)
        (kernel,) = root.glob("boot/vmlinuz-*")
        (into / "vmlinux").write_bytes(unpack_kernel(kernel))
        make_initrd(root, into / "initrd")
        furnish(root)
        with open(into / "disk", "wb") as file:
            file.truncate(DISK_BYTES)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E",
                        "lazy_itable_init=1", "-d", root, into / "disk"], check=True)
    freeze(into)
