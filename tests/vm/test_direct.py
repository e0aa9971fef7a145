# SPDX-License-Identifier: MIT
"""The direct launcher where a systemd is: from root's shell, in a plain and in a delegated unit."""
import pytest
from supervision import FOREVER, config, keeper_of, shell, supervisor_of
from waiting import wait_until

# What a service could do to outlive its end.
STUBBORN = shell("trap '' TERM; setsid sleep 1000 & (setsid sleep 1000 &); sleep 1000 & wait",
                 user="root", stop={"timeout": "200ms"})
ROOTS = FOREVER | {"user": "root"}


def in_shell(platform, services):
    platform.up(services, "--launcher", "direct")
    return lambda: platform.cli("down")


def in_unit(*properties):
    def start(platform, services):
        platform.up_in_unit(services, *properties)
        return lambda: platform.run(["systemctl", "stop", "slicekeep-test.service"])

    return start


@pytest.fixture(name="start", params=[in_shell, in_unit(), in_unit("Delegate=yes")],
                ids=["shell", "unit", "delegated"])
def make_start(request, platform):
    """Starts the platform with a config; returns a function that ends it."""
    return lambda services: request.param(platform, services)


def test_end_leaves_nothing(platform, start):
    end = start(config(web=ROOTS, stubborn=STUBBORN))
    for name in ("web", "stubborn"):
        platform.wait_state(name, "running")
    platform.wait_processes("sleep 1000", 4)
    platform.cli("stop", "stubborn")
    assert platform.service("stubborn")["state"] == "stopped"
    assert platform.service("web")["state"] == "running"
    platform.cli("start", "stubborn")
    platform.wait_processes("sleep 1000", 4)
    end()
    assert platform.processes() == {}
    assert platform.left_at_last() == []


def test_killed_supervisor_comes_back_and_services_do_not_notice(platform, start):
    start(config(web=ROOTS))
    before, supervisor = platform.wait_state("web", "running"), supervisor_of(platform)
    platform.run(["kill", "-KILL", str(supervisor)])
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    after = platform.wait_state("web", "running")
    assert (after["pid"], after["restarts"]) == (before["pid"], before["restarts"])


def test_killed_collector_comes_back_and_no_line_is_lost(platform, start):
    platform.run("mkdir -p /tmp/count && rm -f /tmp/count/* && mkfifo /tmp/count/go")
    start(config(count=shell("seq 5000; read -r line <go; seq 5001 20000; exec sleep 1000",
                             user="root", cwd="/tmp/count")))
    collector = platform.wait_state("log", "running")["pid"]
    platform.run(["kill", "-KILL", str(collector)])
    platform.run("echo >/tmp/count/go")
    wait_until(lambda: platform.cli("log", "count", "--grep", "^20000$").stdout, 60,
               "the last line")
    platform.run("slicekeep log count -n 100000 --stream out | awk '{print $NF}' | "
                 "cmp - <(seq 20000)")


def test_killed_keeper_takes_its_tree_along_and_the_service_comes_back(platform, start):
    start(config(stubborn=STUBBORN))
    before = platform.wait_state("stubborn", "running")["pid"]
    children = platform.wait_processes("sleep 1000", 3)
    platform.run(["kill", "-KILL", str(keeper_of(platform, "stubborn"))])

    def back():
        now = platform.service("stubborn")
        return now["state"] == "running" and now["pid"] != before

    wait_until(back, 60, "the service to be back")
    assert not children & platform.processes().keys()
    platform.wait_processes("sleep 1000", 3)
