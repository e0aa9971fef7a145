# SPDX-License-Identifier: MIT
"""The system and the user layout: their places, who runs as whom, and who may do what.

The system layout lives in a mount namespace of its own, with empty folders over those of the host.
"""
import json
import os
import pathlib
import pwd
import shlex
import shutil
import subprocess
import tempfile

import instance
import pytest
from supervision import FOREVER, config, shell
from waiting import SLOWNESS, wait_until

NOBODY = pwd.getpwnam("nobody")
GROUP_ID = 4711


class Layout(instance.Instance):
    """An Instance without SLICEKEEP_HOME; every command goes through a prefix."""

    def __init__(self, prefix, config_path):
        super().__init__()
        self.env.pop("SLICEKEEP_HOME")
        self.prefix = prefix
        self.config_path = pathlib.Path(config_path)

    def run(self, argv, *args, **more):
        return super().run([*self.prefix, *argv], *args, **more)


@pytest.fixture(name="folder")
def make_folder():
    """Below /tmp, since others must be able to enter it and a socket path is short."""
    if os.geteuid() != 0:
        pytest.fail("needs root, to become somebody else")
    path = pathlib.Path(tempfile.mkdtemp(prefix="sk-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def ended(layout):
    wrong = layout.finish()
    if wrong:
        pytest.fail("\n".join(wrong))


# --- user ---------------------------------------------------------------------------------------


@pytest.fixture(name="user")
def make_user(folder):
    """The layout of an unprivileged user, with a home of its own."""
    for name in ("home", "runtime"):
        (folder / name).mkdir(mode=0o700)
        os.chown(folder / name, NOBODY.pw_uid, NOBODY.pw_gid)
    prefix = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups",
              "--inh-caps=-all", "env", f"HOME={folder / 'home'}",
              f"XDG_RUNTIME_DIR={folder / 'runtime'}"]
    layout = Layout(prefix, folder / "home/.config/slicekeep/config.json")
    layout.home.chmod(0o755)
    yield layout
    ended(layout)


def write_as_user(layout, text):
    script = 'mkdir -p "$(dirname "$1")" && umask 077 && cat >"$1"'
    layout.run(["sh", "-c", script, "sh", layout.config_path], input=json.dumps(text))


def test_user_layout_is_all_the_users(user, folder):
    write_as_user(user, config(a=FOREVER))
    user.up()
    pid = user.wait_state("a", "running")["pid"]
    assert user.json("status")["layout"] == "user"
    assert os.stat(f"/proc/{pid}").st_uid == NOBODY.pw_uid
    assert (folder / "runtime/slicekeep/supervisor.sock").is_socket()
    for name in ("state/slicekeep/revisions", "state/slicekeep/log"):
        assert (folder / "home/.local" / name).is_dir()
    write_as_user(user, config(a=FOREVER, other=FOREVER | {"user": "daemon"}))
    said = user.cli("config", "apply", exits=1).stderr
    assert "daemon" in said and "other" in said
    assert user.wait_state("a", "running")["pid"] == pid


def test_user_layout_is_refused_to_others(user):
    write_as_user(user, config(a=FOREVER))
    user.up()
    others = [*user.prefix]
    others[others.index(f"--reuid={NOBODY.pw_uid}")] = "--reuid=4242"
    said = subprocess.run(
        [*others, instance.program("slicekeep"), "ls"], env=user.env, capture_output=True,
        text=True, timeout=30 * SLOWNESS, check=False, stdin=subprocess.DEVNULL)
    assert said.returncode == 5 and "Permission denied" in said.stderr, said.stdout + said.stderr


# --- system -------------------------------------------------------------------------------------


@pytest.fixture(name="system")
def make_system(folder):
    """The system layout in a mount namespace that a sleeping process holds."""
    groups = folder / "group"
    groups.write_text(pathlib.Path("/etc/group").read_text(encoding="utf-8")
                      + f"slicekeep:x:{GROUP_ID}:\n", encoding="utf-8")
    script = "\n".join([
        "set -e",
        "mkdir -p /etc/slicekeep /run/slicekeep /var/lib/slicekeep /var/log/slicekeep",
        *(f"mount -t tmpfs -o mode=755 tmpfs {path}" for path in (
            "/etc/slicekeep", "/run/slicekeep", "/var/lib/slicekeep", "/var/log/slicekeep")),
        f"mount --bind {shlex.quote(str(groups))} /etc/group",
        "echo ready", "exec sleep 1000"])
    was_there = {path: os.path.isdir(path) for path in (
        "/etc/slicekeep", "/run/slicekeep", "/var/lib/slicekeep", "/var/log/slicekeep")}
    holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                               script], stdout=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL)
    if holder.stdout.readline() != "ready\n":
        holder.wait()
        pytest.fail("a mount namespace of its own cannot be made here")
    layout = Layout(["nsenter", f"--mount=/proc/{holder.pid}/ns/mnt"],
                    "/etc/slicekeep/config.json")
    yield layout
    try:
        ended(layout)
    finally:
        holder.terminate()
        holder.wait()
        for path, there in was_there.items():
            if not there:
                os.rmdir(path)


def write_as_root(layout, text):
    layout.run(["sh", "-c", 'umask 077 && cat >"$1"', "sh", layout.config_path],
               input=json.dumps(text))


def owned_folder(folder, name, uid):
    path = folder / name
    path.mkdir()
    os.chown(path, uid, uid)
    return str(path)


def test_system_layout_runs_each_as_the_owner_of_its_folder(system, folder):
    theirs = owned_folder(folder, "theirs", NOBODY.pw_uid)
    root = owned_folder(folder, "root", 0)
    write_as_root(system, config(a=FOREVER | {"cwd": theirs},
                                 b=FOREVER | {"cwd": root, "user": "root"}))
    system.up()
    a, b = (system.wait_state(name, "running")["pid"] for name in "ab")
    assert system.json("status")["layout"] == "system"
    assert os.stat(f"/proc/{a}").st_uid == NOBODY.pw_uid
    assert os.stat(f"/proc/{b}").st_uid == 0
    write_as_root(system, config(c=FOREVER | {"cwd": root}))
    said = system.cli("config", "apply", exits=1).stderr
    assert "root" in said and "processes.c" in said
    assert system.wait_state("a", "running")["pid"] == a


def test_system_layout_does_not_follow_a_folder_that_becomes_roots(system, folder):
    theirs = owned_folder(folder, "theirs", NOBODY.pw_uid)
    write_as_root(system, config(a=FOREVER | {"cwd": theirs}))
    system.up()
    system.wait_state("a", "running")
    os.chown(theirs, 0, 0)
    said = system.cli("restart", "a", exits=1)
    assert "would run as root" in said.stdout + said.stderr
    pid = system.wait_state("a", "running")["pid"]
    assert os.stat(f"/proc/{pid}").st_uid == NOBODY.pw_uid


TALK = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("/run/slicekeep/supervisor.sock")
for method, parameters in json.loads(sys.argv[1]):
    s.sendall(json.dumps({"method": "io.slicekeep.supervisor." + method,
                          "parameters": parameters}).encode() + b"\\0")
    data = b""
    while not data.endswith(b"\\0"):
        data += s.recv(65536) or b'{"error": "hung up"}\\0'
    print(json.dumps(json.loads(data[:-1])))
"""


def answers_to(system, options, *calls):
    """What the supervisor answers to uid 4242 with these options of setpriv."""
    said = system.run(["setpriv", "--reuid=4242", "--regid=4242", *options, "/usr/bin/python3",
                       "-c", TALK, json.dumps(calls)]).stdout
    return [json.loads(line) for line in said.splitlines()]


def test_system_layout_lets_the_group_operate_and_refuses_others(system, folder):
    theirs = owned_folder(folder, "theirs", NOBODY.pw_uid)
    write_as_root(system, config(a=FOREVER | {"cwd": theirs, "env": {"TOKEN": "topsecret"}}))
    system.up()
    before = system.wait_state("a", "running")["pid"]
    looking, restart, read = answers_to(
        system, [f"--groups={GROUP_ID}"], ("List", {}),
        ("Restart", {"names": ["a"], "wait": True}), ("Config", {}))
    assert [s["name"] for s in looking["parameters"]["services"]] == ["a", "log"]
    assert restart["parameters"]["progress"][0]["ok"]
    assert "topsecret" not in read["parameters"]["text"]
    after = system.wait_state("a", "running")["pid"]
    assert after != before
    for method in ("Apply", "Shutdown"):
        (refused,) = answers_to(system, [f"--groups={GROUP_ID}"], (method, {}))
        assert "error" in refused
    for call in (("Status", {}), ("List", {}), ("Stop", {"names": ["a"]}), ("Config", {})):
        (refused,) = answers_to(system, ["--clear-groups"], call)
        assert "error" in refused
    assert system.wait_state("a", "running")["pid"] == after


# --- the cli of somebody who is not root ---------------------------------------------------------


def as_user(system, options, *words, exits=0):
    """The cli of uid 4242, who has a home of his own, with these options of setpriv."""
    system.home.chmod(0o755)
    return system.run(["setpriv", "--reuid=4242", "--regid=4242", *options, "env",
                       f"HOME={system.home / 'somebody'}", instance.program("slicekeep"), *words],
                      exits=exits)


MEMBER = [f"--groups={GROUP_ID}"]


def test_member_without_a_config_means_the_services_of_the_system(system, folder):
    theirs = owned_folder(folder, "theirs", NOBODY.pw_uid)
    write_as_root(system, config(a=shell("echo hello; exec sleep 1000", cwd=theirs)))
    assert "sudo slicekeep up" in as_user(system, MEMBER, "ls", exits=4).stderr
    assert "sudo slicekeep log" in as_user(system, MEMBER, "log", "a", exits=5).stderr
    assert "only root" in as_user(system, MEMBER, "up", exits=5).stderr
    system.up()
    before = system.wait_state("a", "running")["pid"]
    assert "running" in as_user(system, MEMBER, "ls").stdout
    assert "running" in as_user(system, MEMBER, "up").stdout
    as_user(system, MEMBER, "restart", "a")
    assert system.wait_state("a", "running")["pid"] != before
    wait_until(lambda: "out hello" in as_user(system, MEMBER, "log", "a").stdout)
    assert "hello" in as_user(system, MEMBER, "why", "a").stdout
    system.down()
    # It does not wait for a supervisor that has gone in order; then it would say so.
    said = as_user(system, MEMBER, "ls", exits=4).stderr
    assert "nothing is running here" in said and "sudo slicekeep up" in said


def test_member_who_adds_is_told_that_he_may_not_before_anything_else(system):
    said = as_user(system, MEMBER, "add", "b", "--cwd", "/", "--", "true", exits=5).stderr
    assert "only root is permitted" in said and "sudo" in said


def test_member_with_a_config_means_his_own_services_unless_he_says_system(system, folder):
    theirs = owned_folder(folder, "theirs", NOBODY.pw_uid)
    write_as_root(system, config(a=FOREVER | {"cwd": theirs}))
    system.up()
    (system.home / "somebody/.config/slicekeep").mkdir(parents=True)
    (system.home / "somebody/.config/slicekeep/config.json").write_text('{"processes": {}}')
    system.env["XDG_RUNTIME_DIR"] = str(folder / "runtime")
    assert str(folder / "runtime") in as_user(system, MEMBER, "ls", exits=4).stderr
    assert "running" in as_user(system, MEMBER, "--system", "ls").stdout


def test_what_is_not_permitted_exits_5_and_changes_nothing(system, folder):
    theirs = owned_folder(folder, "theirs", NOBODY.pw_uid)
    write_as_root(system, config(a=FOREVER | {"cwd": theirs}))
    system.up()
    pid = system.wait_state("a", "running")["pid"]
    for words in (["down"], ["config", "apply"], ["config", "check"],
                  ["add", "b", "--", "sleep", "1000"]):
        assert "permi" in as_user(system, MEMBER, *words, exits=5).stderr.lower(), words
    for words in (["ls"], ["status"], ["why", "a"], ["events"], ["stop", "a"], ["log", "a"],
                  ["log", "-f"], ["down"], ["signal", "a", "HUP"], ["config"]):
        said = as_user(system, ["--clear-groups"], "--system", *words, exits=5)
        assert "permi" in said.stderr.lower(), words
    assert system.wait_state("a", "running")["pid"] == pid
