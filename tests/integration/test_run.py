# SPDX-License-Identifier: MIT
"""./run as a new user meets it: what it prints, what the cli beside it says, and Ctrl-C."""
import json
import re
import shutil
import signal
import subprocess

import pytest

import instance
import processes
from waiting import SLOWNESS, wait_until


@pytest.fixture
def tree(platform, free_port):
    """A folder with run and config/ of its own, so that a ./run of somebody else is not met."""
    top = platform.home / "tree"
    top.mkdir()
    shutil.copy(instance.TOP / "run", top / "run")
    shutil.copytree(instance.TOP / "config", top / "config")
    config = top / "config/example.json"
    config.write_text(config.read_text().replace("8000", str(free_port())))
    (top / "tests").symlink_to(instance.TOP / "tests")
    (top / "build").symlink_to(instance.BUILD)
    return top


def start(platform, tree):
    """Start ./run; its process and what it had printed when it was up."""
    process = platform.spawn(["./run"], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            return process, "".join(lines)
    raise AssertionError("./run has ended: " + "".join(lines))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_shows_the_first_screen_and_ctrl_c_ends_everything(platform, tree, number):
    process, screen = start(platform, tree)
    assert re.search(r"^built in \d+ s$", screen, re.MULTILINE)
    assert "launcher direct" in screen
    for name in ("site", "migrate", "worker", "moody", "stubborn", "hog"):
        assert re.search(rf"^{name} ", screen, re.MULTILINE), screen
    assert re.search(r"^Site +http://127\.0\.0\.1:\d+$", screen, re.MULTILINE), screen
    assert "./run cli log -f" in screen

    process.send_signal(number)
    rest, _ = process.communicate(timeout=60 * SLOWNESS)
    assert process.returncode == 0, rest
    assert not processes.tagged(platform.tag)


def test_run_cli_works_from_anywhere_while_it_runs_and_after(platform, tree):
    process, _ = start(platform, tree)

    def all_are_there():
        listed = json.loads(platform.run([tree / "run", "cli", "ls", "--json"]).stdout)
        states = {element["name"]: element["state"] for element in listed}
        assert states["site"] == "running" and states["migrate"] == "done"
        return True

    wait_until(all_are_there, 20)  # it waits for ten seconds and no longer

    platform.run([tree / "run", "cli", "down"])
    process.communicate(timeout=60 * SLOWNESS)
    assert process.returncode == 0
    assert not processes.tagged(platform.tag)
    after = platform.run([tree / "run", "cli", "ls"], exits=4)
    assert "start" in after.stdout + after.stderr


def test_run_killed_leaves_the_services_running(platform, tree):
    process, _ = start(platform, tree)
    process.kill()
    process.wait()
    cli = [tree / "run", "cli"]
    wait_until(lambda: platform.run([*cli, "ls"]).stdout)
    platform.run([*cli, "down"])
    assert not processes.tagged(platform.tag)


def test_run_with_a_wrong_word_says_how_to_call_it(platform, tree):
    result = platform.run([tree / "run", "what"], exits=2)
    assert "usage: ./run" in result.stderr
