# SPDX-License-Identifier: MIT
"""Arrows go down only: the table of layers.py over the #include lines."""
import collections

import layers
import source
from check_head import includes
from source import Finding


class House:
    """The table, turned around: where does a file stand?"""

    def __init__(self, table):
        self.table = table
        self.place = {}  # "lib/text" -> ("lib", index of its layer)
        for component, floors in table.LAYERS.items():
            for index, names in enumerate(floors.values()):
                for name in names.split():
                    self.place[f"{component}/{name}"] = (component, index)

    def layer(self, component, index):
        """The name of a layer."""
        return list(self.table.LAYERS[component])[index]

    def floor(self, component, name):
        """The index of a layer."""
        return list(self.table.LAYERS[component]).index(name)

    def why_not(self, path, header):
        """Why `path` may not include `header`, both listed; None if it may."""
        component, index = self.place[path.rpartition(".")[0]]
        other, other_index = self.place[header.rpartition(".")[0]]
        here = f"{component} ({self.layer(component, index)})"
        if other == component:
            if other_index > index:
                return f"{here} may not call up into {self.layer(other, other_index)}"
            return None
        if header in self.table.CONTRACTS.get(component, ()):
            return None
        uses = self.table.USES.get(component, {})
        if other not in uses:
            return f"{component} may not know {other}"
        if other_index > self.floor(other, uses[other]):
            return f"{component} may use {other} up to {uses[other]}"
        if (self.layer(component, index) in self.table.PURE_LAYERS
                and self.layer(other, other_index) not in self.table.PURE_LAYERS):
            return f"{here} may not use {other} ({self.layer(other, other_index)})"
        return None


def check_file(house, top, path, text):
    """The #include lines of one file."""
    table = house.table
    stem = path.rpartition(".")[0]
    component, index = house.place[stem]
    is_pure = house.layer(component, index) in table.PURE_LAYERS
    for line, name in includes(text):
        header = name[1:-1]
        if name.startswith("<"):
            if is_pure and header in table.NOT_PURE:
                yield Finding(path, line, f"{name} in a file that decides only")
            if path.startswith(table.BARE) and header.startswith(table.BARE_FORBIDDEN):
                yield Finding(path, line, f"{name}: the keeper links nothing but libc")
        elif header.endswith(".varlink.h"):
            if header.rpartition("/")[0] not in ("", component):
                yield Finding(path, line, f"{name}: another component's interface")
        elif not (top / header).exists():
            yield Finding(path, line, f"{name} does not exist below the top of the tree")
        elif path.startswith(table.BARE) and not header.startswith(table.BARE):
            if header not in table.BARE_HEADERS:
                yield Finding(path, line, f"{name}: the keeper includes {table.BARE_HEADERS} only")
        elif header.rpartition(".")[0] in house.place:
            why = house.why_not(path, header)
            if why:
                yield Finding(path, line, f"{name}: {why}")


def check_third_party(table, users):
    """Each library in its place; users: header -> [(path, line)]."""
    for prefix, (folder, n_max) in table.THIRD_PARTY.items():
        files = {}
        for header, places in users.items():
            if header.startswith(prefix):
                files.update(places)
        for path, line in files.items():
            if not path.startswith(folder):
                yield Finding(path, line, f"<{prefix}…> belongs into {folder} only")
        if n_max is not None and len(files) > max(n_max, 1):
            for path, line in files.items():
                yield Finding(path, line, f"<{prefix}…> belongs into one file, here are "
                                          f"{len(files)}: {', '.join(files)}")


def check(top, table=layers):
    """All C files but those of the tests, which link what they name."""
    house = House(table)
    users = collections.defaultdict(dict)
    seen = set()
    for path, text in source.files(top, ".c", ".h"):
        if path.startswith("tests/"):
            continue
        for line, name in includes(text):
            if name.startswith("<"):
                users[name[1:-1]].setdefault(path, line)
        stem = path.rpartition(".")[0]
        seen.add(stem)
        if stem in house.place:
            yield from check_file(house, top, path, text)
        else:
            yield Finding(path, 1, "is in no layer: give it one in tests/lint/layers.py")
    for stem in sorted(set(house.place) - seen):
        yield Finding("tests/lint/layers.py", 1, f"{stem} does not exist")
    yield from check_third_party(table, users)


if __name__ == "__main__":
    source.main(check)
