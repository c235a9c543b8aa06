"""Counting days, local time and clocks: tables from published calendars, and properties."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.calendars import (
    LONDON,
    LONGEST_COUNT,
    ClocksChange,
    DateRange,
    SchoolCalendar,
    SchoolTerm,
    add_calendar_weeks,
    add_school_days,
    add_tribunal_days,
    add_working_days,
    age_on,
    bank_holidays,
    clock_state,
    due_at,
    due_on,
    end_of_day,
    is_bank_holiday,
    is_tribunal_day,
    is_working_day,
    local_date,
    month_begun,
    received_on,
    weekly_sessions,
    weeks_between,
)


def day(text: str) -> date:
    return date.fromisoformat(text)


def days(*texts: str) -> tuple[date, ...]:
    return tuple(day(text) for text in texts)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def during(starts: str, ends: str) -> DateRange:
    return DateRange(day(starts), day(ends))


# Two schools a few miles apart, as each published its year: first and last days with training days included.
SAINT_GREGORYS = SchoolCalendar(
    id="saint-gregorys",
    version="test",
    terms=(
        SchoolTerm("2026-autumn", day("2026-09-01"), day("2026-12-18"), (during("2026-10-24", "2026-11-01"),)),
        SchoolTerm("2027-spring", day("2027-01-04"), day("2027-03-25"), (during("2027-02-13", "2027-02-21"),)),
        SchoolTerm("2027-summer", day("2027-04-12"), day("2027-07-20"), (during("2027-05-29", "2027-06-06"),)),
    ),
    inset_days=days("2026-09-01", "2026-09-02", "2026-11-02", "2027-01-04"),
)
OWPS = SchoolCalendar(
    id="owps",
    version="test",
    terms=(
        SchoolTerm("2026-autumn", day("2026-09-01"), day("2026-12-18"), (during("2026-10-24", "2026-11-01"),)),
        SchoolTerm("2027-spring", day("2027-01-04"), day("2027-03-25"), (during("2027-02-13", "2027-02-21"),)),
        SchoolTerm("2027-summer", day("2027-04-12"), day("2027-07-21"), (during("2027-05-29", "2027-06-06"),)),
    ),
    inset_days=days("2026-09-01", "2026-09-02", "2026-10-23", "2026-11-02", "2026-11-27", "2027-05-28", "2027-06-25"),
)

PUBLISHED_BANK_HOLIDAYS = {
    2026: ("01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"),
    2027: ("01-01", "03-26", "03-29", "05-03", "05-31", "08-30", "12-27", "12-28"),
    2028: ("01-03", "04-14", "04-17", "05-01", "05-29", "08-28", "12-25", "12-26"),
}

some_day = st.dates(day("2000-01-01"), day("2090-12-31"))
some_count = st.integers(0, 60)
some_school = st.sampled_from([SAINT_GREGORYS, OWPS])


class TestBankHolidays:
    @pytest.mark.parametrize("year", PUBLISHED_BANK_HOLIDAYS)
    def test_the_weekday_bank_holidays_of_england_are_those_published(self, year: int) -> None:
        """When this fails after an upgrade, raise CALENDAR_VERSION: due dates have changed."""
        on_weekdays = sorted(holiday for holiday in bank_holidays(year) if holiday.weekday() < 5)
        assert on_weekdays == [day(f"{year}-{rest}") for rest in PUBLISHED_BANK_HOLIDAYS[year]]

    def test_a_scottish_bank_holiday_is_a_working_day_here(self) -> None:
        assert is_working_day(day("2026-08-03"))
        assert not is_bank_holiday(day("2026-01-02"))

    def test_years_that_nobody_has_proclaimed_are_refused(self) -> None:
        with pytest.raises(ValueError, match="from 1990 to 2099, not in 2100"):
            bank_holidays(2100)


class TestCalendarWeeks:
    @pytest.mark.parametrize(
        ("start", "weeks", "due"),
        [
            ("2026-10-06", 6, "2026-11-17"),
            ("2026-10-06", 16, "2027-01-26"),
            ("2026-10-06", 20, "2027-02-23"),
            ("2026-11-20", 6, "2027-01-01"),  # on a bank holiday all the same: statutory weeks do not move
            ("2028-02-29", 52, "2029-02-27"),
        ],
    )
    def test_statutory_weeks_count_holidays_and_keep_the_weekday(self, start: str, weeks: int, due: str) -> None:
        assert add_calendar_weeks(day(start), weeks) == day(due)


class TestWorkingDays:
    @pytest.mark.parametrize(
        ("start", "n", "due"),
        [
            ("2026-10-16", 10, "2026-10-30"),
            ("2026-11-20", 2, "2026-11-24"),
            ("2026-11-21", 2, "2026-11-24"),  # received on a Saturday
            ("2026-12-24", 2, "2026-12-30"),  # Christmas on a Friday, Boxing Day's substitute on Monday
            ("2027-12-24", 1, "2027-12-29"),  # both holidays at a weekend, two substitutes
            ("2027-03-25", 2, "2027-03-31"),  # Easter
            ("2027-12-31", 1, "2028-01-04"),  # New Year's Day on a Saturday
        ],
    )
    def test_weekends_and_bank_holidays_do_not_count(self, start: str, n: int, due: str) -> None:
        assert add_working_days(day(start), n) == day(due)

    def test_further_closed_days_do_not_count_either(self) -> None:
        assert add_working_days(day("2026-10-16"), 2, days("2026-10-19")) == day("2026-10-21")


class TestSchoolDays:
    @pytest.mark.parametrize(("school", "due"), [(SAINT_GREGORYS, "2026-11-09"), (OWPS, "2026-11-10")])
    def test_ten_school_days_after_16_october_differ_between_neighbours(self, school: SchoolCalendar, due: str) -> None:
        assert add_school_days(day("2026-10-16"), 10, school) == day(due)

    @pytest.mark.parametrize(("school", "pupil_days"), [(SAINT_GREGORYS, 190), (OWPS, 188)])
    def test_the_pupil_days_of_the_year_are_as_many_as_the_school_published(
        self, school: SchoolCalendar, pupil_days: int
    ) -> None:
        year = (day("2026-09-01") + timedelta(days=n) for n in range(330))
        assert sum(school.knows(one) and school.is_school_day(one) for one in year) == pupil_days

    @pytest.mark.parametrize(
        ("start", "n", "due"),
        [
            ("2026-12-18", 1, "2027-01-05"),  # 4 January is a training day
            ("2027-03-25", 1, "2027-04-12"),  # both Easter bank holidays inside the school holiday
            ("2027-04-30", 1, "2027-05-04"),  # the May bank holiday
            ("2027-05-28", 1, "2027-06-07"),  # half term, with the bank holiday of 31 May inside it
        ],
    )
    def test_holidays_training_days_and_bank_holidays_do_not_count(self, start: str, n: int, due: str) -> None:
        assert add_school_days(day(start), n, SAINT_GREGORYS) == day(due)

    def test_a_closure_does_not_count(self) -> None:
        snow = SchoolCalendar("snow", "test", SAINT_GREGORYS.terms, closures=(during("2027-01-11", "2027-01-12"),))
        assert add_school_days(day("2027-01-08"), 1, snow) == day("2027-01-13")

    def test_beyond_the_terms_known_working_days_are_counted(self) -> None:
        assert add_school_days(day("2027-07-20"), 10, SAINT_GREGORYS) == add_working_days(day("2027-07-20"), 10)
        assert not SAINT_GREGORYS.knows(day("2027-08-03"))
        assert SAINT_GREGORYS.knows(day("2026-12-24"))

    def test_a_saturday_in_term_is_not_closed_but_is_no_school_day(self) -> None:
        assert not SAINT_GREGORYS.is_closed(day("2026-11-21"))
        assert not SAINT_GREGORYS.is_school_day(day("2026-11-21"))

    def test_a_school_that_is_always_closed_still_has_an_end(self) -> None:
        shut = SchoolCalendar("shut", "test", SAINT_GREGORYS.terms, closures=(during("2020-01-01", "2098-01-01"),))
        assert add_school_days(day("2026-10-16"), 10, shut) == add_working_days(day("2027-07-20"), 10)


class TestCalendarsThatMakeNoSense:
    def test_a_range_that_ends_before_it_starts_is_refused(self) -> None:
        with pytest.raises(ValueError, match="before it starts"):
            during("2026-11-02", "2026-11-01")

    def test_a_half_term_outside_its_term_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not inside term"):
            SchoolTerm("2026-autumn", day("2026-09-01"), day("2026-12-18"), (during("2027-02-13", "2027-02-21"),))

    def test_a_term_that_ends_before_it_starts_is_refused(self) -> None:
        with pytest.raises(ValueError, match="before it starts"):
            SchoolTerm("2026-autumn", day("2026-12-18"), day("2026-09-01"))

    def test_terms_that_overlap_are_refused(self) -> None:
        with pytest.raises(ValueError, match="before term 2026-autumn has ended"):
            SchoolCalendar("twice", "test", SAINT_GREGORYS.terms[:1] * 2)

    def test_a_calendar_without_terms_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no terms"):
            SchoolCalendar("none", "test", ())


class TestTribunalDays:
    @pytest.mark.parametrize(
        ("start", "n", "due"),
        [
            ("2026-12-23", 2, "2027-01-04"),  # 24 December counts; 25 December to 1 January do not
            ("2027-07-30", 1, "2027-09-01"),  # no day of August counts
            ("2027-07-29", 2, "2027-09-01"),
            ("2026-10-16", 10, "2026-10-30"),
        ],
    )
    def test_christmas_week_and_august_do_not_count(self, start: str, n: int, due: str) -> None:
        assert add_tribunal_days(day(start), n) == day(due)


class TestCountingAnything:
    WAYS: tuple[Callable[[date, int], date], ...] = (
        add_calendar_weeks,
        add_working_days,
        add_tribunal_days,
        lambda start, n: add_school_days(start, n, OWPS),
    )

    @given(start=some_day, n=some_count, way=st.sampled_from(WAYS))
    def test_one_more_is_always_later(self, start: date, n: int, way: Callable[[date, int], date]) -> None:
        assert way(start, n) < way(start, n + 1)

    @given(start=some_day, n=some_count, way=st.sampled_from(WAYS))
    def test_a_later_start_is_never_due_earlier(self, start: date, n: int, way: Callable[[date, int], date]) -> None:
        if n:
            assert way(start, n) <= way(start + timedelta(days=1), n)

    @given(start=some_day, way=st.sampled_from(WAYS))
    def test_nought_is_due_on_the_start_itself(self, start: date, way: Callable[[date, int], date]) -> None:
        assert way(start, 0) == start

    @given(start=some_day, n=st.integers(1, 60), school=some_school)
    def test_what_is_counted_ends_on_a_day_that_counts(self, start: date, n: int, school: SchoolCalendar) -> None:
        assert is_working_day(add_working_days(start, n))
        assert is_tribunal_day(add_tribunal_days(start, n))
        assert school.is_school_day(add_school_days(start, n, school))

    @given(start=some_day, n=some_count, school=some_school)
    def test_school_days_are_never_faster_than_working_days(self, start: date, n: int, school: SchoolCalendar) -> None:
        assert add_school_days(start, n, school) >= add_working_days(start, n)

    @given(start=some_day, m=st.integers(0, 30), n=st.integers(0, 30))
    def test_counting_on_from_where_one_stopped_gives_the_same(self, start: date, m: int, n: int) -> None:
        assert add_working_days(add_working_days(start, m), n) == add_working_days(start, m + n)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("n", [-1, LONGEST_COUNT + 1])
    def test_a_limit_that_is_nonsense_is_refused(self, way: Callable[[date, int], date], n: int) -> None:
        with pytest.raises(ValueError, match="cannot be counted"):
            way(day("2026-10-16"), n)

    @pytest.mark.parametrize("way", WAYS)
    def test_an_instant_is_not_taken_for_a_day(self, way: Callable[[date, int], date]) -> None:
        with pytest.raises(TypeError, match="not from an instant"):
            way(utc("2026-10-16T23:30:00"), 1)

    @pytest.mark.parametrize("way", WAYS)
    def test_a_start_in_another_age_is_refused(self, way: Callable[[date, int], date]) -> None:
        with pytest.raises(ValueError, match="from 1990 to 2099"):
            way(day("9999-12-31"), 1)


class TestDue:
    @pytest.mark.parametrize(
        ("limit", "unit", "due"),
        [
            (6, "calendar_weeks", "2026-11-27"),
            (10, "working_days", "2026-10-30"),
            (10, "school_days", "2026-11-10"),
            (10, "tribunal_days", "2026-10-30"),
        ],
    )
    def test_each_unit_is_counted_in_its_own_way(self, limit: int, unit: str, due: str) -> None:
        assert due_on(day("2026-10-16"), limit, unit, OWPS) == day(due)

    def test_a_unit_nobody_knows_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'fortnights' is not a way of counting"):
            due_on(day("2026-10-16"), 1, "fortnights", OWPS)

    @pytest.mark.parametrize(
        ("start", "due"),
        [
            ("2026-10-16", "2026-11-27T23:59:59"),  # in winter local time is UTC
            ("2027-05-03", "2027-06-14T22:59:59"),  # in summer the local day ends an hour earlier
            ("2027-02-14", "2027-03-28T22:59:59"),  # the very day on which summer time begins
            ("2026-09-13", "2026-10-25T23:59:59"),  # and on which it ends
        ],
    )
    def test_a_step_is_due_at_the_end_of_the_local_day(self, start: str, due: str) -> None:
        assert due_at(day(start), 6, "calendar_weeks", OWPS) == utc(due)

    @given(start=some_day)
    def test_the_end_of_a_day_is_still_that_day_and_a_second_later_is_not(self, start: date) -> None:
        assert local_date(end_of_day(start)) == start
        assert local_date(end_of_day(start) + timedelta(seconds=1)) == start + timedelta(days=1)


class TestLocalDays:
    @pytest.mark.parametrize(
        ("instant", "local"),
        [
            ("2027-06-30T22:59:59", "2027-06-30"),
            ("2027-06-30T23:00:00", "2027-07-01"),  # half past midnight in summer is another day already
            ("2026-12-31T23:59:59", "2026-12-31"),
            ("2026-03-29T00:59:59", "2026-03-29"),
        ],
    )
    def test_what_is_sent_is_received_on_the_local_day(self, instant: str, local: str) -> None:
        assert received_on(utc(instant)) == local_date(utc(instant)) == day(local)

    def test_an_instant_without_time_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="without a time zone"):
            local_date(datetime(2026, 11, 21, 12))


class TestWeeklySessions:
    @pytest.mark.parametrize(
        ("first", "starts"),
        [
            ("2026-03-24", ("2026-03-24T09:00:00", "2026-03-31T08:00:00")),  # clocks go forward on 29 March 2026
            ("2027-03-22", ("2027-03-22T09:00:00", "2027-04-05T08:00:00")),  # 28 March 2027; 29th is Easter Monday
            ("2026-10-20", ("2026-10-20T08:00:00", "2026-10-27T09:00:00")),  # clocks go back on 25 October 2026
        ],
    )
    def test_nine_o_clock_stays_nine_o_clock_when_the_clocks_change(self, first: str, starts: tuple[str, str]) -> None:
        sessions = weekly_sessions(day(first), time(9), 2, lambda _: False)
        assert sessions == tuple(utc(start) for start in starts)

    @pytest.mark.parametrize("first", ["2026-03-22", "2026-03-29", "2026-10-18", "2026-10-25", "2027-03-21"])
    @pytest.mark.parametrize("at", [time(1), time(1, 30), time(1, 59)])
    def test_a_time_that_does_not_exist_or_exists_twice_is_refused_with_its_day(self, first: str, at: time) -> None:
        with pytest.raises(ClocksChange) as refused:
            weekly_sessions(day(first), at, 2, lambda _: False)
        assert refused.value.day in {day("2026-03-29"), day("2026-10-25"), day("2027-03-28")}

    @pytest.mark.parametrize("first", ["2026-03-29", "2026-10-25"])
    @pytest.mark.parametrize("at", [time(0, 59), time(2)])
    def test_the_minutes_before_and_after_the_clocks_change_are_times_like_others(self, first: str, at: time) -> None:
        assert len(weekly_sessions(day(first), at, 2, lambda _: False)) == 2

    def test_a_block_skips_half_term_and_runs_a_week_longer(self) -> None:
        sessions = weekly_sessions(day("2026-10-13"), time(13, 30), 6, SAINT_GREGORYS.is_closed)
        assert [local_date(session) for session in sessions] == list(
            days("2026-10-13", "2026-10-20", "2026-11-03", "2026-11-10", "2026-11-17", "2026-11-24")
        )

    def test_a_block_may_end_in_the_next_term(self) -> None:
        sessions = weekly_sessions(day("2026-12-10"), time(10), 3, SAINT_GREGORYS.is_closed)
        assert [local_date(session) for session in sessions] == list(days("2026-12-10", "2026-12-17", "2027-01-07"))

    def test_bank_holidays_are_skipped_at_a_clinic_too(self) -> None:
        sessions = weekly_sessions(day("2027-04-26"), time(10), 3, lambda _: False)
        assert [local_date(session) for session in sessions] == list(days("2027-04-26", "2027-05-10", "2027-05-17"))

    @given(
        first=st.dates(day("2026-09-01"), day("2027-07-31")),
        at=st.times(min_value=time(7), max_value=time(20)),
        weeks=st.integers(1, 20),
        school=some_school,
    )
    def test_exactly_as_many_open_sessions_result_all_at_the_same_local_time(
        self, first: date, at: time, weeks: int, school: SchoolCalendar
    ) -> None:
        local = [session.astimezone(LONDON) for session in weekly_sessions(first, at, weeks, school.is_closed)]
        assert len(local) == weeks
        assert {session.time() for session in local} == {at}
        assert {session.weekday() for session in local} == {first.weekday()}
        assert not any(school.is_closed(session.date()) for session in local)

    def test_a_venue_that_never_opens_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not 6 open weeks"):
            weekly_sessions(day("2026-10-13"), time(10), 6, lambda _: True)

    @pytest.mark.parametrize("weeks", [0, -1, 105])
    def test_a_number_of_weeks_that_is_nonsense_is_refused(self, weeks: int) -> None:
        with pytest.raises(ValueError, match="from 1 to 104"):
            weekly_sessions(day("2026-10-13"), time(10), weeks, lambda _: False)

    def test_a_time_that_is_not_local_is_refused(self) -> None:
        with pytest.raises(ValueError, match="carries no time zone"):
            weekly_sessions(day("2026-10-13"), time(10, tzinfo=UTC), 6, lambda _: False)


class TestClocks:
    DUE = utc("2026-11-27T23:59:59")

    @pytest.mark.parametrize(
        ("now", "state"),
        [
            ("2026-11-24T23:59:58", "on_track"),
            ("2026-11-24T23:59:59", "due_soon"),
            ("2026-11-27T23:59:59", "due_soon"),
            ("2026-11-28T00:00:00", "overdue"),
        ],
    )
    def test_a_clock_is_on_track_then_due_soon_then_overdue(self, now: str, state: str) -> None:
        assert clock_state(self.DUE, utc(now)) == state

    def test_what_is_done_is_met_even_when_late(self) -> None:
        assert clock_state(self.DUE, utc("2027-01-01T00:00:00"), met_at=utc("2026-12-24T00:00:00")) == "met"

    def test_how_soon_is_soon_can_be_said(self) -> None:
        assert clock_state(self.DUE, utc("2026-11-20T00:00:00"), soon_days=10) == "due_soon"


class TestAgesAndWaits:
    @pytest.mark.parametrize(
        ("birth", "on", "age"),
        [
            ("2018-05-30", "2026-05-29", 7),
            ("2018-05-30", "2026-05-30", 8),
            ("2008-02-29", "2026-02-28", 17),
            ("2008-02-29", "2026-03-01", 18),
            ("2008-02-29", "2024-02-29", 16),
            ("2001-11-22", "2026-11-21", 24),
            ("2026-11-21", "2026-11-21", 0),
            ("2027-02-01", "2026-11-21", -1),
        ],
    )
    def test_an_age_is_reached_on_the_birthday(self, birth: str, on: str, age: int) -> None:
        assert age_on(day(birth), day(on)) == age

    @given(st.dates(date(2001, 1, 1), date(2050, 12, 31)))
    def test_a_month_begins_on_a_day_or_within_a_month_after_it(self, some: date) -> None:
        begun = month_begun(some)
        assert begun.day == 1
        assert timedelta(0) <= begun - some < timedelta(days=31)

    @pytest.mark.parametrize(
        ("start", "end", "weeks"),
        [
            ("2026-10-06", "2026-10-12", 0),
            ("2026-10-06", "2026-10-13", 1),
            ("2023-02-08", "2023-04-13", 9),  # 64 days, which a council once reported as 61 weeks
            ("2026-10-13", "2026-10-06", -1),
        ],
    )
    def test_only_whole_weeks_of_a_wait_count(self, start: str, end: str, weeks: int) -> None:
        assert weeks_between(day(start), day(end)) == weeks


def test_importing_the_calendars_loads_nothing_heavy() -> None:
    """Every domain module imports them; holidays are loaded when somebody first counts."""
    look = "import sys, frontdoor.calendars; print({'holidays', 'pydantic', 'yaml'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
