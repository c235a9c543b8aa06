"""What the shared record hears: everything, each event one line of a timeline."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

from child_record import handlers, store
from frontdoor import events
from frontdoor.delivery.hearer import Handler, Heard, Subscriptions
from frontdoor.events import Agency, Event
from frontdoor.work import Work

AgencyOf = Callable[[Any], Agency | None]


def _own(event: Any) -> Agency | None:
    return cast(Agency, event.agency)


def _nobody(_event: Any) -> Agency | None:
    return None


def _health(_event: Any) -> Agency | None:
    # Booking's events name no agency: therapy belongs to health.
    return "health"


def _note(what: str | Callable[[Any], str], *fields: str, agency: AgencyOf = _own) -> Handler:
    """Note an event as this `what`, with these of its fields as facts (`sessions.0.starts_at` goes down)."""

    def hear(work: Work, heard: Heard) -> None:
        event = heard.event
        code = what if isinstance(what, str) else what(event)
        facts = {name: _fact(getattr(event, name)) for name in fields} | _first_session(event)
        handlers.note_step(work, heard, str(cast(Any, event).reference), code, agency(event), facts)

    return hear


def _fact(value: Any) -> str | tuple[str, ...] | None:
    if isinstance(value, datetime):
        return events.instant(value)
    return value if value is None or isinstance(value, str | tuple) else str(value)


def _first_session(event: Event) -> dict[str, str]:
    starts = [session.starts_at for session in event.sessions] if isinstance(event, events.BlockBooked) else []
    return {"first_session": events.instant(min(starts))} if starts else {}


def _claimed(event: events.EntryClaimed) -> str:
    return "entry_unclaimed" if event.holder is None else "entry_claimed"


def _linked(work: Work, heard: Heard) -> None:
    handlers.note_link(work, cast(events.ChildrenLinked | events.ChildrenUnlinked, heard.event))


SUBSCRIPTIONS: Subscriptions = {
    # intake
    events.ReferralSubmitted: handlers.open_record,
    events.ChildRegistered: lambda work, heard: handlers.note_child(work, cast(events.ChildRegistered, heard.event)),
    events.ChildrenLinked: _linked,
    events.ChildrenUnlinked: _linked,
    events.ReferralAmended: _note("referral_amended", "agencies", agency=_nobody),
    events.ReferralWithdrawn: _note("referral_withdrawn", "agencies", agency=_nobody),
    # triage
    events.ReferralQueued: _note("entry_queued", "due_at", "standard", "priority", "redirected_from"),
    events.EntryClaimed: _note(_claimed),
    events.EntryAccepted: _note("entry_accepted", "reason_code", "priority", "therapy"),
    events.EntryDeclined: _note("entry_declined", "reason_code"),
    events.EntryReturned: _note("entry_returned", "reason_code"),
    events.EntryRedirected: _note("entry_redirected", "reason_code", "redirect_to"),
    events.EntryHeld: _note("entry_held", "reason_code"),
    events.EntryResumed: _note("entry_resumed", "reason_code"),
    events.EntryClosed: _note("entry_closed", "reason_code"),
    events.EntryReopened: _note("entry_reopened", "reason_code"),
    events.EntryRequeued: _note("entry_requeued", "reason_code"),
    events.EntryBroughtUp: _note("entry_brought_up", "due_at"),
    events.EntryWithdrawn: _note("entry_withdrawn", "reason_code"),
    events.TherapyAgreed: _note("therapy_agreed", "discipline", "sessions", "mode", "priority"),
    events.StandardMet: _note("standard_met", "standard", "due_at"),
    events.StandardBreached: _note("standard_breached", "standard", "due_at"),
    # booking
    events.WaitingListed: _note("waiting_listed", "discipline", "offer_due", agency=_health),
    events.WaitingEnded: _note("waiting_ended", "discipline", "reason_code", agency=_health),
    events.PlaceOffered: _note("place_offered", "offer", "block", "discipline", agency=_health),
    events.OfferEnded: _note("offer_ended", "offer", "outcome", agency=_health),
    events.BlockBooked: _note("block_booked", "booking", "block", "discipline", "held_by", "offer", agency=_health),
    events.PlaceReleased: _note("place_released", "booking", "block", "discipline", "reason_code", agency=_health),
    # notification
    events.NoticeSent: _note("notice_sent", "notice", agency=_nobody),
    events.NoticeFailed: _note("notice_failed", "notice", "status", agency=_nobody),
    events.NoticeUncertain: _note("notice_uncertain", "notice", agency=_nobody),
    events.NoticeSuppressed: _note("notice_suppressed", "notice", "reason_code", agency=_nobody),
}


def decides_about(event: Event) -> Sequence[str]:
    """Name the streams that hearing an event decides about: claimed and looked at for a whole batch at once."""
    if isinstance(event, events.ChildRegistered):
        return (store.child_stream(event.child_id),)
    reference = getattr(event, "reference", None)
    return (store.stream_of(reference),) if reference else ()
