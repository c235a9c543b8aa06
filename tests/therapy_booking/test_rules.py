"""Rules that hold whatever the numbers: money is split to the penny, sessions keep their hour, proof finds faults."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from frontdoor import events
from frontdoor.areas import areas_folder, load_area
from frontdoor.calendars import LONDON, DateRange
from therapy_booking import domain

AREA = load_area(areas_folder() / "sample")
CALENDAR = AREA.calendar_of(None)
SHARES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**9), min_size=1)


@given(st.integers(0, 10**9), SHARES)
def test_a_price_is_split_to_the_penny(price, shares):
    assume(any(shares.values()))
    charges = domain.split(price, shares)
    assert sum(part.pence for part in charges) == price
    whole = sum(shares.values())
    for part in charges:
        assert abs(part.pence - Fraction(price * shares[part.organisation], whole)) < 1


@given(st.integers(0, 10**6), SHARES)
def test_who_pays_does_not_hang_on_the_order_of_the_list(price, shares):
    assert domain.split(price, shares) == domain.split(price, dict(reversed(shares.items())))


@pytest.mark.parametrize(
    ("price", "shares", "parts"),
    [
        (100, {"b": 1, "a": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
        (5, {"a": 3, "b": 1}, {"a": 4, "b": 1}),
        (1, {"b": 5, "a": 5}, {"a": 1, "b": 0}),
        (7, {"a": 0, "b": 2}, {"b": 7}),
        (7, {"a": 0}, {}),
    ],
)
def test_the_odd_penny_goes_to_the_largest_remainder_then_to_the_first_by_name(price, shares, parts):
    assert {part.organisation: part.pence for part in domain.split(price, shares)} == parts


@given(SHARES, st.lists(st.integers(0, 10**6), max_size=20))
def test_however_much_is_bought_nothing_is_overspent_and_all_balances(shares, prices):
    parts = [events.Contribution(organisation=name, discipline="ot", pence=pence) for name, pence in shares.items()]
    spent = {}
    for price in prices:
        try:
            charges = domain.charge(price, "ot", domain.balances(parts, spent))
        except domain.NotAllowed:
            continue
        for part in charges:
            spent[part.organisation, "ot"] = spent.get((part.organisation, "ot"), 0) + part.pence
    known = domain.balances(parts, spent)
    assert all(0 <= balance.left <= balance.committed for balance in known.values())
    assert domain.total(known.values()).spent == sum(spent.values())


LEDGER = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.one_of(st.integers(0, 9), st.integers(0, 10**9)).flatmap(
        lambda put_in: st.tuples(st.just(put_in), st.integers(0, put_in))
    ),
    min_size=1,
)


@given(LEDGER, st.data())
def test_all_that_is_left_for_a_therapy_can_be_spent_and_no_more(ledger, data):
    assume(any(put_in for put_in, _ in ledger.values()))
    known = {(name, "ot"): domain.Balance(put_in, spent) for name, (put_in, spent) in ledger.items()}
    left = {name: put_in - spent for name, (put_in, spent) in ledger.items()}
    price = data.draw(st.one_of(st.just(sum(left.values())), st.integers(0, sum(left.values()))))
    charges = domain.charge(price, "ot", known)
    plain = domain.split(price, {name: put_in for name, (put_in, _) in ledger.items()})
    assert sum(part.pence for part in charges) == price
    assert all(0 <= part.pence <= left[part.organisation] for part in charges)
    if all(part.pence <= left[part.organisation] for part in plain):
        assert charges == plain
    with pytest.raises(domain.NotAllowed, match="more than is left"):
        domain.charge(sum(left.values()) + 1, "ot", known)


def test_the_last_pennies_of_a_pool_can_be_spent():
    parts = [events.Contribution(organisation=name, discipline="ot", pence=100) for name in "abc"]
    first = domain.charge(100, "ot", domain.balances(parts, {}))
    spent = {(part.organisation, "ot"): part.pence for part in first}
    second = domain.charge(200, "ot", domain.balances(parts, spent))
    assert [part.pence for part in first] == [34, 33, 33]
    assert [part.pence for part in second] == [66, 67, 67]


def test_a_penny_that_somebody_has_not_goes_on_to_the_next_in_the_same_order():
    known = {(name, "ot"): domain.Balance(100, 100 if name == "a" else 0) for name in "abc"}
    assert [part.pence for part in domain.charge(1, "ot", known)] == [0, 1, 0]


AUTUMN, SPRING = (next(term for term in AREA.terms if term.id == name) for name in ("2026-autumn", "2027-spring"))
SEASON = domain.Season(term=DateRange(AUTUMN.starts, AUTUMN.ends), latest=SPRING.ends, is_closed=CALENDAR.is_closed)
IN_TERM = st.dates(AUTUMN.starts, AUTUMN.ends)
AT = st.times(time(7), time(20)).map(lambda at: at.replace(second=0, microsecond=0))


@given(IN_TERM, AT, st.integers(1, 30), st.integers(5, 480))
def test_sessions_are_weekly_at_one_local_hour_on_open_days(first, at, weeks, minutes):
    try:
        sessions = domain.plan("B", domain.Rhythm(first, at, weeks, minutes), SEASON)
    except domain.NotAllowed:
        return
    local = [session.starts_at.astimezone(LONDON) for session in sessions]
    assert len(sessions) == weeks
    assert [session.session for session in sessions] == [f"B-{number}" for number in range(1, weeks + 1)]
    assert all((when.time(), when.weekday()) == (at, first.weekday()) for when in local)
    assert not any(CALENDAR.is_closed(when.date()) for when in local)
    assert local[0].date() in SEASON.term
    assert local[-1].date() <= SEASON.latest
    assert all(session.ends_at - session.starts_at == timedelta(minutes=minutes) for session in sessions)


def test_nine_in_the_morning_stays_nine_when_the_clocks_change():
    october = domain.plan("B", domain.Rhythm(date(2026, 10, 19), time(9), 2, 45), SEASON)
    assert [session.starts_at for session in october] == [
        datetime(2026, 10, 19, 8, tzinfo=UTC),
        datetime(2026, 11, 9, 9, tzinfo=UTC),
    ]


# --- what the proof would find ---------------------------------------------------------------------------------------

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def sessions(block, start=MONDAY, weeks=2):
    return tuple(
        events.Session(
            session=f"{block}-{number}",
            starts_at=start + timedelta(weeks=number - 1),
            ends_at=start + timedelta(weeks=number - 1, minutes=45),
        )
        for number in range(1, weeks + 1)
    )


def block(name="B-1", **changed):
    known = {
        "block": name, "pool": "O-1", "provider": "P-1", "therapist": f"T-{name}", "held_by": None, "discipline": "ot",
        "mode": "group", "place": f"L-{name}", "minutes": 45, "seats": 1, "price_pence": 10, "calendar_version": "1",
        "charges": (events.Charge(organisation="a", pence=10),), "sessions": sessions(name),
    }  # fmt: skip
    return events.BlockCommissioned(**known | changed)


def booked(name="G-1", of="B-1", **changed):
    known = {
        "booking": name, "reference": name, "child_id": f"C-{name}", "block": of, "discipline": "ot", "seat": 1,
        "sessions": sessions(of), "held_by": None,
    }  # fmt: skip
    return events.BlockBooked(**known | changed)


def released(name="G-1", of="B-1"):
    return events.PlaceReleased(
        booking=name, reference=name, child_id=f"C-{name}", block=of, discipline="ot", reason_code="other"
    )


POOL = events.PoolOpened(
    pool="O-1",
    name="A",
    term="2026-autumn",
    contributions=(events.Contribution(organisation="a", discipline="ot", pence=20),),
)
ROOM = events.PlaceRegistered(place="L-1", name="A", kind="clinic")
HOME = events.PlaceRegistered(place="L-2", name="A", kind="home")


def found(*history, at=MONDAY - timedelta(days=1), taken=None):
    ledger = domain.Ledger.of(domain.Said(event, at) for event in (POOL, ROOM, HOME, *history))
    faults = ledger.faults(ledger.seats() if taken is None else taken)
    return {name: ids for name, ids in vars(faults).items() if ids and name != "checked"}


@pytest.mark.parametrize(
    ("history", "faults"),
    [
        ([block(), booked()], {}),
        ([block(), booked(), released(), booked("G-2")], {}),
        ([block(), block("B-2", therapist="T-B-1")], {"double_booked": ["therapist T-B-1"] * 2}),
        ([block(place="L-1"), block("B-2", place="L-1")], {"double_booked": ["place L-1"] * 2}),
        ([block(place="L-2"), block("B-2", place="L-2")], {}),
        (
            [block(), block("B-2"), booked(), booked("G-2", "B-2", child_id="C-G-1")],
            {"double_booked": ["child C-G-1"] * 2},
        ),
        ([block(), booked(), booked("G-2")], {"over_capacity": ["B-1-1", "B-1-2"]}),
        ([block(), booked(seat=2)], {"over_capacity": ["B-1-1", "B-1-2"]}),
        ([block(), booked(sessions=sessions("B-1")[:1])], {"partial_blocks": ["G-1"]}),
        ([block(), booked(sessions=())], {"partial_blocks": ["G-1"]}),
        ([block(price_pence=11)], {"unbalanced_pools": ["O-1"]}),
        ([block(), block("B-2"), block("B-3")], {"unbalanced_pools": ["O-1"]}),
        ([block(pool="O-2")], {"unbalanced_pools": ["O-2"]}),
    ],
)  # fmt: skip
def test_the_log_alone_shows_what_must_not_be(history, faults):
    assert {name: sorted(ids) for name, ids in found(*history).items()} == faults


def test_a_seat_in_the_tables_that_the_log_does_not_give_is_astray():
    assert found(block(), booked(), taken={("B-1-1", 1, "G-1")}) == {"seats_astray": ["G-1"]}
    assert found(block(), taken={("B-1-1", 1, "G-9")}) == {"seats_astray": ["G-9"]}


@pytest.mark.parametrize("first", [date(2026, 10, 25), date(2026, 10, 18)])
def test_a_block_at_an_hour_that_the_clocks_skip_or_repeat_is_refused_with_the_day(first):
    season = domain.Season(DateRange(date(2026, 9, 1), date(2026, 12, 18)), None, lambda _: False)
    with pytest.raises(domain.NotAllowed) as refused:
        domain.plan("B", domain.Rhythm(first, time(1, 30), 3, 45), season)
    assert (refused.value.field, refused.value.status) == ("time", 422)
    assert "25 October 2026" in str(refused.value)
