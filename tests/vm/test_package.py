# SPDX-License-Identifier: MIT
"""The Debian package on a machine: installed, used, upgraded, rebooted, removed, purged."""
import json
import pathlib
import tempfile

import pytest

import package
from machine import Machine
from waiting import wait_until

SERVER = ("-- python3 -c 'import http.server, os; http.server.HTTPServer("
          "(\"\", int(os.environ[\"PORT\"])), http.server.SimpleHTTPRequestHandler)"
          ".serve_forever()'")
ADD = f"cli add shop --cwd /srv/shop --port 3000 --memory-max 256M {SERVER}"
# A line each hundredth of a second, with its number.
COUNTS = ("import itertools, threading\nfor n in itertools.count(1):\n"
          "    print(n, flush=True); threading.Event().wait(.01)")
# Asks and asks, until there is the file ENOUGH; then prints how many answers there were, and what
# else was seen. Until then the number is in the file ASKED.
ASKER = """
import pathlib, sys, urllib.request
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
FOLDERS = ("/etc/slicekeep", "/run/slicekeep", "/var/lib/slicekeep", "/var/log/slicekeep")


@pytest.fixture(scope="module")
def machine():
    """A Machine with the package installed, and a newer one in /root."""
    with tempfile.TemporaryDirectory(prefix="sk-debs-") as folder:
        package.debs(pathlib.Path(folder))
        with Machine() as one:
            one.put_tree(folder, "/root")
            one.put("/opt/test/page.py", PAGE)
            one.run("useradd shop && mkdir /srv/shop && chown shop: /srv/shop")
            one.run("dpkg -i /root/slicekeep.deb")
            yield one


@pytest.fixture
def host(machine, request):
    """The machine with the service `shop`, running."""
    machine.run(ADD)
    yield machine
    if request.node.has_failed:
        print(machine.run("journalctl --no-pager --lines 60", exits=None).stdout)
    machine.run("systemctl stop slicekeep; rm -rf /etc/slicekeep/* /var/lib/slicekeep/*; "
                "echo '{ \"processes\": {} }' >/etc/slicekeep/config.json; "
                "systemctl start slicekeep")


def services(host):
    """{name: row of `ls --json`} of all services, our own daemons too."""
    return {row["name"]: row for row in json.loads(host.run("cli ls --json").stdout)}


def supervisor(host):
    """Its pid."""
    return json.loads(host.run("cli status --json").stdout)["pid"]


def main_pid(host):
    """The main process of the unit: the supervisor's keeper."""
    return int(host.run("systemctl show -P MainPID slicekeep").stdout)


def is_active(host):
    """What systemd says about the unit."""
    return host.run("systemctl is-active slicekeep", exits=None).stdout.strip()


def page(host):
    """What the service answers to a request."""
    return host.run_python("/opt/test/page.py").stdout.strip()


def test_readme_holds_after_the_installation_and_after_a_reboot(host):
    assert is_active(host) == "active"
    assert host.run("systemctl is-enabled slicekeep").stdout == "enabled\n"
    host.run("getent group slicekeep")
    shop = services(host)["shop"]
    assert (shop["state"], shop["ports"]) == ("running", [3000])
    assert host.run(f"ps -o user= {shop['pid']}").stdout == "shop\n"
    wait_until(lambda: page(host) == "200", 20, "the page")

    host.reboot()
    assert is_active(host) == "active"
    wait_until(lambda: services(host)["shop"]["state"] == "running", 20, "shop")
    wait_until(lambda: page(host) == "200", 20, "the page")


@pytest.fixture
def load(host):
    """A service more, `count`, which writes lines; and somebody who asks `shop` all the time."""
    host.run(["cli", "add", "count", "--cwd", "/srv/shop", "--", "python3", "-c", COUNTS])
    wait_until(lambda: page(host) == "200", 20, "the page")
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
    wait_until(lambda: n_answers(host) > 5, 30, "some answers")
    wait_until(lambda: len(lines_of(host, "count")) > 50, 30, "some lines")
    before, old = services(host), supervisor(host)
    host.run("dpkg -i /root/newer.deb")
    assert host.run("dpkg-query -W -f '${Version}' slicekeep").stdout == package.NEWER
    after = services(host)
    for name in ("shop", "count"):
        assert after[name]["pid"] == before[name]["pid"]
        keeper = before[name]["slots"][0]["keeper_pid"]
        assert after[name]["slots"][0]["keeper_pid"] == keeper
        wait_until(lambda: "deleted" not in host.run(["readlink", f"/proc/{keeper}/exe"]).stdout,
                   20, "the keeper to be the new program")
        assert services(host)[name]["pid"] == before[name]["pid"]
    assert after["log"]["pid"] != before["log"]["pid"]
    assert supervisor(host) != old
    assert is_active(host) == "active"

    answered, written = n_answers(host), len(lines_of(host, "count"))
    wait_until(lambda: n_answers(host) > answered + 5, 30, "more answers")
    wait_until(lambda: len(lines_of(host, "count")) > written + 50, 30, "more lines")
    lines = lines_of(host, "count")
    assert lines == list(range(1, len(lines) + 1))
    host.run(["touch", ENOUGH])
    said = wait_until(lambda: host.run(["cat", SAID]).stdout, 30, "the end of the asker")
    assert said == f"{n_answers(host)}\n"


@pytest.mark.parametrize("renewal", ["systemctl restart slicekeep", "systemctl reload slicekeep",
                                     "kill -9 $(systemctl show -P MainPID slicekeep)"])
def test_unit_that_is_renewed_or_killed_leaves_the_services_alone(host, renewal):
    before, old = services(host)["shop"], supervisor(host)
    host.run(renewal)
    wait_until(lambda: host.run("cli status", exits=None).returncode == 0, 20, "the supervisor")
    assert supervisor(host) != old
    assert services(host)["shop"]["pid"] == before["pid"]
    wait_until(lambda: is_active(host) == "active", 20, "the unit")


def test_stop_ends_everything_in_order_and_start_brings_it_back(host):
    pid = services(host)["shop"]["pid"]
    host.run("systemctl stop slicekeep")
    assert is_active(host) == "inactive"
    host.run(f"test -e /proc/{pid}", exits=1)
    assert host.run("pgrep slicekeep", exits=1).stdout == ""
    host.run("systemctl start slicekeep")
    wait_until(lambda: services(host)["shop"]["state"] == "running", 20, "shop")
    assert "stop" in host.run("cli why shop").stdout


def test_up_and_down_are_the_units(host):
    host.run("cli down")
    wait_until(lambda: is_active(host) == "inactive", 20, "the unit")
    host.run("cli up")
    assert is_active(host) == "active"
    assert services(host)["shop"]["state"] == "running"
    group = host.run(f"cat /proc/{main_pid(host)}/cgroup").stdout
    assert group.endswith("/slicekeep-system.slice/slicekeep.service\n")


def test_stop_ends_services_that_the_supervisor_does_not_know(host):
    """Both killed, and stopped before they are back: what is left is the unit's to end."""
    host.run("systemctl stop slicekeep & kill -9 $(pgrep -f slicekeep-[s]upervisor); wait")
    assert host.run("pgrep slicekeep", exits=1).stdout == ""


def test_wrong_config_is_named_at_the_start_and_keeps_no_service_from_being_taken_over(host):
    pid = services(host)["shop"]["pid"]
    host.put("/etc/slicekeep/config.json", '{ "processes": { "shop": {} }', mode=0o600)
    host.run("systemctl restart slicekeep")
    assert services(host)["shop"]["pid"] == pid

    host.run("systemctl stop slicekeep")
    host.run("systemctl start slicekeep", exits=1)
    journal = host.run("journalctl --no-pager -u slicekeep -n 20").stdout
    assert "/etc/slicekeep/config.json:1" in journal
    host.run("echo '{ \"processes\": {} }' >/etc/slicekeep/config.json")
    wait_until(lambda: is_active(host) == "active", 20, "the unit")


def test_cli_of_another_package_is_left_to_it(machine):
    assert machine.run("readlink -f /usr/bin/cli").stdout == "/usr/bin/slicekeep\n"
    machine.run("update-alternatives --install /usr/bin/cli cli /bin/true 10")
    assert machine.run("readlink -f /usr/bin/cli").stdout.endswith("/bin/true\n")
    machine.run("update-alternatives --remove cli /bin/true")
    assert machine.run("readlink -f /usr/bin/cli").stdout == "/usr/bin/slicekeep\n"


def test_removal_stops_everything_and_keeps_what_the_administrator_made(host):
    pid = services(host)["shop"]["pid"]
    host.run("dpkg --remove slicekeep")
    host.run(f"test -e /proc/{pid}", exits=1)
    host.run("test -e /usr/bin/cli", exits=1)
    host.run("dpkg -i /root/newer.deb")
    wait_until(lambda: services(host)["shop"]["state"] == "running", 20, "shop")


def test_purge_leaves_nothing(host):
    host.run("dpkg --purge slicekeep")
    left = host.run(["pgrep", "-a", "-f", "slicekeep|http.server"], exits=None).stdout
    left += host.run("systemctl list-units --plain --no-legend 'slicekeep*.service'; "
                     f"ls -d {' '.join(FOLDERS)} /usr/libexec/slicekeep 2>&-; "
                     "find /usr/bin /etc /sys/fs/cgroup -name cli -o -name 'slicekeep*.service*' "
                     "-o -name 'slicekeep.conf'", exits=None).stdout
    assert not left
    host.run("dpkg -i /root/newer.deb")
