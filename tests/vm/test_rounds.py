# SPDX-License-Identifier: MIT
"""What begins and ends a thousand times leaves nothing: no process, unit, cgroup or file."""
import json
import pathlib
import re

import pytest
from installed import CALL
from supervision import FOREVER, config
from waiting import wait_until

# So many at once, and so often. A unit has ten seconds to start, and systemd begins all at once:
# more of them would take too long on a machine that is slower still.
SERVICES = {"direct": [f"s{number}" for number in range(25)],
            "systemd": [f"s{number}" for number in range(10)]}
ROUNDS = {"direct": 40, "systemd": 100}
ROUND_SECONDS = 120
RUNS = "/tmp/runs"
OF_A_SERVICE = re.compile(r"^(/sys/fs/cgroup/.*/)?(slicekeep-)?s\d+-0(\.service)?$")
# The programs' own start costs little: nothing is linked there.
PROGRAMS = "/opt/test/busybox"
# Leaves a file with a name of its own.
JOB = {"command": PROGRAMS, "args": ["mktemp", "-p", RUNS], "type": "oneshot", "user": "root",
       "autostart": False}
SERVICE = FOREVER | {"command": PROGRAMS, "args": ["sleep", "1000"], "user": "root",
                     "autostart": False}


def everything(platform):
    """All processes of ours, and all units, cgroups and files that a service may have.

    Not slices: an empty one is systemd's, which makes it, keeps it and drops it by itself.
    """
    units = platform.run(["systemctl", "list-units", "--all", "--plain", "--no-legend"]).stdout
    folders = platform.run(["find", "/sys/fs/cgroup", "-type", "d"], exits=None).stdout
    files = platform.run(["find", "/run/slicekeep", "/run/systemd/transient"], exits=None).stdout
    found = {*map(str, platform.processes().items()), *folders.splitlines(), *files.splitlines(),
             *(line.split()[0] for line in units.splitlines())}
    return {one for one in found if not one.endswith(".slice")}


def none_of_a_service(seen):
    """The same, if no unit and no cgroup of a service is among it."""
    return seen if not any(OF_A_SERVICE.search(one) for one in seen) else None


@pytest.fixture(name="before")
def start(platform, request):
    """Starts the platform with services that do not run yet; what there is then."""
    launcher, service = request.param
    platform.run(f"rm -rf {RUNS} && mkdir {RUNS}")
    platform.machine.put(PROGRAMS, pathlib.Path("/bin/busybox").read_bytes(), mode=0o755)
    services = config(**dict.fromkeys(SERVICES[launcher], service))
    if launcher == "direct":
        platform.up_in_unit(services, "Delegate=yes")
    else:
        # Five lines of journal for each life would be a tenth of what it costs.
        platform.run(["systemctl", "log-level", "notice"])
        platform.up(services, "--launcher", "systemd")
    platform.wait_state("log", "running")
    # A first life, for what is made once for all lives.
    a_round(platform, launcher)
    return wait_until(lambda: none_of_a_service(everything(platform)), 60, "the first life's end")


def a_round(platform, launcher):
    """Start all, and stop all; what was seen of them while they ran."""
    done = platform.machine.run_python(CALL, "round", *SERVICES[launcher], seconds=ROUND_SECONDS)
    return json.loads(done.stdout)


def check_that_nothing_is_left(platform, before):
    """When systemd has unloaded what has ended, all is as it was."""
    def check():
        left = everything(platform) - before
        assert not left
        return True

    wait_until(check, 60, "nothing to be left")


@pytest.mark.parametrize("before", [("direct", JOB)], indirect=True, ids=["direct"])
def test_short_jobs_leave_nothing(platform, before):
    for _ in range(ROUNDS["direct"]):
        a_round(platform, "direct")
    runs = platform.run(["ls", RUNS]).stdout.split()
    assert len(runs) == (1 + ROUNDS["direct"]) * len(SERVICES["direct"])
    check_that_nothing_is_left(platform, before)


@pytest.mark.parametrize("before", [("systemd", SERVICE)], indirect=True, ids=["systemd"])
def test_services_that_start_and_stop_leave_nothing(platform, before):
    pids = set()
    for _ in range(ROUNDS["systemd"]):
        seen = a_round(platform, "systemd")
        assert {one["state"] for one in seen} == {"running"}
        pids.update(one["pid"] for one in seen)
    assert len(pids) == ROUNDS["systemd"] * len(SERVICES["systemd"])
    check_that_nothing_is_left(platform, before)
