"""Immediate danger: what was sent is kept sealed for the care duty team, and never becomes a referral."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import structlog

from frontdoor import access
from frontdoor.events import instant
from frontdoor.identifiers import short_id
from frontdoor.work import Parts, Refused, Work
from referral_intake import domain, store, tables
from referral_intake.handlers import unknown

log = structlog.get_logger()


_SENDERS_WORDS = {"young_person": ("you", "are"), "parent": ("your child", "is")}


def danger(roles: Collection[str], by_day: str, by_night: str) -> str:
    """Say what to do now, to somebody in these roles; the numbers are those of the duty team."""
    child, are = next((said for role, said in _SENDERS_WORDS.items() if role in roles), ("the child", "is"))
    return (
        f"If {child}, or anybody else, {are} in danger now, call 999. Otherwise call the children's social care duty "
        f"team now: {by_day}, or {by_night} in the evening, at night and at weekends. This has not been sent as a "
        f"referral: the duty team has been alerted. Send the form when {child} {are} safe."
    )


def alert_with(sent: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Give what an alert carries once something is added to it; the same again, one after the other, is one."""
    before = sent.get(domain.ADDED_LATER)
    known = before if isinstance(before, list) else []
    return {**sent, domain.ADDED_LATER: known if known and known[-1] == added else [*known, dict(added)]}


def is_danger(sent: Any) -> bool:
    """Say whether somebody says that a child is in danger now; looked at before anything else."""
    return isinstance(sent, dict) and sent.get("immediate_danger") is True


def raise_alert(parts: Parts, actor: access.Actor, sent: Any) -> Refused:
    """Keep what was sent for the care duty team, in a transaction of its own; give the refusal to answer with."""
    alert_id = short_id("A")
    parts.keys.create(alert_id, parts.clock())
    with parts.work(actor) as work:
        kept = log_alert(work, sent, alert_id)
    said = danger(actor.roles, parts.area.contacts.duty_team_day, parts.area.contacts.duty_team_night)
    return Refused("immediate_danger", said, status=422, field="immediate_danger", alert=kept)


def log_alert(work: Work, sent: Any, alert_id: str) -> str:
    """Keep an alert and give its id. Twice is harmless: the same words again, unread, are the same alert."""
    digest = domain.keyed_hash(work.parts.secret, json.dumps(sent, sort_keys=True))
    since = work.now - domain.ESCALATE_AFTER
    work.claim(f"alert-said/{work.actor.person}/{digest}")
    if known := store.same_alert(work.session, work.area.id, work.actor.person, digest, since):
        return known.id
    sealed = work.keys.seal(alert_id, sent)
    store.keep_alert(work.session, work.area.id, work.actor.person, alert_id, digest, sealed, work.now)
    log.warning("alert_received", alert=alert_id)
    return alert_id


def show_alerts(work: Work) -> list[dict[str, Any]]:
    """Show the duty team's alerts with what was sent, unread ones first."""
    rows = store.alerts_of(work.session, work.area.id)
    work.shown("alert.read", [row.id for row in rows], access.Allow("triager"))
    return [_alert_answer(work, row) for row in rows]


def read_alert(work: Work, alert_id: str) -> dict[str, Any]:
    """Note that somebody of the duty team has read an alert. Twice is harmless: the first reader stays."""
    row = claimed_alert(work, alert_id)
    if row is None:
        raise unknown("alert.read", "")
    if row.read_at is None:
        row.read_at, row.read_by = work.now, work.actor.person
    work.shown("alert.read", [row.id], access.Allow("triager"))
    return {"alert": row.id, "read_at": instant(row.read_at), "read_by": row.read_by}


def claimed_alert(work: Work, alert_id: str) -> tables.Alert | None:
    """Find an alert of this area that nobody else changes meanwhile."""
    work.claim(f"alert/{alert_id}")
    return store.find_alert(work.session, work.area.id, alert_id)


def escalate_alerts(work: Work) -> int:
    """Escalate the alerts that nobody has read in time; each once, however often this runs."""
    work.claim("alerts/escalation")
    late = store.alerts_to_escalate(work.session, work.now - domain.ESCALATE_AFTER)
    for row in late:
        row.escalated_at = work.now
        log.error("alert_unread", alert=row.id)
    return len(late)


def _alert_answer(work: Work, row: tables.Alert) -> dict[str, Any]:
    times = {"received_at": row.received_at, "escalated_at": row.escalated_at, "read_at": row.read_at}
    said = {name: instant(at) if at else None for name, at in times.items()}
    by = {"alert": row.id, "sent_by": row.sent_by, "read_by": row.read_by}
    return {**by, **said, "escalated": row.escalated_at is not None, "sent": work.keys.unseal_or(row.sent, {})}
