# SPDX-License-Identifier: MIT
"""BENCHMARK.md: the rows, their budgets, and what is missed."""
import dataclasses
import statistics

from rounds import DRAWS, STATISTICS, ratio, values_of

OURS = "slicekeep"


@dataclasses.dataclass(frozen=True)
class Row:
    """One row: a statistic of the samples of one measure."""
    key: str
    title: str
    unit: str
    budget: float = None      # ours must be below (above, if more is better)
    statistic: str = "p50"
    more_is_better: bool = False
    compared: bool = True     # a row that explains another is not held against the peers
    allowed: float = 1        # the best peer may be so many times better
    floor_is_least: bool = True  # nothing can do the same with less

    @property
    def name(self):
        return f"{self.title}, {self.statistic}" if self.statistic != "p50" else self.title

    def value(self, samples):
        return STATISTICS[self.statistic](values_of(samples))


ROWS = (
    Row("crash", "crash → replacement's first instruction", "ms", 0.5),
    Row("crash", "crash → replacement's first instruction", "ms", 1.2, "p99"),
    Row("crash.again", "killed again when < 0.1 s old", "ms", 1),
    Row("start.1", "start of 1", "ms", 10),
    Row("up.1", "start of 1 by `slicekeep up`", "ms", compared=False),
    Row("start.10", "start of 10", "ms"),
    Row("start.100", "start of 100", "ms", 40),
    Row("start.500", "start of 500", "ms", 180),
    Row("up.500", "start of 500 by `slicekeep up`", "ms", compared=False),
    Row("stop.100", "stop of 100: services gone", "ms"),
    Row("stop.500", "stop of 500: services gone", "ms", 25),
    Row("stop_all.500", "stop of 500: supervisor gone too", "ms"),
    Row("pss.1", "memory (PSS) with 1 service", "MiB"),
    Row("pss.100", "memory (PSS) with 100 services", "MiB", 7),
    Row("pss.500", "memory (PSS) with 500 services", "MiB", 16),
    Row("processes.100", "own processes with 100 services", "", compared=False),
    Row("idle.cpu", "idle 30 s at 100: CPU", "ms", 0.5),
    Row("idle.switches", "idle 30 s at 100: voluntary switches", "", 0),
    Row("ls", "`ls` of 100: the command", "ms", 2),
    Row("ls.direct", "`ls` of 100: over the socket", "ms", 0.3),
    Row("restart.one", "restart one: replacement's first instruction", "ms", 2),
    Row("restart.one.returns", "restart one: the command returns", "ms", compared=False),
    Row("restart.all", "restart all 100: last replacement's first instruction", "ms", 40),
    Row("restart.all.returns", "restart all 100: the command returns", "ms", compared=False),
    Row("storm.cpu", "crash storm of 100: own CPU a restart", "µs", 100, floor_is_least=False),
    Row("storm.restarts", "crash storm of 100: restarts a second", "", compared=False),
    Row("storm.ls", "crash storm of 100: `ls`", "ms", 2, floor_is_least=False),
    Row("log.blocks", "log, writes of 4 kB: million lines a second", "", 8, more_is_better=True,
        floor_is_least=False),
    Row("log.blocks.cpu", "log, writes of 4 kB: CPU a million lines", "s", 0.06,
        floor_is_least=False),
    Row("log.blocks.stamp", "log, writes of 4 kB: lines that share a stamp", "", compared=False),
    Row("log.lines", "log, a write a line: million lines a second", "", 1.8, more_is_better=True,
        floor_is_least=False),
    Row("log.lines.cpu", "log, a write a line: CPU a million lines", "s", floor_is_least=False),
    Row("log.lines.stamp", "log, a write a line: lines that share a stamp", "", compared=False),
    Row("log.fifty.cpu", "log, 50 services × 1000 lines/s: CPU a million lines", "s", 0.6,
        floor_is_least=False),
    Row("log.fifty.stamp", "log, 50 services × 1000 lines/s: lines that share a stamp", "",
        compared=False),
    Row("log.window", "search: first hit of a window of 15 minutes, packed", "ms", 50),
    Row("log.scan", "search: all of it for a pattern, packed: a GB", "s", allowed=2),
    Row("jobs", "short jobs with a cgroup each: run", "", compared=False),
    Row("jobs.second", "short jobs with a cgroup each: a second", "", compared=False),
    Row("jobs.cgroups", "short jobs with a cgroup each: cgroups left", "", compared=False),
    Row("jobs.dying", "short jobs with a cgroup each: cgroups that the kernel still frees", "",
        compared=False),
)
FLOORS = ("floor", "cat", "shape")
TIMELESS = ("s6-log", "supervisord")  # log paths that keep no time of a line


def number(value):
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 1:
        return f"{value:.3g}"
    return f"{value:.2f}" if abs(value) >= 0.01 else "< 0.01"


def times(found):
    """A ratio and between what it lies, in words."""
    if found is None:
        return "–"
    text, low, high = map(number, (found.times, found.low, found.high))
    return f"{text}×" if low == high else f"{text}× ({low} – {high})"


class Line:
    """One row with its numbers."""

    def __init__(self, row, samples):
        self.row, self.samples = row, {name: found for name, found in samples.items() if found}
        self.values = {name: row.value(found) for name, found in self.samples.items()}
        self.floor = next((name for name in FLOORS if name in self.values), None)
        peers = {name: value for name, value in self.values.items()
                 if name not in FLOORS + TIMELESS and name != OURS}
        best = max if row.more_is_better else min
        self.best = best(peers, key=peers.get) if peers else None
        self.of_floor, self.of_best = self.ratio(OURS, self.floor), self.ratio(OURS, self.best)
        self.floor_of_best = self.ratio(self.floor, self.best)

    def ratio(self, one, other):
        if one not in self.values or other not in self.values:
            return None
        return ratio(self.samples[one], self.samples[other], STATISTICS[self.row.statistic],
                     DRAWS if self.row.compared else 0)

    def worse(self, found):
        """Whether a ratio is worse than allowed wherever in its interval the truth may lie."""
        if found is None:
            return False
        return (found.turned() if self.row.more_is_better else found).low > self.row.allowed

    def floor_is_behind(self):
        """Whether even the floor, than which nothing can be better, is worse than the best peer."""
        return (self.row.compared and self.row.floor_is_least and self.floor_of_best is not None
                and self.floor_of_best.times > 1)

    def behind(self):
        """In words: worse than the best peer, and than the floor where that is worse still."""
        if not self.row.compared or not self.worse(self.of_best):
            return []
        if self.floor_is_behind() and not self.worse(self.of_floor):
            return [f"behind {self.best}, but not behind the floor"]
        return [f"behind {self.best}"]

    def misses(self):
        """Why this row is not as it should be, in words; empty if it is."""
        if OURS not in self.values:
            return ["not measured"]
        ours, budget = self.values[OURS], self.row.budget
        if budget is not None and self.row.more_is_better and ours < budget:
            return ["below budget", *self.behind()]
        if budget is not None and not self.row.more_is_better and ours > budget:
            return ["over budget", *self.behind()]
        return self.behind()

    def budget(self):
        if self.row.budget is None:
            return "–"
        sign = ">" if self.row.more_is_better else "<" if self.row.budget else ""
        return f"{sign} {number(self.row.budget)} {self.row.unit}".strip()

    def verdict(self):
        if not self.row.compared:
            return "explains"
        misses = self.misses()
        words = f"**{', '.join(misses)}**" if misses else "ok"
        if self.floor_is_behind():
            words += f"; even the floor is {times(self.floor_of_best)} of {self.best}"
        return words

    def markdown(self):
        ours, floor = (number(self.values.get(name)) for name in (OURS, self.floor))
        best = "–" if self.best is None else f"{number(self.values[self.best])} ({self.best})"
        return (f"| {self.row.name} | {self.row.unit} | {ours} | {floor} | {best} "
                f"| {times(self.of_floor)} | {times(self.of_best)} | {self.budget()} "
                f"| {self.verdict()} |")


HEAD = """# Benchmark

Written by `{command}` on {date}; do not edit, run it again.

| | |
|---|---|
{facts}

Every session has one contestant alone in its own folder. Sessions are short and come in rounds: in
each round every contestant has one, in turning order, so that what else runs on the machine meets
all of them. Compare ratios, not milliseconds. With `--rt` every contestant and its services have
the real-time priority SCHED_RR, which keeps the rest of the machine out; not when they are idle or
print at a pace. *floor* is the least that a supervisor can be (`tests/bench/floor.c`: wait, vfork,
exec and nothing else), for logs it is `cat > file`. Log paths that keep no time of a line,
supervisord and s6-log without `T`, stand in the last table and are no peers. The peers of the
daemontools family run the service's program itself as `run`, their best case. Folders and sockets
of all supervisors are in memory, as `/run` is; lines go to disk. A service is a program without
libc whose first instruction reads the clock. Before it is killed, restarted or stopped it is older
than a second: some peers wait until it is. Values are medians, or what the row says, of all samples
of all rounds; *own* CPU and memory are those of supervisor, collector and all keepers together.

In brackets behind a ratio stands between what it lies, 95 times in 100, as this run itself shows:
its rounds are drawn anew {draws} times, with replacement and for both contestants the same ones,
and of the ratios of all draws the outer 2.5 % on either side are left out
(`tests/bench/rounds.py`). What was measured in one round has no brackets. A row is **behind** when
all that is in the brackets is worse than the best peer; by how much does not matter. The floor does
less than any supervisor: where even the floor is worse than the best peer, the row says so, and
says whether slicekeep is behind the floor as well, by the same rule; except in a storm and for
logs, where the floor is another way to do it and not the least.

A start is measured from the exec of the supervisor, as an init does it, for all of them;
`slicekeep up`, which puts a keeper around the supervisor first, has rows of its own. *shape*, in
the last tables, is the least that has slicekeep's shape (`tests/bench/shape.c`): a keeper for each
service, one collector that gets new pipes in each life, each exit written down by somebody else,
and nothing more. Where it is behind a peer already, so is slicekeep, and that row is the price of
the shape.

Rows that only explain another, marked *explains*, are not held against the peers. When a command
returns is such a row: `slicekeep restart` waits until the new service is ready and says so,
`svc -t` has only passed the order on, and `sv restart` looks for the replacement a few times a
second.

## Against floor, peers and budget

| measure | unit | slicekeep | floor | best peer | of floor | of best peer | budget | |
|---|---|---|---|---|---|---|---|---|
{lines}

## Missed

{missed}

## All contestants

Median (smallest – largest) of n samples.

{tables}
"""


def extent(samples):
    values = values_of(samples)
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))} – {number(max(values))}), {len(values)}"


def tables(rows, samples):
    names = list(dict.fromkeys(name for found in samples.values() for name in found))
    out = []
    for heading, chosen in (("Supervisors", [r for r in rows if not r.key.startswith("log.")]),
                            ("Log paths", [r for r in rows if r.key.startswith("log.")])):
        chosen = [row for row in chosen if row.statistic == "p50"]
        columns = [n for n in names if any(n in samples.get(r.key, {}) for r in chosen)]
        if not columns:
            continue
        out.append(f"### {heading}\n\n| measure | " + " | ".join(columns) + " |")
        out.append("|---" * (len(columns) + 1) + "|")
        for row in chosen:
            found = samples.get(row.key, {})
            cells = [extent(found[name]) if name in found else "–" for name in columns]
            out.append(f"| {row.name}{', ' + row.unit if row.unit else ''} | " +
                       " | ".join(cells) + " |")
        out.append("")
    return "\n".join(out)


def text(samples, remarks, facts, command, date):
    """The whole file."""
    rows = [row for row in ROWS if row.key in samples]
    lines = [Line(row, samples[row.key]) for row in rows]
    missed = [f"- {line.row.name}: {', '.join(line.misses())}" for line in lines
              if line.row.compared and line.misses()]
    missed += [f"- {remark}" for remark in remarks]
    return HEAD.format(
        command=command, date=date, draws=DRAWS,
        facts="\n".join(f"| {key} | {value} |" for key, value in facts),
        lines="\n".join(line.markdown() for line in lines),
        missed="\n".join(missed) or "Nothing.", tables=tables(rows, samples).rstrip()) \
        .rstrip() + "\n"
