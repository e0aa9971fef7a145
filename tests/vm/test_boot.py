# SPDX-License-Identifier: MIT
"""The machine is what the other tests take it for."""
import time

import pytest
from waiting import wait_until


def test_first_process_is_systemd_and_all_controllers_are_there(machine):
    assert machine.run(["cat", "/proc/1/comm"]).stdout == "systemd\n"
    controllers = machine.run(["cat", "/sys/fs/cgroup/cgroup.controllers"]).stdout.split()
    assert {"cpu", "cpuset", "io", "memory", "pids"} <= set(controllers)
    assert machine.run(["cat", "/proc/pressure/memory"]).stdout.startswith("some")


def check_clock(machine):
    """A second lasts as long there as here, but for what it takes to ask."""
    def uptime():
        before = time.monotonic()
        seconds = float(machine.get("/proc/uptime").split()[0])
        return before, seconds, time.monotonic()

    asked, began, heard = uptime()

    def has_lasted():
        last_asked, now, last_heard = uptime()
        return (now - began, last_asked - heard, last_heard - asked) if now - began > 2 else None

    seconds, least, most = wait_until(has_lasted, 60, "two seconds there")
    assert least * .95 <= seconds <= most * 1.05


def test_clock_of_a_machine_that_was_thawed_runs_as_the_hosts(machine):
    check_clock(machine)


def test_command_has_an_exit_code_and_two_outputs(machine):
    done = machine.run("cat; echo wrong >&2; exit 3", exits=3, stdin="right")
    assert (done.stdout, done.stderr) == ("right", "wrong\n")


def test_command_that_leaves_a_process_with_its_output_ends_all_the_same(machine):
    pid = machine.run("setsid sleep 1000 & echo $!").stdout.strip()
    machine.run(["kill", pid])


def test_command_that_takes_too_long_is_killed_and_it_is_told_where_it_was(machine):
    with pytest.raises(AssertionError) as failure:
        machine.run(["sleep", "1234"], seconds=1)
    assert "nanosleep" in str(failure.value)
    assert machine.run(["pgrep", "-f", "sleep 1234"], exits=1).stdout == ""


def test_machine_that_is_silent_can_be_made_to_say_what_its_kernel_does(machine):
    def missing():
        said = machine.emulator.confess()
        return [word for word in ("VM status: running", "RIP=", "Show Blocked State",
                                  "Show backtrace of all active CPUs") if word not in said]

    # It listens to a machine only for as long as one says something.
    wait_until(lambda: not missing(), 60, "all that it can say")


def test_files_go_in_and_come_out(machine):
    text = "line\n" * 100_000
    machine.put("/tmp/some/where", text)
    assert machine.get("/tmp/some/where").decode() == text


def test_disk_is_kept_over_a_reboot_and_memory_is_not(machine):
    before = machine.agent.boot_id
    machine.put("/var/lib/kept", "kept")
    machine.put("/run/lost", "lost")
    machine.reboot()
    assert machine.agent.boot_id != before
    assert machine.get("/var/lib/kept") == b"kept"
    machine.run(["test", "-e", "/run/lost"], exits=1)
    check_clock(machine)


def test_what_is_left_behind_is_found(platform):
    assert platform.left_at_last() == []
    platform.run("setsid sleep 1000 & mkdir /sys/fs/cgroup/slicekeep-x")
    platform.run(["systemd-run", "--quiet", "--unit=slicekeep-y", "sleep", "1001"])

    def missing():
        found = "\n".join(platform.left())
        return [word for word in ("sleep 1000", "sleep 1001", "unit slicekeep-y",
                                  "fs/cgroup/slicekeep-x") if word not in found]

    # That it has been started does not say that it is called so by now.
    wait_until(lambda: not missing(), 60, "all of it to be found")
    platform.run("systemctl stop slicekeep-y; kill $(ps -C sleep -o pid=)")
    platform.run(["rmdir", "/sys/fs/cgroup/slicekeep-x"])
