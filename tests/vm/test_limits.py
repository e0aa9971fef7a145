# SPDX-License-Identifier: MIT
"""Caps really cap: what a service may use, in the kernel, and what is said about it."""
import re

import pytest
from supervision import FOREVER, config, oneshot, shell
from waiting import wait_until

MIB = 1 << 20
ROOTS = FOREVER | {"user": "root"}
HOG = shell("exec python3 -c 'held = []\nwhile True: held.append(bytearray(1 << 20))'",
            user="root", limits={"memory_max": "40M", "swap_max": 0})
SPIN = shell("while :; do :; done", user="root")


def capped(service, **limits):
    return service | {"limits": limits}


@pytest.fixture(name="start")
def make_start(platform):
    """Starts the platform, its keepers units of systemd."""
    return lambda services: platform.up(services, "--launcher", "systemd")


@pytest.fixture(name="start_either", params=["systemd", "direct"])
def make_start_either(request, platform, start):
    """The same, and with keepers of our own in a unit whose cgroup is delegated to us."""
    if request.param == "systemd":
        return start
    return lambda services: platform.up_in_unit(services, "Delegate=yes")


def cgroup_of(platform, name):
    """The folder of the cgroup that a service's process is in."""
    pid = platform.wait_state(name, "running")["pid"]
    line = platform.read(f"/proc/{pid}/cgroup")
    return "/sys/fs/cgroup" + line.removeprefix("0::").removesuffix("/payload")


def read(platform, folder, file):
    return platform.read(f"{folder}/{file}")


def counter(platform, folder, file, key):
    lines = read(platform, folder, file).splitlines()
    return next(int(line.split()[1]) for line in lines if line.split()[0] == key)


def limits_of(platform, name):
    return {one["key"]: one for one in platform.json("limits", name, "--all")["limits"]}


def test_memory_max_kills_the_hog_alone_and_the_report_says_so(platform, start_either):
    start_either(config(hog=HOG, web=ROOTS))
    web = platform.wait_state("web", "running")["pid"]

    def exits():
        return platform.json("why", "hog").get("exits", [])

    wait_until(lambda: len(exits()) > 1, 180, "the hog to be killed twice")
    assert {one["cause"] for one in exits()} == {"oom"}
    assert all(one["oom_kills"] >= 1 for one in exits())
    assert all(35 * MIB <= one["memory_peak_bytes"] <= 40 * MIB for one in exits())
    assert all(one["victim"].startswith("python3 (pid ") for one in exits())
    assert "memory 40M of 40M" in platform.cli("why", "hog").stdout
    wait_until(lambda: "memory 40M of 40M" in platform.cli(
        "log", "hog", "--stream", "event").stdout, 60, "it on the time line")
    assert platform.service("web")["pid"] == web


def test_limits_are_in_the_kernel_and_in_what_is_shown(platform, start_either):
    start_either(config(web=capped(
        ROOTS, memory_min="1M", memory_low="2M", memory_max="64M", memory_high="60M", swap_max=0,
        cpu_weight=300, cpu_quota="150%", cpus="0", io_weight=50, io_read_max="8M",
        io_write_max="4M", tasks_max=10, open_files=100, oom_score=200)))
    folder = cgroup_of(platform, "web")
    expected = {"memory.min": str(MIB), "memory.low": str(2 * MIB),
                "memory.max": str(64 * MIB), "memory.high": str(60 * MIB), "memory.swap.max": "0",
                "cpu.weight": "300", "cpu.max": "150000 100000", "cpuset.cpus": "0",
                "io.weight": "default 50", "pids.max": "10"}
    assert {file: read(platform, folder, file) for file in expected} == expected
    assert f"rbps={8 * MIB} wbps={4 * MIB}" in read(platform, folder, "io.max")
    shown = limits_of(platform, "web")
    for key in ("memory_min", "memory_low", "memory_max", "memory_high", "swap_max", "cpu_weight",
                "cpu_quota", "cpus", "io_weight", "io_read_max", "io_write_max", "tasks_max",
                "open_files", "oom_score"):
        assert shown[key]["configured"] == shown[key]["effective"], key
    assert shown["io_weight"]["note"] == "not enforced by this disk's scheduler"
    assert "note" not in platform.json("limits", "web")


def test_rate_without_a_disk_is_said_to_cap_nothing(platform, start_either):
    start_either(config(web=capped(ROOTS | {"cwd": "/dev/shm"}, io_write_max="4M")))
    platform.wait_state("web", "running")
    shown = limits_of(platform, "web")
    assert shown["io_write_max"]["configured"] == "4M"
    assert "effective" not in shown["io_write_max"]
    assert shown["io_write_max"]["note"] == "not enforced: its folder is on no disk of its own"
    assert "note" not in shown["io_read_max"]


def test_changed_limit_is_in_the_kernel_when_the_command_returns(platform, start_either):
    start_either(config(web=capped(ROOTS, memory_max="64M", tasks_max=10)))
    before, folder = platform.wait_state("web", "running")["pid"], cgroup_of(platform, "web")
    platform.cli("limits", "web", "memory_max=300M", "cpu_quota=20%", "tasks_max=")
    assert read(platform, folder, "memory.max") == str(300 * MIB)
    assert read(platform, folder, "cpu.max") == "20000 100000"
    assert read(platform, folder, "pids.max") == "max"
    assert platform.service("web")["pid"] == before
    assert "300M" not in platform.cli("config", "web", "get").stdout
    platform.cli("limits", "web", "memory_max=200M", "--save")
    assert "200M" in platform.cli("config", "web", "get").stdout
    assert "20%" not in platform.cli("config", "web", "get").stdout
    assert "live" in platform.cli("config", "plan").stdout


def test_cpu_quota_holds_and_the_waiting_is_counted(platform, start):
    start(config(spin=capped(SPIN, cpu_quota="20%")))
    folder = cgroup_of(platform, "spin")

    def periods():
        return counter(platform, folder, "cpu.stat", "nr_periods")

    def holds():
        used, n = counter(platform, folder, "cpu.stat", "usage_usec"), periods()
        return n >= 30 and used <= n * 20_000 * 1.1

    # What is used beyond it, while the emulator was not given a CPU itself, is paid back later.
    wait_until(holds, 60, "thirty periods with no more than the quota")
    assert counter(platform, folder, "cpu.stat", "throttled_usec") > 0


def test_heavier_service_gets_clearly_more_of_a_cpu(platform, start):
    start(config(heavy=capped(SPIN, cpu_weight=300, cpus="0"),
                 light=capped(SPIN, cpu_weight=100, cpus="0")))
    folders = [cgroup_of(platform, name) for name in ("heavy", "light")]
    first = [counter(platform, folder, "cpu.stat", "usage_usec") for folder in folders]

    def used():
        return [counter(platform, folder, "cpu.stat", "usage_usec") - before
                for folder, before in zip(folders, first)]

    def is_shared():
        heavy, light = used()
        return heavy + light > 3_000_000 and heavy > 2 * light

    wait_until(is_shared, 60, "three seconds of CPU, most of them the heavier one's")


def test_tasks_max_stops_a_fork_bomb(platform, start):
    start(config(bomb=capped(shell("bomb() { bomb | bomb & }; bomb; exec sleep 1000",
                                   user="root"), tasks_max=20), web=ROOTS))
    folder = cgroup_of(platform, "bomb")
    wait_until(lambda: counter(platform, folder, "pids.events", "max") > 0, 60, "a refused fork")
    assert int(read(platform, folder, "pids.peak")) <= 20
    platform.cli("stop", "bomb")
    assert platform.service("web")["state"] == "running"


def test_io_write_max_is_what_reaches_the_disk(platform, start):
    write = oneshot("exec dd if=/dev/zero of=/root/written bs=256k count=64 oflag=direct",
                    user="root", autostart=False)
    start(config(write=capped(write, io_write_max="4M")))
    platform.cli("start", "write", seconds=120)

    def said():
        return re.search(r"copied, ([0-9.]+) s, ",
                         platform.cli("log", "write", "--stream", "err").stdout)

    seconds = float(wait_until(said, 60, "what it says at its end")[1])
    assert 16 * MIB / seconds < 4 * MIB * 1.1


def test_memory_high_holds_back_and_does_not_kill(platform, start):
    grow = shell("exec python3 -c 'held = []\nfor n in range(60): held.append(bytearray(1 << 20))\n"
                 "import signal\nsignal.pause()'", user="root")
    start(config(grow=capped(grow, memory_high="30M", swap_max=0)))
    folder = cgroup_of(platform, "grow")
    wait_until(lambda: counter(platform, folder, "memory.events", "high") > 0, 60, "throttling")
    assert counter(platform, folder, "memory.events", "oom_kill") == 0
    assert platform.service("grow")["restarts"] == 0


def test_slice_is_a_budget_of_its_members_and_keeps_what_they_are_promised(platform, start_either):
    services = config(hog=HOG | {"slice": "web", "limits": {"swap_max": 0}},
                      web=ROOTS | {"slice": "web", "limits": {"memory_low": "8M"}}, free=ROOTS)
    start_either(services | {"slices": {"web": {"memory_max": "50M", "cpu_weight": 200}}})
    slice_of_web = cgroup_of(platform, "web").rpartition("/")[0]
    assert read(platform, slice_of_web, "memory.max") == str(50 * MIB)
    assert read(platform, slice_of_web, "cpu.weight") == "200"
    assert read(platform, slice_of_web, "memory.low") == str(8 * MIB)
    assert int(read(platform, slice_of_web.rpartition("/")[0], "memory.low")) >= 8 * MIB
    wait_until(lambda: counter(platform, slice_of_web, "memory.events", "oom_kill") > 0, 60,
               "the slice to be full")
    assert platform.service("free")["restarts"] == 0


def test_end_leaves_no_instance(platform, start_either):
    start_either(config(web=ROOTS))
    folder = cgroup_of(platform, "web")
    platform.cli("stop", "web")
    wait_until(lambda: platform.run(["test", "-e", folder], exits=None).returncode == 1, 60,
               "the end of its cgroup")
