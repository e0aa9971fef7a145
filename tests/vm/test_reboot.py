# SPDX-License-Identifier: MIT
"""What the operator wants outlives the machine's own end."""
from supervision import FOREVER, config

UNIT = "/etc/systemd/system/slicekeep-test.service"
TEXT = """[Service]
Type=exec
ExecStart=slicekeep up --foreground
KillMode=mixed
[Install]
WantedBy=multi-user.target
"""
ROOTS = FOREVER | {"user": "root"}


def test_services_are_back_after_a_reboot_and_a_stopped_one_stays_stopped(platform):
    platform.machine.put(UNIT, TEXT)
    platform.write_config(config(web=ROOTS, worker=ROOTS, idle=ROOTS))
    platform.run(["systemctl", "enable", "--now", UNIT])
    platform.wait_up()
    for name in ("web", "worker", "idle"):
        platform.wait_state(name, "running")
    platform.cli("stop", "idle")
    platform.machine.reboot()
    platform.wait_up()
    for name in ("web", "worker"):
        assert platform.wait_state(name, "running")["restarts"] == 0
    assert platform.service("idle")["state"] == "stopped"
    assert "by" in platform.cli("why", "idle").stdout
    platform.cli("start", "idle")
    platform.wait_state("idle", "running")
    platform.run(["systemctl", "disable", "--now", "slicekeep-test.service"])
    platform.run(["rm", UNIT])
    platform.run(["systemctl", "daemon-reload"])
