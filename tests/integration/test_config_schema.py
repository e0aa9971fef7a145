# SPDX-License-Identifier: MIT
"""The parser and config/schema.json hold the same opinion about every config.

Three folders of configs: both accept `good`, both refuse `bad`, and `beyond` is what only the
parser can refuse (references, ranges inside of texts). Then each value of the good ones is replaced
by each of a list of values, which makes thousands of configs that nobody chose.
"""
import copy
import json
import pathlib
import re
import subprocess

import jsonschema
import pytest

import instance
from waiting import SLOWNESS

DATA = instance.TOP / "tests/data/config"
SCHEMA = json.loads((instance.TOP / "config/schema.json").read_text())

# What a schema cannot know: the parser's words for it.
BEYOND = re.compile("|".join((
    r"no process '", r"no slice '", r"cannot wait for itself", r"in a circle",
    r"belongs to '.*' already", r"is bound by '.*' already", r"unresolved variable",
    r"has no place inside of a text", r"bytes are too few", r"'.*' is out of range: ",
    r"delay is longer", r"is over before up_for", r"cannot be used: ", r"is no list of CPUs",
    r"is no address", r"must name a port of this machine", r"is no share of one CPU",
    r"names \${PORT}, but", r"fixed port with several", r"with several instances",
    r"a quote that is not closed", r"there is a hook '.*' already", r"a key is there twice",
    r"more than any machine",
)))

REPLACEMENTS = (None, True, False, 0, -1, 7, 70000, 1.5, "", "x", "-1", "0", "65536", "10s", "64M",
                "max", "${PORT}", "${site}", [], ["x"], [7], {}, {"x": 7}, {"x": "y"})


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    return jsonschema.Draft7Validator(SCHEMA)


def parser_verdicts(paths):
    """What the parser says about each file: {"ok", "error"} by path."""
    program = instance.BUILD / "tests/unit/config/config-check"
    result = subprocess.run([program, *paths], capture_output=True, text=True, check=True,
                            timeout=120 * SLOWNESS, env={"PATH": "/usr/bin:/bin"})
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(paths), result.stderr
    return {line["file"]: line for line in lines}


def folder(name):
    paths = sorted(str(path) for path in (DATA / name).glob("*.json"))
    assert len(paths) > 5, f"no configs in {name}"
    return parser_verdicts(paths)


def accepts(validator, path):
    return validator.is_valid(json.loads(pathlib.Path(path).read_text()))


def test_good_configs_are_accepted_by_both(validator):
    for path, verdict in folder("good").items():
        assert verdict["ok"], verdict["error"]
        assert accepts(validator, path), path


def test_bad_configs_are_refused_by_both(validator):
    for path, verdict in folder("bad").items():
        assert not verdict["ok"], path
        assert not accepts(validator, path), path


def test_configs_beyond_a_schema_are_refused_by_the_parser(validator):
    for path, verdict in folder("beyond").items():
        assert not verdict["ok"], path
        assert accepts(validator, path), path


def test_example_is_accepted_by_both(validator):
    path = str(instance.TOP / "config/example.json")
    assert parser_verdicts([path])[path]["ok"]
    assert accepts(validator, path)


def places(value, path=()):
    """Every place in a document, the top left out."""
    children = {dict: lambda: value.items(), list: lambda: enumerate(value)}.get(type(value))
    for key, child in children() if children else ():
        yield path + (key,)
        yield from places(child, path + (key,))


def mutants(config):
    """Copies with one value replaced, or with one key misspelt.

    What `env` holds is right whatever it is, and wrong only where it is used.
    """
    for path in places(config):
        if path[0] == "env" and len(path) > 1:
            continue
        for replacement in REPLACEMENTS:
            mutant = copy.deepcopy(config)
            parent = mutant
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = replacement
            yield path, mutant
        mutant = copy.deepcopy(config)
        parent = mutant
        for key in path[:-1]:
            parent = parent[key]
        if isinstance(parent, dict):
            parent[path[-1] + "x"] = parent.pop(path[-1])
            yield path, mutant


@pytest.mark.parametrize("name", ("everything", "flat", "probes"))
def test_mutants_get_the_same_verdict(validator, tmp_path, name):
    made = {}
    for path, mutant in mutants(json.loads((DATA / "good" / f"{name}.json").read_text())):
        file = tmp_path / f"{len(made)}.json"
        file.write_text(json.dumps(mutant))
        made[str(file)] = (path, mutant)
    assert len(made) > 500
    wrong = []
    for file, verdict in parser_verdicts(list(made)).items():
        path, mutant = made[file]
        schema_ok = validator.is_valid(mutant)
        place = ".".join(map(str, path))
        if verdict["ok"] and not schema_ok:
            reason = next(validator.iter_errors(mutant)).message
            wrong.append(f"{place}: only the schema refuses it: {reason[:200]}")
        elif not verdict["ok"] and schema_ok and not BEYOND.search(verdict["error"]):
            wrong.append(f"{place}: only the parser refuses it: {verdict['error']}")
    assert not wrong, "\n".join(wrong[:20]) + f"\n{len(wrong)} in all of {len(made)}"


def keys_of(definition):
    """Every key that a definition of the schema knows, those inside of its keys too."""
    if isinstance(definition, list):
        return set().union(*map(keys_of, definition))
    if not isinstance(definition, dict):
        return set()
    names = definition.get("properties")
    return set(names if isinstance(names, dict) else ()) | keys_of(list(definition.values()))


def test_man_page_names_every_key():
    page = (instance.TOP / "config/slicekeep-config.5").read_text()
    page = page.replace("\\-", "-").replace("\\(dq", "\"")
    keys = keys_of(SCHEMA)
    assert len(keys) > 80
    assert not [key for key in keys
                if not re.search(rf"(?<![\w$]){re.escape(key)}(?!\w)", page)]
