# SPDX-License-Identifier: MIT
"""A sandboxed service: what it cannot do to the machine, and what is promised nevertheless."""
import pytest
from supervision import config, keeper_of, shell, supervisor_of
from waiting import wait_until

UNIT = "slicekeep-web-0.service"
SECRET = "/root/secret"
OUT = "/srv/web/data/out"
SYS_ADMIN = 1 << 21

# Asks for all that a sandbox forbids, and for some that it must not; writes down what it got. Where
# the shell opens a file itself, no program has to be started.
LOOK = r"""
exec 2>&1
can() { name=$1; shift; if "$@" >/dev/null; then echo "$name yes"; else echo "$name no"; fi; }
make() ( : >>"$1" )
make /tmp/mine
{
  can etc make /etc/x
  can usr make /usr/x
  can cwd make ./x
  can data make /srv/web/data/x
  can tmp make /tmp/x
  can vartmp make /var/tmp/x
  can homes ls /home/other
  can setuid sh -c '[ "$(/usr/local/bin/setuid-id -u)" = 0 ]'
  can suid sh -c 'cp /bin/true /srv/web/data/t && chmod u+s /srv/web/data/t'
  can disk test -e /dev/vda
  can null make /dev/null
  python3 -c '
import socket
def can(name, act):
    try:
        act()
        print(name, "yes")
    except OSError:
        print(name, "no")
can("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
can("names", lambda: (socket.if_nameindex(), socket.socket()))
'
  grep -E '^(NoNewPrivs|CapEff|CapBnd)' /proc/self/status
  echo "secret $(cat "$CREDENTIALS_DIRECTORY/db")"
} >/srv/web/data/new
mv /srv/web/data/new /srv/web/data/out
exec sleep 1000
"""


@pytest.fixture(scope="module", autouse=True)
def users(machine):
    """Those who run services here, and what they have."""
    machine.run("useradd --create-home other && useradd --home-dir /srv/web --create-home web")
    machine.run("mkdir /srv/web/data && chown web: /srv/web/data && chmod 755 /srv/web")
    machine.run("cp /usr/bin/id /usr/local/bin/setuid-id && chmod 4755 /usr/local/bin/setuid-id")
    machine.run("mkdir /home/web && chown web: /home/web && chmod 755 /home/other")
    machine.put(SECRET, "s3cret", mode=0o600)


def service(**more):
    return shell(LOOK, user="web", cwd="/srv/web", sandbox="default",
                 writable=["/srv/web/data"], credentials={"db": SECRET}) | more


@pytest.fixture(name="start")
def make_start(platform):
    """Starts the platform with one service, `web`, and says what it has found that it can do."""
    def start(**more):
        platform.run("rm -rf /srv/web/data/* /srv/web/x")
        platform.up(config(web=service(**more)), "--launcher", "systemd")
        platform.wait_state("web", "running")
        return found(platform)

    return start


def found(platform):
    """{what: yes or no …}, once the service has tried everything."""
    # A program that looks each time would take turns from the service.
    said = wait_until(lambda: platform.machine.get(OUT, missing=b""), 180, "what it found")
    return {line.split()[0]: line.split()[-1] for line in said.decode().splitlines()}


def pid_of(platform):
    return platform.wait_state("web", "running")["pid"]


def inside(platform, *argv, exits=0):
    """Run something as root in the service's mount namespace."""
    return platform.run(["nsenter", "--mount", "-t", str(pid_of(platform)), *argv], exits=exits)


def test_payload_can_do_what_it_must_and_nothing_else(platform, start):
    can = start()
    allowed = {key for key, answer in can.items() if answer == "yes"}
    assert allowed == {"data", "tmp", "vartmp", "null", "names"}, can
    assert can["NoNewPrivs:"] == "1"
    assert int(can["CapEff:"], 16) == 0
    assert not int(can["CapBnd:"], 16) & SYS_ADMIN
    assert platform.run(["test", "-e", "/tmp/mine"], exits=None).returncode == 1
    assert not platform.service("web").get("note")


def test_credential_is_the_services_and_nobody_elses(platform, start):
    assert start()["secret"] == "s3cret"
    path = f"/run/credentials/{UNIT}/db"
    done = platform.run(["cat", path], user="other", exits=None)
    assert done.returncode == 1 and "Permission denied" in done.stderr
    assert platform.run(["stat", "-c", "%U %a", path]).stdout.split() == ["web", "400"]
    platform.cli("stop", "web")
    wait_until(lambda: platform.run(["test", "-e", path], exits=None).returncode == 1, 60,
               "the end of the credential")


def test_new_secret_is_read_at_a_restart(platform, machine, start):
    start()
    machine.put(SECRET, "another", mode=0o600)
    platform.run(["rm", OUT])
    platform.cli("restart", "web")
    assert found(platform)["secret"] == "another"
    machine.put(SECRET, "s3cret", mode=0o600)


def test_service_without_its_secret_does_not_start_and_says_why(platform, start):
    platform.run(f"mv {SECRET} {SECRET}.away && rm -rf /srv/web/data/*")
    platform.up(config(web=service()), "--launcher", "systemd", exits=None)
    reason = f'credentials: cannot read "{SECRET}"'
    wait_until(lambda: reason in (platform.service("web").get("note") or ""), 60, "the reason")
    platform.run(["mv", f"{SECRET}.away", SECRET])
    platform.cli("start", "web")
    assert found(platform)["secret"] == "s3cret"


def test_crash_is_followed_by_a_life_in_the_same_sandbox(platform, start):
    start()
    pid = pid_of(platform)
    platform.run(["rm", OUT])
    platform.run(["kill", "-KILL", str(pid)])
    wait_until(lambda: pid_of(platform) != pid, 60, "another life")
    again = found(platform)
    assert (again["etc"], again["data"], again["secret"]) == ("no", "yes", "s3cret")


def test_killed_keeper_takes_nothing_from_its_payload(platform, start):
    start()
    pid, keeper = pid_of(platform), keeper_of(platform, "web")
    platform.run(["kill", "-KILL", str(keeper)])
    wait_until(lambda: keeper_of(platform, "web") not in (None, keeper), 60, "another keeper")
    assert pid_of(platform) == pid
    inside(platform, "test", "-e", "/tmp/mine")
    inside(platform, "touch", "/tmp/later")
    assert inside(platform, "cat", f"/run/credentials/{UNIT}/db").stdout == "s3cret"
    platform.run(["rm", OUT])
    platform.run(["kill", "-KILL", str(pid)])
    wait_until(lambda: pid_of(platform) != pid, 60, "another life")
    again = found(platform)
    assert (again["etc"], again["tmp"], again["secret"]) == ("no", "yes", "s3cret")
    supervisor = supervisor_of(platform)
    platform.run(["kill", "-KILL", str(supervisor)])
    wait_until(lambda: supervisor_of(platform) != supervisor, 60, "another supervisor")
    platform.cli("stop", "web")
    wait_until(lambda: platform.run(["systemctl", "is-active", UNIT], exits=None).returncode != 0,
               60, "the unit's end")
    wait_until(lambda: not any(f"/{UNIT}" in folder for folder in platform.look()[1]), 60,
               "the end of its cgroup")


def test_service_at_home_is_reachable_there_and_homes_are_read_only(platform, start):
    can = start(cwd="/home/web")
    assert (can["cwd"], can["etc"], can["tmp"], can["data"]) == ("no", "no", "yes", "yes")
    done = inside(platform, "touch", "/home/web/x", exits=None)
    assert done.returncode == 1 and "Read-only" in done.stderr


def test_root_in_a_sandbox_cannot_undo_it(platform, start):
    can = start(user="root")
    allowed = {key for key, answer in can.items() if answer == "yes"}
    assert allowed == {"data", "tmp", "vartmp", "homes", "setuid", "null", "names"}, can
    assert not int(can["CapEff:"], 16) & SYS_ADMIN


def test_sandbox_off_is_as_before(platform, start):
    can = start(sandbox="off", writable=[])
    refused = {key for key, answer in can.items() if answer == "no"}
    assert refused == {"etc", "usr", "packet"}, can
    assert (can["NoNewPrivs:"], can["secret"]) == ("0", "s3cret")
    assert platform.run(["systemctl", "show", "-p", "ProtectSystem", "--value",
                         UNIT]).stdout.strip() == "no"
    platform.write_config(config(web=service()))
    assert "restart" in platform.cli("config", "plan").stdout
    platform.run(["rm", OUT])
    platform.cli("config", "apply")
    assert found(platform)["NoNewPrivs:"] == "1"
