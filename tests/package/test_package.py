# SPDX-License-Identifier: MIT
"""The Debian package as a file, and in a minimal Debian where no systemd runs.

What it does on a machine is tests/vm/test_package.py's. The package lies in SLICEKEEP_PACKAGE, or
is built by the way.
"""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
# Which of the files are programs.
PROGRAM = re.compile(r"/usr/(bin|libexec/slicekeep)/")


def run(*argv):
    """Run to its end; what it printed."""
    done = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def folder():
    """Where the package and its .changes lie."""
    built = os.environ.get("SLICEKEEP_PACKAGE")
    if built:
        yield pathlib.Path(built)
        return
    with tempfile.TemporaryDirectory(prefix="sk-package-") as made:
        run(HERE / "build", made)
        yield pathlib.Path(made)


@pytest.fixture(scope="module")
def deb(folder):
    """The package itself."""
    (one,) = folder.glob("slicekeep_*.deb")
    return one


def expected():
    """[(path, mode)] as they stand in `contents`."""
    return [tuple(line.split()) for line in (HERE / "contents").read_text().splitlines()]


def test_lintian_finds_nothing(folder):
    (changes,) = folder.glob("*.changes")
    found = run("lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
                changes)
    assert not re.search(r"^[EW]:", found, re.MULTILINE), found


def test_package_holds_what_it_shall_hold_and_all_of_it_is_roots(deb):
    found = []
    for line in run("dpkg-deb", "--contents", deb).splitlines():
        mode, owner, _, _, _, path = line.partition(" -> ")[0].split(None, 5)
        assert owner == "root/root", line
        if not mode.startswith("d"):
            bits = "".join("01"[letter != "-"] for letter in mode[1:])
            found.append((path.removeprefix("."), f"{int(bits, 2):o}"))
    assert sorted(found) == expected()


def test_programs_answer_in_a_minimal_debian(deb):
    """Installed by apt, so that what it depends on is what it needs; purged without a trace."""
    programs = [path for path, _ in expected() if PROGRAM.match(path)]
    script = "; ".join(["set -e", "apt-get install -yq --no-install-recommends /slicekeep.deb",
                        *(f"{path} --version" for path in [*programs, "/usr/bin/cli"]),
                        "getent group slicekeep", "stat -c '%a %U' /etc/slicekeep/config.json",
                        "slicekeep config check", "dpkg --purge slicekeep", "echo what is left:",
                        "find / -xdev -path '*slicekeep*' ! -path '/slicekeep.deb'"])
    with tempfile.TemporaryDirectory(prefix="sk-root-") as made:
        said = run(HERE.parent / "setup/root", f"{made}/root", "--variant=apt",
                   f"--customize-hook=upload {deb} /slicekeep.deb",
                   f'--customize-hook=chroot "$1" sh -c "{script}"')
    for path in programs:
        assert re.search(rf"^{pathlib.Path(path).name} \d+\.\d+\.\d+", said, re.MULTILINE), said
    assert "\n600 root\n" in said
    assert " is right: 0 processes\n" in said
    assert not said.partition("what is left:\n")[2].strip(), said
