# SPDX-License-Identifier: MIT
"""config and add: the file is checked, planned, applied and edited, with and without a platform."""
import json
import pathlib
import re
import resource

from instance import program
from waiting import wait_until

CLI = program("slicekeep")
FOREVER = {"command": "sleep", "args": ["1000"], "ready": {"up_for": "20ms"}}


def config(**processes):
    return {"processes": processes}


def stored(platform):
    return json.loads(platform.config_path.read_text())


def states(platform):
    return {element["name"]: element["state"] for element in platform.json("ls")}


# --- check --------------------------------------------------------------------------------------


def test_check_names_file_line_and_path_of_what_is_wrong(platform):
    platform.write_config('{\n  "processes": {\n    "a": { "comand": "true" }\n  }\n}\n')
    said = platform.cli("config", "check", exits=1).stderr
    assert re.search(r"config\.json:3: processes\.a\.comand: .*did you mean .command.", said)
    told = json.loads(platform.cli("config", "check", "--json", exits=1).stdout)
    assert told["ok"] is False and "comand" in told["error"]


def test_check_of_a_right_config(platform):
    platform.write_config(config(a=FOREVER, b=FOREVER))
    assert platform.cli("config", "check").stdout.endswith("is right: 2 processes\n")
    assert platform.json("config", "check")["processes"] == 2


def test_check_takes_another_file_and_stdin(platform):
    platform.write_config(config())
    other = platform.home / "other.json"
    other.write_text(json.dumps(config(a=FOREVER)))
    other.chmod(0o600)
    assert "1 processes" in platform.cli("config", "check", other).stdout
    assert "1 processes" in platform.cli("config", "check", "-", input=other.read_text()).stdout
    assert "there is no file" in platform.cli("config", "check", "absent", exits=1).stderr


def test_check_says_what_is_not_carried_out_yet(platform):
    platform.write_config(config(a=FOREVER | {"schedule": "daily"}))
    assert "schedule" in platform.cli("config", "check").stdout
    assert any("schedule" in warning for warning in platform.json("config", "check")["warnings"])


# --- plan and apply -----------------------------------------------------------------------------


def test_plan_says_what_apply_then_does(platform):
    platform.up(config(same=FOREVER, gone=FOREVER, changed=FOREVER))
    before = {element["name"]: element["pid"] for element in platform.json("ls")}
    new = platform.home / "new.json"
    new.write_text(json.dumps(config(same=FOREVER, changed=FOREVER | {"args": ["2000"]},
                                     fresh=FOREVER)))
    said = platform.cli("config", "plan", new).stdout
    for row in (r"^changed +restart +.*args", r"^fresh +start", r"^gone +stop"):
        assert re.search(row, said, re.MULTILINE), said
    assert "same" not in said
    assert states(platform)["gone"] == "running"
    applied = platform.json("config", "apply", new)
    assert applied["revision"] > 0
    assert {row["name"]: row["effect"] for row in applied["rows"]}["changed"] == "restart"
    wait_until(lambda: "gone" not in states(platform), 10, "the end of gone")
    platform.wait_state("fresh", "running")
    assert platform.service("same")["pid"] == before["same"]
    assert stored(platform) == json.loads(new.read_text())
    assert "nothing changes" in platform.cli("config", "plan").stdout


def test_apply_of_a_wrong_config_changes_nothing(platform):
    platform.up(config(a=FOREVER))
    before = platform.config_path.read_text(), platform.json("ls", "a")[0]["pid"]
    new = platform.home / "new.json"
    new.write_text('{"processes": {"a": {"command": "sleep", "stop": 5}}}')
    assert "processes.a.stop" in platform.cli("config", "apply", new, exits=1).stderr
    assert (platform.config_path.read_text(), platform.json("ls", "a")[0]["pid"]) == before


def test_apply_without_a_platform_checks_and_stores(platform):
    platform.write_config(config())
    new = platform.home / "new.json"
    new.write_text(json.dumps(config(a=FOREVER)))
    assert "it counts from the next" in platform.cli("config", "apply", new).stdout
    assert stored(platform) == config(a=FOREVER)
    new.write_text('{"processes": {"a": {}}}')
    assert platform.cli("config", "apply", new, exits=1).stderr
    assert stored(platform) == config(a=FOREVER)
    assert platform.config_path.stat().st_mode & 0o777 == 0o600


def test_show_is_what_is_applied(platform):
    platform.up(config(a=FOREVER))
    platform.write_config(config(b=FOREVER))
    assert json.loads(platform.cli("config").stdout) == config(a=FOREVER)
    assert json.loads(platform.cli("config", "show").stdout) == config(a=FOREVER)
    platform.down()
    assert json.loads(platform.cli("config", "show").stdout) == config(b=FOREVER)


# --- the words of adabru-server -----------------------------------------------------------------


def test_one_process_is_got_updated_and_deleted(platform):
    platform.up({"env": {"x": "1"}, "processes": {"a": FOREVER, "b": FOREVER}})
    assert json.loads(platform.cli("config", "a").stdout) == FOREVER
    assert json.loads(platform.cli("config", "env", "get").stdout) == {"x": "1"}
    changed = FOREVER | {"args": ["3000"]}
    platform.cli("config", "a", "update", json.dumps(changed))
    assert json.loads(platform.cli("config", "a", "get").stdout) == changed
    platform.cli("config", "c", "update", json.dumps(FOREVER))
    platform.wait_state("c", "running")
    platform.cli("config", "b", "delete")
    wait_until(lambda: "b" not in states(platform), 10, "the end of b")
    assert list(stored(platform)["processes"]) == ["a", "c"]
    assert "not in the config" in platform.cli("config", "b", exits=3).stderr
    assert "not in the config" in platform.cli("config", "b", "delete", exits=3).stderr


def test_flat_dialect_is_edited_in_its_own_form(platform):
    platform.write_config({"a": FOREVER, "b": FOREVER})
    platform.cli("config", "b", "delete")
    platform.cli("config", "c", "update", json.dumps(FOREVER))
    assert stored(platform) == {"a": FOREVER, "c": FOREVER}


def test_update_replaces_everything_or_nothing(platform):
    platform.up(config(a=FOREVER))
    platform.cli("config", "update", json.dumps(config(b=FOREVER)))
    wait_until(lambda: set(states(platform)) == {"b", "log"}, 10, "b alone")
    assert stored(platform) == config(b=FOREVER)
    for text in ("{", '{"processes": {"b": 1}}', "[]"):
        assert platform.cli("config", "update", text, exits=1).stderr
    assert stored(platform) == config(b=FOREVER)


# --- add ----------------------------------------------------------------------------------------


def test_add_makes_a_program_a_service(platform):
    platform.up(config(a=FOREVER))
    said = platform.cli("add", "shop", "--port", "4711", "--memory-max", "256M", "--", "sh", "-c",
                        'echo "port $PORT in $PWD"; exec sleep 1000').stdout
    assert said.endswith("shop running\n")
    shop = stored(platform)["processes"]["shop"]
    assert shop["command"] == "sh" and shop["args"][0] == "-c"
    assert shop["ports"] == [4711] and shop["limits"] == {"memory_max": "256M"}
    assert platform.service("shop")["ports"] == [4711]
    wait_until(lambda: f"port 4711 in {platform.home}" in platform.cli("log", "shop").stdout, 10)
    assert "is in the config already" in platform.cli("add", "shop", "--", "true", exits=1).stderr


def test_add_of_a_program_that_fails_says_so_and_keeps_it(platform):
    platform.up(config(a=FOREVER))
    said = platform.cli("add", "bad", "--", "sh", "-c", "echo no luck; exit 4", exits=1)
    assert "bad: exit 4" in said.stderr and "no luck" in said.stderr
    assert "bad" in stored(platform)["processes"]


def test_add_in_json(platform):
    platform.up(config(a=FOREVER))
    said = json.loads(platform.cli("add", "b", "--json", "--", "sleep", "1000").stdout)
    assert [(row["name"], row["ok"]) for row in said] == [("b", True)]


def test_add_sees_paths_from_where_it_is_typed(platform):
    tool = platform.home / "tools" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nexec sleep 1000\n")
    tool.chmod(0o755)
    platform.write_config(config())
    platform.cli("add", "x", "--cwd", "tools", "--", "tools/tool", "--flag")
    assert stored(platform)["processes"]["x"] == {
        "command": str(tool), "args": ["--flag"], "cwd": str(tool.parent)}


def test_add_writes_the_first_config(platform):
    said = platform.cli("add", "a", "--", "sleep", "1000").stdout
    assert "it counts from the next" in said
    platform.up()
    platform.wait_state("a", "running")


def test_add_refuses_what_the_parser_refuses(platform):
    platform.write_config(config())
    before = platform.config_path.read_text()
    assert "no-such-user" in platform.cli("add", "a", "--user", "no-such-user", "--", "true",
                                          exits=None).stderr or \
        stored(platform)["processes"]["a"]["user"] == "no-such-user"
    assert "log" in platform.cli("add", "log", "--", "true", exits=1).stderr
    assert "log" not in stored(platform)["processes"] or before == platform.config_path.read_text()


# --- limits -------------------------------------------------------------------------------------


def test_changed_limit_of_a_process_holds_while_it_runs(platform):
    platform.up(config(a=FOREVER))
    pid = platform.wait_state("a", "running")["pid"]
    platform.cli("limits", "a", "open_files=123", "oom_score=700")
    assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (123, 123)
    assert pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text() == "700\n"
    assert platform.service("a")["pid"] == pid
    shown = {one["key"]: one for one in platform.json("limits", "a")["limits"]}
    assert shown["open_files"] == {"key": "open_files", "configured": "123", "effective": "123"}
    assert shown["oom_score"] == {"key": "oom_score", "configured": "700", "effective": "700"}


def test_limit_that_is_no_number_is_refused(platform):
    platform.up(config(a=FOREVER))
    said = platform.cli("limits", "a", "oom_score=-5x", exits=1).stderr
    assert said == "slicekeep: processes.a.limits.oom_score: must be an integer, not a string\n"
