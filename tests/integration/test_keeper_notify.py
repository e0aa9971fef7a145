# SPDX-License-Identifier: MIT
"""What a payload says to its keeper (sd_notify(3)): readiness, status, watchdog, main process."""
import os
import signal
import socket

import pytest

import keepers
import processes
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize
NOTIFY = """
import os, select, signal, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
a = os.environ["NOTIFY_SOCKET"]
s.connect("\\0" + a[1:])
def say(text): s.send(text.encode())
"""


def notifier(script):
    """argv of a payload that talks to NOTIFY_SOCKET and then waits."""
    return ["python3", "-c", NOTIFY + script + "\nsignal.pause()"]


def test_ready_and_status_come_from_the_payload(nursery):
    spec = nursery.spec(notifier("say('STATUS=warming up\\x07 \\u00e9\\n'); say('READY=1')"),
                        ready="notify")
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    ready = peer.wait("ready", lambda f: f.kind == keepers.SNAPSHOT and f.ready)
    assert ready.status == "warming up? \u00e9"
    assert ready.ready_usec >= ready.start_usec


def test_talkative_payload_does_not_flood_its_subscribers(nursery):
    spec = nursery.spec(notifier("for n in range(5000): say(f'STATUS={n}')"))
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    peer.wait("status", lambda f: f.kind == keepers.SNAPSHOT and f.status == "4999")
    assert len(peer.frames) < 1000


def test_stopping_payload_is_not_ready_any_more(nursery):
    spec = nursery.spec(notifier("say('READY=1'); say('STOPPING=1')"), ready="notify")
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    wait_until(lambda: peer.wait("not ready", lambda f: f.kind == keepers.SNAPSHOT and
                                 f.ready_usec > 0 and not f.ready))


def test_notice_of_a_stranger_is_not_heard(nursery):
    spec = nursery.spec(["sh", "-c", f"echo $NOTIFY_SOCKET >{nursery.folder}/address; "
                         "exec sleep 1000"])
    keeper = nursery.start("--spec", spec, "--start", control=True)
    peer = keeper.peer()
    wait_until(lambda: (nursery.folder / "address").exists() and
               (nursery.folder / "address").read_text().endswith("\n"))
    address = (nursery.folder / "address").read_text().strip()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"READY=1\nSTATUS=lies", "\0" + address[1:])
    # Requests are read after notices, so the answer comes after the keeper has passed it over.
    assert peer.request("get_fds").result == 0
    greeting = keeper.peer(None).greeting
    assert (greeting.ready, greeting.status) == (0, "")


def test_grandchild_may_speak_for_the_payload(nursery):
    script = "import subprocess; subprocess.run(['python3', '-c', sys.argv[1]])"
    argv = notifier(script) + [NOTIFY + "say('READY=1'); signal.pause()"]
    peer = nursery.start("--spec", nursery.spec(argv), "--start", control=True).peer()
    peer.wait("ready", lambda f: f.kind == keepers.SNAPSHOT and f.ready)


def manager(folder):
    """A service manager's socket, and its environment."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(folder / "manager"))
    sock.settimeout(10 * SLOWNESS)
    return sock, {"NOTIFY_SOCKET": str(folder / "manager")}


def test_what_a_payload_says_is_relayed_in_other_words(nursery):
    sock, env = manager(nursery.folder)
    with sock:
        nursery.start("--relay", *notifier("say('STATUS=up\\nMAINPID=1'); say('WATCHDOG=1');"
                                           "say('MAINPID=%d' % os.getpid());"
                                           "say('STOPPING=1'); say('READY=1\\nFDSTORE=1')"),
                      env=env)
        assert [sock.recv(4096) for _ in range(3)] == [b"STATUS=up\n", b"WATCHDOG=1\n",
                                                       b"READY=1\n"]


def test_nothing_is_relayed_unasked(nursery):
    sock, env = manager(nursery.folder)
    with sock:
        spec = nursery.spec(notifier("say('READY=1')"), ready="notify")
        peer = nursery.start("--spec", spec, "--start", control=True, env=env).peer()
        peer.wait("ready", lambda f: f.kind == keepers.SNAPSHOT and f.ready)
        sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            sock.recv(4096)


def test_only_the_program_is_heard_where_only_it_is_swept(nursery):
    sock, env = manager(nursery.folder)
    with sock:
        script = ("import subprocess; subprocess.run(['python3', '-c', sys.argv[1]]);"
                  "say('STATUS=myself')")
        nursery.start("--sweep=main", "--relay", "--",
                      *notifier(script), NOTIFY + "say('READY=1')", env=env)
        assert sock.recv(4096) == b"STATUS=myself\n"


def test_silent_watchdog_is_a_failure_of_its_own(nursery):
    spec = nursery.spec(notifier("say('WATCHDOG=1')"), watchdog_usec=300000)
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    report = peer.wait_exit()
    assert report.cause == "watchdog"
    assert os.WTERMSIG(report.wait_status) == signal.SIGABRT
    peer.wait("restart", lambda f: f.kind == keepers.SNAPSHOT and f.n_restarts == 1)


def test_fed_watchdog_bites_not(nursery):
    """Where the machine itself lets it go hungry for two seconds it is bitten, and tries again."""
    script = ("assert os.environ['WATCHDOG_USEC'] == '2000000'\n"
              "assert os.environ['WATCHDOG_PID'] == str(os.getpid())\n"
              "say('READY=1')\n"
              "for _ in range(50): say('WATCHDOG=1'); select.select([], [], [], .05)\n"
              "say('STATUS=fed')\n"
              "while True: say('WATCHDOG=1'); select.select([], [], [], .05)")
    spec = nursery.spec(notifier(script), watchdog_usec=2000000, ready="notify", immediate=9)
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    peer.wait("status", lambda f: f.kind == keepers.SNAPSHOT and f.status == "fed")


def test_watchdog_can_be_triggered(nursery):
    spec = nursery.spec(notifier("say('WATCHDOG=trigger')"))
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    assert peer.wait_exit().cause == "watchdog"


def with_another_main_process(nursery, script):
    """The peer of a keeper whose payload names another process, and the snapshot that says so."""
    peer = nursery.start("--spec", nursery.spec(notifier(script)), control=True).peer()
    peer.request("start")
    return peer, peer.wait("another main process", lambda f: f.kind == keepers.SNAPSHOT and
                           f.status == "named")


def test_main_process_may_be_another_one(nursery):
    """A daemon that forks and names its child: the parent's exit is not the service's."""
    script = ("pid = os.fork()\n"
              "if pid == 0: os.setsid(); signal.pause()\n"
              "say(f'MAINPID={pid}\\nSTATUS=named'); os._exit(0)")
    peer, child = with_another_main_process(nursery, script)
    keeper_pid = child.keeper_pid
    wait_until(lambda: processes.stat_of(child.main_pid)[1] == str(keeper_pid).encode())
    assert child.n_restarts == 0
    os.kill(child.main_pid, signal.SIGKILL)
    report = peer.wait_exit()
    assert (report.cause, os.WTERMSIG(report.wait_status)) == ("signal", signal.SIGKILL)


@pytest.mark.parametrize("parent, cause, status", (
    ("signal.signal(signal.SIGCHLD, signal.SIG_IGN)", "exit", -1),
    ("pass", "signal", signal.SIGKILL)), ids=("taken", "left"))
def test_status_of_a_main_process_may_be_taken_by_its_parent(nursery, parent, cause, status):
    """It is unknowable when the parent has taken it, and known when the sweep inherits it."""
    script = (f"{parent}\npid = os.fork()\n"
              "if pid == 0: signal.pause()\n"
              "say(f'MAINPID={pid}\\nSTATUS=named'); signal.pause()")
    peer, child = with_another_main_process(nursery, script)
    os.kill(child.main_pid, signal.SIGKILL)
    report = peer.wait_exit()
    assert (report.cause, report.wait_status, report.n_killed) == (cause, status, 1)


def test_main_process_must_be_of_the_tree(nursery):
    peer = nursery.start("--spec", nursery.spec(notifier("say('MAINPID=1\\nSTATUS=said')")),
                         "--start", control=True).peer()
    said = peer.wait("status", lambda f: f.kind == keepers.SNAPSHOT and f.status == "said")
    assert said.main_pid != 1
