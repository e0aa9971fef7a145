# SPDX-License-Identifier: MIT
"""What the direct launcher can do of a sandbox, and that it says what it cannot."""
import os
import re

from supervision import FOREVER, config, shell
from waiting import wait_until

BOXED = FOREVER | {"sandbox": "default"}


def test_sandbox_that_is_not_enforced_is_said_of_each_service(platform):
    platform.up(config(web=BOXED, db=FOREVER))
    platform.wait_state("web", "running")
    platform.wait_state("db", "running")
    note = "the direct launcher protects no files"
    assert note in platform.service("web")["note"]
    assert not platform.service("db").get("note")
    listing = platform.cli("ls").stdout.splitlines()
    assert [line.split()[0] for line in listing if note in line] == ["web"]
    assert note in platform.json("status")["sandbox_note"]
    assert note in platform.cli("doctor", exits=None).stdout


def test_nobody_is_told_of_a_sandbox_that_nobody_wants(platform):
    platform.up(config(web=FOREVER))
    assert "sandbox_note" not in platform.json("status")
    assert "sandbox" not in platform.cli("doctor", exits=None).stdout


def test_payload_in_a_sandbox_gains_no_privileges(platform):
    platform.up(config(web=shell("cat /proc/self/status; exec sleep 1000", sandbox="default"),
                       db=shell("cat /proc/self/status; exec sleep 1000")))
    for name, bit in (("web", "1"), ("db", "0")):
        platform.wait_state(name, "running")
        wait_until(lambda: f"NoNewPrivs:\t{bit}" in platform.cli("log", name).stdout, 10, bit)
    lines = platform.cli("log", "web").stdout.splitlines()
    bounds = [int(line.split()[-1], 16) for line in lines if "CapBnd:" in line]
    assert bounds and (not bounds[0] & (1 << 21) or os.geteuid() != 0)


def test_service_does_not_start_without_its_secrets_and_says_why(platform):
    secret = platform.home / "secret"
    secret.write_text("s3cret")
    services = config(web=FOREVER | {"credentials": {"db": str(secret)}}, db=FOREVER)
    platform.up(services, exits=None)
    platform.wait_state("db", "running")
    wait_until(lambda: "the direct launcher has none to give" in
               (platform.service("web").get("note") or ""), 10, "the reason")
    assert platform.service("web")["pid"] is None
    secret.unlink()
    platform.cli("start", "web", exits=None)
    wait_until(lambda: re.search(f"cannot read.*{secret}", platform.service("web")["note"] or ""),
               10, "why")


def test_folder_that_is_to_be_writable_must_exist(platform):
    missing = platform.home / "missing"
    platform.up(config(web=BOXED | {"writable": [str(missing)]}), exits=None)
    wait_until(lambda: re.search(f'writable.*"{missing}": No such file or directory',
                                 platform.service("web")["note"] or ""), 10, "why")
    missing.mkdir()
    platform.cli("start", "web")
    platform.wait_state("web", "running")


def test_check_says_what_cannot_be_had_without_systemd(platform):
    secret = platform.home / "secret"
    secret.write_text("s3cret")
    platform.write_config(config(web=BOXED, api=FOREVER | {"credentials": {"db": str(secret)}},
                                 db=FOREVER))
    warnings = [line for line in platform.cli("config", "check").stdout.splitlines()
                if line.startswith("warning: ")]
    expected = [] if os.path.exists("/run/systemd/system") else [
        "warning: processes.web.sandbox: protects no files without systemd, which does not run "
        "here",
        "warning: processes.api.credentials: cannot start without systemd, which does not run "
        "here"]
    assert [line for line in warnings if "systemd" in line] == expected
