# SPDX-License-Identifier: MIT
"""up, down and doctor: the platform comes and goes as a whole, and says why when it does not."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from instance import TOP, program
from processes import command_of, is_alive, stat_of
from supervision import held, stop_held
from waiting import SLOWNESS, wait_until

CLI = program("slicekeep")
# The state of a socket in /proc/net/unix.
CONNECTED = "03"
FOREVER = {"command": "sleep", "args": ["1000"], "ready": {"up_for": "20ms"}}
# Three processes, all of them there when it is ready.
FAMILY = {"command": "sh", "args": ["-c", "sleep 1000 & setsid sleep 1000 & echo ready; wait"],
          "ready": {"log": "^ready$"}}


def config(**processes):
    return {"processes": processes}


def pids(platform):
    return {element["name"]: element["pid"] for element in platform.json("ls")}


# --- up -----------------------------------------------------------------------------------------


def test_up_prints_the_table_even_if_a_service_failed(platform):
    said = platform.up(config(good=FOREVER, bad={"command": "false", "type": "oneshot"})).stdout
    assert re.search(r"^good +running", said, re.MULTILINE)
    assert re.search(r"^bad +failed", said, re.MULTILINE)


def test_up_returns_when_nothing_moves_any_more(platform):
    """Behind one that failed, one that is stopped, and one that is not started by itself."""
    after = [FOREVER | {"after": [name]} for name in ("bad", "stopped", "resting")]
    platform.up(config(
        bad={"command": "false", "type": "oneshot"}, stopped=FOREVER,
        resting=FOREVER | {"autostart": False},
        b=after[0], b2=FOREVER | {"after": ["b"]}, s=after[1], r=after[2]))
    assert platform.wait_state("s", "running")
    platform.cli("stop", "stopped")
    platform.down()
    said = platform.up().stdout
    for name, waits_for in (("b", "bad"), ("b2", "b"), ("s", "stopped"), ("r", "resting")):
        assert re.search(f"^{name} .*waits for {waits_for}$", said, re.MULTILINE), said


def test_up_ends_the_backoff_of_our_own_daemons(platform):
    platform.up(config(a=FOREVER))

    def is_killed_to_a_long_backoff():
        collector = platform.service("log")
        if collector["state"] == "backoff":
            return collector["slots"][0]["next_start_usec"] > 700_000 and time.monotonic()
        if collector["pid"]:
            with contextlib.suppress(ProcessLookupError):  # still dying of the last one
                os.kill(collector["pid"], signal.SIGKILL)
        return False

    def is_up_before_its_time():  # at once, if this machine lets it be quick once
        before = wait_until(is_killed_to_a_long_backoff, 20)
        (collector,) = [row for row in json.loads(platform.up(None, "--json").stdout)
                        if row["name"] == "log"]
        if collector["state"] != "running":
            pytest.fail(f"up left it as it was: {collector}")
        return time.monotonic() - before < 0.6

    wait_until(is_up_before_its_time, 30)


def test_json_of_up_and_down(platform):
    said = json.loads(platform.up(config(a=FOREVER), "--json").stdout)
    assert [element["name"] for element in said] == ["a", "log"]
    said = json.loads(platform.cli("down", "--json").stdout)
    assert [(row["name"], row["state"], row["ok"]) for row in said] == [("a", "stopped", True)]
    assert json.loads(platform.cli("down", "--json").stdout) == []


def test_up_again_changes_nothing(platform):
    platform.up(config(a=FOREVER))
    before, supervisor = pids(platform), platform.json("status")["pid"]
    platform.write_config(config(a=FOREVER, b=FOREVER))
    said = platform.up().stdout
    assert re.search(r"^a +running", said, re.MULTILINE)
    assert (pids(platform), platform.json("status")["pid"]) == (before, supervisor)


def intake_is_listened_to(platform):
    """Whether a keeper that has something to hand over would find a collector."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as keeper:
        return keeper.connect_ex(str(platform.home / "run/log.intake")) == 0


def test_up_that_is_slower_than_the_supervisor_leaves_the_collector_its_address(platform):
    cpu = min(os.sched_getaffinity(0))

    def be_slow():
        os.sched_setaffinity(0, [cpu])
        os.sched_setscheduler(0, os.SCHED_IDLE | os.SCHED_RESET_ON_FORK, os.sched_param(0))

    platform.write_config(config(a=FOREVER))
    rival = platform.spawn(["sh", "-c", "while :; do :; done"],
                           preexec_fn=lambda: os.sched_setaffinity(0, [cpu]))
    platform._is_up = True
    platform.cli("up", preexec_fn=be_slow)
    rival.kill()
    assert intake_is_listened_to(platform)


def test_up_beside_a_collector_that_outlived_the_supervisor_leaves_it_its_address(platform):
    platform.up(config(a=FOREVER))
    before = pids(platform)
    supervisor = platform.json("status")["pid"]
    keeper = next(pid for pid, command in platform.processes().items()
                  if "--name supervisor " in command)
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not is_alive(keeper) and not is_alive(supervisor), 10,
               "the end of the keeper, and of the supervisor with it")
    platform.up()
    assert pids(platform) == before
    assert intake_is_listened_to(platform)


def test_up_that_comes_second_waits_for_the_first(platform):
    platform.write_config(config(a=FOREVER))
    platform._is_up = True
    both = [platform.spawn([CLI, "up"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=30 * SLOWNESS)[0] for one in both]
    assert all("SERVICE" in text for text in said)
    assert any("running" in text for text in said), "that of the first, whichever that is"
    assert [one.returncode for one in both] == [0, 0]
    supervisors = [command for command in platform.processes().values()
                   if "slicekeep-supervisor" in command.split(" ")[0]]
    assert len(supervisors) == 1


def test_up_keeps_no_descriptor_of_the_caller(platform):
    read_end, write_end = os.pipe()
    platform.up(config(a=FOREVER), pass_fds=(write_end,))
    os.close(write_end)
    assert os.read(read_end, 1) == b"", "somebody still holds the pipe"
    os.close(read_end)
    assert pids(platform)["a"]


def test_up_with_a_wrong_config_starts_nothing(platform):
    platform.write_config({"processes": {"a": {"comand": "true"}}})
    said = platform.cli("up", exits=1)
    assert re.search("comand: .*did you mean .command.", said.stderr)
    assert not platform.processes()
    assert not (platform.home / "run").exists()


def test_up_without_a_config_says_how_to_get_one(platform):
    assert "slicekeep add NAME" in platform.cli("up", exits=1).stderr
    assert not platform.processes()


def test_up_says_why_the_supervisor_does_not_come_up(platform):
    platform.write_config(config(a=FOREVER))
    (platform.home / "state").mkdir()
    (platform.home / "state" / "desired.json").write_text("garbage")
    said = platform.cli("up", exits=1)
    assert "desired.json" in said.stderr and "remove the file" in said.stderr
    assert "nothing was started" in said.stderr
    assert not platform.processes()
    (platform.home / "state" / "desired.json").unlink()
    platform.up()
    assert pids(platform)["a"]


def test_up_needs_no_place_to_listen_for_the_collector(platform):
    (platform.home / "run").mkdir(mode=0o700)
    (platform.home / "run" / "log.intake").mkdir()
    platform.up(config(a=FOREVER))
    assert pids(platform)["a"]


def test_launcher_is_what_was_asked_for_or_an_error(platform):
    platform.write_config(config(a=FOREVER))
    platform.env["SLICEKEEP_LAUNCHER"] = "hope"
    assert 'unknown launcher "hope"' in platform.cli("up", exits=1).stderr
    is_booted = os.path.exists("/run/systemd/system")
    for words, env in ((["--launcher", "systemd"], "direct"), ([], "systemd")):
        platform.env["SLICEKEEP_LAUNCHER"] = env
        if not is_booted: # otherwise it could be had, and tests/vm has it
            said = platform.cli("up", *words, exits=1).stderr
            assert "this machine was not booted with systemd" in said
    platform.up(None, "--launcher", "direct" if is_booted else "auto")
    assert platform.json("status")["launcher"] == "direct"


# --- up --foreground ----------------------------------------------------------------------------


def foreground(platform):
    """`up --foreground` up to the line that says how to end it; what it printed."""
    process = platform.spawn([CLI, "up", "--foreground"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True,
                             env={"SLICEKEEP_CLI_HINT": "./run cli"})
    lines = []
    while not lines or not lines[-1].startswith("Ctrl-C"):
        lines.append(process.stdout.readline())
        assert lines[-1], f"it ended: {''.join(lines)}"
    return process, "".join(lines)


def test_foreground_is_the_first_screen(platform, free_port):
    port = free_port()
    site = {"command": "python3", "ports": [port],
            "args": ["-m", "http.server", "--bind", "127.0.0.1", str(port)],
            "ready": {"http": f"http://127.0.0.1:{port}/"}}
    platform.write_config(config(site=site, many=FAMILY))
    process, said = foreground(platform)
    assert re.match(r"slicekeep \d\S+   config\.json   state state   launcher direct\n", said)
    assert re.search(rf"^Site +http://127\.0\.0\.1:{port}$", said, re.MULTILINE)
    assert "./run cli log -f" in said and "./run cli why site" in said
    assert re.search(r"\./run cli stop many +3 processes gone", said)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30 * SLOWNESS)[0]
    assert process.returncode == 0
    assert "many stopped: 3 processes, 0 left" in rest and "everything is stopped" in rest
    assert not platform.processes()


def test_foreground_ends_by_sigterm_and_sighup_too(platform):
    platform.write_config(config(a=FOREVER))
    for signo in (signal.SIGTERM, signal.SIGHUP):
        process, _ = foreground(platform)
        process.send_signal(signo)
        assert "everything is stopped" in process.communicate(timeout=30 * SLOWNESS)[0]
        assert process.returncode == 0
        assert not platform.processes()


def test_foreground_notices_that_somebody_else_stopped_it(platform):
    platform.write_config(config(a=FOREVER))
    process, _ = foreground(platform)
    platform.cli("down")
    assert "stopped from elsewhere" in process.communicate(timeout=30 * SLOWNESS)[0]
    assert process.returncode == 0


def test_foreground_that_is_killed_leaves_the_platform(platform):
    platform.write_config(config(a=FOREVER))
    process, _ = foreground(platform)
    process.kill()
    process.wait()
    platform._is_up = True
    assert pids(platform)["a"]


def is_connected(path):
    """Whether somebody is connected to the socket there."""
    rows = map(str.split, pathlib.Path("/proc/net/unix").read_text().splitlines())
    return any(row[-1] == str(path) and row[5] == CONNECTED for row in rows)


def test_foreground_stays_though_nobody_answers_for_its_first_screen(platform):
    """It may be the main process of a container, where everything would end with it."""
    platform.write_config(config(a=FOREVER | {"ready": {"up_for": "1h"}}))
    process = platform.spawn([CLI, "up", "--foreground"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    wait_until(lambda: is_connected(platform.home / "run" / "supervisor.sock"), 20,
               "it to look at the services")
    supervisor = platform.json("status")["pid"]
    keeper = int(stat_of(supervisor)[1])
    os.kill(keeper, signal.SIGSTOP)
    os.kill(supervisor, signal.SIGKILL)
    assert "supervisor" in process.stderr.readline()
    os.kill(keeper, signal.SIGCONT)
    wait_until(lambda: platform.json("status")["pid"] != supervisor, 20, "another supervisor")
    process.send_signal(signal.SIGTERM)
    assert "everything is stopped" in process.communicate(timeout=30 * SLOWNESS)[0]
    assert process.returncode == 0
    assert not platform.processes()


# --- down ---------------------------------------------------------------------------------------


def test_down_leaves_no_process(platform):
    platform.up(config(a=FOREVER, b=FAMILY))
    said = platform.down().stdout
    assert "b stopped: 3 processes, 0 left" in said
    assert said.endswith("everything is stopped\n")


def test_down_with_nothing_running_is_done(platform):
    assert "nothing is running here" in platform.cli("down").stdout


def test_down_is_not_the_operators_will(platform):
    platform.up(config(a=FOREVER, b=FOREVER))
    platform.cli("stop", "b")
    platform.down()
    platform.up()
    assert pids(platform)["a"] and not pids(platform)["b"]


def ours(platform, *words):
    """The pids of those of our processes whose command line begins with, or has, these words."""
    return [pid for pid, command in platform.processes().items()
            if all(word in command for word in words)]


def down_begun(platform):
    """`down` of four services, when the first three are gone and one waits; its gate."""
    gate = platform.home / "gate"
    platform.up(config(slow=held(gate), **{f"a{i}": FOREVER | {"after": ["slow"]}
                                           for i in range(3)}))
    process = platform.spawn([CLI, "down"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
    assert "stopped" in process.stdout.readline()
    platform.wait_state("slow", "stopping")
    return process, gate


def assert_down_ends_well(platform, process):
    said, complaint = process.communicate(timeout=60 * SLOWNESS)
    assert said.endswith("everything is stopped\n"), said + complaint
    assert process.returncode == 0
    platform._is_up = False
    assert not platform.processes()
    return complaint


def test_down_goes_on_each_time_that_the_supervisor_is_killed(platform):
    process, gate = down_begun(platform)
    killed = set()

    def another_was_killed():
        for pid in ours(platform, "slicekeep-supervisor ", "--launcher"):
            if pid in killed or "slicekeep-keeper" in command_of(pid):
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        return len(killed) >= 3

    wait_until(another_was_killed, 20)
    gate.touch()
    assert assert_down_ends_well(platform, process) == ""


def test_down_that_is_killed_with_its_supervisor_goes_on(platform):
    """Nobody is left who knows of it, but what it wrote down; the next `up` is up again."""
    process, gate = down_begun(platform)
    (supervisor,) = [pid for pid in ours(platform, "slicekeep-supervisor ", "--launcher")
                     if "slicekeep-keeper" not in command_of(pid)]
    process.kill()
    os.kill(supervisor, signal.SIGKILL)
    process.communicate()
    gate.touch()
    wait_until(lambda: not platform.processes(), 20)
    # The keeper may have left before the next supervisor was there to hear how it ended.
    reports = (platform.home / "state/exits/slow.jsonl").read_text().splitlines()
    assert [json.loads(line)["cause"] for line in reports] in (["stop"], ["unknown"])
    platform.up()
    assert all(pids(platform).values())
    stop_held(platform, "slow", gate)


def test_up_that_meets_a_down_starts_what_was_stopped(platform):
    down, gate = down_begun(platform)
    up = platform.spawn([CLI, "up"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert "everything is being stopped" in up.stderr.readline()
    gate.touch()
    up.communicate(timeout=60 * SLOWNESS)
    assert up.returncode == 0
    assert down.wait(30 * SLOWNESS) == 0
    assert all(pids(platform).values()), "it was up, says `up`"
    stop_held(platform, "slow", gate)


def test_down_tells_the_keepers_itself_when_the_outermost_one_is_killed(platform):
    process, gate = down_begun(platform)
    (outermost,) = ours(platform, "slicekeep-keeper --name supervisor ")
    os.kill(outermost, signal.SIGKILL)
    assert "told to stop" in process.stderr.readline()
    gate.touch()
    assert_down_ends_well(platform, process)


# --- doctor -------------------------------------------------------------------------------------


def findings(platform, **more):
    return {row["check"]: row for row in platform.json("doctor", **more)}


def test_doctor_of_a_healthy_platform_finds_nothing_wrong(platform):
    platform.up(config(a=FOREVER))
    found = findings(platform)
    for check in ("supervisor", "keeper", "version", "collector", "keepers", "config", "run",
                  "state", "log", "disk", "open files"):
        assert found[check]["verdict"] == "ok", found[check]
    assert re.search(r"^ok +supervisor ", platform.cli("doctor").stdout, re.MULTILINE)


def test_doctor_says_why_limits_are_not_enforced(platform):
    platform.up(config(a=FOREVER))
    note = platform.json("status").get("limits_note")
    found = findings(platform)
    assert found["limits"]["verdict"] == ("note" if note else "ok")
    if note:
        assert found["cgroups"]["verdict"] == "note" and len(found["cgroups"]["text"]) > 20


def test_doctor_finds_what_is_wrong(platform):
    platform.up(config(a=FOREVER))
    platform.home.joinpath("state").chmod(0o777)
    platform.config_path.write_text("{")
    platform.config_path.chmod(0o644)
    found = findings(platform, exits=1)
    assert found["state"]["verdict"] == "wrong" and "chmod go-w" in found["state"]["text"]
    assert found["config"]["verdict"] == "wrong"
    platform.home.joinpath("state").chmod(0o700)


def test_doctor_misses_the_outermost_keeper(platform):
    platform.write_config(config(a=FOREVER))
    assert findings(platform)["supervisor"]["verdict"] == "note"


# --- installing ---------------------------------------------------------------------------------


def test_completion_knows_verbs_options_and_names(platform):
    platform.up(config(shop=FOREVER, db=FOREVER))
    script = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _slicekeep "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """

    def completes(*words):
        return platform.run(["bash", "-c", script, "bash", TOP / "cli/complete/slicekeep.bash", CLI,
                             *words]).stdout.split()

    assert completes("re") == ["restart"]
    assert completes("log", "--s") == ["--since", "--stream"]
    assert completes("log", "sh") == ["shop"]
    assert completes("stop", "shop", "d") == ["db"]
    assert completes("config", "ch") == ["check"]
    assert completes("config", "shop", "u") == ["update"]
    assert "SIGHUP" in completes("signal", "shop", "SIGH")
    assert completes("help", "doc") == ["doctor"]
    platform.down()
    assert completes("log", "sh") == []
    assert json.loads(platform.cli("config", "db").stdout) == FOREVER
