# SPDX-License-Identifier: MIT
"""What goes wrong on a server: each with a clear message, and nothing else disturbed.

A bystander runs in every test; it must keep its pid, whatever happens beside it.
"""
import os
import pathlib
import socket

import pytest

import store
from instance import BUILD
from processes import start_time_of
from waiting import wait_until

COUNT = str(BUILD / "tests/integration/programs/count")
BYSTANDER = {"command": COUNT, "args": ["3"]}


def with_bystander(**processes):
    return {"processes": {"bystander": BYSTANDER, **processes}}


def identity(platform):
    pid = platform.wait_state("bystander", "running")["pid"]
    return pid, start_time_of(pid)


def fails_to_start(platform, process, *words):
    """Start it beside the bystander; `start` and `why` say the same, in these words."""
    platform.up(with_bystander(broken=process))
    before = identity(platform)
    said = platform.cli("start", "broken", exits=1)
    why = platform.cli("why", "broken")
    for word in words:
        assert word in (said.stdout + said.stderr).lower()
        assert word in why.stdout.lower()
    assert identity(platform) == before


def test_missing_program_is_named(platform):
    fails_to_start(platform, {"command": "/nonexistent/program"}, "/nonexistent/program",
                   "no such file or directory")


def test_missing_program_in_path_is_named(platform):
    fails_to_start(platform, {"command": "no-such-program-anywhere"}, "no-such-program-anywhere",
                   "no such file or directory")


def test_program_that_is_not_executable_is_named(platform):
    program = platform.home / "plain"
    program.write_text("not a program")
    fails_to_start(platform, {"command": str(program)}, str(program), "permission denied")


def test_missing_cwd_is_named(platform):
    fails_to_start(platform, {"command": COUNT, "args": ["1"], "cwd": "/nonexistent/folder"},
                   "/nonexistent/folder", "no such file or directory")


def test_unknown_user_is_named(platform):
    fails_to_start(platform, {"command": COUNT, "args": ["1"], "user": "nosuchuser"},
                   "nosuchuser")


def test_unreadable_env_file_is_named_and_not_quoted(platform):
    (platform.home / "env").write_text("SECRET_WORD\n")
    fails_to_start(platform, {"command": COUNT, "args": ["1"], "env_file": "env"}, "env", "line 1")
    assert "SECRET_WORD" not in platform.cli("why", "broken").stdout


def test_missing_env_file_is_named(platform):
    fails_to_start(platform, {"command": COUNT, "args": ["1"], "env_file": "no-such-env"},
                   "no-such-env", "no such file or directory")


def test_taken_port_shows_in_why_with_what_the_program_said(platform, free_port):
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        platform.up(with_bystander(web={
            "command": "python3", "args": ["-m", "http.server", "--bind", "127.0.0.1", str(port)],
            "ports": [port], "ready": {"up_for": "30s", "timeout": "60s"}}))
        before = identity(platform)
        said = platform.cli("start", "web", exits=1)
        assert "Address already in use" in said.stdout + said.stderr
        assert "Address already in use" in platform.cli("why", "web").stdout
        assert identity(platform) == before


REFUSED = {
    "unknown key": ('{"processes": {"a": {"command": "x", "comand": 1}}}',
                    ["config.json:1", "processes.a", "comand", "did you mean 'command'"]),
    "wrong type": ('{\n"processes": {\n"a": {"command": 7}}}', ["config.json:3", "command"]),
    "duplicate key": ('{"processes": {}, "processes": {}}', ["config.json:1", "processes"]),
    "cycle": ('{"processes": {"a": {"command": "x", "after": ["b"]},'
              ' "b": {"command": "x", "after": ["a"]}}}', ["a -> b -> a"]),
    "unknown after": ('{"processes": {"a": {"command": "x", "after": ["bb"]}}}', ["bb"]),
    "not JSON": ("processes: a", ["config.json:1"]),
    "empty": ("", ["config.json"]),
    "invalid UTF-8": (b'{"processes": {"a": {"command": "\xff\xfe"}}}', ["config.json:1", "UTF-8"]),
    "path as a name": ('{"processes": {"../a": {"command": "x"}}}', ["../a"]),
    "10 MB": (b'{"processes": {"a": {"command": "' + b"x" * 10_000_000 + b'"}}}', ["config.json"]),
    "deep": ("[" * 100_000, ["config.json"]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_config_is_refused_with_place_and_reason_and_the_old_one_stays(platform, what):
    platform.up(with_bystander())
    before = identity(platform)
    text, words = REFUSED[what]
    platform.config_path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for verb in ("check", "apply"):
        said = platform.cli("config", verb, exits=1)
        for word in words:
            assert word in said.stderr
        assert len(said.stderr) < 4000
    assert identity(platform) == before


def test_bad_config_keeps_up_from_starting_anything(platform):
    said = platform.up('{"processes": {"a": {"comand": "x"}}}', exits=1)
    assert "did you mean" in said.stderr
    assert platform.processes() == {}


def test_line_without_end_of_100_megabytes_is_stored_in_bounded_memory(platform):
    size = 100_000_000
    platform.up(with_bystander(endless={
        "command": "sh", "args": ["-c", f"head -c {size} /dev/zero | tr '\\0' x; sleep 1000"]}))
    before = identity(platform)
    folder = platform.home / "log" / "endless"

    def stored():
        return len(store.stored(folder)) >= size

    wait_until(stored, 60, "100 MB to be stored")
    status = pathlib.Path(f"/proc/{platform.service('log')['pid']}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(resident.split()[1]) < 20_000, resident
    lines = platform.lines("endless", "-n", "3")
    assert len(lines) == 3 and set(lines[0]["text"]) == {"x"}
    assert identity(platform) == before


def test_nul_bytes_in_the_output_are_kept_and_shown_escaped(platform):
    platform.up(with_bystander(binary={
        "command": "sh", "args": ["-c", r"printf 'a\000b\377c\n'; sleep 1000"]}))

    def shown():
        return r"a\x00b\xffc" in platform.cli("log", "binary").stdout

    wait_until(shown, 20, "the line to be shown")
    stored = store.stored(platform.home / "log" / "binary")
    assert stored == b"a\0b\xffc\n"


def test_log_folder_of_one_service_that_cannot_be_used_leaves_the_others_alone(platform):
    (platform.home / "log").mkdir(mode=0o700)
    (platform.home / "log" / "broken").write_text("in the way")
    platform.up(with_bystander(broken={"command": COUNT, "args": ["3"]}))
    before = identity(platform)
    assert platform.wait_state("broken", "running")

    def stored():
        return "line 000000003" in platform.cli("log", "bystander").stdout

    wait_until(stored, 20, "the bystander's lines")
    wait_until(lambda: "broken" in platform.cli("log", "log").stdout, 20, "what the collector says")
    assert identity(platform) == before


def test_deep_folder_needs_no_short_socket_path(platform):
    deep = platform.home / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    platform.env["SLICEKEEP_HOME"] = str(deep)
    platform.config_path = deep / "config.json"
    platform.up(with_bystander())
    assert identity(platform)
    platform.down()


@pytest.mark.parametrize("limit", (39, 40, 41))
def test_fd_limit_reached_is_said_and_the_others_run_on(platform, limit):
    """The limit is met while fifty services start: those that fit run, the others say why. Whatever
    is left of the descriptors in the end, there is one for who asks."""
    many = {f"s{i}": BYSTANDER for i in range(50)}
    platform.write_config({"processes": {"bystander": BYSTANDER, **many}})
    platform.run(["sh", "-c", f"ulimit -n {limit}; exec {BUILD}/cli/slicekeep up"])
    platform._is_up = True
    before = identity(platform)
    states = {element["state"] for element in platform.json("ls")}
    assert "running" in states
    notes = " ".join(element.get("note") or "" for element in platform.json("ls"))
    assert "too many open files" in notes.lower()
    assert identity(platform) == before
    assert os.path.exists(f"/proc/{before[0]}")
