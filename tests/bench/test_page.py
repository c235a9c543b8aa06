"""The page of results shows each row with its goal, and how far it is from it."""

from tests.bench import page
from tests.bench.measure import Rate, row


def results(*rows):
    return {"at": "2026-11-18T09:30:00+00:00", "machine": "2 cores", "rows": [one.as_json() for one in rows]}


def pairs(ours, theirs):
    return [(Rate(ours), Rate(theirs)), (Rate(ours * 3), Rate(theirs)), (Rate(ours * 2), Rate(theirs))]


def test_a_row_is_the_median_of_what_was_measured_by_turns():
    made = row("accept", "ours beside theirs", pairs(10, 100), goal=0.3)

    assert (made.ours, made.reference, made.ratio, made.lowest, made.highest) == (20, 100, 0.2, 0.1, 0.3)
    assert made.holds is False


def test_where_less_is_better_a_goal_is_reached_from_above():
    assert row("latency", "", pairs(10, 100), goal=0.3, less=True).holds is True


def test_the_page_says_of_each_row_whether_its_goal_is_reached():
    written = page.written(results(row("accept", "a", pairs(10, 100), goal=0.3), row("relay", "b", pairs(80, 100))))

    assert "at least 0.3: not reached" in written
    assert ">accept</text>" in written
    assert ">relay</text>" not in written  # it has no goal to be near to or far from
