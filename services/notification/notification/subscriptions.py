"""Which events notification hears, and what it does with each."""

from collections.abc import Sequence
from typing import cast

from frontdoor.delivery.hearer import Handler, Heard
from frontdoor.events import (
    ContactAdded,
    ContactChanged,
    Event,
    LinkRenewed,
    ReferralQueued,
    ReferralSubmitted,
)
from frontdoor.work import Work
from notification import domain, handlers


def _recipient(work: Work, heard: Heard) -> None:
    handlers.note_recipient(work, cast(ContactAdded | ContactChanged, heard.event))


def _submitted(work: Work, heard: Heard) -> None:
    handlers.open_case(work, heard, cast(ReferralSubmitted, heard.event))


def _queued(work: Work, heard: Heard) -> None:
    handlers.note_queue(work, cast(ReferralQueued, heard.event))


def _renewed(work: Work, heard: Heard) -> None:
    handlers.note_link(work, cast(LinkRenewed, heard.event))


def _step(work: Work, heard: Heard) -> None:
    handlers.tell_step(work, heard, cast(domain.Telling, heard.event).reference)


SUBSCRIPTIONS: dict[type[Event], Handler] = {
    ContactAdded: _recipient,
    ContactChanged: _recipient,
    ReferralSubmitted: _submitted,
    ReferralQueued: _queued,
    LinkRenewed: _renewed,
    **dict.fromkeys(domain.STEPS, _step),
}


def decides_about(event: Event) -> Sequence[str]:
    """Name the streams that hearing an event decides about: claimed and looked at for a whole batch at once."""
    if isinstance(event, LinkRenewed):
        return ()
    case = handlers.case_stream(cast(domain.Telling, event).reference)
    if isinstance(event, ContactAdded | ContactChanged):
        return (case, handlers.recipient_stream(event.contact_id))
    return (case,)
