# SPDX-License-Identifier: MIT
"""What services and slices use, as the kernel counts it: shown, kept, and not paid for dearly."""
import json
import time

import pytest
from installed import UNIT
from supervision import FOREVER, config, shell, supervisor_of
from waiting import wait_until

MIB = 1 << 20
ROOTS = FOREVER | {"user": "root"}
SPIN = shell("while :; do :; done", user="root")
HOLDS = shell("exec python3 -c 'held = bytearray(50 << 20)\nimport signal\nsignal.pause()'",
              user="root")
LISTENS = shell("exec python3 -m http.server 8765", user="root")
QUIET_SECONDS = 3


@pytest.fixture(name="start")
def make_start(platform):
    """Starts the platform in a unit whose cgroup is delegated to it."""
    return lambda services, *more: platform.up_in_unit(services, "Delegate=yes", *more)


def numbers(platform):
    """{(kind, name): what top says of it}."""
    told = json.loads(platform.cli("top", "-n", "1", "--json").stdout)
    return {(one["kind"], one["name"]): one for one in told}


def wait_known(look, seconds, what):
    """wait_until(), for a look at numbers that may not be known at first."""
    def condition():
        try:
            return look()
        except KeyError as missing:
            raise AssertionError(f"{missing} is not known") from missing

    return wait_until(condition, seconds, what)


def history(platform, name, **more):
    """Moments that are kept, oldest first."""
    return platform.call("History", name=name, limit=5000, **more)["moments"]


def more_moments(platform, name, number, **more):
    """The same, if they are more than that."""
    moments = history(platform, name, **more)
    return moments if len(moments) > number else None


def test_use_and_caps_are_shown(platform, start):
    holds = HOLDS | {"slice": "web", "limits": {"memory_max": "256M", "swap_max": 0}}
    spin = SPIN | {"slice": "web", "limits": {"cpu_quota": "20%"}}
    start(config(holds=holds, spin=spin, listens=LISTENS) | {"slices": {"web": {}}})

    def settled():
        now = numbers(platform)
        held, spun = now["service", "holds"], now["service", "spin"]
        second = spun["per_second"]
        assert held["cgroup"]
        assert 50 * MIB < held["memory_bytes"] < 90 * MIB
        assert held["memory_max_bytes"] == 256 * MIB and held["memory_peak_bytes"] > 50 * MIB
        assert held["swap_bytes"] == 0 and held["tasks"] == 1
        assert 100_000 < second["cpu_usec"] < 300_000
        assert second["throttled_usec"] > 0 and second["cpu_some_usec"] > 0
        assert now["service", "listens"]["ports"] == [8765]
        whole = now["slice", "web"]
        # A service and its slice are read one after the other.
        assert whole["memory_bytes"] + MIB >= held["memory_bytes"]
        assert whole["tasks"] >= 2 and "memory_max_bytes" not in whole
        assert "memory_some_usec" in whole["total"] and "io_read_bytes" in whole["total"]
        return True

    wait_known(settled, 60, "all numbers")

    def shown():
        rows = {line.split()[0]: line.split() for line in platform.cli("ls").stdout.splitlines()}
        assert rows["holds"][4].endswith("M/256M") and rows["spin"][3].endswith("%")
        assert rows["listens"][6] == "8765"
        return True

    wait_until(shown, 60, "the same in a table")


def test_units_and_their_slices_are_measured(platform):
    holds = HOLDS | {"slice": "web", "limits": {"memory_max": "256M"}}
    platform.up(config(holds=holds) | {"slices": {"web": {"memory_max": "300M"}}},
                "--launcher", "systemd")

    def settled():
        now = numbers(platform)
        held, whole = now["service", "holds"], now["slice", "web"]
        assert held["cgroup"]
        assert 50 * MIB < held["memory_bytes"] < 90 * MIB
        assert held["memory_max_bytes"] == 256 * MIB
        assert held["memory_bytes"] <= whole["memory_bytes"] + MIB
        assert whole["memory_max_bytes"] == 300 * MIB and "cpu_usec" in whole["per_second"]
        # Its keeper is in the unit as well.
        assert held["tasks"] == 2
        assert now["slice", "system"]
        return True

    wait_known(settled, 60, "all numbers")
    wait_until(lambda: history(platform, "web", slice=True), 60, "history")


def test_changed_cap_is_shown_at_once(platform, start):
    start(config(web=ROOTS | {"limits": {"memory_max": "64M"}}))
    wait_until(lambda: platform.service("web")["memory_max_bytes"] == 64 * MIB, 60, "the cap")
    platform.cli("limits", "web", "memory_max=100M")
    assert platform.service("web")["memory_max_bytes"] == 100 * MIB
    platform.cli("limits", "web", "memory_max=")
    assert platform.service("web")["memory_max_bytes"] is None


def test_bytes_to_the_disk_are_counted(platform, start):
    writes = shell("while :; do dd if=/dev/zero of=/var/tmp/written bs=1M count=4 oflag=direct "
                   "2>/dev/null; done", user="root")
    start(config(writes=writes))
    wait_known(lambda: numbers(platform)["service", "writes"]["per_second"]["io_write_bytes"] > MIB,
               60, "a megabyte a second")
    platform.cli("stop", "writes")
    platform.run(["rm", "-f", "/var/tmp/written"])


def test_history_survives_the_service_and_the_supervisor(platform, start):
    start(config(web=ROOTS, other=ROOTS | {"slice": "web"}) | {"slices": {"web": {}}})
    ran = wait_until(lambda: more_moments(platform, "web", 3), 60, "four seconds")
    assert all(one["memory_bytes"] > 0 and one["tasks"] == 1 for one in ran)
    # The first one may be of a life that had just begun.
    assert sum("cpu_usec" in one["per_second"] for one in ran) >= len(ran) - 1
    platform.cli("stop", "web")

    def written():
        """All its seconds, when its last minute is as new: that is written when it has ended."""
        minutes, seconds = history(platform, "web", minutes=True), history(platform, "web")
        return seconds if minutes and minutes[-1]["at_usec"] >= seconds[-1]["at_usec"] else None

    stopped = wait_until(written, 60, "its last minute")
    assert len(stopped) >= len(ran)
    # Killed, it loses what was not written yet, and goes on.
    supervisor = supervisor_of(platform)
    platform.run(["kill", "-KILL", str(supervisor)])
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    assert history(platform, "web") == stopped
    before = len(history(platform, "web", slice=True))
    wait_until(lambda: more_moments(platform, "web", before, slice=True), 60, "the slice's history")
    assert history(platform, "nobody") == []


def counters(platform, pid):
    """{descriptor: counter file of a service} that a process has open."""
    done = platform.run(["find", f"/proc/{pid}/fd", "-lname", "*/s[0-9]*-0/*",
                         "-printf", "%f %l\\n"])
    return dict(line.split() for line in done.stdout.splitlines())


def all_counters(platform, pid):
    """The same, if they are eight of each of a hundred services."""
    found = counters(platform, pid)
    return found if len(found) == 800 else None


def test_files_of_hundred_services_are_opened_once(platform, start):
    """What a turn costs then is measured in the bench."""
    services = {f"s{n}": ROOTS | {"autostart": False} for n in range(100)}
    start(config(**services))
    # `up` waits ten seconds for the supervisor and as long for each answer, and then gives up.
    wait_until(lambda: "Ctrl-C" in platform.run(["journalctl", "-u", UNIT]).stdout, 60,
               "its first screen")
    platform.cli("start", *services, seconds=300)
    pid = platform.json("status")["pid"]
    before = wait_until(lambda: all_counters(platform, pid), 60, "eight files of each")
    n_moments = len(history(platform, "s99"))
    wait_until(lambda: more_moments(platform, "s99", n_moments + 2), 60, "three turns")
    # What hardly ever changes is in no file that stays open, and may be read just now.
    wait_until(lambda: counters(platform, pid) == before, 60, "the same files, and no other")


def wait_asleep(platform, pid):
    """Wait until the supervisor has done nothing for three seconds."""
    def switches():
        status = platform.read(f"/proc/{pid}/status")
        return next(line for line in status.splitlines() if line.startswith("voluntary"))

    since, before = time.monotonic(), None

    def sleeps():
        nonlocal since, before
        asked, now = time.monotonic(), switches()
        if now != before:
            since, before = time.monotonic(), now
        return asked - since > QUIET_SECONDS

    wait_until(sleeps, 60, f"{QUIET_SECONDS} seconds without a turn")


def test_timer_rests_while_nothing_runs(platform, start):
    start(config(web=ROOTS))
    wait_until(lambda: history(platform, "web"), 60, "the timer")
    pid = platform.json("status")["pid"]
    platform.cli("stop", "web")
    wait_asleep(platform, pid)
    platform.cli("start", "web")
    kept = len(history(platform, "web"))
    wait_until(lambda: more_moments(platform, "web", kept), 60, "the timer again")


def test_timer_that_is_off_does_not_run(platform, start):
    start(config(web=ROOTS | {"limits": {"memory_max": "64M"}}),
          "Environment=SLICEKEEP_NUMBERS=off")
    platform.wait_state("web", "running")
    pid = platform.json("status")["pid"]
    wait_asleep(platform, pid)
    assert platform.service("web")["memory_max_bytes"] == 64 * MIB
    assert platform.service("web")["memory_bytes"] > 0
    assert history(platform, "web") == []
