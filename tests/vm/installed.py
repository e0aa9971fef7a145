# SPDX-License-Identifier: MIT
"""What `meson install` of the build folder puts on a system."""
import os
import pathlib
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLICEKEEP_BUILD", TOP / "build")).resolve()


def install(machine):
    """Install it in a machine, without debug information: that would be most of the way."""
    with tempfile.TemporaryDirectory(prefix="sk-vm-") as folder:
        done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--strip",
                               "--quiet", "--destdir", folder], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, f"{BUILD} is not built?\n{done.stdout}{done.stderr}"
        machine.put_tree(folder)
