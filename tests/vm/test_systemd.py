# SPDX-License-Identifier: MIT
"""The systemd launcher: services as units, and an administrator with systemctl beside us."""
import json

import pytest
from supervision import FOREVER, config, keeper_of, shell, supervisor_of
from waiting import wait_until

KEEPER = "/usr/local/libexec/slicekeep/slicekeep-keeper"
ROOTS = FOREVER | {"user": "root"}
CAPPED = ROOTS | {"slice": "web",
                  "limits": {"memory_max": "64M", "cpu_quota": "50%", "tasks_max": 20}}
# What a service could do to outlive its end.
STUBBORN = shell("trap '' TERM; setsid sleep 1000 & (setsid sleep 1000 &); sleep 1000 & wait",
                 user="root", stop={"timeout": "200ms"})
UNIT = "slicekeep-web-0.service"
SUPERVISOR = "slicekeep-supervisor-0.service"
TOP = "/sys/fs/cgroup/slicekeep.slice"
FOLDER = f"{TOP}/slicekeep-web.slice/{UNIT}"
MIB = 1 << 20


@pytest.fixture(name="start")
def make_start(platform):
    """Starts the platform with these processes, and slices; it says which launcher that is."""
    def start(slices=None, **processes):
        done = platform.up(config(**processes) | {"slices": slices or {"web": {}}},
                           "--launcher", "systemd")
        assert done.stdout.startswith("launcher systemd\n")
        return {name: platform.wait_state(name, "running")["pid"] for name in processes}

    return start


def read(platform, path):
    return platform.read(path)


def show(platform, unit, key):
    return platform.run(["systemctl", "show", "--value", "-p", key, unit]).stdout.strip()


def pids(platform, *names):
    """Of services, once the supervisor answers and they run."""
    return {name: platform.wait_state(name, "running")["pid"] for name in names}


def units(platform):
    """All units of ours, slices too."""
    done = platform.run(["systemctl", "list-units", "--all", "--plain", "--no-legend",
                         "slicekeep*"])
    return sorted(line.split()[0] for line in done.stdout.splitlines())


def wait_gone(platform, folder):
    """Until there is no such cgroup."""
    wait_until(lambda: platform.run(["test", "-e", folder], exits=None).returncode == 1, 60,
               f"the end of {folder}")


def test_services_are_units_with_their_limits_in_the_kernel(platform, start):
    start({"web": {"memory_max": "300M"}}, web=CAPPED, **{"my-db": ROOTS})
    platform.wait_state("log", "running")
    assert units(platform) == [
        "slicekeep-default.slice", "slicekeep-log-0.service", r"slicekeep-my\x2ddb-0.service",
        SUPERVISOR, "slicekeep-system.slice", "slicekeep-web-0.service", "slicekeep-web.slice",
        "slicekeep.slice"]
    assert read(platform, f"{FOLDER}/memory.max") == str(64 * MIB)
    assert read(platform, f"{FOLDER}/cpu.max") == "50000 100000"
    assert read(platform, f"{FOLDER}/pids.max") == "20"
    assert read(platform, f"{TOP}/slicekeep-web.slice/memory.max") == str(300 * MIB)
    ram = int(read(platform, "/proc/meminfo").split()[1]) << 10
    assert int(read(platform, f"{TOP}/memory.max")) == pytest.approx(ram - 256 * MIB, abs=MIB)
    assert int(read(platform, f"{TOP}/slicekeep-system.slice/memory.min")) > 0
    assert int(read(platform, f"{TOP}/memory.min")) > 0
    wait_until(lambda: show(platform, UNIT, "SubState") == "running", 60, "its unit to run")
    assert int(show(platform, UNIT, "MainPID")) == keeper_of(platform, "web")
    assert platform.json("status")["launcher"] == "systemd"
    assert show(platform, SUPERVISOR, "Slice") == "slicekeep-system.slice"


def test_end_leaves_no_process_no_unit_and_no_cgroup(platform, start):
    start(web=CAPPED, stubborn=STUBBORN)
    platform.wait_processes("sleep 1000", 4)
    platform.cli("stop", "stubborn")
    assert platform.service("stubborn")["state"] == "stopped"
    wait_until(lambda: "slicekeep-stubborn-0.service" not in units(platform), 60, "its unit's end")
    platform.cli("start", "stubborn")
    platform.wait_processes("sleep 1000", 4)
    platform.cli("down")
    assert platform.processes() == {}
    wait_until(lambda: units(platform) == [], 60, "the units' end")
    assert platform.left_at_last() == []
    wait_gone(platform, TOP)


def test_killed_daemons_and_keepers_come_back_and_services_do_not_notice(platform, start):
    before = start(web=CAPPED, db=ROOTS)
    supervisor, outermost = supervisor_of(platform), show(platform, SUPERVISOR, "MainPID")
    platform.run(["kill", "-KILL", str(supervisor)])
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    assert pids(platform, "web", "db") == before
    platform.run(["kill", "-KILL", outermost])
    wait_until(lambda: show(platform, SUPERVISOR, "MainPID") not in ("0", outermost), 60, "it")
    platform.wait_up()
    assert pids(platform, "web", "db") == before
    keeper = keeper_of(platform, "web")
    platform.run(["kill", "-KILL", str(keeper)])
    wait_until(lambda: keeper_of(platform, "web") not in (None, keeper), 60, "another keeper")
    assert pids(platform, "web", "db") == before
    platform.cli("stop", "web")
    assert before["web"] not in platform.processes()


def test_stop_by_systemctl_is_the_operators_will(platform, start):
    start(web=CAPPED, db=ROOTS)
    platform.run(["systemctl", "stop", UNIT])
    platform.wait_state("web", "stopped")
    platform.wait_state("db", "running")
    supervisor = supervisor_of(platform)
    platform.run(["kill", "-KILL", str(supervisor)])
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    platform.wait_state("web", "stopped")
    platform.cli("start", "web")
    platform.wait_state("web", "running")
    platform.run(["systemctl", "stop", "slicekeep-web.slice"])
    platform.wait_state("web", "stopped")


def test_restart_by_systemctl_is_a_restart(platform, start):
    before = start(web=CAPPED)
    platform.run(["systemctl", "restart", UNIT])
    wait_until(lambda: pids(platform, "web") != before, 60, "another life")
    assert platform.service("web")["desired"] == "run"


def test_stop_of_the_supervisors_unit_stops_everything(platform, start):
    start(web=CAPPED, db=ROOTS)
    platform.run(["systemctl", "stop", SUPERVISOR])
    assert platform.processes() == {}
    wait_until(lambda: units(platform) == [], 60, "the units' end")
    assert platform.left_at_last() == []
    platform.cli("up", "--launcher", "systemd")
    pids(platform, "web", "db")


@pytest.mark.parametrize("verb", ["daemon-reload", "daemon-reexec"])
def test_manager_that_begins_anew_changes_nothing(platform, start, verb):
    before = start(web=CAPPED, db=ROOTS)
    keeper = keeper_of(platform, "web")
    platform.run(["systemctl", verb])
    assert pids(platform, "web", "db") == before
    assert keeper_of(platform, "web") == keeper
    assert read(platform, f"{FOLDER}/memory.max") == str(64 * MIB)
    # It may be away for a moment, and then has them when it is back.
    platform.cli("limits", "web", "memory_max=80M", exits=None)
    wait_until(lambda: read(platform, f"{FOLDER}/memory.max") == str(80 * MIB), 60, "80M")
    platform.cli("stop", "web")
    wait_until(lambda: UNIT not in units(platform), 60, "its unit's end")
    platform.cli("start", "web")
    pids(platform, "web")


def test_limits_change_while_it_runs(platform, start):
    before = start({"web": {"memory_max": "300M"}}, web=CAPPED)
    platform.cli("limits", "web", "memory_max=100M", "cpu_quota=max")
    assert read(platform, f"{FOLDER}/memory.max") == str(100 * MIB)
    assert read(platform, f"{FOLDER}/cpu.max").startswith("max ")
    platform.write_config(config(web=CAPPED) | {"slices": {"web": {"memory_max": "200M"}}})
    platform.cli("config", "apply")
    folder = f"{TOP}/slicekeep-web.slice"
    wait_until(lambda: read(platform, f"{folder}/memory.max") == str(200 * MIB), 60, "200M")
    wait_until(lambda: read(platform, f"{FOLDER}/memory.max") == str(64 * MIB), 60, "64M")
    assert pids(platform, "web") == before


def test_service_is_stopped_and_started_while_another_comes_after_it(platform, start):
    start(db=ROOTS, web=CAPPED | {"after": ["db"]})
    platform.cli("stop", "db")
    platform.cli("start", "db")
    pids(platform, "db", "web")


def test_keeper_whose_program_is_gone_is_stopped_and_leaves_nothing(platform, start):
    before = start(web=CAPPED, db=ROOTS)
    platform.run(["mv", KEEPER, f"{KEEPER}.away"])
    try:
        platform.run(["kill", "-KILL", str(keeper_of(platform, "web"))])
        platform.cli("stop", "web")
        assert before["web"] not in platform.processes()
        done = platform.cli("start", "web", exits=1)
        assert "status 203" in done.stdout + done.stderr
    finally:
        platform.run(["mv", f"{KEEPER}.away", KEEPER])
    # Until systemd has given up the unit that could not start, a start may meet its failure again.
    wait_until(lambda: platform.cli("start", "web", exits=None).returncode == 0, 60, "a start")
    assert pids(platform, "db")["db"] == before["db"]


@pytest.mark.parametrize("stop", ["systemctl stop", "slicekeep stop"])
def test_stop_while_a_keeper_is_being_replaced_leaves_nothing(platform, start, stop):
    start(web=CAPPED | STUBBORN)
    name = UNIT if stop.startswith("systemctl") else "web"
    for _ in range(10):
        keeper = keeper_of(platform, "web")
        platform.run(["sh", "-c", f"kill -KILL {keeper}; {stop} {name}"])
        platform.wait_state("web", "stopped")
        assert "sleep 1000" not in platform.processes().values()
        wait_gone(platform, FOLDER)
        platform.cli("start", "web")


def test_stop_that_the_supervisor_does_not_see_leaves_nothing_of_that_life(platform, start):
    before = start(web=CAPPED | STUBBORN)
    keeper, supervisor = keeper_of(platform, "web"), supervisor_of(platform)
    old = platform.wait_processes("sleep 1000", 3)
    platform.run(["sh", "-c", f"kill -STOP {supervisor}; kill -KILL {keeper};"
                              f"systemctl stop {UNIT}; kill -KILL {supervisor}"])
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    wait_until(lambda: pids(platform, "web") != before, 60, "another life")
    assert not old & platform.processes().keys()


def test_manager_that_does_not_answer_fails_a_start_with_the_reason(platform, start):
    before = start(web=CAPPED, db=ROOTS)
    platform.cli("stop", "web")
    supervisor = supervisor_of(platform)
    # A supervisor that comes back finds nobody at the manager's socket.
    platform.run(["mv", "/run/systemd/private", "/run/systemd/private.away"])
    try:
        platform.run(["kill", "-KILL", str(supervisor)])
        wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
        assert pids(platform, "db")["db"] == before["db"]
        done = platform.cli("start", "web", exits=1)
        assert "systemd does not answer" in done.stdout + done.stderr
    finally:
        platform.run(["mv", "/run/systemd/private.away", "/run/systemd/private"])
    pids(platform, "web")
    assert pids(platform, "db")["db"] == before["db"]


def test_root_with_a_home_of_its_own_has_services_of_the_system(platform):
    env = {"SLICEKEEP_HOME": "/root/home", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    platform.machine.put("/root/home/config.json", json.dumps(config(web=ROOTS)), mode=0o600)
    try:
        done = platform.run("slicekeep up --launcher systemd", env=env)
        assert done.stdout.startswith("launcher systemd\n")
        wait_until(lambda: show(platform, UNIT, "SubState") == "running", 60, "the unit of web")
        assert show(platform, UNIT, "Slice") == "slicekeep-default.slice"
        assert show(platform, SUPERVISOR, "Slice") == "slicekeep-system.slice"
    finally:
        platform.run("slicekeep down; rm -rf /root/home", env=env, exits=None)
    wait_until(lambda: not [one for one in units(platform) if one.endswith(".service")], 60,
               "the units' end")


def test_manager_of_a_user_has_their_services_and_says_what_it_cannot_enforce(machine):
    # Who starts them by asking them waits for their answer, and not for long.
    machine.run(["systemctl", "start", "dbus.service", "systemd-logind.service"])
    machine.run("useradd --create-home carol && loginctl enable-linger carol")
    uid = machine.run(["id", "-u", "carol"]).stdout.strip()
    runtime = f"/run/user/{uid}"
    env = {"XDG_RUNTIME_DIR": runtime, "HOME": "/home/carol",
           "PATH": "/usr/local/bin:/usr/bin:/bin"}
    wait_until(lambda: machine.run(["systemctl", "is-active", f"user@{uid}.service"],
                                   exits=None).returncode == 0, 60, "the user's manager")

    def carol(line, exits=0):
        return machine.run(line, user="carol", env=env, cwd="/home/carol", exits=exits).stdout

    limits = {"memory_max": "64M", "io_write_max": "1M"}
    processes = {"web": FOREVER | {"limits": limits}}
    path = "/home/carol/.config/slicekeep/config.json"
    carol("mkdir -p .config/slicekeep")
    machine.put(path, json.dumps({"processes": processes}), mode=0o600)
    machine.run(["chown", "carol", path])
    try:
        assert carol("slicekeep up").startswith("launcher systemd\n")
        assert "limits not enforced: cpus, io; " in carol("slicekeep ls")
        keeper = wait_until(lambda: int(carol(f"systemctl --user show --value -p MainPID {UNIT}")),
                            60, "the keeper of web")
        folder = machine.run(["cat", f"/proc/{keeper}/cgroup"]).stdout.strip().removeprefix("0::")
        assert folder.endswith(f"/user@{uid}.service/slicekeep.slice/"
                               f"slicekeep-default.slice/{UNIT}")
        assert machine.run(["cat", f"/sys/fs/cgroup{folder}/memory.max"]).stdout == f"{64 * MIB}\n"
    finally:
        carol("slicekeep down", exits=None)
        try:
            wait_until(lambda: not carol("systemctl --user list-units --all --plain --no-legend "
                                         "'slicekeep*.service'"), 60, "the units' end")
        finally:
            machine.run("loginctl disable-linger carol; loginctl terminate-user carol", exits=None)
