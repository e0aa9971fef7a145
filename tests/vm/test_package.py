# SPDX-License-Identifier: MIT
"""The Debian package on a machine: installed, used, rebooted, upgraded, removed, purged."""
import json
import pathlib
import signal
import tempfile

import pytest

import package
from machine import Machine
from waiting import wait_until

SERVER = ("import http.server, os; http.server.HTTPServer((\"\", int(os.environ[\"PORT\"])), "
          "http.server.SimpleHTTPRequestHandler).serve_forever()")
ADD = (f"cli add shop --cwd /srv/shop --port 3000 --memory-max 256M -- python3 -c '{SERVER}' && "
       "cli add idle --cwd /srv/shop -- sleep 1000")
CONFIG = "/etc/slicekeep/config.json"
SHOPS_CGROUP = "/sys/fs/cgroup/slicekeep.slice/slicekeep-default.slice/slicekeep-shop-0.service"
# What the former writes, but for how soon it is said to run.
SHOP = {"processes": {"shop": {
    "command": "python3", "args": ["-c", SERVER], "cwd": "/srv/shop", "env": {"PORT": "3000"},
    "ports": [3000], "limits": {"memory_max": "256M"}, "ready": {"up_for": "20ms"}}}}
# A line each hundredth of a second, with its number.
COUNTS = ("import itertools, threading\nfor n in itertools.count(1):\n"
          "    print(n, flush=True); threading.Event().wait(.01)")
# Asks and asks, and leaves others a turn, until there is the file ENOUGH; then prints how many
# answers there were, and what else was seen. Until then the number is in the file ASKED.
ASKER = """
import pathlib, sys, threading, urllib.request
asked, enough = map(pathlib.Path, sys.argv[1:])
n_answers, wrong = 0, []
while not enough.exists():
    try:
        with urllib.request.urlopen("http://127.0.0.1:3000/", timeout=60) as page:
            page.read()
            n_answers += 1
    except OSError as error:
        wrong.append(str(error))
    new = asked.with_suffix(".new")
    new.write_text(str(n_answers))
    new.replace(asked)
    threading.Event().wait(.02)
print(n_answers, *wrong)
"""
# Asks once.
PAGE = """
import urllib.request
def main():
    with urllib.request.urlopen("http://127.0.0.1:3000/") as page:
        print(page.status)
"""
ASKED, ENOUGH, SAID = "/run/asked", "/run/enough", "/run/said"
INSTALLED_UNIT = "/lib/systemd/system/slicekeep.service"
# Comes before the installed one, and goes with a reboot.
CHANGED_UNIT = "/run/systemd/system/slicekeep.service"
PAUSE = "sleep 1234"
FOLDERS = ("/etc/slicekeep", "/run/slicekeep", "/var/lib/slicekeep", "/var/log/slicekeep")


def dpkg(machine, *words):
    """A package comes or goes, which takes many programs and so its time on a slow machine."""
    machine.run(["dpkg", *words], seconds=300)


@pytest.fixture(scope="module")
def machine():
    """A Machine with the package installed, and a newer one in /root."""
    with tempfile.TemporaryDirectory(prefix="sk-debs-") as folder:
        package.debs(pathlib.Path(folder))
        with Machine() as one:
            one.put_tree(folder, "/root")
            one.put("/opt/test/page.py", PAGE)
            one.run("useradd shop && mkdir /srv/shop && chown shop: /srv/shop")
            dpkg(one, "-i", "/root/slicekeep.deb")
            yield one


@pytest.fixture(autouse=True)
def journal(machine, request):
    """Helps to understand a test that failed."""
    yield
    if request.node.has_failed:
        print(machine.run(["journalctl", "--no-pager", "--lines", "60"], exits=None).stdout)


def begin(machine, change=""):
    """Start the platform with the service `shop` and without a past; sed may change the unit."""
    machine.run("systemctl stop slicekeep; rm -rf /etc/slicekeep/* /var/lib/slicekeep/*")
    machine.put(CONFIG, json.dumps(SHOP), mode=0o600)
    if change:
        machine.run(f"sed '{change}' {INSTALLED_UNIT} >{CHANGED_UNIT} && systemctl daemon-reload")
    machine.run(["systemctl", "start", "slicekeep"])
    wait_running(machine)


@pytest.fixture
def host(machine):
    """The machine with the service `shop`, running."""
    begin(machine)
    return machine


def services(host):
    """{name: row of `ls --json`} of all services, our own daemons too."""
    return {row["name"]: row for row in json.loads(host.run(["cli", "ls", "--json"]).stdout)}


def supervisor(host):
    """Its pid."""
    return json.loads(host.run(["cli", "status", "--json"]).stdout)["pid"]


def show(host, key):
    """What systemd knows of the unit."""
    return host.run(["systemctl", "show", "-P", key, "slicekeep"]).stdout.strip()


def said(host):
    """What systemd has said about it."""
    return host.run(["journalctl", "--no-pager", "-u", "slicekeep"]).stdout


def main_pid(host):
    """The main process of the unit: the supervisor's keeper."""
    return int(show(host, "MainPID"))


def is_active(host):
    """What systemd says about the unit."""
    return host.run(["systemctl", "is-active", "slicekeep"], exits=None).stdout.strip()


def alive(host, *options):
    """Processes in which pgrep finds this; those who have ended, and wait for systemd, are none."""
    return host.run(["pgrep", "--runstates", "DRST", *options], exits=None).stdout


def wait_running(host, name="shop"):
    """Wait until it runs; its row."""
    def running():
        row = services(host)[name]
        assert row["state"] == "running", f"{name} is {row['state']}"
        return row

    return wait_until(running, 60, f"{name} to run")


def wait_renewed(host, old):
    """Wait for a supervisor that is another one than the old."""
    wait_until(lambda: supervisor(host) != old, 60, "another supervisor")


def page(host):
    """What the service answers to a request."""
    return host.run_python("/opt/test/page.py").stdout.strip()


def test_readme_holds_and_after_a_reboot_services_are_back_and_a_stopped_one_is_not(machine):
    """The first test: what is in the machine is what the installation has made."""
    machine.run(ADD)
    assert is_active(machine) == "active"
    assert machine.run(["systemctl", "is-enabled", "slicekeep"]).stdout == "enabled\n"
    machine.run(["getent", "group", "slicekeep"])
    shop = wait_running(machine)
    wait_until(lambda: services(machine)["shop"]["ports"] == [3000], 60, "its port")
    assert machine.run(f"ps -o user= {shop['pid']}").stdout == "shop\n"
    wait_until(lambda: page(machine) == "200", 60, "the page")
    assert json.loads(machine.run(["cli", "status", "--json"]).stdout)["launcher"] == "systemd"
    assert machine.get(f"{SHOPS_CGROUP}/memory.max") == b"%d\n" % (256 << 20)
    machine.run(["cli", "stop", "idle"])

    machine.reboot()
    assert is_active(machine) == "active"
    assert wait_running(machine)["restarts"] == 0
    wait_until(lambda: page(machine) == "200", 60, "the page")
    assert services(machine)["idle"]["state"] == "stopped"
    assert "by" in machine.run(["cli", "why", "idle"]).stdout
    machine.run(["cli", "start", "idle"])
    wait_running(machine, "idle")


@pytest.fixture
def load(host):
    """A service more, `count`, which writes lines; and somebody who asks `shop` all the time."""
    host.run(["cli", "add", "count", "--cwd", "/srv/shop", "--", "python3", "-c", COUNTS])
    wait_until(lambda: page(host) == "200", 60, "the page")
    host.put("/root/asker.py", ASKER)
    host.run(f"rm -f {ASKED} {ENOUGH} {SAID}; "
             f"setsid python3 /root/asker.py {ASKED} {ENOUGH} >{SAID} 2>&1 &")
    yield
    host.run(["touch", ENOUGH])


def n_answers(host):
    """That the asker has got so far."""
    return int(host.run(f"cat {ASKED} 2>&-", exits=None).stdout or 0)


def lines_of(host, name):
    """All that it has written, as it is stored."""
    rows = host.run(["cli", "log", name, "-n", "1000000", "--stream", "out"]).stdout.splitlines()
    return [int(row.split()[-1]) for row in rows]


def test_upgrade_renews_our_daemons_and_no_service(host, load):
    wait_until(lambda: n_answers(host) > 5, 60, "some answers")
    wait_until(lambda: len(lines_of(host, "count")) > 50, 60, "some lines")
    before, old = services(host), supervisor(host)
    dpkg(host, "-i", "/root/newer.deb")
    assert host.run("dpkg-query -W -f '${Version}' slicekeep").stdout == package.NEWER
    wait_renewed(host, old)
    for name in ("shop", "count"):
        assert wait_running(host, name)["pid"] == before[name]["pid"]
        keeper = before[name]["slots"][0]["keeper_pid"]
        # Who the keeper is may be unknown for a moment.
        wait_until(lambda: services(host)[name]["slots"][0].get("keeper_pid") == keeper, 60,
                   "its keeper to be the same")
        wait_until(lambda: "deleted" not in host.run(["readlink", f"/proc/{keeper}/exe"]).stdout,
                   60, "the keeper to be the new program")
        assert wait_running(host, name)["pid"] == before[name]["pid"]
    assert wait_running(host, "log")["pid"] != before["log"]["pid"]
    assert is_active(host) == "active"

    answered, written = n_answers(host), len(lines_of(host, "count"))
    wait_until(lambda: n_answers(host) > answered + 5, 60, "more answers")
    wait_until(lambda: len(lines_of(host, "count")) > written + 50, 60, "more lines")
    lines = lines_of(host, "count")
    assert lines == list(range(1, len(lines) + 1))
    host.run(["touch", ENOUGH])
    end = wait_until(lambda: host.run(["cat", SAID]).stdout, 60, "the end of the asker")
    assert end == f"{n_answers(host)}\n"


@pytest.mark.parametrize("renewal", ["systemctl restart slicekeep", "systemctl reload slicekeep",
                                     "kill -9 $(systemctl show -P MainPID slicekeep)"])
def test_unit_that_is_renewed_or_killed_leaves_the_services_alone(host, renewal):
    before, old = wait_running(host), supervisor(host)
    host.run(renewal)
    wait_renewed(host, old)
    assert wait_running(host)["pid"] == before["pid"]
    wait_until(lambda: is_active(host) == "active", 60, "the unit")


def restore_unit(machine):
    """As it was installed."""
    machine.run(["rm", CHANGED_UNIT])
    machine.run(["systemctl", "daemon-reload"])


@pytest.fixture
def changed(machine):
    """The same as `host`, in another unit: changed(what sed does to it)."""
    def change(words):
        begin(machine, words)
        return machine

    yield change
    restore_unit(machine)


@pytest.fixture
def deaf(changed):
    """The same as `host`, where a stop begins and nobody hears of it."""
    host = changed("s/^KillMode=.*/&\\nKillSignal=SIGWINCH/")
    assert show(host, "KillSignal") == f"{signal.SIGWINCH:d}"
    return host


@pytest.fixture
def lasting_pause(changed):
    """The same as `host`, with PAUSE between a crash and the next start."""
    host = changed(f"s/|| sleep 1;/|| {PAUSE};/")
    assert PAUSE in show(host, "ExecStopPost")
    return host


def check_untouched(host, before):
    """The service runs on, and nothing is told of an exit."""
    assert wait_running(host)["pid"] == before["pid"]
    why = json.loads(host.run(["cli", "why", "shop", "--json"]).stdout)
    assert (why["exits"], why["service"]["restarts"]) == ([], 0)


def hang(host, *processes):
    """Stop these; their pids. One that has just been replaced, on a slow machine, is no more."""
    def stop():
        pids = [process(host) for process in processes]
        host.run(["kill", "-STOP", *map(str, pids)])
        return pids

    return wait_until(stop, 60, "them to be stopped")


def test_supervisor_that_hangs_is_replaced_by_its_keeper_and_no_service_notices(changed):
    host = changed("s/--watchdog [^ ]*/--watchdog 4s/")
    before, keeper = wait_running(host), main_pid(host)
    (old,) = hang(host, supervisor)
    wait_renewed(host, old)
    # systemd, which is more patient, has done nothing.
    assert main_pid(host) == keeper
    check_untouched(host, before)


def test_keeper_that_hangs_is_replaced_by_systemd_and_no_service_notices(changed):
    host = changed("s/--watchdog [^ ]*/--watchdog 4s/; s/^WatchdogSec=.*/WatchdogSec=9s/")
    assert show(host, "WatchdogUSec") == "9s"
    before = wait_running(host)
    keeper, old = hang(host, main_pid, supervisor)
    wait_renewed(host, old)
    assert main_pid(host) != keeper
    wait_until(lambda: "Failed with result 'watchdog'" in said(host), 60, "what systemd says")
    check_untouched(host, before)


def test_stop_ends_everything_in_order_and_start_brings_it_back(host):
    pid = wait_running(host)["pid"]
    host.run(["systemctl", "stop", "slicekeep"])
    assert is_active(host) == "inactive"
    host.run(["test", "-e", f"/proc/{pid}"], exits=1)
    assert not alive(host, "slicekeep")
    host.run(["systemctl", "start", "slicekeep"])
    wait_running(host)
    assert "stop" in host.run(["cli", "why", "shop"]).stdout


def test_up_and_down_are_the_units(host):
    host.run(["cli", "down"])
    wait_until(lambda: is_active(host) == "inactive", 60, "the unit")
    host.run(["cli", "up"])
    assert is_active(host) == "active"
    wait_running(host)
    group = host.run(f"cat /proc/{main_pid(host)}/cgroup").stdout
    assert group.endswith("/slicekeep-system.slice/slicekeep.service\n")


def kill_daemons(host):
    """Supervisor and keeper at once, so that systemd alone sees it."""
    # One may be gone with the other.
    host.run(["kill", "-KILL", str(main_pid(host)), str(supervisor(host))], exits=None)


def check_end(host, pid):
    """The service has ended, and then all of us: systemd runs a keeper after a keeper's end."""
    host.run(["test", "-e", f"/proc/{pid}"], exits=1)
    wait_until(lambda: not alive(host, "slicekeep"), 60, "the end of the last of us")


def test_stop_in_the_middle_of_which_all_of_us_die_ends_the_services(deaf):
    """Nobody but systemd knows then that a stop was asked for."""
    pid = wait_running(deaf)["pid"]
    deaf.run(["systemctl", "--no-block", "stop", "slicekeep"])
    wait_until(lambda: show(deaf, "SubState") == "stop-sigterm", 60, "the stop to begin")
    kill_daemons(deaf)
    wait_until(lambda: is_active(deaf) == "failed", 60, "the unit's end")
    check_end(deaf, pid)


def test_stop_before_the_next_start_ends_the_services(lasting_pause):
    """Both are dead when it is asked for, and what is left is the unit's to end."""
    host = lasting_pause
    pid = wait_running(host)["pid"]
    kill_daemons(host)
    pause = wait_until(lambda: alive(host, "-f", "-x", PAUSE), 60, "the pause")
    host.run(["systemctl", "--no-block", "stop", "slicekeep"])
    wait_until(lambda: " stop " in host.run(["systemctl", "list-jobs", "slicekeep.service"]).stdout,
               60, "the stop to begin")
    host.run(["kill", *pause.split()])
    wait_until(lambda: is_active(host) == "failed", 60, "the unit's end")
    check_end(host, pid)


def test_stop_and_death_at_once_leave_nothing(host):
    """Whichever comes first."""
    pid = wait_running(host)["pid"]
    host.run("systemctl stop slicekeep & kill -9 $(pgrep -f slicekeep-[s]upervisor); wait")
    check_end(host, pid)


def test_wrong_config_is_named_at_the_start_and_keeps_no_service_from_being_taken_over(host):
    pid = wait_running(host)["pid"]
    host.put(CONFIG, '{ "processes": { "shop": {} }', mode=0o600)
    host.run(["systemctl", "restart", "slicekeep"])
    assert wait_running(host)["pid"] == pid

    host.run(["systemctl", "stop", "slicekeep"])
    host.run(["systemctl", "start", "slicekeep"], exits=1)
    wait_until(lambda: f"{CONFIG}:1" in said(host), 60, "the reason")
    host.run("echo '{ \"processes\": {} }' >/etc/slicekeep/config.json")
    wait_until(lambda: is_active(host) == "active", 60, "the unit")


def test_cli_of_another_package_is_left_to_it(machine):
    assert machine.run(["readlink", "-f", "/usr/bin/cli"]).stdout == "/usr/bin/slicekeep\n"
    machine.run(["update-alternatives", "--install", "/usr/bin/cli", "cli", "/bin/true", "10"])
    assert machine.run(["readlink", "-f", "/usr/bin/cli"]).stdout.endswith("/bin/true\n")
    machine.run(["update-alternatives", "--remove", "cli", "/bin/true"])
    assert machine.run(["readlink", "-f", "/usr/bin/cli"]).stdout == "/usr/bin/slicekeep\n"


def test_removal_stops_everything_and_keeps_what_the_administrator_made(host):
    pid = wait_running(host)["pid"]
    dpkg(host, "--remove", "slicekeep")
    host.run(["test", "-e", f"/proc/{pid}"], exits=1)
    host.run(["test", "-e", "/usr/bin/cli"], exits=1)
    dpkg(host, "-i", "/root/newer.deb")
    wait_running(host)


def test_purge_leaves_nothing(host):
    """The last test: neither is anything left for it."""
    dpkg(host, "--purge", "slicekeep")
    assert not alive(host, "-a", "-f", "slicekeep|http.server")

    def check():
        """What systemd has of it goes when systemd has nothing else to do."""
        left = host.run("systemctl list-units --plain --no-legend 'slicekeep*.service'; "
                        f"ls -d {' '.join(FOLDERS)} /usr/libexec/slicekeep 2>&-; "
                        "find /usr/bin /etc /sys/fs/cgroup /var/lib/systemd "
                        "/var/lib/dpkg/alternatives -name cli -o "
                        "-name 'slicekeep*.service*' -o -name 'slicekeep.conf'",
                        exits=None).stdout
        assert not left
        return True

    wait_until(check, 60, "nothing to be left")
