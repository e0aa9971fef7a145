# SPDX-License-Identifier: MIT
"""What services use, where no cgroup tells: CPU, memory, processes and ports out of /proc."""
import json
import os
import pty
import re
import signal
import subprocess

from instance import program
from processes import is_alive
from waiting import wait_until

FOREVER = {"command": "sleep", "args": ["1000"], "ready": {"up_for": "20ms"}}
MIB = 1 << 20


def python(script, **more):
    return {"command": "python3", "args": ["-c", script], "ready": {"up_for": "20ms"}} | more


HOLDS = python("held = bytearray(64 << 20)\nimport signal\nsignal.pause()")
SPINS = python("while True: pass")
LISTENS = python("import socket, signal\n"
                 "held = [socket.create_server(('127.0.0.1', 0)) for n in range(2)]\n"
                 "print(*(one.getsockname()[1] for one in held), flush=True)\n"
                 "signal.pause()")


def config(**processes):
    return {"processes": processes}


def numbers(platform, *names):
    return {one["name"]: one for one in json.loads(
        platform.cli("top", "-n", "1", "--json", *names).stdout)}


def families(text):
    """{name with labels: value} of an OpenMetrics text, which is checked by its rules."""
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    samples, seen, family, kind = {}, set(), None, None
    for line in text.splitlines()[:-1]:
        if described := re.fullmatch(r"# (TYPE|UNIT|HELP) ([a-z_]+) (.+)", line):
            what, name, value = described.groups()
            if what == "TYPE":
                # All that is said of a family stands together.
                assert name not in seen
                seen.add(name)
                family, kind = name, value
                assert kind in ("counter", "gauge")
            assert name == family
            assert what != "UNIT" or name.endswith("_" + value)
            continue
        sample = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="[^"\\\n]*",?)+\}) (\d+(?:\.\d+)?)', line)
        assert sample, line
        assert sample[1] == family + ("_total" if kind == "counter" else "")
        assert sample[1] + sample[2] not in samples
        samples[sample[1] + sample[2]] = float(sample[3])
    return samples


def test_ls_shows_what_is_used(platform):
    platform.up(config(holds=HOLDS, spins=SPINS, off=FOREVER | {"autostart": False}))
    wait_until(lambda: (platform.service("holds")["memory_bytes"] or 0) > 64 * MIB, 10, "64 MiB")

    def uses_more():  # how much it gets is for the machine to say
        holds, spins = platform.service("holds")["cpu_usec"], platform.service("spins")["cpu_usec"]
        return holds is not None and (spins or 0) > holds

    wait_until(uses_more, 20, "a busy and a calm one")
    holds, off = platform.service("holds"), platform.service("off")
    assert 64 * MIB < holds["memory_bytes"] < 100 * MIB
    assert holds["memory_max_bytes"] is None
    assert off["cpu_usec"] is None and off["memory_bytes"] is None and off["listening"] is None

    def shown():
        rows = {line.split()[0]: line.split() for line in platform.cli("ls").stdout.splitlines()}
        assert rows["SERVICE"] == ["SERVICE", "STATE", "UP", "CPU", "MEMORY", "RESTARTS", "PORTS"]
        assert re.fullmatch(r"\d+%", rows["spins"][3]) and re.fullmatch(r"\d+M", rows["holds"][4])
        assert rows["off"][2:5] == ["-", "-", "-"]
        return True

    wait_until(shown)


def test_ports_are_those_that_it_listens_on(platform):
    platform.up(config(listens=LISTENS, other=FOREVER))
    printed = wait_until(lambda: re.search(r" out (\d+) (\d+)\n", platform.cli(
        "log", "listens", "--stream", "out").stdout), 10, "both ports in the log")
    ports = sorted(map(int, printed.groups()))
    wait_until(lambda: platform.service("listens")["listening"] == ports, 10, "both ports")
    assert platform.service("other")["listening"] is None
    assert f"{ports[0]} {ports[1]}" in platform.cli("ls").stdout
    platform.cli("stop", "listens")
    assert platform.service("listens")["listening"] is None


def test_table_is_measured_wherever_it_goes(platform):
    def printed():
        return re.findall(r" out (\d+) (\d+)\n",
                          platform.cli("log", "listens", "--stream", "out").stdout)

    platform.up(config(listens=LISTENS))
    wait_until(printed, 10, "the ports of the first life")
    # A life that nobody has looked at yet; the cli's output is no terminal here.
    platform.cli("restart", "listens")
    wait_until(lambda: len(printed()) == 2, 10, "the ports of the second life")
    ports = printed()[-1]

    def shown():
        row = platform.cli("ls").stdout.splitlines()[1].split()
        return (re.fullmatch(r"\d+%", row[3]) and re.fullmatch(r"\d+(\.\d)?M", row[4])
                and row[6:] == sorted(ports, key=int))

    wait_until(shown, 10, "numbers and ports in the table")


def test_all_processes_of_a_service_count(platform):
    parent = python("import os, signal\n"
                    "for n in range(3):\n"
                    "    if os.fork() == 0:\n"
                    "        held = bytearray(16 << 20)\n"
                    "        signal.pause()\n"
                    "signal.pause()")
    platform.up(config(parent=parent))
    wait_until(lambda: platform.service("parent")["processes"] == 4, 10, "all of them")
    wait_until(lambda: (platform.service("parent")["memory_bytes"] or 0) > 48 * MIB, 10, "48 MiB")
    assert platform.service("parent")["processes"] == 4
    assert numbers(platform)["parent"]["tasks"] == 4


def test_new_life_is_measured_by_itself(platform):
    platform.up(config(spins=SPINS))
    wait_until(lambda: numbers(platform)["spins"]["total"]["cpu_usec"] > 500_000, 20, "half a s")
    platform.cli("restart", "spins")
    after = numbers(platform)["spins"]
    assert after["total"]["cpu_usec"] <= after["uptime_usec"] + 50_000


def test_top_shows_one_table_a_second(platform):
    platform.up(config(spins=SPINS, calm=FOREVER))
    shown = platform.cli("top", "-n", "3").stdout.split("\n\n")
    assert len(shown) == 4 and not shown[-1]
    for table in shown[:-1]:
        lines = table.splitlines()
        assert lines[0].split()[:4] == ["SERVICE", "CPU", "HELD", "MEMORY"]
        assert {line.split()[0] for line in lines[1:]} == {"spins", "calm", "log"}
    assert shown[2].splitlines()[1].startswith("spins ")
    assert list(numbers(platform, "calm")) == ["calm"]
    platform.cli("top", "clam", exits=3)


def test_top_with_nothing_running_says_so(platform):
    platform.up(config(off=FOREVER | {"autostart": False}))
    assert "log" in platform.cli("top", "-n", "1").stdout
    assert platform.cli("top", "-n", "1", "off").stdout == "nothing runs\n\n"


def test_top_goes_on_over_the_end_of_the_supervisor(platform):
    platform.up(config(calm=FOREVER))
    top = subprocess.Popen([program("slicekeep"), "top", "--json", "calm"], env=platform.env,
                           stdout=subprocess.PIPE, text=True)
    try:
        assert top.stdout.readline()
        supervisor = platform.json("status")["pid"]
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: not is_alive(supervisor), 10, "its end")
        wait_until(lambda: platform.json("status")["pid"] != supervisor, 10, "another one")
        assert [json.loads(top.stdout.readline())[0]["name"] for _ in range(3)] == ["calm"] * 3
    finally:
        top.kill()
        top.wait()
        top.stdout.close()


def test_watched_ls_shows_each_second_what_is_used(platform):
    platform.up(config(spins=SPINS))
    ours, theirs = pty.openpty()
    watch = subprocess.Popen([program("slicekeep"), "ls", "-w"], env=platform.env, stdout=theirs)
    os.close(theirs)
    shown = ""
    try:
        while len(re.findall(r"spins .*\d%", shown)) < 4:
            shown += os.read(ours, 4096).decode()
    finally:
        watch.kill()
        watch.wait()
        os.close(ours)


def test_metrics_are_openmetrics(platform):
    platform.up(config(holds=HOLDS, off=FOREVER | {"autostart": False}))
    wait_until(lambda: (platform.service("holds")["memory_bytes"] or 0) > 64 * MIB, 10, "64 MiB")
    found = families(platform.cli("metrics").stdout)
    assert found['slicekeep_service_memory_bytes{service="holds"}'] > 64 * MIB
    assert found['slicekeep_service_cpu_seconds_total{service="holds"}'] >= 0
    assert found['slicekeep_service_up{service="holds"}'] == 1
    assert found['slicekeep_service_up{service="off"}'] == 0
    assert found['slicekeep_service_restarts_total{service="holds"}'] == 0
    assert 'slicekeep_service_memory_bytes{service="off"}' not in found


def test_supervisor_sleeps_while_there_is_nothing_to_measure(platform):
    platform.up(config(calm=FOREVER))
    supervisor = platform.json("status")["pid"]

    def switches():
        with open(f"/proc/{supervisor}/status", encoding="ascii") as status:
            return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", status.read())[1])

    def sleeps():
        # The time in which nothing happens is what is measured here.
        before = switches()
        subprocess.run(["sleep", "2"], check=True)
        return switches() == before

    wait_until(sleeps, 20, "two seconds without a turn")
