"""What booking hears, each with its handler: what triage agrees and ends, what intake says."""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from frontdoor.delivery.hearer import Handler, Heard
from frontdoor.events import (
    ChildRegistered,
    EntryChanged,
    EntryClosed,
    EntryDeclined,
    EntryRedirected,
    EntryReopened,
    EntryWithdrawn,
    Event,
    ReferralWithdrawn,
    TherapyAgreed,
)
from frontdoor.work import Work
from therapy_booking import domain, handlers

Told = TypeVar("Told", bound=Event)


def telling(do: Callable[[Work, Told], None]) -> Handler:
    """Hand the event itself to a handler."""
    return lambda work, heard: do(work, cast(Told, heard.event))


def therapy_agreed(work: Work, heard: Heard) -> None:
    """The clock of the offer starts when therapy was agreed, not when that is heard."""
    handlers.list_waiting(work, cast(TherapyAgreed, heard.event), heard.record.time)


def ending(reason_code: str) -> Handler:
    """Health has ended its work, or decides anew, so nobody waits for its therapy; other agencies have no say in it."""

    def end(work: Work, changed: EntryChanged) -> None:
        if changed.agency == "health":
            handlers.end_waits(work, changed.reference, reason_code)

    return lambda work, heard: end(work, cast(EntryChanged, heard.event))


SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    TherapyAgreed: therapy_agreed,
    EntryClosed: ending("closed"),
    EntryDeclined: ending("declined"),
    EntryRedirected: ending("redirected"),
    EntryWithdrawn: ending("withdrawn"),
    EntryReopened: ending(domain.TAKEN_BACK),
    ReferralWithdrawn: telling(handlers.note_withdrawal),
    ChildRegistered: telling(handlers.note_child),
}
