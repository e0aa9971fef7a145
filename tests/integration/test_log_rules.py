# SPDX-License-Identifier: MIT
"""log.max_total and log.max_age of the config: told to the collector, and changed while all run."""
import os
import time

import pytest

import store
from supervision import FOREVER, config, identity, kill, oneshot, shell, supervisor_of
from test_supervisor_reload import apply
from waiting import wait_until

pytestmark = pytest.mark.sanitize

# A megabyte and a half that packing makes no smaller, then silence.
PRINTED_BYTES = 24 * 65536
TALKS = f"head -c {PRINTED_BYTES} /dev/urandom"


def printed_bytes(platform, name):
    return len(store.stored(platform.home / "log" / name))


def used_bytes(platform, name):
    while True:
        try:
            return sum(path.stat().st_size for path in (platform.home / "log" / name).iterdir())
        except FileNotFoundError:
            pass  # deleted while it was looked at


def talker(**log):
    return shell(f"{TALKS}; exec sleep 1000", **({"log": log} if log else {}))


def with_log(section, **processes):
    return {"log": {"segment_size": "64K", **section}, **config(**processes)}


def test_caps_change_while_all_run(platform):
    platform.up(with_log({}, a=talker(), b=talker()))
    before = {name: identity(platform, name) for name in ("a", "b", "log")}
    wait_until(lambda: printed_bytes(platform, "a") == PRINTED_BYTES)
    wait_until(lambda: printed_bytes(platform, "b") == PRINTED_BYTES)
    said = apply(platform, with_log({}, a=talker(max_total="256K"), b=talker())).stdout
    assert "live" in said, said
    wait_until(lambda: used_bytes(platform, "a") <= 256 * 1024)
    assert printed_bytes(platform, "b") == PRINTED_BYTES
    apply(platform, with_log({}, a=talker(max_total="256K"), b=talker(max_total="512K")))
    wait_until(lambda: used_bytes(platform, "b") <= 512 * 1024)
    assert used_bytes(platform, "b") > 256 * 1024
    assert {name: identity(platform, name) for name in ("a", "b", "log")} == before


@pytest.mark.parametrize("victim", ["log", "supervisor"])
def test_caps_survive_the_death_of_both_sides(platform, victim):
    platform.up(with_log({}, b=shell(
        f"until [ -e go ]; do sleep 0.01; done; {TALKS}; echo end; exec sleep 1000",
        log={"max_total": "256K"}, cwd=str(platform.home))))
    before = identity(platform, "b")
    kill(supervisor_of(platform) if victim == "supervisor" else identity(platform, "log")[0])
    platform.wait_state("log", "running")
    (platform.home / "go").touch()
    wait_until(lambda: platform.cli("log", "b", "-n", "1").stdout.endswith("end\n"))
    wait_until(lambda: 64 * 1024 < used_bytes(platform, "b") <= 256 * 1024)
    assert identity(platform, "b") == before


def test_age_of_all_holds_but_for_a_service_with_its_own(platform):
    """No test can wait for a minute: what is stored is made two hours old while nobody looks."""
    names = ("common", "own", "removed", "fresh")
    once = oneshot("echo line")
    platform.up(config(**{name: once for name in names}))
    wait_until(lambda: all(printed_bytes(platform, name) for name in names))
    platform.down()
    for name in ("common", "own", "removed"):
        for path in (platform.home / "log" / name).iterdir():
            os.utime(path, (time.time() - 7200, time.time() - 7200))
    waits = once | {"autostart": False}
    platform.up(with_log({"max_age": "1h"}, common=waits, fresh=waits, a=FOREVER,
                         own=waits | {"log": {"max_age": "3h"}}))
    wait_until(lambda: not printed_bytes(platform, "common") and
               not printed_bytes(platform, "removed"))
    assert printed_bytes(platform, "own") and printed_bytes(platform, "fresh")
    apply(platform, with_log({"max_age": "1h"}, common=waits, fresh=waits, a=FOREVER, own=waits))
    wait_until(lambda: not printed_bytes(platform, "own"))
    assert printed_bytes(platform, "fresh")
