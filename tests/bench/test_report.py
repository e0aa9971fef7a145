# SPDX-License-Identifier: MIT
"""What the report makes of samples: when a ratio is known, and when a row is behind."""
import collections
import math
import random
import statistics

import measures
import pytest
from report import ROWS, Line, Row, text
from rounds import p99, ratio

N_ROUNDS = 10
ROW = Row("key", "title", "ms")


def samples(middle, noise=0.0, seed=1, n_rounds=N_ROUNDS, n_samples=5, bad=()):
    """Of so many rounds, each with a noise of its own and with less of it in each sample; those of
    the `bad` rounds are five times as large."""
    chance, found = random.Random(seed), []
    for number in range(n_rounds):
        here = middle * math.exp(chance.gauss(0, noise)) * (5 if number in bad else 1)
        found += [(number, here * math.exp(chance.gauss(0, noise / 3))) for _ in range(n_samples)]
    return found


# In every other round better than 1, and else worse.
JUMPING = [(number, 2 if number % 2 else 0.6) for number in range(N_ROUNDS)]


def line(row=ROW, **middles):
    """A row with these contestants; a number stands for samples with a noise of 3 %."""
    return Line(row, {name: samples(found, 0.03, seed) if isinstance(found, (int, float)) else found
                      for seed, (name, found) in enumerate(middles.items())})


def test_ratio_of_what_is_steady_is_known_well():
    found = ratio(samples(1.1, 0.03, seed=1), samples(1, 0.03, seed=2), statistics.median)
    assert 1 < found.low < found.times < found.high < 1.2


def test_ratio_of_what_jumps_is_hardly_known():
    found = ratio(JUMPING, samples(1), statistics.median)
    assert (found.low, found.times, found.high) == (0.6, 1.3, 2)


def test_ratio_is_where_it_is_said_to_be_95_times_in_100():
    found = [ratio(samples(1, 0.1, seed=2 * number, n_samples=1),
                   samples(1, 0.1, seed=2 * number + 1, n_samples=1), statistics.median, 200)
             for number in range(400)]
    assert 370 <= sum(one.low <= 1 <= one.high for one in found) <= 390


def test_ratio_what_disturbs_a_round_for_both_says_nothing():
    found = ratio(samples(1.1, 0.03, seed=1, bad={2, 5, 6, 7, 8, 9}),
                  samples(1, 0.03, seed=2, bad={2, 5, 6, 7, 8, 9}), statistics.median)
    assert found.low > 1 and found.high < 1.3


def test_ratio_many_samples_of_few_bad_rounds_are_few_witnesses():
    found = ratio(samples(1, 0.01, seed=1, n_samples=100, bad={4}),
                  samples(1, 0.01, seed=2, n_samples=100), p99)
    assert found.times > 4 and found.low < 1.1


def test_ratio_of_one_round_has_no_interval():
    found = ratio(samples(3, n_rounds=1), samples(2, n_rounds=1), statistics.median)
    assert found.times == found.low == found.high == 1.5


def test_ratio_is_drawn_from_rounds_that_both_took_part_in():
    found = ratio(samples(3, n_rounds=2), samples(2, n_rounds=9), statistics.median)
    assert found.low == found.high == 1.5


@pytest.mark.parametrize("mine, theirs, times", [(0, 0, None), (1, 0, math.inf), (0, 1, 0)])
def test_ratio_with_nothing(mine, theirs, times):
    found = ratio([(0, mine)], [(0, theirs)], statistics.median)
    assert (found and found.times) == times


def test_ratio_is_turned_with_its_interval():
    found = ratio(samples(1.2, 0.05, seed=1), samples(1, 0.05, seed=2), statistics.median)
    turned = found.turned()
    assert turned.low == 1 / found.high < turned.times == 1 / found.times < turned.high


def test_p99_is_the_largest_of_few_and_not_of_many():
    assert p99([3, 9, 1]) == 9
    assert p99(list(range(450))) == 445


def test_row_a_tenth_worse_in_every_round_is_behind():
    assert line(slicekeep=1.1, peer=1, other=2).misses() == ["behind peer"]


def test_row_a_tenth_worse_in_one_round_only_is_not_behind():
    mine = [(number, 1.1 if number == 3 else 1) for number in range(N_ROUNDS)]
    assert not line(slicekeep=mine, peer=samples(1)).misses()


def test_row_a_third_worse_that_jumps_is_not_behind():
    assert not line(slicekeep=JUMPING, peer=samples(1)).misses()


def test_row_worse_in_the_only_round_is_behind():
    assert line(slicekeep=[(0, 2)], peer=[(0, 1.9)]).misses() == ["behind peer"]


def test_row_anything_is_worse_than_nothing():
    assert line(slicekeep=[(0, 1)], peer=[(0, 0)]).misses() == ["behind peer"]
    assert not line(slicekeep=[(0, 0)], peer=[(0, 0)]).misses()


def test_row_log_path_that_keeps_no_time_is_shown_and_no_peer():
    row = line(slicekeep=2, supervisord=1, **{"s6-log": 1, "s6-log T": 3})
    assert row.best == "s6-log T" and not row.misses()
    assert "| 1 | 1 |" in text({"log.lines": {"slicekeep": [(0, 2)], "s6-log": [(0, 1)],
                                              "supervisord": [(0, 1)]}}, [], [], "", "")


def test_row_of_which_more_is_better():
    row = Row("key", "title", "", more_is_better=True)
    assert line(row, slicekeep=0.9, peer=1).misses() == ["behind peer"]
    assert not line(row, slicekeep=1.1, peer=1).misses()


def test_row_may_be_worse_by_what_is_allowed():
    row = Row("key", "title", "ms", allowed=2)
    assert not line(row, slicekeep=1.8, peer=1).misses()
    assert line(row, slicekeep=2.3, peer=1).misses() == ["behind peer"]


def test_row_over_budget_says_so_however_noisy():
    row = Row("key", "title", "ms", budget=1)
    assert line(row, slicekeep=1.2, peer=1).misses() == ["over budget", "behind peer"]
    assert line(row, slicekeep=JUMPING).misses() == ["over budget"]


def test_row_without_ours_is_missed():
    assert line(peer=1).misses() == ["not measured"]


def test_row_worse_than_peer_and_floor_is_behind():
    found = line(slicekeep=1.4, floor=1.2, peer=1)
    assert found.misses() == ["behind peer"]
    assert "even the floor is 1.2" in found.markdown()


def test_row_as_good_as_a_floor_that_is_worse_than_a_peer_says_so():
    found = line(slicekeep=1.2, floor=1.2, peer=1)
    assert found.misses() == ["behind peer, but not behind the floor"]
    assert "even the floor is 1.2" in found.markdown()


def test_row_whose_floor_is_not_the_least_knows_no_such_excuse():
    row = Row("key", "title", "ms", floor_is_least=False)
    found = line(row, slicekeep=1.2, floor=9, peer=1)
    assert found.misses() == ["behind peer"]
    assert "even the floor" not in found.markdown()


def test_row_that_explains_is_shown_and_not_held_against_peers():
    found = line(Row("key", "title", "ms", compared=False), slicekeep=2, peer=1)
    assert found.behind() == []
    assert "| explains |" in found.markdown() and "2" in found.markdown()


def test_text_has_each_row_that_was_measured_and_each_that_is_missed():
    found = {row.key: {"slicekeep": samples(9e9), "peer": samples(1)} for row in ROWS}
    written = text(found, ["a remark"], [("machine", "any")], "tests/bench/run", "today")
    table, missed = written.split("## Missed")
    for row in ROWS:
        assert f"| {row.name} | {row.unit} |" in table
        if row.compared and not row.more_is_better:
            assert f"- {row.name}: " in missed
    assert "- a remark" in missed


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_turns_give_each_contestant_each_place_equally_often(count):
    kinds, notes = list("abcdef")[:count], measures.Notes()
    found = collections.defaultdict(list)
    for kind in measures.turns(kinds, 2 * count, notes):
        found[notes.round].append(kind)
    assert sorted(found) == list(range(2 * count))
    assert all(sorted(order) == kinds for order in found.values())
    for place in range(count):
        assert collections.Counter(order[place] for order in found.values()) == \
            dict.fromkeys(kinds, 2)
