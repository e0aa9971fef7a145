# SPDX-License-Identifier: MIT
"""The keeper and the collector: no line is lost or repeated, whoever dies, and nobody waits."""
import array
import collections
import os
import random
import select
import signal
import socket
import time

import pytest

import keepers
from keepers import BOTH, DRAINED, END, ERR, OFFER, OUT, TRIAL_USEC
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize


class Pipe:
    """The read end of one stream of one life."""

    def __init__(self, connection, frame, fd):
        self.connection = connection
        self.frame = frame
        self.fd = fd
        self.is_ended = False
        os.set_blocking(fd, False)


class Collector:
    """What slicekeep-log is to a keeper, step by step, and mortal."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(16)
        self.connections = []
        self.pipes = []
        self.lives = collections.defaultdict(dict)
        self.transits = collections.defaultdict(set)
        self.offers = []
        self.is_answering = True

    def die(self):
        """As by SIGKILL; the listening socket is somebody else's and stays."""
        for connection in self.connections:
            connection.close()
        for pipe in self.pipes:
            os.close(pipe.fd)
        self.connections, self.pipes = [], []

    def take_frame(self, connection):
        """One message of a keeper."""
        data, ancillary, _, _ = connection.recvmsg(4096, 64)
        if not data:
            self.connections.remove(connection)
            connection.close()
            return
        magic, kind, stream, instance, policy, life, name = keepers.INTAKE.unpack(data)
        assert magic == keepers.INTAKE_MAGIC
        frame = (stream, instance, policy, life, name)
        if kind == OFFER:
            fds = array.array("i")
            for _, _, payload in ancillary:
                fds.frombytes(payload)
            assert len(fds) == 2  # with a transit, which nobody has to use
            self.transits[stream].add(os.fstat(fds[1]).st_ino)
            os.close(fds.pop())
            self.offers.append(frame)
            self.pipes.append(Pipe(connection, frame, fds[0]))
            self.lives[stream].setdefault(life, b"")
        else:
            assert kind == END
            for pipe in self.pipes:  # it may have met the end of file, and be gone already
                pipe.is_ended |= pipe.frame == frame

    def drain(self, pipe):
        """Take what is there; answer when that is all there will ever be."""
        stream, life = pipe.frame[0], pipe.frame[3]
        is_over = pipe.is_ended
        try:
            data = os.read(pipe.fd, 1 << 16)
            self.lives[stream][life] += data
            is_over = not data
        except BlockingIOError:
            pass
        if is_over and self.is_answering:
            self.pipes.remove(pipe)
            os.close(pipe.fd)
            answer = keepers.INTAKE.pack(keepers.INTAKE_MAGIC, DRAINED, pipe.frame[0],
                                         *pipe.frame[1:])
            try:
                pipe.connection.send(answer)
            except OSError:
                pass  # the keeper has left, which it may once its pipes are empty

    def turn(self, seconds=0.01):
        """Do what there is to do now."""
        files = [self.listener, *self.connections, *(pipe.fd for pipe in self.pipes)]
        ready, _, _ = select.select(files, [], [], seconds)
        if self.listener in ready:
            self.connections.append(self.listener.accept()[0])
        for connection in [one for one in self.connections if one in ready]:
            self.take_frame(connection)
        for pipe in list(self.pipes):
            if pipe.fd in ready or pipe.is_ended:
                self.drain(pipe)

    def collect(self, condition, deadline=30):
        """Turn until condition()."""
        end = time.monotonic() + deadline * SLOWNESS
        while not condition():
            assert time.monotonic() < end, f"collected only {self.sizes()}"
            self.turn()

    def sizes(self):
        """{stream: {life: bytes}}, for messages."""
        return {stream: {life: len(data) for life, data in lives.items()}
                for stream, lives in self.lives.items()}

    def text(self, stream):
        """All that was collected of a stream, life after life."""
        return b"".join(data for _, data in sorted(self.lives[stream].items()))

    def close(self):
        """The end."""
        self.die()
        self.listener.close()


@pytest.fixture
def collector(nursery):
    """A Collector."""
    made = Collector(nursery.folder / "intake")
    yield made
    made.close()


def numbers(first, last):
    """The lines `seq first last` prints."""
    return "".join(f"{n}\n" for n in range(first, last + 1)).encode()


def counting_lives(nursery, n_lines, more="", **keys):
    """A spec whose payload goes on counting where its last life stopped, and crashes."""
    count = nursery.folder / "count"
    count.write_text("1\n")
    # Added at the end: it may be killed at any moment, and an empty file would say nothing.
    script = (f"n=$(tail -n1 {count}); m=$((n + {n_lines})); seq $n $((m - 1)); echo $m >>{count}; "
              f"{more} exit 1")
    return nursery.spec(["sh", "-c", script], immediate=1000, name="spec",
                        intake=str(nursery.folder / "intake"), **keys)


def counted(nursery):
    """The number that the next life begins with."""
    return int((nursery.folder / "count").read_text().split()[-1])


def test_streams_are_offered_and_lives_end(nursery, collector):
    spec = nursery.spec(["sh", "-c", "echo out; echo err >&2; exit 1"], max_restarts=2,
                        immediate=2, name="shop", instance=3, log_policy="drop",
                        intake=str(collector.path))
    spec = spec.rename(nursery.folder / "shop.spec")
    keeper = nursery.start("--spec", spec)
    collector.collect(lambda: keeper.process.poll() is not None)
    assert keeper.wait_exit() == 1
    assert sorted(collector.lives[OUT]) == sorted(collector.lives[ERR])
    assert list(collector.lives[OUT].values()) == [b"out\n"] * 3
    assert list(collector.lives[ERR].values()) == [b"err\n"] * 3
    stream, instance, policy, life, name = collector.offers[0]
    assert (stream, instance, policy, keepers.text(name)) == (OUT, 3, 1, "test")
    assert abs(life / 1e6 - time.time()) < 60 * SLOWNESS


def test_silent_lives_of_a_crash_loop_are_not_offered(nursery, collector):
    # So few that there is room for all of them, should a slow machine let each be offered.
    script = "[ $(wc -l <lives) -lt 4 ] || echo at last; echo x >>lives; exit 1"
    (nursery.folder / "lives").touch()
    spec = nursery.spec(["sh", "-c", script], cwd=str(nursery.folder), immediate=5, max_restarts=5,
                        intake=str(collector.path))
    keeper = nursery.start("--spec", spec, control=True)
    peer = keeper.peer()
    peer.request("start")
    peer.wait_state("failed")
    ends = peer.exits()
    assert len(ends) == 6
    collector.collect(lambda: collector.text(OUT) == b"at last\n" * 2)
    assert [life for life, text in collector.lives[OUT].items() if text] == \
        [end.life for end in ends[4:]]
    quick = [end.uptime_usec < TRIAL_USEC for end in ends]
    for number in range(2, 4):
        if quick[number - 1] and quick[number]:
            assert ends[number].life not in collector.lives[OUT], number
    peer.request("leave")
    collector.collect(lambda: keeper.process.poll() is not None)


def test_life_that_lasts_after_quick_deaths_is_offered_while_it_runs(nursery, collector):
    script = "echo x >>lives; [ $(wc -l <lives) -gt 4 ] || exit 1; echo here; exec sleep 1000"
    spec = nursery.spec(["sh", "-c", script], cwd=str(nursery.folder), immediate=9,
                        intake=str(collector.path))
    keeper = nursery.start("--spec", spec, "--start", control=True)
    collector.collect(lambda: collector.text(OUT) == b"here\n")
    keeper.peer().request("leave")
    collector.collect(lambda: keeper.process.poll() is not None)


def test_stdout_of_a_life_after_silent_ones_is_as_new(nursery, collector):
    """Each life makes its own non-blocking, as many programs do, and dies."""
    script = ("use Fcntl; my $f = fcntl(STDOUT, F_GETFL, 0); open(my $to, '>>', 'modes');"
              "print $to ($f & O_NONBLOCK ? 'changed' : 'new'), qq(\\n); close($to);"
              "fcntl(STDOUT, F_SETFL, $f | O_NONBLOCK); exit(1)")
    spec = nursery.spec(["perl", "-e", script], cwd=str(nursery.folder), immediate=9,
                        max_restarts=9, intake=str(collector.path))
    keeper = nursery.start("--spec", spec)
    collector.collect(lambda: keeper.process.poll() is not None)
    assert (nursery.folder / "modes").read_text() == "new\n" * 10


def test_life_after_silent_ones_that_closes_its_output_is_drained_at_once(nursery, collector):
    script = ("echo x >>lives; [ $(wc -l <lives) -gt 4 ] || exit 1;"
              "echo here; exec >&- 2>&-; exec sleep 1000")
    spec = nursery.spec(["sh", "-c", script], cwd=str(nursery.folder), immediate=9,
                        intake=str(collector.path))
    keeper = nursery.start("--spec", spec, "--start", control=True)
    collector.collect(lambda: collector.text(OUT) == b"here\n" and not collector.pipes)
    keeper.peer().request("leave")
    collector.collect(lambda: keeper.process.poll() is not None)


def test_merged_streams_share_a_pipe(nursery, collector):
    spec = nursery.spec(["sh", "-c", "echo 1; echo 2 >&2; echo 3"], type="oneshot",
                        merge_streams=1, intake=str(collector.path))
    keeper = nursery.start("--spec", spec)
    collector.collect(lambda: keeper.process.poll() is not None)
    assert collector.text(BOTH) == b"1\n2\n3\n"
    assert not collector.lives[OUT] and not collector.lives[ERR]


def test_payload_may_open_its_own_stdout(nursery, collector):
    spec = nursery.spec(["sh", "-c", "echo again >/dev/stdout; echo sorry >/dev/stderr"],
                        type="oneshot", uid=65534, gid=65534, intake=str(collector.path))
    keeper = nursery.start("--spec", spec)
    collector.collect(lambda: keeper.process.poll() is not None)
    assert (collector.text(OUT), collector.text(ERR)) == (b"again\n", b"sorry\n")


def test_no_line_is_lost_or_repeated_when_the_collector_dies(nursery, collector):
    chance = random.Random(1)
    spec = counting_lives(nursery, 500, more="seq 5 >&2;")
    keeper = nursery.start("--spec", spec)
    collector.collect(lambda: counted(nursery) > 1)
    for _ in range(60):
        for _ in range(chance.randrange(6)):
            collector.turn()
        collector.die()
    keeper.process.terminate()
    collector.collect(lambda: keeper.process.poll() is not None)
    assert keeper.wait_exit() == 0
    collector.collect(lambda: not collector.connections)
    lines = collector.text(OUT)
    assert counted(nursery) > 1
    assert lines == numbers(1, lines.count(b"\n"))
    assert abs(lines.count(b"\n") - counted(nursery) + 1) <= 500


def test_stream_has_one_transit_for_all_lives_and_collectors(nursery, collector):
    keeper = nursery.start("--spec", counting_lives(nursery, 10, more="echo $n >&2;"),
                           control=True)
    peer = keeper.peer(None)  # which nobody reads between the requests
    assert peer.request("start").result == 0
    for n in range(1, 4):
        collector.collect(lambda n=n: len(collector.lives[OUT]) > 3 * n)
        collector.die()
        assert peer.request("reexec").result == 0
    assert peer.request("leave").result == 0
    collector.collect(lambda: keeper.process.poll() is not None)
    out, err = collector.transits[OUT], collector.transits[ERR]
    assert len(out) == len(err) == 1 and out != err


def test_payload_is_not_hurt_by_a_collector_that_dies_while_it_writes(nursery, collector):
    spec = nursery.spec(["sh", "-c", "seq 300000; echo done"], type="oneshot",
                        intake=str(collector.path))
    keeper = nursery.start("--spec", spec)
    for n in range(1, 7):
        collector.collect(lambda n=n: len(collector.text(OUT)) > n * 100000)
        collector.die()
    collector.collect(lambda: keeper.process.poll() is not None)
    assert keeper.wait_exit() == 0
    assert collector.text(OUT) == numbers(1, 300000) + b"done\n"


def test_crash_loop_waits_for_no_collector_and_loses_nothing(nursery, collector):
    """More lives than the keeper has places for, while nobody takes their output."""
    keeper = nursery.start("--spec", counting_lives(nursery, 20, more="echo $n >&2;"))
    wait_until(lambda: counted(nursery) > 20 * 30)
    spec_fds = len(os.listdir(f"/proc/{keeper.pid}/fd"))
    assert spec_fds < 40
    collector.collect(lambda: len(collector.lives[OUT]) > 20)
    keeper.process.terminate()
    collector.collect(lambda: keeper.process.poll() is not None)
    assert keeper.wait_exit() == 0
    collector.collect(lambda: not collector.connections)
    lines = collector.text(OUT)
    assert lines == numbers(1, lines.count(b"\n"))
    assert lines.count(b"\n") >= counted(nursery) - 1
    starts = [int(line) for line in collector.text(ERR).split()]
    assert starts == list(range(1, starts[-1] + 1, 20))


def test_collector_that_never_answers_cannot_stop_the_crash_loop(nursery, collector):
    collector.is_answering = False
    keeper = nursery.start("--spec", counting_lives(nursery, 1))
    collector.collect(lambda: counted(nursery) > 40)
    assert len(collector.offers) <= 16
    collector.is_answering = True
    keeper.process.terminate()
    collector.collect(lambda: keeper.process.poll() is not None)
    collector.collect(lambda: not collector.connections)
    lines = collector.text(OUT)
    assert lines == numbers(1, lines.count(b"\n"))


def test_keeper_that_leaves_waits_for_the_collector(nursery, collector):
    spec = nursery.spec(["sh", "-c", f"seq 1000; touch {nursery.folder}/said; exec sleep 1000"],
                        intake=str(collector.path))
    keeper = nursery.start("--spec", spec)
    wait_until((nursery.folder / "said").exists)
    keeper.process.terminate()
    child = f"/proc/{keeper.pid}/task/{keeper.pid}/children"
    wait_until(lambda: not open(child, encoding="ascii").read())
    assert keeper.process.poll() is None
    collector.collect(lambda: keeper.process.poll() is not None)
    assert keeper.wait_exit() == 0
    assert collector.text(OUT) == numbers(1, 1000)


def test_keeper_does_not_wait_for_ever_and_says_what_is_left(nursery, collector):
    spec = nursery.spec(["sh", "-c", "echo 123456789; exit 0"], restart="on-failure",
                        intake=str(collector.path))
    keeper = nursery.start("--spec", spec, "--start", control=True, stderr=-1)
    peer = keeper.peer()
    peer.wait_state("done")
    start = time.monotonic()
    peer.request("leave")
    assert keeper.wait_exit() == 0
    assert time.monotonic() - start > 4
    assert "10 bytes of output were not collected" in keeper.said()


def leaves_at_once(keeper, begin):
    """Whether it has left before the seconds are over for which a keeper waits for a collector.

    One that does so always will do so in time when the machine lets it; one that waits never will.
    """
    start = time.monotonic()
    begin()
    assert keeper.wait_exit() == 0
    return time.monotonic() - start < 4


def test_outermost_keeper_leaves_at_once_and_prints_what_nobody_comes_for(nursery):
    words = ("--name", "supervisor", "--sweep=main", "--restart", "on-failure",
             "--intake", nursery.folder / "nobody", "--")

    def left():
        keeper = nursery.start(*words, "sh", "-c", "echo last words >&2; exit 0", stderr=-1)
        is_quick = leaves_at_once(keeper, lambda: None)
        said = keeper.said()
        assert "11 bytes of output were not collected\nlast words\n" in said
        return is_quick

    wait_until(left, 30)


def test_exit_report_of_a_leaving_keeper_counts_the_bytes_that_are_left(nursery, collector):
    spec = nursery.spec(["sh", "-c", f"echo 123456789; touch {nursery.folder}/said; sleep 1000"],
                        intake=str(collector.path))
    keeper = nursery.start("--spec", spec, "--start", control=True)
    peer = keeper.peer()
    wait_until((nursery.folder / "said").exists)
    peer.request("leave")
    report = peer.wait_exit()
    assert (report.cause, report.left_bytes) == ("stop", 10)
    assert keeper.wait_exit() == 0


def test_keeper_with_empty_pipes_leaves_at_once_without_a_collector(nursery):
    spec = nursery.spec(["sleep", "1000"], intake=str(nursery.folder / "nobody"))

    def left():
        keeper = nursery.start("--spec", spec, "--start", control=True)
        peer = keeper.peer()
        return leaves_at_once(keeper, lambda: peer.request("leave"))

    wait_until(left, 30)


def test_collector_that_comes_late_is_found(nursery):
    spec = nursery.spec(["sh", "-c", f"seq 100; touch {nursery.folder}/said; exec sleep 1000"],
                        intake=str(nursery.folder / "intake"))
    keeper = nursery.start("--spec", spec)
    wait_until((nursery.folder / "said").exists)
    late = Collector(nursery.folder / "intake")
    late.collect(lambda: late.text(OUT) == numbers(1, 100))
    assert keeper.stop() == 0
    late.close()


def test_replaced_program_keeps_the_pipes(nursery, collector):
    spec = counting_lives(nursery, 10, more="exec sleep 1000;")
    keeper = nursery.start("--spec", spec, "--start", control=True)
    peer = keeper.peer()
    pid = peer.wait_state("running").main_pid
    collector.collect(lambda: collector.text(OUT) == numbers(1, 10) and counted(nursery) == 11)
    assert peer.request("reexec").result == 0
    os.kill(pid, signal.SIGKILL)
    collector.collect(lambda: collector.text(OUT) == numbers(1, 20) and len(collector.offers) >= 4)
    assert len(collector.offers) == len(set(collector.offers)) == 4
    collector.die()
    peer.request("leave")
    collector.collect(lambda: keeper.process.poll() is not None)
    assert collector.text(OUT) == numbers(1, 20)


def test_pipe_of_a_stranger_who_outlives_the_tree_ends_all_the_same(nursery, collector):
    """A descriptor that was passed out of the tree keeps the pipe open; END does not wait."""
    path = nursery.folder / "out"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(str(path))
    script = (f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
              f"s.connect('{path}'); socket.send_fds(s, [b'x'], [1]); print('mine', flush=True)")
    spec = nursery.spec(["python3", "-c", script], type="oneshot", intake=str(collector.path))
    keeper = nursery.start("--spec", spec, stderr=-1)
    collector.collect(lambda: keeper.process.poll() is not None)
    assert collector.text(OUT) == b"mine\n"
    assert "not collected" not in keeper.said(), "it waited until it had enough"
    for fd in socket.recv_fds(server, 1, 1)[1]:
        os.close(fd)
    server.close()
