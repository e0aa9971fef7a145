# SPDX-License-Identifier: MIT
"""BENCHMARK-MACHINE.md: slicekeep with either launcher beside plain units of systemd."""
import report
from jobs import AT_ONCE
from report import Row, number
from units import OURS, Plain

ROWS = (
    Row("crash", "crash → replacement's first instruction", "ms"),
    Row("crash", "crash → replacement's first instruction", "ms", statistic="p99"),
    Row("crash.again", "killed again when < 0.1 s old", "ms"),
    Row("start.100", "start of 100: the order to the last first instruction", "ms"),
    Row("stop.100", "stop of 100: services gone", "ms"),
    Row("pss.own", "memory (PSS) with 100: own processes", "MiB", compared=False),
    Row("pss.manager", "memory (PSS) with 100: what systemd grew by", "MiB", compared=False),
    Row("pss.all", "memory (PSS) with 100: both", "MiB"),
    Row("weights", "CPU weights 300:100 of one core: got", "", compared=False),
    Row("numbers", "numbers of 100, once a second: CPU", "% of a core", compared=False),
    Row("jobs", "short jobs: run", "", compared=False),
    Row("jobs.second", "short jobs: a second", "", compared=False),
    Row("jobs.cgroups", "short jobs: cgroups left", "", compared=False),
    Row("jobs.units", "short jobs: units left", "", compared=False),
    Row("jobs.dying", "short jobs: cgroups that the kernel still frees", "", compared=False),
)

NOISE = 1.2  # of what is emulated a ratio is known to a fifth

HEAD = """# Benchmark beside systemd

Written by `{command}` on {date}; do not edit, run it again.

| | |
|---|---|
{facts}

All of this happens in a virtual machine with a real systemd, whose processor is emulated by
software: everything in it is some twenty times slower than it would be, but not everything equally.
**Only the ratios count**, and they hold to about a fifth; a row is called behind only when it is
worse than that. The contestants take turns.

*Plain units* are services with `Restart=always`, `RestartSec=0` and `StartLimitIntervalSec=0`. The
*systemd launcher* makes each keeper a unit, and the *direct launcher* runs in one unit with
`Delegate=yes` and gives each keeper a cgroup there. All of them know their services before, and do
not run them: a start is the time from `systemctl start NAME…` or `slicekeep start --all` to the
first instruction of the last service. So slicekeep's start has in it what systemd did before, at
its `daemon-reload`: with the systemd launcher a unit comes into being at its start. A service is a
program without libc whose first instruction reads the clock. Values are medians.

Jobs are `/bin/true`, {at_once} at a time over the supervisor's socket: each has a keeper, a cgroup
and (with the systemd launcher) a unit of its own, and is stopped when it is done. There are 100,000
of them for each launcher unless its time (`--minutes`) is over before: the table says how many were
run.

## Beside plain units

| measure | unit | {names} | {ratios} | |
|---|---|---|---|---|---|---|---|
{lines}

## Behind

{missed}

## All contestants

Median (smallest – largest) of n samples.

{tables}
"""


def ratio(mine, theirs):
    return f"{number(mine / theirs)}×" if mine is not None and theirs else "–"


class Line:
    """One row with its numbers."""

    def __init__(self, row, samples):
        self.row = row
        self.values = {name: row.value(found) for name, found in samples.items() if found}
        self.plain = self.values.get(Plain.name)

    def behind(self):
        """The launchers that are slower, or larger, than plain units."""
        if not self.row.compared or not self.plain:
            return []
        return [kind.name for kind in OURS
                if self.values.get(kind.name, 0) > self.plain * NOISE]

    def markdown(self):
        numbers = [number(self.values.get(kind.name)) for kind in (Plain, *OURS)]
        ratios = [ratio(self.values.get(kind.name), self.plain) if self.row.compared else "–"
                  for kind in OURS]
        behind = self.behind()
        verdict = "ok" if self.row.compared else ""
        if behind:
            verdict = f"**behind: {', '.join(behind)}**"
        return " | ".join(["| " + self.row.name, self.row.unit, *numbers, *ratios, verdict]) + " |"


def text(samples, remarks, facts, command, date):
    """The whole file."""
    rows = [row for row in ROWS if row.key in samples]
    lines = [Line(row, samples[row.key]) for row in rows]
    missed = [f"- {line.row.name}: {', '.join(line.behind())}" for line in lines if line.behind()]
    missed += [f"- {remark}" for remark in remarks]
    return HEAD.format(
        command=command, date=date, facts="\n".join(f"| {key} | {value} |" for key, value in facts),
        names=" | ".join(kind.name for kind in (Plain, *OURS)), at_once=AT_ONCE,
        ratios=" | ".join(f"{kind.name} of plain" for kind in OURS),
        lines="\n".join(line.markdown() for line in lines),
        missed="\n".join(missed) or "Nothing.",
        tables=report.tables(rows, samples).rstrip()).rstrip() + "\n"
