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
FOLDERS = ("/etc/slicekeep", "/run/slicekeep", "/var/lib/slicekeep", "/var/log/slicekeep")


@pytest.fixture(scope="module")
def machine():
    """A Machine with the package installed, and a newer one in /root."""
    with tempfile.TemporaryDirectory(prefix="sk-debs-") as folder:
        package.debs(pathlib.Path(folder))
        with Machine() as one:
            one.put_tree(folder, "/root")
            one.run("useradd shop && mkdir /srv/shop && chown shop: /srv/shop")
            one.run("dpkg -i /root/slicekeep.deb")
            yield one


@pytest.fixture
def host(machine):
    """The machine with the service `shop`, running."""
    machine.run(ADD)
    yield machine
    print(machine.run("journalctl --no-pager --lines 40", exits=None).stdout)
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
    return host.run(["python3", "-c", "import urllib.request as u; "
                     "print(u.urlopen('http://127.0.0.1:3000/').status)"]).stdout.strip()


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


def test_upgrade_renews_our_daemons_and_no_service(host):
    before, old = services(host), supervisor(host)
    host.run("dpkg -i /root/newer.deb")
    assert host.run("dpkg-query -W -f '${Version}' slicekeep").stdout == package.NEWER
    after = services(host)
    assert after["shop"]["pid"] == before["shop"]["pid"]
    assert after["shop"]["slots"][0]["keeper_pid"] == before["shop"]["slots"][0]["keeper_pid"]
    keeper = after["shop"]["slots"][0]["keeper_pid"]
    wait_until(lambda: "deleted" not in host.run(["readlink", f"/proc/{keeper}/exe"]).stdout, 20,
               "the keeper to be the new program")
    assert services(host)["shop"]["pid"] == before["shop"]["pid"]
    assert after["log"]["pid"] != before["log"]["pid"]
    assert supervisor(host) != old
    assert is_active(host) == "active"
    assert page(host) == "200"


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
