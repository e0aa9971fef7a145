# SPDX-License-Identifier: MIT
"""`prog | slicekeep-log pipe NAME`: a program outside of the supervisor, in the same store."""
import os
import pty
import random
import signal
import socket

import pytest

import instance
from collector import collectors  # noqa: F401
from processes import minds
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize

FIRST_SLOT = 1000


class Tap:
    """One `slicekeep-log pipe`, and the write end of its stdin."""

    def __init__(self, collector, *words, stdin=None, **more):
        self.platform = collector.platform
        self.errors = self.platform.home / f"pipe-{random.getrandbits(32):08x}.stderr"
        self.write_end = -1
        read_end = stdin
        if stdin is None:
            read_end, self.write_end = os.pipe2(os.O_CLOEXEC)
        with open(self.errors, "wb") as errors:
            self.process = self.platform.spawn(
                [instance.program("slicekeep-log"), "pipe", *words], stdin=read_end,
                stderr=errors, **more)
        if stdin is None:
            os.close(read_end)

    def write(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.write_end, view):]

    def close(self):
        os.close(self.write_end)
        self.write_end = -1

    def wait(self):
        """Its exit code."""
        return self.process.wait(30 * SLOWNESS)

    def said(self):
        return self.errors.read_text()

    def caught(self):
        """Wait until signals do not simply end it."""
        wait_until(lambda: minds(self.process.pid, signal.SIGTERM))
        return self

    def signal(self, number):
        """Send it, and see it taken."""
        self.process.send_signal(number)
        wait_until(lambda: self.process.poll() is not None or not self._is_pending(number))

    def _is_pending(self, number):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            masks = [int(line.split()[1], 16) for line in file
                     if line.startswith(("SigPnd", "ShdPnd"))]
        return any(mask >> (number - 1) & 1 for mask in masks)


@pytest.fixture
def taps():
    """A function that starts a Tap; before the collector goes, those that are left are killed."""
    made = []

    def make(*args, **more):
        made.append(Tap(*args, **more))
        return made[-1]

    yield make
    for tap in made:
        if tap.write_end >= 0:
            tap.close()
        tap.process.kill()
        tap.process.wait(20 * SLOWNESS)


def stored(collector, name, slot=FIRST_SLOT, stream="out"):
    return collector.stored(name, stream, slot)


def test_what_comes_is_stored_and_then_it_ends(collectors, taps):
    collector = collectors()
    tap = taps(collector, "backup")
    tap.write(b"one\ntwo\n")
    wait_until(lambda: stored(collector, "backup") == b"one\ntwo\n")
    tap.write(b"no newline")
    tap.close()
    assert tap.wait() == 0 and tap.said() == ""
    lines = collector.read(names=["backup"])
    assert [line["text"] for line in lines] == ["one", "two", "no newline"]
    assert not any("open" in line for line in lines)
    assert list(collector.run.glob("pipe-*")) == []


def test_no_byte_passes_through_it(collectors, taps):
    collector = collectors()
    tap = taps(collector, "backup")
    data = b"a line\n" * 500_000
    tap.write(data)
    wait_until(lambda: len(stored(collector, "backup")) == len(data))
    with open(f"/proc/{tap.process.pid}/io", encoding="ascii") as file:
        moved = dict(line.split(": ") for line in file)
    assert int(moved["rchar"]) + int(moved["wchar"]) < 200_000


def test_stream_and_slot_can_be_chosen(collectors, taps):
    collector = collectors()
    tap = taps(collector, "backup", "--stream", "err", "--instance", "7")
    tap.write(b"oops\n")
    tap.close()
    assert tap.wait() == 0
    assert stored(collector, "backup", 7, "err") == b"oops\n"


@pytest.mark.parametrize("words, complaint", [
    ((), "give a name"),
    (("Backup",), '"Backup" is no valid name'),
    (("log",), '"log" is the name of one of slicekeep\'s own daemons'),
    (("a", "b"), 'one name, not "b" as well'),
    (("a", "--stream", "in"), '"--stream in": out, err or both'),
    (("a", "--instance", "-1"), '"--instance -1": give a number'),
    (("a", "--instance"), '"--instance" needs a value'),
    (("a", "--max", "1"), '"--max" is no option of pipe'),
])
def test_wrong_words_are_refused(platform, words, complaint):
    result = platform.run([instance.program("slicekeep-log"), "pipe", *words], exits=2)
    assert complaint in result.stderr and "usage:" in result.stderr


def test_collector_that_is_not_there_is_waited_for(collectors, taps):
    collector = collectors(start=False)
    for sock in collector.sockets:
        sock.close()
    for path in collector.run.iterdir():
        path.unlink()
    collector.sockets = []
    tap = taps(collector, "backup")
    tap.write(b"early\n")
    wait_until(lambda: "no collector listens at" in tap.said())
    # A collector that makes its sockets itself.
    with open(collector.errors, "ab") as errors:
        collector.process = collector.platform.spawn([instance.program("slicekeep-log")],
                                                     stderr=errors)
    wait_until(lambda: stored(collector, "backup") == b"early\n")
    collector.stop()
    tap.write(b"while it is away\n")
    with open(collector.errors, "ab") as errors:
        collector.process = collector.platform.spawn([instance.program("slicekeep-log")],
                                                     stderr=errors)
    tap.close()
    assert tap.wait() == 0
    assert stored(collector, "backup") == b"early\nwhile it is away\n"
    assert tap.said().count("\n") == 1


def test_killed_collectors_lose_and_repeat_nothing(platform, collectors, taps):
    n, kills = 1_000_000, 20
    collector = collectors("--segment", "256K", "--max-total", "8G")
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    tap = taps(collector, "backup", stdin=read_end)
    os.close(read_end)
    spout = platform.spawn([instance.BUILD / "tests/integration/programs/spout", n, 4096, 100],
                           stdout=write_end)
    os.close(write_end)
    for _ in range(kills):
        # Killed somewhere behind what is there now, so in the middle of the stream mostly.
        before = len(stored(collector, "backup"))
        wait_until(lambda: spout.poll() is not None or
                   len(stored(collector, "backup")) > before + random.randrange(200_000))
        collector.kill()
        collector.start()
    assert tap.wait() == 0 and spout.wait() == 0
    expected = b"".join(b"line %09d\n" % i for i in range(1, n + 1))
    assert stored(collector, "backup") == expected, "not what was printed"


def test_two_of_one_name_are_both_stored(collectors, taps):
    collector = collectors()
    first, second = taps(collector, "backup"), None
    first.write(b"first\n")
    wait_until(lambda: stored(collector, "backup") == b"first\n")
    second = taps(collector, "backup")
    second.write(b"second\n")
    wait_until(lambda: stored(collector, "backup", FIRST_SLOT + 1) == b"second\n")
    second.close()
    assert second.wait() == 0 and first.process.poll() is None
    first.close()
    assert first.wait() == 0
    third = taps(collector, "backup")
    third.write(b"third\n")
    third.close()
    assert third.wait() == 0
    assert stored(collector, "backup") == b"first\nthird\n"


def test_slot_that_is_taken_is_refused(collectors, taps):
    collector = collectors()
    first = taps(collector, "backup", "--instance", "3")
    first.write(b"first\n")
    wait_until(lambda: stored(collector, "backup", 3) == b"first\n")
    second = taps(collector, "backup", "--instance", "3")
    assert second.wait() == 1
    assert 'another pipe "backup" has the slot 3' in second.said()
    (collector.run / "keeper").mkdir()
    (collector.run / "keeper" / "shop-0.sock").touch()
    third = taps(collector, "shop", "--instance", "0")
    assert third.wait() == 1
    assert '"shop" is a service whose slot 0 prints itself' in third.said()


def test_last_words_after_a_signal_are_stored(collectors, taps):
    collector = collectors()
    tap = taps(collector, "backup").caught()
    tap.signal(signal.SIGINT)
    tap.write(b"cleaning up\n")
    wait_until(lambda: stored(collector, "backup") == b"cleaning up\n")
    assert tap.process.poll() is None
    tap.close()
    assert tap.wait() == 0


def test_second_signal_leaves_the_pipe_to_the_collector(collectors, taps):
    collector = collectors()
    tap = taps(collector, "backup").caught()
    tap.write(b"before\n")
    wait_until(lambda: stored(collector, "backup") == b"before\n")
    tap.signal(signal.SIGTERM)
    tap.signal(signal.SIGTERM)
    assert tap.wait() == 0
    tap.write(b"after\n")
    wait_until(lambda: stored(collector, "backup") == b"before\nafter\n")


def test_what_nobody_could_take_is_said(collectors, taps):
    collector = collectors(start=False)
    collector.sockets[0].close()
    tap = taps(collector, "backup").caught()
    tap.write(b"12345\n")
    tap.signal(signal.SIGTERM)
    tap.signal(signal.SIGTERM)
    assert tap.wait() == 1
    assert "6 bytes are lost" in tap.said()


def test_killed_it_leaves_the_pipe_to_the_collector(collectors, taps):
    collector = collectors()
    tap = taps(collector, "backup")
    tap.write(b"before\n")
    wait_until(lambda: stored(collector, "backup") == b"before\n")
    tap.process.kill()
    assert tap.wait() == -signal.SIGKILL
    tap.write(b"after\n")
    wait_until(lambda: stored(collector, "backup") == b"before\nafter\n")


def test_file_is_poured(collectors, taps):
    collector = collectors()
    data = b"".join(b"line %d\n" % i for i in range(200_000))
    path = collector.platform.home / "data"
    path.write_bytes(data)
    with open(path, "rb") as file:
        tap = taps(collector, "backup", stdin=file.fileno())
        assert tap.wait() == 0
    assert stored(collector, "backup") == data


def test_socket_is_poured(collectors, taps):
    collector = collectors()
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            tap = taps(collector, "backup", stdin=theirs.fileno())
        ours.sendall(b"x" * 300_000 + b"\n")
        wait_until(lambda: len(stored(collector, "backup")) == 300_001)
        tap.caught().signal(signal.SIGTERM)
        ours.sendall(b"last words\n")
    assert tap.wait() == 0
    assert stored(collector, "backup").endswith(b"x\nlast words\n")


def test_terminal_ends_with_a_signal(collectors, taps):
    collector = collectors()
    ours, theirs = pty.openpty()
    tap = taps(collector, "notes", stdin=theirs, start_new_session=True).caught()
    os.close(theirs)
    os.write(ours, b"typed\n")
    wait_until(lambda: stored(collector, "notes") == b"typed\n")
    tap.signal(signal.SIGINT)
    assert tap.wait() == 0
    os.close(ours)
    assert [line["text"] for line in collector.read(names=["notes"])] == ["typed"]


def test_stdin_that_cannot_be_read_is_refused(collectors, taps):
    collector = collectors()
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    tap = taps(collector, "backup", stdin=write_end)
    assert tap.wait() == 1
    assert "stdin cannot be read" in tap.said()
    os.close(read_end)
    os.close(write_end)


def test_other_users_are_told_who_may(collectors, taps):
    if os.geteuid() != 0:
        pytest.fail("these tests change users: run them as root")
    collector = collectors()
    collector.platform.home.chmod(0o755)
    collector.run.chmod(0o755)
    (collector.run / "log.intake").chmod(0o666)
    tap = taps(collector, "backup", user=65534, group=65534, extra_groups=[])
    assert tap.wait() == 1
    assert "run it as root or as the collector's user" in tap.said()
    collector.run.chmod(0o777)
    tap = taps(collector, "backup", user=65534, group=65534, extra_groups=[])
    assert tap.wait() == 1
    assert "takes pipes of root and of uid 0 only" in tap.said()
