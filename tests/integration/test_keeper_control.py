# SPDX-License-Identifier: MIT
"""The keeper's control socket: what a supervisor asks for and hears."""
import array
import errno
import os
import random
import signal
import socket
import subprocess
import time

import pytest

import keepers
import processes
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize
@pytest.fixture
def waiting(nursery, tree):
    """A keeper whose payload waits, and its subscribed peer."""
    fifo = nursery.fifo()
    spec = nursery.spec([str(tree), str(fifo.path)], revision=17)
    keeper = nursery.start("--spec", spec, "--start", control=True)
    peer = keeper.peer()
    fifo.wait_ready()
    peer.wait_state("running")
    peer.forget()
    return keeper, peer


def test_greeting_is_the_full_truth(nursery, waiting):
    keeper, _ = waiting
    greeting = keeper.peer(None).greeting
    assert greeting.state == "running"
    assert greeting.keeper_pid == keeper.pid
    assert greeting.main_start == processes.start_time_of(greeting.main_pid)
    assert greeting.spec_revision == 17
    assert abs(greeting.life / 1e6 - time.time()) < 60 * SLOWNESS
    assert 0 < greeting.start_usec / 1e6 <= time.monotonic()


def test_keeper_without_start_waits_for_it(nursery, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--spec", nursery.spec([str(tree), str(fifo.path)]), control=True)
    peer = keeper.peer()
    assert (peer.greeting.state, peer.greeting.main_pid) == ("idle", 0)
    assert peer.request("start", asker="cli root").result == 0
    assert peer.wait_state("running").asker == "cli root"
    fifo.wait_ready()


def test_start_while_running_changes_nothing(waiting):
    _, peer = waiting
    pid = peer.greeting.main_pid
    assert peer.request("start").result == 0
    assert peer.request("ready").result == 0
    assert peer.wait_state("running").main_pid == pid


def test_only_a_refusal_is_answered_without_a_serial(waiting):
    _, peer = waiting
    peer.send(keepers.make_request("ready", serial=0))
    peer.send(keepers.make_request("signal", serial=0, arg=99))
    refusal = peer.wait("a refusal", lambda f: f.kind == keepers.ANSWER)
    assert (refusal.serial, refusal.result) == (0, -errno.EINVAL)
    assert peer.request("get_fds").result == 0
    assert len([f for f in peer.frames if f.kind == keepers.ANSWER]) == 2


def test_who_stops_without_a_serial_is_not_told_that_it_stops(waiting):
    keeper, peer = waiting
    other = keeper.peer()
    peer.send(keepers.make_request("stop", serial=0))
    told = []
    for each in (peer, other):
        each.wait_state("idle")
        told.append("stopping" in [f.state for f in each.frames if f.kind == keepers.SNAPSHOT])
    assert told == [False, True]


def test_stop_reports_the_exit_before_the_state(waiting):
    _, peer = waiting
    assert peer.request("stop", asker="cli root").result == 0
    idle = peer.wait_state("idle")
    report = peer.exits()[0]
    assert peer.frames.index(report) < peer.frames.index(idle)
    assert (report.cause, report.asker) == ("stop", "cli root")
    assert os.WTERMSIG(report.wait_status) == signal.SIGTERM
    assert report.life == idle.life
    assert report.next_usec == 0
    assert report.spec_revision == 17
    assert idle.main_pid == 0


def test_stop_after_the_timeout_kills_and_counts(nursery, tree):
    fifo = nursery.fifo()
    spec = nursery.spec([str(tree), str(fifo.path), "child", "session", "daemon", "stubborn"],
                        stop_usec=50000)
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    fifo.wait_ready()
    peer.request("stop")
    report = peer.wait_exit()
    assert report.cause == "stop-timeout"
    assert os.WTERMSIG(report.wait_status) == signal.SIGKILL
    assert (report.n_killed, report.n_left) == (3, 0)
    assert peer.wait_state("idle").n_processes == 3
    assert not fifo.has_writers()


@pytest.mark.slow
def test_200_rounds_leave_nothing(nursery, tree):
    """Stop, crash and stop during backoff, of a payload with everything that is hard to end."""
    chance, fifo = random.Random(2), nursery.fifo()
    words = ["child", "session", "daemon", "threads", "storm", "stubborn"]
    spec = nursery.spec([str(tree), str(fifo.path), *words], stop_usec=20000, immediate=0,
                        delay_usec=3600 * 10**6, max_delay_usec=3600 * 10**6)
    peer = nursery.start("--spec", spec, control=True).peer()
    for _ in range(200):
        peer.forget()
        assert peer.request("start").result == 0
        fifo.wait_ready()
        running = peer.wait_state("running")
        if chance.random() < 0.5:
            os.kill(running.main_pid, chance.choice((signal.SIGKILL, signal.SIGSEGV)))
            if chance.random() < 0.5:
                peer.wait_state("backoff")
                assert not fifo.has_writers()
        peer.request("stop")
        peer.wait("the end", lambda f, life=running.life: f.kind == keepers.SNAPSHOT and
                  f.state == "idle" and f.life == life)
        assert not fifo.has_writers()


def test_restart_is_a_new_life_of_the_new_spec(nursery, waiting, tree):
    _, peer = waiting
    fifo = nursery.fifo()
    nursery.spec([str(tree), str(fifo.path)], revision=18)
    assert peer.request("restart").result == 0
    fifo.wait_ready()
    running = peer.wait_state("running")
    assert running.spec_revision == 18
    assert running.n_restarts == 0
    assert running.life > peer.wait_exit().life


def test_restart_with_a_bad_spec_is_refused_and_nothing_stops(waiting, nursery):
    keeper, peer = waiting
    (nursery.folder / "spec").write_bytes(b"slicekeep-spec 1\0argv=true\0delay_usec=-1\0")
    assert peer.request("restart").result == -errno.EINVAL
    assert keeper.peer(None).greeting.main_pid == peer.greeting.main_pid


def test_leave_stops_and_exits_0(waiting):
    keeper, peer = waiting
    assert peer.request("leave").result == 0
    assert peer.wait_exit().cause == "stop"
    assert keeper.wait_exit() == 0


def test_failure_told_by_the_supervisor_is_a_restart_with_its_cause(waiting):
    _, peer = waiting
    assert peer.request("fail", cause=keepers.CAUSES.index("health"), asker="health").result == 0
    report = peer.wait_exit()
    assert (report.cause, report.asker, report.n_failures) == ("health", "health", 1)
    assert peer.wait_state("running").n_restarts == 1


def test_signal_reaches_the_main_process(waiting):
    _, peer = waiting
    assert peer.request("signal", arg=signal.SIGUSR1).result == 0
    report = peer.wait_exit()
    assert report.cause == "signal"
    assert os.WTERMSIG(report.wait_status) == signal.SIGUSR1


def test_signal_without_a_process_is_refused(waiting):
    _, peer = waiting
    peer.request("stop")
    peer.wait_state("idle")
    assert peer.request("signal", arg=signal.SIGHUP).result == -errno.ESRCH


@pytest.mark.parametrize("command, fields, result", (
    (99, {}, errno.EOPNOTSUPP), ("signal", {"arg": 0}, errno.EINVAL),
    ("signal", {"arg": 65}, errno.EINVAL), ("fail", {"cause": 1}, errno.EINVAL),
    ("set_fds", {"arg": 3}, errno.EINVAL)))
def test_senseless_request_is_refused(waiting, command, fields, result):
    _, peer = waiting
    assert peer.request(command, **fields).result == -result


@pytest.mark.parametrize("data", (b"", b"x", b"\0" * 584, keepers.make_request("stop")[:-1],
                                  keepers.make_request("stop") + b"x",
                                  b"\1" + keepers.make_request("stop")[1:]))
def test_peer_that_does_not_speak_the_protocol_is_dropped(waiting, data):
    keeper, peer = waiting
    stranger = keeper.peer(None)
    stranger.send(data)
    assert stranger.sock.recv(1) == b""
    assert keeper.peer(None).greeting.main_pid == peer.greeting.main_pid


def test_exits_that_were_missed_are_told_first(nursery, tmp_path):
    spec = nursery.spec(["false"], max_restarts=3, immediate=3)
    keeper = nursery.start("--spec", spec, "--start", control=True)
    first = keeper.peer()
    first.wait_state("failed")
    lives = [report.life for report in first.exits()]
    assert len(lives) == 4
    late = keeper.peer(since_life=lives[1])
    late.wait_state("failed")
    assert [report.life for report in late.exits()] == lives[2:]
    assert [report.n_failures for report in first.exits()] == [1, 2, 3, 4]


def test_only_the_newest_exits_are_remembered(nursery):
    spec = nursery.spec(["false"], max_restarts=40, immediate=40)
    keeper = nursery.start("--spec", spec, "--start", control=True)
    keeper.peer().wait_state("failed")
    peer = keeper.peer()
    peer.wait_state("failed")
    assert [report.n_failures for report in peer.exits()] == list(range(26, 42))


def test_subscriber_that_does_not_read_is_dropped_and_blocks_nobody(waiting):
    keeper, peer = waiting
    hung = keeper.peer()
    n_told = 2000
    for _ in range(n_told):
        assert peer.request("reload").result == 0
        peer.forget()
    n_read = 0
    while hung.sock.recv(8192):
        n_read += 1
    assert n_read < n_told


def test_ninth_peer_takes_the_place_of_the_oldest_that_only_asks(waiting):
    keeper, peer = waiting
    idle = [keeper.peer(None) for _ in range(7)]
    keeper.peer(None)
    assert idle[0].sock.recv(1) == b""
    assert peer.request("ready").result == 0
    assert idle[1].request("ready").result == 0


def test_backoff_is_told_with_its_time_and_a_start_ends_it(nursery):
    spec = nursery.spec(["false"], delay_usec=3600 * 10**6, max_delay_usec=3600 * 10**6)
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    backoff = peer.wait_state("backoff")
    assert backoff.n_failures == 3
    assert 2600 < backoff.next_usec / 1e6 - time.monotonic() < 3700
    assert peer.wait("the third exit", lambda f: f.kind == keepers.EXIT and f.n_failures == 3)
    peer.forget()
    nursery.spec(["sleep", "1000"])
    assert peer.request("start").result == 0
    running = peer.wait_state("running")
    assert (running.n_failures, running.n_restarts) == (0, 0)


def test_stop_during_backoff_stays_stopped(nursery):
    spec = nursery.spec(["false"], delay_usec=3600 * 10**6, max_delay_usec=3600 * 10**6)
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    peer.wait_state("backoff")
    peer.request("stop")
    assert peer.wait_state("idle").next_usec == 0


def test_quick_deaths_in_a_row_are_told_by_their_end_only(nursery):
    spec = nursery.spec(["false"], delay_usec=1, immediate=9, max_restarts=9)
    peer = nursery.start("--spec", spec, control=True).peer()
    peer.request("start")
    peer.wait_state("failed")
    quick = [end.uptime_usec < keepers.TRIAL_USEC for end in peer.exits()]
    assert len(quick) == 10
    told = {frame.life for frame in peer.frames if frame.kind == keepers.SNAPSHOT}
    for number, end in enumerate(peer.exits()[:-1]):
        if number >= 2 and quick[number - 1] and quick[number]:
            assert end.life not in told, number


def test_life_that_lasts_after_quick_deaths_is_told(nursery, tmp_path):
    script = f"echo x >>{tmp_path}/lives; [ $(wc -l <{tmp_path}/lives) -gt 4 ] && exec sleep 1000"
    spec = nursery.spec(["sh", "-c", script], delay_usec=1, immediate=9)
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    running = peer.wait("the fifth life", lambda f: f.kind == keepers.SNAPSHOT and
                        f.state == "running" and f.n_failures == 4)
    assert running.main_pid > 0
    assert peer.request("signal", arg=9).result == 0
    assert peer.wait_exit(running.life).uptime_usec > 0


def wait_for_backoff(peer, n_failures=3):
    """Until a restart waits for its time: that time."""
    return peer.wait("backoff", lambda f: f.kind == keepers.SNAPSHOT and f.state == "backoff" and
                     f.n_failures >= n_failures).next_usec


def hold_in_time(peer, until):
    """Hold a restart before it is due, one of the next ones if this machine is too slow for it;
    its time, when it has gone ahead."""
    n_failures, is_in_time = 2, False
    while not is_in_time:
        n_failures += 1
        due = wait_for_backoff(peer, n_failures)
        assert peer.request("hold", since_life=until(due)).result == 0
        is_in_time = time.monotonic() < due / 1e6
        assert peer.wait("the next exit", lambda f, n=n_failures: f.kind == keepers.EXIT and
                         f.n_failures > n)
    return due


def test_restart_goes_ahead_at_its_time_when_nobody_holds_it(nursery):
    spec = nursery.spec(["false"], delay_usec=100000)
    peer = nursery.start("--spec", spec, control=True).peer()
    peer.request("start")
    due = wait_for_backoff(peer)
    assert peer.wait("the next exit", lambda f: f.kind == keepers.EXIT and f.n_failures == 4)
    assert time.monotonic() >= due / 1e6


def test_held_restart_waits_as_long_as_it_is_told(nursery):
    spec = nursery.spec(["false"], delay_usec=1000000, max_delay_usec=1000000)
    peer = nursery.start("--spec", spec, control=True).peer()
    peer.request("start")
    due = hold_in_time(peer, lambda due: due + 300000)
    assert time.monotonic() >= due / 1e6 + 0.3


def test_hold_without_an_end_holds_for_a_second_and_a_start_ends_it(nursery):
    spec = nursery.spec(["false"], delay_usec=1000000, max_delay_usec=1000000)
    peer = nursery.start("--spec", spec, control=True).peer()
    peer.request("start")
    due = hold_in_time(peer, lambda due: 2**64 - 1)
    assert time.monotonic() >= due / 1e6 + 1
    peer.forget()
    wait_for_backoff(peer)
    assert peer.request("hold", since_life=2**64 - 1).result == 0
    nursery.spec(["sleep", "1000"])
    assert peer.request("start").result == 0
    assert peer.wait("the new life", lambda f: f.kind == keepers.SNAPSHOT and
                     f.state == "running" and f.n_failures == 0)


def test_keeper_without_subscriber_restarts_by_itself(nursery, tmp_path):
    spec = nursery.spec(["sh", "-c", f"echo x >>{tmp_path}/lives; exit 1"], delay_usec=1,
                        max_restarts=5)
    keeper = nursery.start("--spec", spec, "--start", control=True)
    wait_until(lambda: keeper.peer(None).greeting.state == "failed")
    assert len((tmp_path / "lives").read_text().split()) == 6


def test_reload_takes_the_policy_without_a_restart(nursery, waiting, tree):
    _, peer = waiting
    nursery.spec(["sleep", "1000"], revision=18, restart="never")
    assert peer.request("reload").result == 0
    reloaded = peer.wait("reload", lambda f: f.kind == keepers.SNAPSHOT and f.spec_revision == 18)
    assert reloaded.main_pid == peer.greeting.main_pid
    os.kill(reloaded.main_pid, signal.SIGKILL)
    peer.wait_state("failed")


def test_missing_program_is_reported_with_its_path(nursery):
    spec = nursery.spec(["/nowhere/program"], max_restarts=1, delay_usec=1)
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    peer.wait_state("failed")
    report = peer.exits()[0]
    assert report.cause == "exec-failed"
    assert (report.exec_step, report.exec_errno) == ("program", errno.ENOENT)
    assert report.path == "/nowhere/program"


def test_spec_that_appears_late_is_started(nursery):
    keeper = nursery.start("--spec", nursery.folder / "spec", "--start", control=True)
    peer = keeper.peer()
    report = peer.wait_exit()
    assert (report.cause, report.exec_step) == ("exec-failed", "spec")
    assert (report.exec_errno, report.path) == (errno.ENOENT, str(nursery.folder / "spec"))
    nursery.spec(["sleep", "1000"])
    peer.wait_state("running")


def test_sockets_are_passed_to_the_payload_and_given_back(nursery, tmp_path):
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    script = (f"echo $LISTEN_FDS $LISTEN_FDNAMES $(readlink /proc/self/fd/3 /proc/self/fd/4) "
              f">>{tmp_path}/lives; exec sleep 1000")
    keeper = nursery.start("--spec", nursery.spec(["sh", "-c", script]), control=True)
    peer = keeper.peer()
    answer = peer.request("set_fds", arg=2, fd_names=["web", "api"],
                          fds=[server.fileno() for server in servers])
    assert answer.result == 0
    peer.request("start")
    inodes = " ".join(os.readlink(f"/proc/self/fd/{server.fileno()}") for server in servers)
    wait_until(lambda: (tmp_path / "lives").exists() and
               (tmp_path / "lives").read_text() == f"2 web:api {inodes}\n")
    back = peer.request("get_fds")
    assert back.fd_names == ["web", "api"]
    for server, fd in zip(servers, back.fds, strict=True):
        with socket.socket(fileno=fd) as same:
            assert same.getsockname() == server.getsockname()
        server.close()
    # The keeper still holds them: a connection waits in the backlog.
    with socket.socket(fileno=peer.request("get_fds").fds[0]) as again:
        with socket.create_connection(again.getsockname()):
            pass


def test_report_counts_what_the_tree_has_used(nursery):
    spec = nursery.spec(["sh", "-c", "python3 -c 'x = bytearray(64 << 20)'; exit 1"],
                        restart="never")
    peer = nursery.start("--spec", spec, "--start", control=True).peer()
    report = peer.wait_exit()
    assert report.maxrss_kb > 64 << 10
    assert report.user_usec + report.system_usec > 0
    assert 0 < report.uptime_usec < 60 * 10**6


def test_two_keepers_do_not_share_a_control_socket(nursery, waiting):
    keeper, peer = waiting
    result = nursery.run("--control", keeper.control, "--", "true")
    assert result.returncode == 1
    assert " in use" in result.stderr
    assert peer.request("ready").result == 0


def test_dead_control_socket_is_replaced(nursery, waiting, tree):
    keeper, _ = waiting
    keeper.process.kill()
    keeper.wait_exit()
    assert keeper.control.exists()
    again = nursery.start("--control", keeper.control, "--", "sleep", "1000")

    def answers():
        try:
            return keepers.Peer(keeper.control).greeting.keeper_pid == again.pid
        except (ConnectionRefusedError, FileNotFoundError):
            return False

    wait_until(answers)


def test_supervisor_that_bound_the_socket_is_told_the_keepers_pid(nursery):
    path = nursery.folder / "bound"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()
    keeper = nursery.start("--control-fd", listener.fileno(), "--", "sleep", "1000",
                           pass_fds=[listener.fileno()])
    listener.close()
    keepers.Peer(path)  # greeted: from now on it is the keeper who listens
    peer = keepers.Peer(path)
    credentials = array.array("i", peer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    assert credentials[0] == peer.greeting.keeper_pid == keeper.pid


def test_other_users_are_not_heard(waiting):
    keeper, _ = waiting
    keeper.control.chmod(0o666)
    folder = os.open(keeper.control.parent, os.O_RDONLY)
    script = ("import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
              f"s.connect('/proc/self/fd/{folder}/{keeper.control.name}'); "
              "print(len(s.recv(9999)))")
    heard = [subprocess.run(["python3", "-c", script], user=user, pass_fds=[folder], check=True,
                            capture_output=True, text=True, timeout=20 * SLOWNESS).stdout
             for user in (0, 65534)]
    os.close(folder)
    assert heard == [f"{keepers.HEADER.size + keepers.SNAPSHOT_BODY.size}\n", "0\n"]
