# SPDX-License-Identifier: MIT
"""`slicekeep-log verify`: what is wrong with a store is named, and mended where it can be."""
import os
import re
import time

import pytest

import instance
from collector import collectors, store_lines  # noqa: F401
from waiting import wait_until

pytestmark = pytest.mark.sanitize


def verify(collector, *words, exits=0):
    """What it prints, line by line; the last one sums up."""
    return collector.platform.run([instance.program("slicekeep-log"), "verify", "--log-dir",
                                   collector.log, *words], exits=exits).stdout.splitlines()


def numbered(first, last):
    return b"".join(b"line %d\n" % i for i in range(first, last + 1))


def numbers(lines):
    return [int(line["text"][5:]) for line in lines if re.fullmatch(r"line \d+", line["text"])]


def segments(collector, name, kind="log"):
    """The files of a service that hold its bytes ("log") or their times ("idx"), in order."""
    return sorted((collector.log / name).glob(f"*.{kind}*"),
                  key=lambda path: int(path.name.split(".")[2]))


def make_old(path):
    """A file that is not about to become part of a segment."""
    os.utime(path, (time.time() - 60, time.time() - 60))


@pytest.fixture
def shop(collectors):
    """A collector that has stored 50,000 lines of "shop" in many segments, and ended."""
    collector = collectors("--segment", "64K")
    store_lines(collector.keeper(), "shop", numbered(1, 50_000))
    # All but the newest one are packed.
    wait_until(lambda: len(list((collector.log / "shop").glob("*.idx"))) == 1, deadline=90)
    collector.stop()
    return collector


def test_store_that_is_whole_has_nothing_wrong(shop):
    (line,) = verify(shop)
    assert line.endswith("nothing is wrong") and f"{len(segments(shop, 'shop'))} segments" in line
    assert verify(shop, "shop")[-1] == line
    assert verify(shop, "--repair")[-1] == line


def test_store_that_is_written_has_nothing_wrong(platform, collectors):
    collector = collectors("--segment", "64K")
    pipe = collector.keeper().pipe("shop")
    spout = platform.spawn([instance.BUILD / "tests/integration/programs/spout", 500_000, 4096,
                            100], stdout=pipe.write_end)
    pipe.close_write()
    wait_until(lambda: (collector.log / "shop").is_dir())
    looks = 0
    while spout.poll() is None or looks < 3:
        assert verify(collector)[-1].endswith("nothing is wrong")
        looks += 1
    collector.keepers[0].wait_drained(pipe)
    assert verify(collector)[-1].endswith("nothing is wrong")


@pytest.mark.parametrize("damage", ["lost", "empty", "header", "cut"])
def test_index_is_made_anew(shop, damage):
    path = segments(shop, "shop", "idx")[1]
    data = path.read_bytes()
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "header": bytes([data[0] ^ 255]) + data[1:],
                          "cut": data[:len(data) // 2]}[damage])
    fault, line = verify(shop, exits=1)
    assert fault.startswith(f"shop/{path.name}: ") and "--repair" in fault
    assert line.endswith("1 wrong, 0 repaired")
    fault, line = verify(shop, "--repair")
    assert fault.endswith("; repaired") and line.endswith("1 wrong, 1 repaired")
    assert verify(shop)[-1].endswith("nothing is wrong")
    assert numbers(shop.read(names=["shop"])) == list(range(1, 50_001))


def test_all_indexes_are_made_anew(shop):
    paths = segments(shop, "shop", "idx")
    for path in paths:
        path.unlink()
    n = len(paths)
    assert verify(shop, "--repair")[-1].endswith(f"{n} wrong, {n} repaired")
    assert verify(shop)[-1].endswith("nothing is wrong")
    assert numbers(shop.read(names=["shop"])) == list(range(1, 50_001))


def table_of_lines(data):
    """Where a packed file has the numbers of its lines: in the frame around this mark."""
    at = data.rindex(b"skln") - 8
    return at, at + 8 + int.from_bytes(data[at + 4:at + 8], "little")


def test_numbers_of_lines_are_asked_counted_anew_and_not_needed(platform, collectors):
    collector = collectors("--segment", "512K")
    store_lines(collector.keeper(), "shop", numbered(1, 150_000))
    collector.wait_packed("shop")
    collector.stop()
    packed = [path for path in segments(collector, "shop") if path.suffix == ".zst"]
    whole = [path.read_bytes() for path in packed]
    assert len(packed) >= 2

    def last():
        return numbers(collector.read(names=["shop"], tail=140_000))

    assert last() == list(range(10_001, 150_001))
    # One that is damaged is said, and costs no line.
    at, end = table_of_lines(whole[1])
    packed[1].write_bytes(whole[1][:end - 6] + bytes([whole[1][end - 6] ^ 1]) + whole[1][end - 5:])
    assert last() == list(range(10_001, 150_001))
    fault, _ = verify(collector, exits=1)
    assert "the numbers of its lines are damaged" in fault
    found = [row for row in platform.json("doctor", exits=None) if row["check"] == "store"][0]
    assert found["verdict"] == "wrong" and "the numbers of its lines are damaged" in found["text"]
    assert verify(collector, "--repair")[-1].endswith("1 wrong, 1 repaired")
    assert packed[1].read_bytes() == whole[1]
    # A former version wrote none: nothing is wrong with that, and what is lost is made with them.
    for path, data in zip(packed, whole):
        at, end = table_of_lines(data)
        path.write_bytes(data[:at] + data[end:])
    assert verify(collector)[-1].endswith("nothing is wrong")
    assert last() == list(range(10_001, 150_001))
    os.truncate(packed[0], packed[0].stat().st_size - 1)
    assert verify(collector, "--repair")[-1].endswith("1 wrong, 1 repaired")
    assert packed[0].read_bytes() == whole[0]
    assert last() == list(range(10_001, 150_001))


def test_segment_that_was_cut_costs_what_was_cut_off(shop):
    before, path, after = segments(shop, "shop")[1:4]
    data = path.read_bytes()
    path.write_bytes(data[:len(data) - 5000])
    assert any("lost" in line for line in verify(shop, exits=1))
    verify(shop, "--repair", exits=1)
    assert any("lost" in line for line in verify(shop, exits=1))
    seen = numbers(shop.read(names=["shop"]))
    # Of the lines around the hole there may be a part.
    assert 1 in seen and 50_000 in seen and 40_000 < len(seen) < 50_000
    assert before.exists() and after.exists()


def test_files_that_belong_to_nobody_are_named(shop):
    strange = shop.log / "shop" / "notes.txt"
    strange.write_text("do not delete")
    orphan = shop.log / "shop" / "3.out.17.idx"
    orphan.write_bytes(b"x")
    make_old(orphan)
    scratch = shop.log / "shop" / ".log.part"
    scratch.write_bytes(b"x")
    (shop.log / "Not a service").mkdir()
    (shop.log / "shop" / "\x1b[31m").touch()
    parts = ("shop/notes.txt: is no file of the collector's",
             "shop/3.out.17.idx: is an index without its segment",
             "shop/.log.part: was left", "Not a service: is no file of the collector's",
             "shop/\\x1b[31m: is no file")

    def all_are_named():
        lines = verify(shop, exits=1)
        assert all(any(line.startswith(part) for line in lines) for part in parts), lines
        return True

    # A scratch file is only one that was left once the last housekeeper has gone.
    wait_until(all_are_named)
    verify(shop, "--repair", exits=1)
    assert strange.read_text() == "do not delete" and (shop.log / "Not a service").is_dir()
    assert not orphan.exists() and not scratch.exists()
    assert verify(shop, exits=1)[-1].endswith("3 wrong, 0 repaired")


def test_index_that_the_collector_has_made_anew_is_no_gap(shop):
    """As after a power loss: what was not synced of the newest segment's index is gone."""
    path = segments(shop, "shop", "idx")[-1]
    os.truncate(path, 0)
    shop.start()
    keeper = shop.keeper()
    store_lines(keeper, "shop", numbered(50_001, 60_000))
    # A housekeeper that ends with its collector leaves what it had begun.
    shop.wait_packed("shop")
    shop.stop()
    assert verify(shop)[-1].endswith("nothing is wrong")
    assert numbers(shop.read(names=["shop"])) == list(range(1, 60_001))


def test_newest_segment_of_a_collector_that_runs_is_left_alone(shop):
    path = segments(shop, "shop", "idx")[-1]
    shop.start()
    shop.caller().call("Stats")
    path.unlink()
    fault, _ = verify(shop, "--repair", exits=1)
    assert fault.endswith("not repaired: the collector writes it; try it while that is stopped")
    shop.stop()
    verify(shop, "--repair")
    assert verify(shop)[-1].endswith("nothing is wrong")


def test_little_time_is_enough_for_sizes_and_says_so(shop):
    assert "; read to the end: 0 of them; " in verify(shop, "--max-time", "0")[-1]
    segments(shop, "shop", "idx")[1].unlink()
    assert "is missing" in verify(shop, "--max-time", "0", exits=1)[0]


def test_wrong_words_are_refused(shop):
    for words in (["--what"], ["--max-time"], ["--max-time", "soon"]):
        verify(shop, *words, exits=2)
    verify(shop, "nobody", exits=3)
    verify(shop, "--log-dir", "/nowhere", exits=1)


def test_doctor_looks_at_the_store(platform):
    platform.up({"processes": {"shop": {
        "command": "/bin/sh", "args": ["-c", "echo hello; exec sleep 1000"], "user": "root"}}})
    wait_until(lambda: platform.lines("shop"))
    found = [row for row in platform.json("doctor", exits=None) if row["check"] == "store"]
    assert [row["verdict"] for row in found] == ["ok"] and "nothing is wrong" in found[0]["text"]
    (platform.home / "log" / "shop" / "notes").touch()
    found = [row for row in platform.json("doctor", exits=1) if row["check"] == "store"]
    assert {row["verdict"] for row in found} == {"wrong"}
    assert "shop/notes: is no file of the collector's" in found[0]["text"]
