# SPDX-License-Identifier: MIT
"""A keeper as the main process of a unit: its death, its unit's end, and its payload's place."""
import itertools

import pytest

import keeper_units
from keeper_units import Unit
from waiting import wait_until


# For names of units.
NUMBERS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def helpers(machine):
    """The machine has what keeper_units needs."""
    keeper_units.install(machine)
    machine.run(["useradd", "--create-home", "shop"])


@pytest.fixture
def unit(machine, request):
    """Makes units: unit(argv, more="", **spec keys); they are ended after the test."""
    made = []

    def make(argv, more="", kind=Unit, **keys):
        name = f"t{next(NUMBERS)}-" + request.node.name.replace("_", "-")[:40]
        made.append(kind(machine, name, argv, more, **keys))
        return made[-1]

    yield make
    for one in made:
        one.end()


NAMER = """
import os, signal, socket, subprocess
child = subprocess.Popen(["sleep", "1000"])
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"MAINPID=%d" % child.pid, "\\0" + os.environ["NOTIFY_SOCKET"][1:])
signal.pause()
"""


# When it has two processes, none of them ends by SIGTERM.
IMMORTAL = "trap '' TERM; sleep 1000 & while :; do wait; done"


def test_payload_lives_below_its_keeper(unit):
    shop = unit(["sleep", "1000"])
    snapshot = shop.start()
    assert shop.pids() == [snapshot["keeper_pid"]]
    assert shop.pids("payload") == [snapshot["main_pid"]]
    assert shop.show("MainPID") == str(snapshot["keeper_pid"])
    controllers = shop.machine.get(f"{shop.folder}/payload/cgroup.controllers")
    assert controllers.split() == []


def test_payload_runs_on_when_its_keeper_is_killed(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    for _ in range(3):
        after = shop.kill_keeper()
        assert after["main_pid"] == before["main_pid"], shop.log()
        assert (after["state"], after["life"]) == ("running", before["life"])
        assert after["start_usec"] == before["start_usec"]
    assert shop.show("MainPID") == str(after["keeper_pid"])
    assert shop.pids("payload") == [before["main_pid"]]


def test_end_of_an_adopted_payload_is_reported_as_unknown_and_it_is_replaced(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.kill_keeper()
    shop.machine.run(["kill", str(before["main_pid"])])
    report = shop.ask("exit", "0")
    assert (report["life"], report["wait_status"]) == (before["life"], -1)
    after = shop.state("running")
    assert shop.pids("payload") == [after["main_pid"]]
    assert after["life"] > before["life"]


def test_all_of_an_adopted_payload_is_killed_before_the_next(unit):
    shop = unit(["sh", "-c", "setsid sleep 1001 & setsid sleep 1002 & exec sleep 1000"])
    before = shop.start(n_processes=3)
    old = set(shop.pids("payload"))
    shop.kill_keeper()
    shop.machine.run(["kill", "-9", str(before["main_pid"])])
    shop.ask("exit", "0")
    shop.state("running")
    wait_until(lambda: len(shop.pids("payload")) == 3, 60, "three processes")
    assert not old & set(shop.pids("payload"))


def test_payload_that_ended_while_nobody_watched_is_replaced(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.machine.run(["kill", "-STOP", str(before["keeper_pid"])])
    shop.machine.run(["kill", "-9", str(before["main_pid"])])
    shop.machine.run(["kill", "-9", str(before["keeper_pid"])])
    report = shop.ask("exit", "0")
    assert (report["life"], report["wait_status"]) == (before["life"], -1)
    assert shop.state("running")["life"] > before["life"]


def test_main_process_that_was_named_is_found_again(unit):
    shop = unit(["python3", "-c", NAMER])
    shop.start(n_processes=2)

    def named():
        snapshot = shop.state()
        command = shop.machine.get(f"/proc/{snapshot['main_pid']}/cmdline")
        return snapshot if command.startswith(b"sleep") else None

    before = wait_until(named, 60, "the process that is named")
    assert shop.kill_keeper()["main_pid"] == before["main_pid"]
    shop.machine.run(["kill", str(before["main_pid"])])
    assert shop.ask("exit", "0")["life"] == before["life"]


def test_stopped_program_stays_stopped(unit):
    shop = unit(["sleep", "1000"])
    shop.start()
    shop.ask("stop")
    shop.state("idle")
    after = shop.kill_keeper()
    assert (after["state"], after["main_pid"]) == ("idle", 0)
    assert shop.pids("payload") == []
    wait_until(lambda: shop.show("ActiveState") == "active", 30, "its unit to be active again")
    shop.ask("start")
    shop.state("running")


def test_delay_goes_on(unit):
    shop = unit(["false"], delay_usec=600_000_000, max_delay_usec=600_000_000,
                healthy_usec=600_000_000)
    shop.systemctl("start")
    before = shop.state("backoff")
    after = shop.kill_keeper()
    assert after["state"] == "backoff"
    for key in ("n_failures", "next_usec", "life"):
        assert after[key] == before[key]


def test_stop_leaves_nothing(unit):
    shop = unit(["sh", "-c", "setsid sleep 1001 & exec sleep 1000"])
    shop.start(n_processes=2)
    shop.systemctl("stop")
    assert shop.show("Result") == "success", shop.log()
    assert shop.left() == []


def test_stop_after_a_keepers_death_leaves_nothing(unit):
    shop = unit(["sh", "-c", "setsid sleep 1001 & exec sleep 1000"])
    shop.start(n_processes=2)
    shop.kill_keeper()
    shop.systemctl("stop")
    assert shop.show("Result") == "success", shop.log()
    assert shop.left() == []


def test_stop_of_a_keeper_that_was_stopped_itself_leaves_nothing(unit):
    shop = unit(["sleep", "1000"])
    shop.machine.run(["kill", "-STOP", str(shop.start()["keeper_pid"])])
    shop.systemctl("stop")
    assert shop.left() == []


def test_keeper_killed_while_it_leaves_is_followed_by_one_that_leaves(unit):
    shop = unit(["sh", "-c", "echo unheard; echo >$READY; exec sleep 1000"],
                intake="/run/test/nobody")
    before = shop.start(says_ready=True)
    assert shop.ask("leave")["result"] == 0
    # For five seconds it waits for a collector: no program is started between here.
    shop.machine.run("while read -r _ <payload/cgroup.procs; do :; done; "
                     f"kill -9 {before['keeper_pid']}", cwd=shop.folder)
    shop.wait_inactive()
    assert shop.show("Result") == "success"
    assert shop.log().count("Scheduled restart job") == 1
    assert shop.left() == []


def test_stop_of_a_keeper_that_hangs_leaves_nothing(unit):
    shop = unit(["sh", "-c", IMMORTAL], "TimeoutStopSec=5", stop_usec=500_000_000)
    shop.start(n_processes=2)
    shop.systemctl("stop")
    assert shop.show("Result") == "timeout"
    assert shop.left() == []


def test_keeper_killed_while_it_stops_leaves_nothing(unit):
    shop = unit(["sh", "-c", IMMORTAL], "TimeoutStopSec=500", stop_usec=500_000_000)
    before = shop.start(n_processes=2)
    shop.systemctl("stop", "--no-block")
    shop.state("stopping")
    shop.machine.run(["kill", "-9", str(before["keeper_pid"])])
    shop.wait_inactive()
    assert shop.left() == []


def test_signal_to_the_whole_unit_does_what_it_says(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.systemctl("kill", "--signal=KILL")
    report = shop.ask("exit", "0")
    assert report["life"] == before["life"]
    assert shop.state("running")["main_pid"] != before["main_pid"]
    # The keeper is told first, and removes the payload's cgroup while systemd reads who is in it.
    done = shop.systemctl("kill", exits=None)
    assert done.returncode == 0 or "auxiliary processes: No such device" in done.stderr, done.stderr
    shop.wait_inactive()
    assert shop.left() == []


def test_restart_begins_anew(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.systemctl("restart")
    after = shop.state("running")
    assert after["keeper_pid"] != before["keeper_pid"]
    assert after["main_pid"] != before["main_pid"]
    assert shop.kill_keeper()["main_pid"] == after["main_pid"]


def test_keeper_whose_program_is_missing_for_a_while_is_followed_by_another(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.machine.run(f"mv {shop.program} {shop.program}.away && kill -9 {before['keeper_pid']}")
    wait_until(lambda: int(shop.show("NRestarts")) > 2, 60, "restarts that fail")
    assert shop.pids("payload") == [before["main_pid"]]
    shop.machine.run(["mv", f"{shop.program}.away", shop.program])
    assert shop.state("running")["main_pid"] == before["main_pid"]


def test_reload_and_reexec_of_the_manager_change_nothing(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.machine.run(["systemctl", "daemon-reload"])
    shop.machine.run(["systemctl", "daemon-reexec"])
    assert shop.state()["keeper_pid"] == before["keeper_pid"]
    assert shop.kill_keeper()["main_pid"] == before["main_pid"]


HOSTILE = """
import os, pathlib, signal
own = open("/proc/self/cgroup").read().split("::")[1].strip()
unit = pathlib.Path("/sys/fs/cgroup" + own).parent

def attempt(name, act):
    try:
        act()
        print(name, "done", flush=True)
    except OSError as error:
        print(name, error.strerror, flush=True)

attempt("kill", lambda: os.kill(int((unit / "cgroup.procs").read_text().split()[0]), 9))
attempt("leave", lambda: (unit / "cgroup.procs").write_text("0"))
attempt("make", lambda: (unit / "mine").mkdir())
attempt("controllers", lambda: (unit / "cgroup.subtree_control").write_text("+memory"))
attempt("own", lambda: (unit / "payload" / "cgroup.procs").write_text("0"))
attempt("score", lambda: pathlib.Path("/proc/self/oom_score_adj").write_text("-1"))
print("score is", open("/proc/self/oom_score_adj").read().strip(), flush=True)
for line in open("/proc/self/status"):
    if line.startswith(("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb")):
        print(*line.split(), flush=True)
signal.pause()
"""


def test_payload_has_no_power_over_its_keeper(unit):
    machine = unit(["true"]).machine
    uid = machine.run(["id", "-u", "shop"]).stdout.strip()
    machine.put("/opt/test/hostile.py", HOSTILE)
    shop = unit(["sh", "-c", "exec python3 /opt/test/hostile.py >/run/test/said/hostile"],
                "User=shop", uid=uid, gid=uid)
    machine.run("mkdir -p /run/test/said && chmod 777 /run/test/said")
    snapshot = shop.start()
    wait_until(lambda: b"CapAmb" in machine.get("/run/test/said/hostile"), 60, "its last words")
    assert machine.get("/run/test/said/hostile").decode().splitlines() == [
        "kill Operation not permitted", "leave Permission denied", "make Permission denied",
        "controllers Permission denied", "own Permission denied", "score Permission denied",
        "score is 0", f"Uid: {uid} {uid} {uid} {uid}", f"Gid: {uid} {uid} {uid} {uid}", "Groups:",
        *(f"Cap{which}: {0:016x}" for which in ("Inh", "Prm", "Eff", "Amb"))]
    assert machine.get(f"/proc/{snapshot['keeper_pid']}/oom_score_adj") == b"-1000\n"
    assert shop.kill_keeper()["main_pid"] == snapshot["main_pid"]
    owners = "stat -c %u . cgroup.procs cgroup.threads cgroup.subtree_control payload"
    assert machine.run(owners, cwd=shop.folder).stdout.split() == ["0"] * 5


COLLECTOR = """
import array, os, socket, sys
intake = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
intake.bind(sys.argv[1])
intake.listen()
keeper, _ = intake.accept()
with open(sys.argv[2], "wb") as file:
    while True:
        _, ancillary, _, _ = keeper.recvmsg(4096, 4096)
        for _, _, data in ancillary:
            pipe = array.array("i", data)[0]
            while line := os.read(pipe, 65536):
                file.write(line)
                file.flush()
            sys.exit()
"""
# Its second life is silent: output that nobody takes would hold up its stop.
TALKER = """
import os, signal
if os.path.exists(os.environ["READY"]):
    signal.pause()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("begin", flush=True)
with open(os.environ["READY"], "w") as file:
    print("ready", file=file)
signal.sigwait([signal.SIGUSR1])
print("end", flush=True)
"""


def test_output_outlives_keepers_without_a_collector(unit):
    shop = unit(["python3", "/opt/test/talker.py"], intake="/run/test/intake", merge_streams=1)
    machine = shop.machine
    machine.put("/opt/test/collector.py", COLLECTOR)
    machine.put("/opt/test/talker.py", TALKER)
    before = shop.start(says_ready=True)
    for _ in range(2):
        assert shop.kill_keeper()["main_pid"] == before["main_pid"]
    machine.run(["kill", "-USR1", str(before["main_pid"])])
    assert shop.ask("exit", "0")["life"] == before["life"]
    machine.run(["python3", "/opt/test/collector.py", "/run/test/intake", "/run/test/output"])
    assert machine.get("/run/test/output") == b"begin\nend\n"


def test_whatever_is_in_the_unit_goes_with_it(unit):
    shop = unit(["sh", "-c", "trap '' TERM; setsid sleep 1001 & setsid sleep 1002 & sleep 1000"],
                "TimeoutStopSec=500", stop_usec=500_000_000)
    keeper = shop.start(n_processes=4)["keeper_pid"]
    one, other = [pid for pid in shop.pids("payload") if pid != shop.state()["main_pid"]][:2]
    shop.machine.run(f"mkdir .mine && echo {one} >cgroup.procs && echo {other} >.mine/cgroup.procs",
                     cwd=shop.folder)
    # It dies while it is being stopped. Between a death and the next start systemd runs nothing at
    # a stop: what is left then is the supervisor's to kill, see test_systemd.py.
    shop.systemctl("stop", "--no-block")
    shop.state("stopping")
    shop.machine.run(f"echo 1 >payload/cgroup.freeze; kill -9 {keeper}", cwd=shop.folder)
    shop.wait_inactive()
    assert shop.left() == []


def test_frozen_payload_is_replaced_by_one_that_runs(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.machine.run(["sh", "-c", "echo 1 >payload/cgroup.freeze"], cwd=shop.folder)
    shop.machine.run(["kill", "-9", str(before["main_pid"])])
    shop.ask("exit", "0")
    assert shop.state("running")["main_pid"] != before["main_pid"]
    events = shop.machine.get(f"{shop.folder}/payload/cgroup.events").decode()
    assert events.split() == ["populated", "1", "frozen", "0"]


def test_what_is_left_of_a_unit_whose_keeper_is_missing_goes_by_systemctl_kill(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    shop.machine.run(f"rm {shop.program} && kill -9 {before['keeper_pid']}")
    wait_until(lambda: int(shop.show("NRestarts")) > 2, 60, "restarts that fail")
    shop.systemctl("stop", exits=None)
    shop.wait_inactive()
    shop.systemctl("kill", "--signal=KILL", exits=None)
    wait_until(lambda: shop.pids("payload") == [], 30, "nobody")


def test_program_of_the_keeper_is_replaced_and_then_killed(unit):
    shop = unit(["sleep", "1000"])
    before = shop.start()
    for _ in range(2):
        assert shop.ask("reexec")["result"] == 0
    assert shop.state()["keeper_pid"] == before["keeper_pid"]
    assert shop.kill_keeper()["main_pid"] == before["main_pid"]
    shop.systemctl("stop")
    assert shop.left() == []


def test_end_by_the_kernel_is_told_with_its_evidence(unit):
    hog = "held = []\nwhile True: held.append(bytearray(1 << 20))"
    shop = unit(["python3", "-c", hog], "MemoryMax=30M\nMemorySwapMax=0\nTasksMax=8\nCPUQuota=50%",
                delay_usec=600_000_000, max_delay_usec=600_000_000, healthy_usec=600_000_000)
    shop.systemctl("start")
    after = shop.state("backoff")
    report = shop.ask("exit", "0")
    assert (report["cause"], report["wait_status"]) == ("oom", 9)
    assert (report["memory_max_bytes"], report["oom_kills"]) == (30 << 20, 1)
    assert report["oom_hits"] >= 1
    assert 25 << 20 <= report["memory_peak_bytes"] <= 30 << 20
    assert report["n_throttled"] > 0 < report["throttled_usec"]
    assert (shop.show("MainPID"), shop.show("NRestarts")) == (str(after["keeper_pid"]), "0")


def test_forks_beyond_the_limit_are_in_the_report(unit):
    bomb = "import os, signal\nwhile True: os.fork() or signal.pause()"
    shop = unit(["python3", "-c", bomb], "TasksMax=8", restart="never")
    shop.systemctl("start")
    shop.state("failed")
    assert shop.ask("exit", "0")["cause"] == "tasks-max"


def test_manager_of_a_user_has_units_with_keepers_too(unit, machine):
    shop = unit(["sleep", "1000"], kind=keeper_units.user_unit(machine, "shop"))
    before = shop.start()
    keeper, payload = (int(machine.get(f"/proc/{before[key]}/oom_score_adj"))
                       for key in ("keeper_pid", "main_pid"))
    assert payload == keeper + 300
    assert shop.kill_keeper()["main_pid"] == before["main_pid"]
    shop.systemctl("stop")
    assert shop.left() == []
