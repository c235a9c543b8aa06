"""What the queues hear, each event with its handler: the index of this service."""

from collections.abc import Callable, Sequence
from typing import Any

from frontdoor.delivery.hearer import Handler, Heard
from frontdoor.events import (
    AssessmentReady,
    ChildRegistered,
    Event,
    ReferralAmended,
    ReferralSubmitted,
    ReferralWithdrawn,
)
from frontdoor.work import Work
from triage_panel import handlers, store


def _hand_over(to: Callable[[Work, Any], None]) -> Handler:
    def handle(work: Work, heard: Heard) -> None:
        to(work, heard.event)

    return handle


SUBSCRIPTIONS: dict[type[Event], Handler] = {
    ReferralSubmitted: _hand_over(handlers.queue_referral),
    AssessmentReady: _hand_over(handlers.bring_up_again),
    ReferralAmended: _hand_over(handlers.amend_entries),
    ReferralWithdrawn: _hand_over(handlers.withdraw_entries),
    ChildRegistered: _hand_over(handlers.note_child),
}


def decides_about(event: Event) -> Sequence[str]:
    """Name the streams that hearing an event decides about: claimed and looked at for a whole batch at once."""
    if isinstance(event, ChildRegistered):
        return (store.child_stream(event.child_id),)
    reference = getattr(event, "reference", None)
    return store.streams_of(reference) if reference else ()
