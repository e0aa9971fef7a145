# SPDX-License-Identifier: MIT
"""The Debian package, and a newer one, for a machine to install."""
import os
import pathlib
import shutil
import subprocess
import tempfile

BUILDER = pathlib.Path(__file__).resolve().parents[1] / "package/build"
NEWER = "9.0"


def debs(into):
    """Put slicekeep.deb and newer.deb into a folder.

    They hold the same, but for the version: what an upgrade does to what runs is the same. A
    package that is built already is taken from the folder SLICEKEEP_PACKAGE.
    """
    with tempfile.TemporaryDirectory(prefix="sk-package-") as folder:
        built = os.environ.get("SLICEKEEP_PACKAGE")
        if not built:
            built = f"{folder}/built"
            subprocess.run([BUILDER, built], check=True)
        (deb,) = pathlib.Path(built).glob("slicekeep_*.deb")
        shutil.copy(deb, into / "slicekeep.deb")
        subprocess.run(["dpkg-deb", "--raw-extract", deb, f"{folder}/newer"], check=True)
        control = pathlib.Path(folder, "newer/DEBIAN/control")
        lines = control.read_text().splitlines(keepends=True)
        control.write_text("".join(f"Version: {NEWER}\n" if line.startswith("Version:") else line
                                   for line in lines))
        # Not compressed: a machine takes seconds to unpack it, and the other one is.
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", f"{folder}/newer",
                        into / "newer.deb"], check=True, stdout=subprocess.DEVNULL)
