# SPDX-License-Identifier: MIT
"""The system layout among users: who a service is, who may operate it, what it may do to us."""
import pytest
from supervision import FOREVER, config, keeper_of, shell
from waiting import wait_until

NOT_PERMITTED = 5
ENDLESS = FOREVER | {"user": "shop"}


@pytest.fixture(scope="module", autouse=True)
def make_users(machine):
    """shop owns a service, member is in the group, other is nobody to us."""
    machine.run("getent group slicekeep || groupadd --system slicekeep")
    machine.run("for name in shop member other; do useradd --create-home $name; done")
    machine.run("gpasswd --add member slicekeep; groupadd drivers; gpasswd --add shop drivers")


def test_service_is_its_user_with_all_groups_and_nothing_more(platform):
    platform.up(config(web=shell("id -un; id -Gn; echo $HOME; exec sleep 1000", user="shop")))
    pid = platform.wait_state("web", "running")["pid"]
    uid = platform.run(["id", "-u", "shop"]).stdout.strip()
    status = dict(line.split(":\t", 1) for line in
                  platform.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert status["Uid"].split() == [uid] * 4
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0

    def said():
        lines = platform.cli("log", "web", "--stream", "out").stdout.splitlines()
        return [line.split(" out ")[1] for line in lines] == ["shop", "shop drivers", "/home/shop"]

    wait_until(said, 60, "its lines")


def test_member_of_the_group_may_operate_and_not_administer(platform):
    platform.up(config(web=ENDLESS))
    before = platform.wait_state("web", "running")["pid"]
    platform.wait_state("log", "running")
    for verb in (["ls"], ["status"], ["why", "web"], ["log", "web"], ["events"]):
        platform.cli(*verb, user="member")
    platform.cli("stop", "web", user="member")
    assert platform.service("web")["state"] == "stopped"
    platform.cli("start", "web", user="member")
    assert platform.wait_state("web", "running")["pid"] != before
    for verb in (["down"], ["config", "apply"], ["add", "more", "--", "sleep", "1000"]):
        platform.cli(*verb, user="member", exits=NOT_PERMITTED)
    assert [one["name"] for one in platform.json("ls")] == ["web", "log"]


def test_other_user_is_refused(platform):
    platform.up(config(web=ENDLESS))
    before = platform.wait_state("web", "running")["pid"]
    for verb in (["ls"], ["status"], ["why", "web"], ["log", "web"], ["events"], ["stop", "web"],
                 ["restart", "web"], ["signal", "web", "KILL"], ["down"], ["config", "apply"]):
        platform.cli("--system", *verb, user="other", exits=NOT_PERMITTED)
    assert platform.wait_state("web", "running")["pid"] == before


@pytest.mark.parametrize("launcher", ["direct", "systemd"])
def test_service_of_a_user_cannot_touch_its_keeper_nor_its_own_bounds(platform, launcher):
    attack = ("kill -9 $PPID; echo -900 >/proc/self/oom_score_adj; "
              "echo $$ >/sys/fs/cgroup/cgroup.procs; true >/run/slicekeep/x; "
              "echo $$ >/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/../cgroup.procs; "
              "find /run/slicekeep /var/lib/slicekeep /var/log/slicekeep; exec sleep 1000")
    platform.up(config(web=shell(attack, user="shop")), "--launcher", launcher)
    assert platform.json("status")["launcher"] == launcher
    pid = platform.wait_state("web", "running")["pid"]
    keeper = keeper_of(platform, "web")
    wait_until(lambda: "sleep" in platform.read(f"/proc/{pid}/comm"), 60, "the end")
    assert keeper_of(platform, "web") == keeper
    assert int(platform.read(f"/proc/{pid}/oom_score_adj")) >= 0
    assert platform.read(f"/proc/{pid}/cgroup") != "0::/"

    def refused():
        said = platform.cli("log", "web", "--stream", "err").stdout
        assert said.count("ermi") >= 7, said
        return True

    wait_until(refused, 60, "that all was refused")
