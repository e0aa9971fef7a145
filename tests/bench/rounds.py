# SPDX-License-Identifier: MIT
"""Samples with the rounds in which they were taken: how far a run knows a ratio of two contestants.

In a round everyone has one session, one after the other. What disturbs a round disturbs some or all
of its sessions, so samples of one round know of each other, and a thousand of them are not a
thousand witnesses: rounds are. So the rounds are drawn anew, with replacement and the same ones for
both; between what remains of the ratios of all draws without the outer 2.5 % on either side lies
the truth, 95 times in 100. That holds from five rounds on; of fewer the interval is too narrow, so
that they accuse too soon rather than too late.

Samples are [(round, value), ...].
"""
import dataclasses
import math
import random
import statistics

DRAWS = 2000
OUTER = 0.025


def p99(values):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * 0.99))]


STATISTICS = {"p50": statistics.median, "p99": p99}


def values_of(samples):
    return [value for _, value in samples]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """How many times as much one is as the other, and between what the truth lies."""
    times: float
    low: float
    high: float

    def turned(self):
        """Of the other to the one."""
        return Ratio(*(1 / value if value else math.inf
                       for value in (self.times, self.high, self.low)))


def ratio(mine, theirs, statistic, n_draws=DRAWS):
    """Of these samples of two contestants, or None where it has no meaning."""
    above, below = statistic(values_of(mine)), statistic(values_of(theirs))
    if not below:
        return Ratio(math.inf, math.inf, math.inf) if above > 0 else None
    drawn = sorted(redrawn(by_round(mine), by_round(theirs), statistic, n_draws))
    if not drawn:
        return Ratio(above / below, above / below, above / below)
    outer = int(len(drawn) * OUTER)
    return Ratio(above / below, drawn[outer], drawn[-1 - outer])


def by_round(samples):
    found = {}
    for number, value in samples:
        found.setdefault(number, []).append(value)
    return found


def redrawn(mine, theirs, statistic, n_draws):
    """The ratios of all draws; none where there is but one round that both took part in."""
    common, chance = sorted(mine.keys() & theirs.keys()), random.Random(1)
    for _ in range(n_draws if len(common) > 1 else 0):
        numbers = chance.choices(common, k=len(common))
        above, below = (statistic([value for number in numbers for value in of[number]])
                        for of in (mine, theirs))
        yield above / below if below else math.inf
