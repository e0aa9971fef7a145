# SPDX-License-Identifier: MIT
"""A config that is applied while services run: all or nothing, and only what the plan names."""
import json
import os
import pathlib
import signal

import pytest
from instance import program
from keepers import Peer
from supervision import (FOREVER, Caller, config, events, held, identity, keeper_of, kill,
                         supervisor_of)
from waiting import wait_until

CLI = program("slicekeep")
pytestmark = pytest.mark.sanitize


def apply(platform, new, **more):
    platform.write_config(new)
    return platform.cli("config", "apply", **more)


def test_reload_touches_only_what_the_plan_names(platform):
    """Three reloads, since what a service borrowed from an old config would be gone by then."""
    healthy = FOREVER | {"health": {"exec": ["true"], "every": "100ms"}}
    waiting = FOREVER | {"ready": {"exec": ["false"], "timeout": "10m"}, "autostart": False}
    processes = {"same": FOREVER, "healthy": healthy, "waiting": waiting, "changed": FOREVER,
                 "gone": FOREVER}
    platform.up(config(**processes))
    platform.spawn([CLI, "start", "waiting"])
    platform.wait_state("waiting", "starting")
    before = {name: identity(platform, name) for name in ("same", "healthy", "changed", "gone")}
    waiting_pid = wait_until(lambda: platform.service("waiting")["pid"])
    for seconds in (2000, 3000, 4000):
        changed = FOREVER | {"args": [str(seconds)]}
        apply(platform, config(**(processes | {"changed": changed, f"new-{seconds}": FOREVER})))
        identity(platform, f"new-{seconds}")
        wait_until(lambda: identity(platform, "changed") != before["changed"])
        before["changed"] = identity(platform, "changed")
        for name in ("same", "healthy", "gone"):
            assert identity(platform, name) == before[name]
        assert platform.service("waiting")["pid"] == waiting_pid
        assert platform.service("waiting")["state"] == "starting"
    del processes["gone"]
    apply(platform, config(**processes))
    wait_until(lambda: "gone" not in [element["name"] for element in platform.json("ls")])
    assert platform.cli("why", "gone").returncode == 0
    assert events(platform, names=["gone"])


def revision_of_keeper(platform, name):
    """Of the spec that its keeper has read: a keeper may be slower than a death that follows."""
    peer = Peer(platform.home / "run" / "keeper" / f"{name}-0.sock")
    peer.close()
    return peer.greeting.spec_revision


def test_policies_change_while_it_runs_and_count_at_once(platform):
    platform.up(config(a=FOREVER | {"restart": {"when": "always"}, "health": {"exec": ["true"]}}))
    before, revision = identity(platform, "a"), revision_of_keeper(platform, "a")
    apply(platform, config(a=FOREVER | {"restart": {"when": "never"}, "stop": {"timeout": "3s"}}))
    assert identity(platform, "a") == before
    wait_until(lambda: revision_of_keeper(platform, "a") != revision)
    os.kill(before[0], signal.SIGKILL)
    platform.wait_state("a", "failed")


def test_autostart_that_changes_counts_now_and_not_when_a_supervisor_dies(platform):
    """Whether it was by hand, by the config then, or by the config now: what runs goes on."""
    platform.up(config(a=FOREVER, b=FOREVER | {"autostart": False}))
    before = identity(platform, "a")
    apply(platform, config(a=FOREVER | {"autostart": False}, b=FOREVER))
    started = identity(platform, "b")
    supervisor = supervisor_of(platform)
    kill(supervisor)
    wait_until(lambda: supervisor_of(platform) != supervisor)
    assert identity(platform, "a") == before
    assert identity(platform, "b") == started
    platform.down()
    platform.up()
    identity(platform, "b")
    assert platform.service("a")["state"] == "stopped"


def test_health_check_that_is_added_and_removed_live(platform):
    sick = FOREVER | {"health": {"exec": ["false"], "every": "100ms", "failures": 2}}
    platform.up(config(a=FOREVER))
    before = identity(platform, "a")
    apply(platform, config(a=sick))
    wait_until(lambda: "health" in platform.cli("why", "a").stdout)
    wait_until(lambda: identity(platform, "a") != before)
    apply(platform, config(a=FOREVER))
    platform.cli("restart", "a")  # what the check had ordered is over then
    after = identity(platform, "a")
    apply(platform, config(a=FOREVER, b=FOREVER))
    identity(platform, "b")
    assert identity(platform, "a") == after


UNAVAILABLE = {
    "unknown user": ({"user": "nosuchuser"}, "nosuchuser"),
    "no env_file": ({"env_file": "no-such-env"}, "no-such-env"),
}


@pytest.mark.parametrize("what", UNAVAILABLE)
def test_unavailable_is_one_services_failure_at_start_and_a_refusal_at_a_reload(platform, what):
    more, word = UNAVAILABLE[what]
    bad = FOREVER | more
    platform.up(config(good=FOREVER, bad=bad))
    before = identity(platform, "good")
    bad_one = platform.wait_state("bad", "backoff")
    assert word in bad_one["note"]
    said = apply(platform, config(good=FOREVER | {"args": ["2000"]}, worse=bad), exits=1)
    assert "processes.worse" in said.stderr and word in said.stderr
    assert identity(platform, "good") == before
    assert [element["name"] for element in platform.json("ls")] == ["good", "bad", "log"]
    wait_until(lambda: word in platform.cli("log", "supervisor").stdout, 20)


def test_removed_and_added_again_while_it_stops_comes_back_as_the_new_one(platform):
    gate = platform.home / "gate"
    platform.up(config(a=held(gate)))
    before = identity(platform, "a")
    apply(platform, config())
    assert platform.service("a")["removed"]
    said = platform.cli("start", "a", exits=1)
    assert "not in the config any more" in said.stdout + said.stderr
    apply(platform, config(a=FOREVER))
    gate.touch()

    def is_the_new_one():
        assert identity(platform, "a") != before
        return platform.processes().get(identity(platform, "a")[0]) == "sleep 1000"

    wait_until(is_the_new_one, 20)
    assert not platform.service("a")["removed"]


def test_removed_and_added_again_in_one_breath_is_the_new_one(platform):
    platform.up(config(a=FOREVER))
    before = identity(platform, "a")
    new = FOREVER | {"args": ["2000"]}
    with Caller(platform) as caller:
        caller.send("Apply", text=json.dumps(config()))
        caller.send("Apply", text=json.dumps(config(a=new)))
        assert "error" not in caller.answer() and "error" not in caller.answer()
    wait_until(lambda: identity(platform, "a") != before)
    # In the middle of an exec it has no environment, and so no tag.
    pid = identity(platform, "a")[0]
    wait_until(lambda: platform.processes().get(pid) == "sleep 2000")


def test_supervisor_killed_in_the_middle_of_a_reload_has_it_carried_out(platform):
    """The revision is applied, but nothing was stopped yet: the next one knows by the keepers."""
    platform.up(config(a=FOREVER, b=FOREVER, c=FOREVER))
    before = {name: identity(platform, name) for name in "abc"}
    supervisor = supervisor_of(platform)
    new = config(a=FOREVER | {"args": ["2000"]}, b=FOREVER | {"stop": {"timeout": "3s"}}, c=FOREVER)
    apply(platform, new)
    wait_until(lambda: identity(platform, "a") != before["a"])
    # The same from the other side: what is applied is older than what runs.
    applied = platform.home / "run" / "applied"
    os.kill(supervisor, signal.SIGSTOP)
    applied.write_text("1\n")
    kill(supervisor)
    wait_until(lambda: supervisor_of(platform) != supervisor)

    def is_old_again():
        return platform.processes().get(identity(platform, "a")[0]) == "sleep 1000"

    wait_until(is_old_again, 20)
    assert identity(platform, "b") == before["b"]
    assert identity(platform, "c") == before["c"]


def test_supervisor_comes_back_although_a_program_and_the_file_are_gone(platform):
    script = platform.home / "program"
    script.write_text("#!/bin/sh\nexec sleep 1000\n")
    script.chmod(0o755)
    platform.up(config(a={"script": str(script), "ready": {"up_for": "20ms"}}))
    before = identity(platform, "a")
    supervisor = supervisor_of(platform)
    script.unlink()
    platform.config_path.unlink()
    kill(supervisor)
    wait_until(lambda: supervisor_of(platform) != supervisor)
    assert identity(platform, "a") == before


def test_options_of_the_collector_change_live_and_touch_nothing_else(platform):
    platform.up({"log": {"max_total": "100M"}, **config(a=FOREVER)})
    before = identity(platform, "a")
    log = identity(platform, "log")
    assert "104857600" in platform.processes()[log[0]]
    apply(platform, {"log": {"max_total": "200M"}, **config(a=FOREVER)})
    wait_until(lambda: identity(platform, "log") != log)
    assert "209715200" in platform.processes()[identity(platform, "log")[0]]
    assert identity(platform, "a") == before
    log = identity(platform, "log")
    apply(platform, {"log": {"max_total": "200M"}, **config(a=FOREVER, b=FOREVER)})
    identity(platform, "b")
    assert identity(platform, "log") == log


def test_reload_that_cannot_be_stored_changes_nothing(platform):
    platform.up(config(a=FOREVER))
    before = identity(platform, "a")
    revisions = platform.home / "state" / "revisions"
    revisions.rename(revisions.with_suffix(".away"))
    revisions.write_text("not a folder")
    said = apply(platform, config(a=FOREVER | {"args": ["2000"]}), exits=1)
    assert "revisions" in said.stderr
    assert identity(platform, "a") == before
    written = platform.config_path.read_bytes()
    said = platform.cli("add", "b", "--", "sleep", "1000", exits=1)
    assert "revisions" in said.stderr
    assert platform.config_path.read_bytes() == written, "the next `up` would start it"
    revisions.unlink()
    revisions.with_suffix(".away").rename(revisions)
    apply(platform, config(a=FOREVER | {"args": ["2000"]}))
    wait_until(lambda: identity(platform, "a") != before)


def test_live_change_of_an_adopted_service_keeps_its_identity_and_environment(platform):
    if os.geteuid() != 0:
        pytest.fail("this test changes users: run it as root")
    platform.home.chmod(0o711)
    process = FOREVER | {"user": "nobody", "cwd": "/", "env": {"MARK": "kept"}}
    platform.up(config(a=process))
    supervisor, before = supervisor_of(platform), identity(platform, "a")
    kill(supervisor)
    wait_until(lambda: supervisor_of(platform) != supervisor)
    apply(platform, config(a=process | {"stop": {"timeout": "3s"}}))
    assert identity(platform, "a") == before
    os.kill(before[0], signal.SIGKILL)

    def reborn():
        pid, start = identity(platform, "a")
        return pid if pid and start and pid != before[0] else None

    pid = wait_until(reborn)
    wait_until(lambda: b"MARK=kept\0" in pathlib.Path(f"/proc/{pid}/environ").read_bytes())
    assert os.stat(f"/proc/{pid}").st_uid == 65534
    assert keeper_of(platform, "a")
