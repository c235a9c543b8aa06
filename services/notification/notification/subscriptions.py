"""Which events notification hears, and what it does with each."""

from typing import cast

from frontdoor.delivery.hearer import Handler, Heard
from frontdoor.events import (
    BlockBooked,
    ContactAdded,
    ContactChanged,
    EntryAccepted,
    EntryClosed,
    EntryDeclined,
    EntryHeld,
    EntryRedirected,
    EntryReopened,
    EntryResumed,
    EntryReturned,
    Event,
    LinkRenewed,
    PlaceOffered,
    PlaceReleased,
    ReferralQueued,
    ReferralSubmitted,
    ReferralWithdrawn,
)
from frontdoor.work import Work
from notification import handlers

Step = (
    EntryAccepted
    | EntryDeclined
    | EntryReturned
    | EntryRedirected
    | EntryHeld
    | EntryResumed
    | EntryClosed
    | EntryReopened
    | ReferralWithdrawn
    | BlockBooked
    | PlaceReleased
    | PlaceOffered
)
"""What the family of a known case is told of."""


def _recipient(work: Work, heard: Heard) -> None:
    handlers.note_recipient(work, cast(ContactAdded | ContactChanged, heard.event))


def _submitted(work: Work, heard: Heard) -> None:
    handlers.open_case(work, heard, cast(ReferralSubmitted, heard.event))


def _queued(work: Work, heard: Heard) -> None:
    handlers.note_queue(work, cast(ReferralQueued, heard.event))


def _renewed(work: Work, heard: Heard) -> None:
    handlers.note_link(work, cast(LinkRenewed, heard.event))


def _step(work: Work, heard: Heard) -> None:
    handlers.tell_step(work, heard, cast(Step, heard.event).reference)


SUBSCRIPTIONS: dict[type[Event], Handler] = {
    ContactAdded: _recipient,
    ContactChanged: _recipient,
    ReferralSubmitted: _submitted,
    ReferralQueued: _queued,
    LinkRenewed: _renewed,
    ReferralWithdrawn: _step,
    EntryAccepted: _step,
    EntryDeclined: _step,
    EntryReturned: _step,
    EntryRedirected: _step,
    EntryHeld: _step,
    EntryResumed: _step,
    EntryClosed: _step,
    EntryReopened: _step,
    BlockBooked: _step,
    PlaceReleased: _step,
    PlaceOffered: _step,
}
