# SPDX-License-Identifier: MIT
"""Readiness and health, through the whole platform: every kind of probe, good and bad.

A service is ready when its probe says so and not before; one that is not in time is stopped and
says why; one whose health is lost is started anew; and a probe leaves nothing behind, whatever it
does.
"""
import os
import signal
import sys

import processes
import pytest
from instance import program as platform_program
from waiting import wait_until

# A page that answers with the status in the file "status"; 0: it answers nothing at all.
SERVER = """
import http.server, pathlib, sys
status = pathlib.Path(sys.argv[2])
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = int(status.read_text())
        if code:
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


@pytest.fixture(name="page")
def make_page(platform, free_port):
    """A page whose status the test decides, as the config of a process."""
    class Page:
        """Its port, its status file, its process."""
        port = free_port()
        status = platform.home / "status"
        script = platform.home / "page.py"

        def answer(self, code):
            """Answer with this status from now on."""
            new = self.status.with_suffix(".new")
            new.write_text(str(code))
            new.rename(self.status)

        def process(self, **more):
            """The config of the service."""
            return {"command": sys.executable, "ports": [self.port],
                    "args": [str(self.script), str(self.port), str(self.status)], **more}

    one = Page()
    one.script.write_text(SERVER)
    one.answer(200)
    return one


def sleeper(**more):
    """A service that runs and does nothing."""
    return {"command": "sleep", "args": ["1000"], **more}


def begin(platform, config):
    """Up with these processes, without waiting for those that the test does not let be ready."""
    platform.up({"processes": {name: process | {"autostart": False}
                               for name, process in config.items()}})
    platform.spawn([platform_program("slicekeep"), "start", *config])


def children_of(pid, name):
    """The children of @pid whose command line begins with a program of that name."""
    found = []
    for child in os.listdir("/proc"):
        stat = processes.stat_of(child) if child.isdigit() else None
        if stat and int(stat[1]) == pid and name in processes.command_of(child).split(" ")[0]:
            found.append(int(child))
    return found


def supervisor_of(platform):
    """The pid of the supervisor."""
    return platform.json("status")["pid"]


def test_http_is_ready_when_the_page_answers_well(platform, page):
    page.answer(503)
    ready = {"http": f"http://localhost:{page.port}/health", "timeout": "10m"}
    begin(platform, {"web": page.process(ready=ready)})
    platform.wait_state("web", "starting")
    wait_until(lambda: children_of(supervisor_of(platform), "slicekeep-probe"))
    assert platform.service("web")["state"] == "starting"
    page.answer(204)
    platform.wait_state("web", "running")


def test_tcp_that_never_listens_is_not_ready_and_says_why(platform, free_port):
    ready = {"tcp": free_port(), "timeout": "500ms"}
    platform.up({"processes": {"mute": sleeper(ready=ready)}})

    def said():
        why = platform.cli("why", "mute").stdout
        assert "not ready" in why
        assert "connection refused" in platform.cli("ls").stdout
        return why

    wait_until(said, 20)


def test_log_is_ready_at_the_line_and_waits_for_it(platform):
    line = platform.home / "line"
    os.mkfifo(line)
    ready = {"log": "^server [0-9]+ is ready$", "timeout": "10m"}
    begin(platform, {
        "db": {"command": "sh", "args": ["-c", f"echo server is ready; cat {line}; sleep 1000"],
               "ready": ready},
        "app": sleeper(after=["db"])})
    platform.wait_state("db", "starting")
    assert platform.service("app")["pid"] is None
    line.write_text("server 7 is ready\n")
    platform.wait_state("db", "running")
    platform.wait_state("app", "running")


def test_exec_runs_as_the_service_does_and_leaves_nothing(platform):
    flag = platform.home / "flag"
    # Each attempt leaves a child of its own in another session, and tells where it ran.
    probe = f"setsid sleep 1000 & pwd >cwd; echo $MARK >mark; test -e {flag}"
    begin(platform, {"shop": sleeper(
        cwd=str(platform.home), env={"MARK": "from the config"},
        ready={"exec": ["sh", "-c", probe], "timeout": "10m"})})
    wait_until((platform.home / "mark").exists)
    platform.wait_state("shop", "starting")
    flag.touch()
    platform.wait_state("shop", "running")
    assert (platform.home / "cwd").read_text().strip() == str(platform.home)
    assert (platform.home / "mark").read_text().strip() == "from the config"

    def only_the_service_sleeps():
        return sum("sleep 1000" in line for line in platform.processes().values()) == 1

    wait_until(only_the_service_sleeps)
    assert not list((platform.home / "run/spec").glob(".probe-*"))


def test_exec_that_hangs_is_ended_with_all_its_processes(platform):
    probe = "setsid sleep 4711 & sleep 4712"
    platform.up({"processes": {"shop": sleeper(
        ready={"exec": ["sh", "-c", probe], "timeout": "300ms"})}})

    def failed():
        assert "not ready" in platform.cli("why", "shop").stdout
        return True

    wait_until(failed, 20)
    platform.cli("stop", "shop")

    def none_hangs():
        return not any("sleep 471" in line for line in platform.processes().values())

    wait_until(none_hangs)


def test_exec_of_a_supervisor_that_was_killed_is_swept_by_the_next(platform):
    pids = platform.home / "pids"
    begin(platform, {"shop": sleeper(ready={
        "exec": ["sh", "-c", f"echo $$ >>{pids}; sleep 4713"], "timeout": "10m"})})

    def runs(n):
        return lambda: pids.exists() and len(pids.read_text().split()) >= n

    wait_until(runs(1))
    shop = platform.service("shop")["pid"]
    os.kill(supervisor_of(platform), signal.SIGKILL)
    wait_until(runs(2), 20)
    first, *_, second = map(int, pids.read_text().split())
    wait_until(lambda: not processes.is_alive(first))
    assert processes.is_alive(second)
    assert platform.service("shop")["pid"] == shop


def test_health_that_is_lost_starts_the_service_anew(platform, page):
    platform.up({"processes": {"web": page.process(
        ready={"tcp": page.port},
        health={"http": f"http://127.0.0.1:{page.port}/", "every": "100ms", "failures": 2})}})
    first = platform.wait_state("web", "running")["pid"]
    page.answer(500)

    def was_restarted():
        assert "health" in platform.cli("why", "web").stdout
        return True

    wait_until(was_restarted, 20)
    page.answer(200)

    def runs_anew():
        web = platform.service("web")
        return web["state"] == "running" and web["pid"] not in (None, first)

    wait_until(runs_anew, 20)


def test_probe_program_that_is_killed_comes_back_and_nothing_else_does(platform, page):
    platform.up({"processes": {"web": page.process(
        ready={"tcp": page.port},
        health={"http": f"http://127.0.0.1:{page.port}/", "every": "100ms", "timeout": "10m",
                "failures": 1})}})
    web = platform.wait_state("web", "running")
    supervisor = supervisor_of(platform)
    for _ in range(5):
        pid = wait_until(lambda: children_of(supervisor, "slicekeep-probe"))[0]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda gone=pid: gone not in children_of(supervisor,
                                                            "slicekeep-probe"))
    wait_until(lambda: children_of(supervisor, "slicekeep-probe"))
    assert platform.service("web")["pid"] == web["pid"]
    assert supervisor_of(platform) == supervisor


def test_probe_program_is_nobody_and_goes_with_the_supervisor(platform, page):
    platform.up({"processes": {"web": page.process(
        ready={"http": f"http://127.0.0.1:{page.port}/"})}})
    platform.wait_state("web", "running")
    pid = children_of(supervisor_of(platform), "slicekeep-probe")[0]
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["CapEff"].strip("0") == ""
    assert status["NoNewPrivs"] == "1"
    if os.geteuid() == 0:
        assert status["Uid"].split() == ["65534"] * 4
        assert status["Groups"].strip() == ""
    platform.down()
    wait_until(lambda: not processes.is_alive(pid))
