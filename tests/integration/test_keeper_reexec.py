# SPDX-License-Identifier: MIT
"""The keeper's program is replaced in place: same pid, same children, nothing forgotten."""
import errno
import os
import shutil
import signal
import socket

import pytest

import keepers
from waiting import wait_until

pytestmark = pytest.mark.sanitize


def reexec(keeper, peer):
    """Replace the keeper's program; proven by the descriptor that only the new one has read."""
    before = os.stat(f"/proc/{keeper.pid}/exe").st_ino
    program = keeper.process.args[0]
    shutil.copy(program, program + ".new")
    os.replace(program + ".new", program)
    assert peer.request("reexec").result == 0
    assert os.stat(f"/proc/{keeper.pid}/exe").st_ino != before


@pytest.fixture
def replaceable(nursery):
    """A nursery whose program may be replaced."""
    shutil.copy(nursery.program, nursery.folder / "keeper")
    nursery.program = nursery.folder / "keeper"
    return nursery


def test_page_of_another_version_is_made_anew(replaceable, tree):
    fifo = replaceable.fifo()
    keeper = replaceable.start("--spec", replaceable.spec([str(tree), str(fifo.path), "session"]),
                               "--start", control=True)
    fifo.wait_ready()
    peer, asking = keeper.peer(), keeper.peer(None)  # which stays, so that no descriptor goes
    before = asking.greeting
    for entry in os.scandir(f"/proc/{keeper.pid}/fd"):
        if "slicekeep-page" in os.readlink(entry.path):
            with open(entry.path, "r+b") as page:
                page.seek(4)
                page.write(b"\xff")
    reexec(keeper, peer)
    after = keeper.peer(None).greeting
    for field in ("state", "keeper_pid", "main_pid", "life", "start_usec"):
        assert getattr(after, field) == getattr(before, field), field
    os.kill(after.main_pid, signal.SIGKILL)
    report = peer.wait_exit(before.life)
    assert (report.cause, report.main_pid) == ("signal", before.main_pid)
    fifo.wait_ready()


def test_program_is_replaced_under_a_running_payload(replaceable, tree):
    fifo = replaceable.fifo()
    server = socket.create_server(("127.0.0.1", 0))
    spec = replaceable.spec([str(tree), str(fifo.path), "session", "daemon"], revision=3)
    keeper = replaceable.start("--spec", spec, control=True)
    peer, asking = keeper.peer(), keeper.peer(None)
    peer.request("set_fds", arg=1, fd_names=["web"], fds=[server.fileno()])
    peer.request("start")
    fifo.wait_ready()
    peer.wait_state("running")
    peer.request("fail", cause=keepers.CAUSES.index("health"))
    fifo.wait_ready()
    peer.wait("restart", lambda f: f.kind == keepers.SNAPSHOT and f.n_restarts == 1)
    before = keeper.peer(None).greeting
    spec.unlink()  # what runs is what was read last, whatever lies there now
    for _ in range(2):
        reexec(keeper, peer)
        after = keeper.peer(None).greeting
        for field in ("state", "keeper_pid", "main_pid", "main_start", "life", "start_usec",
                      "n_restarts", "n_failures", "spec_revision", "asker"):
            assert getattr(after, field) == getattr(before, field), field
    assert fifo.has_writers()
    assert asking.request("ready").result == 0
    assert peer.request("get_fds").fd_names == ["web"]
    os.kill(after.main_pid, signal.SIGKILL)
    fifo.wait_ready()
    again = peer.wait("restart", lambda f: f.kind == keepers.SNAPSHOT and f.n_restarts == 2)
    assert peer.wait_exit(after.life).cause == "signal"
    assert again.life > after.life
    assert peer.request("leave").result == 0
    assert keeper.wait_exit() == 0
    assert not fifo.has_writers()
    server.close()


def test_replaced_program_remembers_exits_and_backoff(replaceable):
    spec = replaceable.spec(["false"], delay_usec=3600 * 10**6, max_delay_usec=3600 * 10**6)
    keeper = replaceable.start("--spec", spec, "--start", control=True)
    peer = keeper.peer()
    before = peer.wait_state("backoff")
    lives = [report.life for report in peer.exits()]
    reexec(keeper, peer)
    late = keeper.peer()
    assert late.wait_state("backoff").next_usec == before.next_usec
    late.wait_exit(lives[-1])
    assert [report.life for report in late.exits()] == lives


def test_replaced_program_of_a_command_line_goes_on(replaceable, tmp_path):
    keeper = replaceable.start("--delay", "1ms", "--", "sh", "-c",
                               f"echo x >>{tmp_path}/lives; exec sleep 1000", control=True)
    lives = tmp_path / "lives"
    wait_until(lambda: lives.exists() and lives.read_text() == "x\n")
    peer = keeper.peer()
    pid = peer.greeting.main_pid
    reexec(keeper, peer)
    assert keeper.peer(None).greeting.main_pid == pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: lives.read_text() == "x\nx\n")


def test_program_that_cannot_be_replaced_goes_on_as_it_was(replaceable):
    keeper = replaceable.start("--", "sleep", "1000", control=True)
    peer = keeper.peer()
    os.unlink(keeper.process.args[0])
    assert peer.request("reexec").result == -errno.ENOENT
    again = keeper.peer(None)
    assert again.greeting.main_pid == peer.greeting.main_pid
    assert not [fd for fd in os.listdir(f"/proc/{keeper.pid}/fd")
                if int(fd) > 2 and not is_cloexec(keeper.pid, fd)]


def is_cloexec(pid, fd):
    """Whether a descriptor of another process is closed by exec."""
    with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
        flags = next(line for line in file if line.startswith("flags:"))
    return int(flags.split()[1], 8) & os.O_CLOEXEC != 0
