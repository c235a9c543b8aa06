"""When something on paper, by email or by telephone was received: day 0 of its clocks."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from frontdoor.calendars import LONDON, add_working_days, is_working_day
from frontdoor.events import ArrivedBy
from referral_intake.domain import FAMILY

OFFICE_CLOSES, OFFICE_OPENS = time(17, 0), time(9, 0)
"""An email that comes later is the next working day's; that day begins at nine."""
OLDEST_PAPER = timedelta(days=366)


def arrived_at(by: ArrivedBy, on: date, at: time | None, *, posted: bool, now: datetime) -> datetime:
    """Say when something that staff key in was received: day 0 of its clocks; never later than now.

    Before 17:00 on a working day it is received then; later, or on a day that is none, when the next working day
    begins. First-class post is taken to arrive on the working day after it was posted. `on` and `at`
    are local.
    """
    if posted and by == "post":
        received = datetime.combine(add_working_days(on, 1), OFFICE_OPENS, LONDON)
    elif is_working_day(on) and (at is None or at < OFFICE_CLOSES):
        received = datetime.combine(on, at or OFFICE_OPENS, LONDON)
    else:
        received = datetime.combine(add_working_days(on, 1), OFFICE_OPENS, LONDON)
    return min(received.astimezone(UTC), now)


def wrong_arrival(roles: Collection[str], on: date, today: date) -> str | None:
    """Say why this person cannot say that something arrived on that day; None where they can."""
    if FAMILY & set(roles):
        return "Only staff who key in a form on paper or an email say when it arrived: leave this out"
    if today - on > OLDEST_PAPER:
        return "Date it arrived must be within the last year: raise a new concern instead"
    return None
