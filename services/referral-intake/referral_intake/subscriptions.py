"""What intake hears, to show it to who sent a referral: where it stands with each agency, and which link opens."""

from collections.abc import Callable, Sequence
from typing import cast

from frontdoor.delivery.hearer import Handler, Heard
from frontdoor.events import (
    EntryAccepted,
    EntryBroughtUp,
    EntryChanged,
    EntryClosed,
    EntryDeclined,
    EntryHeld,
    EntryRedirected,
    EntryReopened,
    EntryRequeued,
    EntryResumed,
    EntryReturned,
    EntryStatus,
    EntryWithdrawn,
    Event,
    LinkRenewed,
    ProgressNoted,
    ReferralQueued,
)
from frontdoor.work import Work
from referral_intake import handlers


def _queued(work: Work, heard: Heard) -> None:
    event = cast(ReferralQueued, heard.event)
    noted = ProgressNoted(
        reference=event.reference,
        agency=event.agency,
        status="queued",
        due_at=event.due_at,
        received_at=event.received_at,
    )
    handlers.note_progress(work, noted)


def _brought_up(work: Work, heard: Heard) -> None:
    event = cast(EntryBroughtUp, heard.event)
    noted = ProgressNoted(reference=event.reference, agency=event.agency, status="queued", due_at=event.due_at)
    handlers.note_progress(work, noted)


def _stands(status: EntryStatus) -> Callable[[Work, Heard], None]:
    def note(work: Work, heard: Heard) -> None:
        event = cast(EntryChanged, heard.event)
        noted = ProgressNoted(reference=event.reference, agency=event.agency, status=status)
        handlers.note_progress(work, noted)

    return note


def _renewed(work: Work, heard: Heard) -> None:
    handlers.note_link(work, cast(LinkRenewed, heard.event))


SUBSCRIPTIONS: dict[type[Event], Handler] = {
    ReferralQueued: _queued,
    EntryAccepted: _stands("accepted"),
    EntryDeclined: _stands("declined"),
    EntryReturned: _stands("returned"),
    EntryRedirected: _stands("redirected"),
    EntryHeld: _stands("on_hold"),
    EntryResumed: _stands("queued"),
    EntryClosed: _stands("closed"),
    EntryReopened: _stands("queued"),
    EntryRequeued: _stands("queued"),
    EntryBroughtUp: _brought_up,
    EntryWithdrawn: _stands("withdrawn"),
    LinkRenewed: _renewed,
}


def decides_about(event: Event) -> Sequence[str]:
    """Name the streams that hearing an event decides about: claimed and looked at for a whole batch at once."""
    if isinstance(event, EntryChanged | ReferralQueued):
        return (handlers.progress_stream(event.reference),)
    return ()
