"""Four ways of counting days, the clocks that rest on them, and local time in England.

Pure functions: nothing here reads a clock, a file or a setting. Everywhere the day after the start
is day 1, so a limit of 0 is due on the start itself. Days are local days in Europe/London; instants
are UTC.

| way            | a day counts when                                                     |
|----------------|-----------------------------------------------------------------------|
| calendar weeks | always (statutory clocks; they never pause)                           |
| working days   | Monday to Friday and not a bank holiday of England                    |
| school days    | a working day on which that setting's pupils are in                   |
| tribunal days  | a working day, not 25 December to 1 January, not in August            |
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

CALENDAR_VERSION = "england-2026.1"
"""Recorded in every event whose due date was counted here.

Raise it when a rule below changes, or when a newer `holidays` package changes a bank holiday: a due
date must be explainable years later by the calendar that was in force.
"""

LONDON = ZoneInfo("Europe/London")

FIRST_YEAR, LAST_YEAR = 1990, 2099
LONGEST_COUNT = 2_600
"""Days or weeks. No clock of ours is longer than about ten working years; more is a mistake."""

Unit = Literal["calendar_weeks", "working_days", "school_days", "tribunal_days"]
ClockState = Literal["on_track", "due_soon", "overdue", "met"]

_ONE_DAY = timedelta(days=1)
_ONE_WEEK = timedelta(weeks=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DateRange:
    """Whole days from `starts` to `ends`, both included."""

    # Read by Pydantic when an area's files are checked; a plain dictionary, so that nothing is imported.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    starts: date
    ends: date
    title: str = ""

    def __post_init__(self) -> None:
        if self.ends < self.starts:
            raise ValueError(f"ends on {self.ends}, before it starts on {self.starts}")

    def __contains__(self, day: date) -> bool:
        return self.starts <= day <= self.ends


@dataclass(frozen=True, slots=True)
class SchoolTerm:
    """One term of one setting, with its half terms: first and last day as printed, training days included."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    id: str
    starts: date
    ends: date
    half_terms: tuple[DateRange, ...] = ()

    def __post_init__(self) -> None:
        if self.ends < self.starts:
            raise ValueError(f"term {self.id} ends on {self.ends}, before it starts on {self.starts}")
        for half_term in self.half_terms:
            if half_term.starts <= self.starts or half_term.ends >= self.ends:
                raise ValueError(f"half term from {half_term.starts} is not inside term {self.id}")

    def __contains__(self, day: date) -> bool:
        return self.starts <= day <= self.ends and not any(day in half for half in self.half_terms)


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """When one setting's pupils are in. Neighbouring schools differ, so no area-wide calendar would do."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    id: str
    version: str
    terms: tuple[SchoolTerm, ...]
    name: str = ""
    inset_days: tuple[date, ...] = ()
    closures: tuple[DateRange, ...] = ()

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError(f"calendar {self.id} has no terms")
        for earlier, later in zip(self.terms, self.terms[1:], strict=False):
            if later.starts <= earlier.ends:
                raise ValueError(f"term {later.id} starts before term {earlier.id} has ended")

    def knows(self, day: date) -> bool:
        """Whether the day lies between the first and the last day of the terms published so far."""
        return self.terms[0].starts <= day <= self.terms[-1].ends

    def is_closed(self, day: date) -> bool:
        """Whether the day is a bank holiday, a school holiday, a training day or a closure.

        Weekends are not closed by this: a Saturday group in term time may run. Outside the published
        terms only bank holidays are known.
        """
        if is_bank_holiday(day):
            return True
        if not self.knows(day):
            return False
        if day in self.inset_days or any(day in closure for closure in self.closures):
            return True
        return not any(day in term for term in self.terms)

    def is_school_day(self, day: date) -> bool:
        """Whether pupils are in that day; outside the published terms, whether it is a working day."""
        return day.weekday() < _SATURDAY and not self.is_closed(day)


# --- Bank holidays -----------------------------------------------------------------------------------


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """The bank holidays of England in a year, substitutes included (Banking and Financial Dealings Act 1971)."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"Bank holidays are counted from {FIRST_YEAR} to {LAST_YEAR}, not in {year}.")
    # Imported here because most who import this module never count, and the package is not light.
    from holidays import country_holidays  # noqa: PLC0415

    return frozenset(country_holidays("GB", subdiv="ENG", years=year))


def is_bank_holiday(day: date) -> bool:
    """Whether the day is a bank holiday in England (or Christmas Day, Boxing Day or New Year's Day itself)."""
    return day in bank_holidays(day.year)


def is_working_day(day: date) -> bool:
    """Whether the day is Monday to Friday and no bank holiday of England."""
    return day.weekday() < _SATURDAY and not is_bank_holiday(day)


def is_tribunal_day(day: date) -> bool:
    """Whether the day counts for the SEND tribunal.

    Source: Tribunal Procedure (First-tier Tribunal) (Health, Education and Social Care Chamber) Rules
    2008, rule 12: 25 December to 1 January inclusive and any day in August are not counted.
    """
    christmas = (day.month, day.day) >= (12, 25) or (day.month, day.day) == (1, 1)
    return is_working_day(day) and not christmas and day.month != 8


# --- Counting ----------------------------------------------------------------------------------------


def add_calendar_weeks(start: date, n: int) -> date:
    """The day `n` whole weeks after `start`, the same weekday.

    Source: Special Educational Needs and Disability Regulations 2014, regs 5, 8, 10 and 13, count weeks
    with holidays included. The clock never pauses: an exception excuses lateness, it moves no date.
    """
    _check(start, n)
    return start + n * _ONE_WEEK


def add_working_days(start: date, n: int, extra_closed: Collection[date] = ()) -> date:
    """The `n`th working day after `start`; `extra_closed` are further days that do not count."""
    closed = frozenset(extra_closed)
    return _nth_day(start, n, lambda day: is_working_day(day) and day not in closed)


def add_school_days(start: date, n: int, calendar: SchoolCalendar) -> date:
    """The `n`th school day of that setting after `start`.

    Beyond the terms the calendar knows, working days are counted instead, so that every clock has a
    due date: no school publishes its terms for ever. `calendar.knows(due)` tells whether the answer
    rests on published terms alone.
    """
    return _nth_day(start, n, calendar.is_school_day)


def add_tribunal_days(start: date, n: int) -> date:
    """The `n`th day after `start` that counts for the SEND tribunal (see `is_tribunal_day`)."""
    return _nth_day(start, n, is_tribunal_day)


def due_on(start: date, limit: int, unit: str, calendar: SchoolCalendar) -> date:
    """The local day by the end of which a step is due, `limit` units after `start`.

    A pure function of start, standard and calendar. The calendar matters for `school_days` alone.
    """
    match unit:
        case "calendar_weeks":
            return add_calendar_weeks(start, limit)
        case "working_days":
            return add_working_days(start, limit)
        case "school_days":
            return add_school_days(start, limit, calendar)
        case "tribunal_days":
            return add_tribunal_days(start, limit)
    raise ValueError(f"{unit!r} is not a way of counting: use calendar_weeks, working_days, school_days, tribunal_days")


def due_at(start: date, limit: int, unit: str, calendar: SchoolCalendar) -> datetime:
    """The last second of the day of `due_on`, in UTC."""
    return end_of_day(due_on(start, limit, unit, calendar))


def _nth_day(start: date, n: int, counts: Callable[[date], bool]) -> date:
    _check(start, n)
    day = start
    while n:
        day += _ONE_DAY
        # Ends for certain: bank_holidays refuses years past LAST_YEAR.
        if counts(day):
            n -= 1
    return day


def _check(start: date, n: int) -> None:
    # A datetime is a date to Python, but which local day it means is not ours to guess: see local_date.
    if isinstance(start, datetime):
        raise TypeError("Days are counted from a date, not from an instant.")
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise ValueError(f"Days are counted from {FIRST_YEAR} to {LAST_YEAR}, not from {start}.")
    if not 0 <= n <= LONGEST_COUNT:
        raise ValueError(f"A limit of {n} cannot be counted: it must be from 0 to {LONGEST_COUNT}.")


# --- Instants and local days -------------------------------------------------------------------------


def local_date(instant: datetime) -> date:
    """The day it is in England at that instant. The instant must carry its time zone."""
    if instant.tzinfo is None:
        raise ValueError("An instant without a time zone has no local day.")
    return instant.astimezone(LONDON).date()


def end_of_day(day: date) -> datetime:
    """23:59:59 local time of that day, in UTC."""
    return datetime.combine(day, time(23, 59, 59), LONDON).astimezone(UTC)


def received_on(instant: datetime) -> date:
    """The local day on which something sent through the form or the API was received: day 0 of its clocks.

    The form is open at all hours, so what is sent at 23:30 on a Sunday is received that Sunday.
    """
    return local_date(instant)


class ClocksChange(ValueError):
    """On this day the clocks change at that time: it does not exist, or exists twice."""

    def __init__(self, day: date) -> None:
        super().__init__(self.__doc__)
        self.day = day


def _at(day: date, local_time: time) -> datetime:
    """Give the instant of a local time, where there is exactly one."""
    first, second = (datetime.combine(day, local_time.replace(fold=fold), LONDON) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        raise ClocksChange(day)
    return first.astimezone(UTC)


def weekly_sessions(
    first_date: date, local_time: time, weeks: int, is_closed: Callable[[date], bool]
) -> tuple[datetime, ...]:
    """Exactly `weeks` weekly sessions from `first_date` on, in UTC, at the same local time all year.

    A week whose day is a bank holiday of England, or closed by `is_closed` (`SchoolCalendar.is_closed`
    for a block at a school), is skipped and the block runs a week longer. Ten in the morning stays ten
    in the morning when the clocks change, so the UTC hour differs. Raises `ClocksChange` where a session
    would be at a time that does not exist, or exists twice, on its day.
    """
    if not 1 <= weeks <= 104:
        raise ValueError(f"A block has from 1 to 104 weekly sessions, not {weeks}.")
    if local_time.tzinfo is not None:
        raise ValueError("The time of a weekly session is local time and carries no time zone.")
    days: list[date] = []
    # A venue that is never open must not keep us looking: a year of closed weeks is the most we pass over.
    for week in range(weeks + 53):
        day = first_date + week * _ONE_WEEK
        if not is_bank_holiday(day) and not is_closed(day):
            days.append(day)
        if len(days) == weeks:
            return tuple(_at(day, local_time) for day in days)
    raise ValueError(f"There are not {weeks} open weeks from {first_date} on.")


# --- Clocks, ages and waits --------------------------------------------------------------------------


def clock_state(due_at: datetime, now: datetime, met_at: datetime | None = None, soon_days: int = 3) -> ClockState:
    """What a clock shows: `met` once the step is done, even late; `due_soon` in the last `soon_days` days.

    `due_at` itself is still in time. Whether it was met in time is `met_at <= due_at`.
    """
    if met_at is not None:
        return "met"
    if now > due_at:
        return "overdue"
    return "due_soon" if due_at - now <= timedelta(days=soon_days) else "on_track"


def age_on(birth: date, day: date) -> int:
    """Age in whole years on a day; below 0 before birth.

    Somebody born on 29 February has their birthday on 1 March in other years: an age is reached at the
    start of the anniversary (Family Law Reform Act 1969, s. 9), and 28 February is not yet it.
    """
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def month_begun(day: date) -> date:
    """Give the first day of a month on or after a day."""
    return day if day.day == 1 else (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def weeks_between(start: date, end: date) -> int:
    """Whole weeks from `start` to `end`, both local days; below 0 where `end` comes first. Part weeks are dropped."""
    return int((end - start) / _ONE_WEEK)
