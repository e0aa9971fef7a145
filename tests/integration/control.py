# SPDX-License-Identifier: MIT
"""A platform as its operator sees it: through the cli, wherever that runs."""
import json

from waiting import wait_until


class Control:
    """What can be asked of a platform whose run(argv, exits=, …) runs a program where it is."""

    program = "slicekeep"

    def run(self, argv, exits=0, **more):
        """Run a program to its end; the CompletedProcess, as text."""
        raise NotImplementedError

    def cli(self, *args, **more):
        """Run `slicekeep ARGS…`; more as in run()."""
        return self.run([self.program, *args], **more)

    def json(self, *args, **more):
        """What `slicekeep ARGS… --json` prints, parsed."""
        return json.loads(self.cli(*args, "--json", **more).stdout)

    def json_lines(self, *args, **more):
        """The same for verbs that print one JSON object a line."""
        return [json.loads(line) for line in self.cli(*args, "--json", **more).stdout.splitlines()]

    def lines(self, *args, **more):
        """What services printed, as `log ARGS… --json` has it, without the events between."""
        return [line for line in self.json_lines("log", *args, **more) if "event" not in line]

    def service(self, name):
        """The element of `ls --json` with this name."""
        found = [element for element in self.json("ls") if element["name"] == name]
        assert len(found) == 1, f"`ls` shows {name} {len(found)} times"
        return found[0]

    def wait_state(self, name, *states, deadline=20):
        """Wait until a service is in one of these states; return its element of `ls --json`."""
        def reached():
            element = self.service(name)
            assert element["state"] in states, f"{name} is {element['state']}"
            return element

        return wait_until(reached, deadline, f"{name} to be {' or '.join(states)}")
