"""What staff notice: a concern is logged, the SENCO knows, and it becomes a referral with nothing keyed again."""

import re
from collections.abc import Mapping
from typing import Any

from frontdoor import access
from frontdoor.events import ConcernClosed, ConcernLogged, ConcernReferred, instant
from frontdoor.identifiers import ALPHABET, short_id
from frontdoor.problems import wrong_fields
from frontdoor.web import FieldError
from frontdoor.work import Parts, Refused, Work
from referral_intake import concern_rules, domain, store, tables
from referral_intake.concern_forms import ConcernForm
from referral_intake.questions import SETTINGS

LATER = "Date the concern was noticed must be today or in the past"


def prepare(parts: Parts, child_id: str) -> None:
    """Commit the child's data key before the transaction that uses it."""
    parts.keys.create(child_id, parts.clock())


def log(work: Work, form: ConcernForm, child_id: str, token: str = "") -> dict[str, Any]:
    """Log a concern; where the rule says so, the SENCO has to decide.

    Twice is two concerns, unless a page's one-use `token` names the same one.
    """
    concern = token if re.fullmatch(rf"N-[{ALPHABET}]{{8}}", token) else short_id("N")
    key = _key(work, form, str(work.actor.organisation))
    _claim_child(work, key)
    work.claim(_stream(concern))
    known = store.find_concern(work.session, work.area.id, concern)
    if known is not None and known.logged_by == work.actor.person:
        return {"concern": concern, "status": known.status, "why": known.why}
    school = work.area.organisations.get(work.actor.organisation or "")
    if school is None or school.kind not in SETTINGS:
        raise access.Denied(access.Deny(403, "relation"))
    if form.raised_on > work.today:
        raise wrong_fields([FieldError("raised_on", LATER)])
    earlier = [_rule(row) for row in store.concerns_of_child(work.session, work.area.id, key)]
    helped = form.strategy_helped
    why = concern_rules.why_escalate(concern_rules.Concern(form.raised_on, form.area, form.impact, helped), earlier)
    event = ConcernLogged(
        concern=concern,
        child_id=child_id,
        setting=school.id,
        logged_by=work.actor.person,
        raised_on=form.raised_on,
        area_of_need=form.area,
        impact=form.impact,
        strategy_helped=helped,
        escalated=why,
        told=work.keys.seal(child_id, form.told()),
    )
    work.append(_stream(concern), 0, event)
    store.keep_concern_key(work.session, concern, child_id, key)
    return {"concern": concern, "status": "to_decide" if why else "logged", "why": why}


def _stream(concern: str) -> str:
    return f"concern/{concern}"


def _claim_child(work: Work, key: str) -> None:
    """Let nobody else decide about a child's concerns together; claimed before any one of them."""
    work.claim(f"concerns-about/{key}")


def _key(work: Work, form: ConcernForm, school: str) -> str:
    """Know the same child again inside one school, without a name in clear."""
    words = " ".join(sorted(domain.search_words(f"{form.child.given_name} {form.child.family_name}")))
    return domain.keyed_hash(work.parts.secret, f"concern|{school}|{words}")


def _rule(row: tables.Concern) -> concern_rules.Concern:
    return concern_rules.Concern(row.raised_on, row.area_of_need, row.impact, row.strategy_helped)  # type: ignore[arg-type]


def listed(work: Work) -> list[dict[str, Any]]:
    """List the concerns that the reader may see, those that the SENCO has to decide first."""
    rows = store.concerns_of_school(work.session, work.area.id, str(work.actor.organisation))
    seen = [row for row in rows if isinstance(_may(work, row), access.Allow)]
    work.shown("concern.read", [row.concern for row in seen], access.Allow("school"))
    return [_answer(work, row) for row in seen]


def show(work: Work, concern: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Show a concern, and the others about the same child that the reader may see."""
    row = _find(work, concern)
    others = store.concerns_of_child(work.session, work.area.id, store.key_of_concern(work.session, concern))
    seen = [one for one in others if one.concern != concern and isinstance(_may(work, one), access.Allow)]
    work.shown("concern.read", [concern, *(one.concern for one in seen)], access.Allow("school"))
    return _answer(work, row), [_answer(work, one) for one in seen]


def as_form(work: Work, concern: str) -> dict[str, Any]:
    """Fill in a referral form from every open concern about the same child: for the SENCO."""
    row = _for_senco(work, concern)
    key = store.key_of_concern(work.session, concern)
    rows = [one for one in store.concerns_of_child(work.session, work.area.id, key) if one.status != "closed"]
    told = [{**_told(work, one), "raised_on": one.raised_on.isoformat(), "area": one.area_of_need} for one in rows]
    told = [one for one in told if one.get("child")]
    if not told:
        raise Refused("not_allowed", "What was written has been erased: begin a new referral instead.")
    return concern_rules.as_form(told, row.setting)


def referred(work: Work, concern: str, reference: str) -> None:
    """Note that a concern, and the others about the same child, have become a referral. Twice is harmless."""
    key = store.key_of_concern(work.session, concern)
    _claim_child(work, key)
    work.claim(*(_stream(row.concern) for row in store.concerns_of_child(work.session, work.area.id, key)))
    for row in store.concerns_of_child(work.session, work.area.id, key):
        if row.status in {"logged", "to_decide"}:
            event = ConcernReferred(concern=row.concern, child_id=row.child_id, reference=reference)
            work.append(_stream(row.concern), row.version, event)


def close(work: Work, concern: str, reason: str) -> None:
    """Close a concern with a reason: for the SENCO. Twice is refused: it has been closed."""
    work.claim(_stream(concern))
    row = _for_senco(work, concern)
    event = ConcernClosed(concern=row.concern, child_id=row.child_id, reason=work.keys.seal(row.child_id, reason))
    work.append(_stream(row.concern), row.version, event)


def _for_senco(work: Work, concern: str) -> tables.Concern:
    row = _find(work, concern)
    if "senco" not in work.actor.roles:
        raise access.Denied(access.Deny(403, "relation"), asked=("concern.read", concern))
    if row.status not in {"logged", "to_decide"}:
        raise Refused("not_allowed", "This concern has been decided already: look again.")
    return row


def _find(work: Work, concern: str) -> tables.Concern:
    row = store.find_concern(work.session, work.area.id, concern)
    answer = _may(work, row) if row is not None else access.Deny(404, "unknown")
    if row is None or isinstance(answer, access.Deny):
        raise access.Denied(access.Deny(404, "unknown"), asked=("concern.read", ""))
    return row


def _may(work: Work, row: tables.Concern) -> access.Allow | access.Deny:
    subject = access.Subject(reference=row.concern, area=row.area, sent_by=row.logged_by, setting=row.setting)
    return access.decide(work.actor, "concern.read", subject, work.area.agreements, work.now)


def _told(work: Work, row: tables.Concern) -> Mapping[str, Any]:
    told: Mapping[str, Any] = work.keys.unseal_or(row.told, {})
    return told


def _answer(work: Work, row: tables.Concern) -> dict[str, Any]:
    plain = {"concern": row.concern, "status": row.status, "why": row.why, "reference": row.reference}
    about = {"area": row.area_of_need, "impact": row.impact, "strategy_helped": row.strategy_helped}
    when = {"raised_on": row.raised_on.isoformat(), "logged_at": instant(row.logged_at), "logged_by": row.logged_by}
    return {**plain, **about, **when, **_told(work, row)}
