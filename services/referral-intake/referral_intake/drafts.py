"""Forms that somebody has begun: opened, kept, passed to the SENCO, taken up, dropped."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from frontdoor.access import Actor
from frontdoor.areas import Organisation
from frontdoor.calls import Call
from frontdoor.problems import Problem
from frontdoor.work import Work
from referral_intake import concerns, domain, handlers, store, tables
from referral_intake.filled_form import Filled
from referral_intake.questions import SETTINGS, first_values, reader_of

CONCERN = "_concern"
"""Which concern a form was begun from, kept among what was typed; it is no field of the form."""
BULK = "bulk"
"""Where somebody is who has a file of referrals to send: no form, and listed with none."""
ROWS = "_rows"
"""The rows of that file, each as JSON."""


def nothing_here() -> Problem:
    """Answer for what is not there, or is somebody else's."""
    return Problem(404, "not_found", "There is nothing here, or nothing that you may see: check the address.")


def filled(call: Call, values: Any) -> Filled:
    """Read what was typed as the form of this reader, now."""
    return Filled(reader_of(call.actor), call.parts.area, call.parts.clock(), values)


def find(call: Call, draft: str) -> Filled | str:
    """Open somebody's own draft; where it has been sent, the reference of the referral that it became."""
    with call.look() as session:
        row = store.find_draft(session, draft, call.actor.person)
        if row is not None:
            return filled(call, call.parts.keys.unseal_or(row.values, {}))
        reference = store.reference_of_token(session, call.actor.person, draft)
    if reference is None:
        raise nothing_here()
    return reference


def change(call: Call, draft: str, page: str, by: Callable[[Filled], Filled]) -> Filled | str:
    """Change a draft in one transaction, so that two tabs lose nothing of each other's pages."""
    return change_with(call, draft, page, lambda _work, filled: by(filled))


def change_with(call: Call, draft: str, page: str, by: Callable[[Work, Filled], Filled]) -> Filled | str:
    """Change a draft, and in the same transaction what goes with it: of two at the same moment the later sees both."""
    with call.work() as work:
        handlers.claim_draft(work, draft)
        row = store.find_draft(work.session, draft, call.actor.person)
        if row is not None:
            changed = by(work, filled(call, work.keys.unseal_or(row.values, {})))
            keep(work, draft, changed, page)
            return changed
    return find(call, draft)


def keep(work: Work, draft: str, changed: Filled, page: str) -> None:
    """Keep a draft as it is now, sealed with its own key."""
    values = work.keys.seal(draft, dict(changed.values))
    area, person = work.area.id, work.actor.person
    store.save_draft(work.session, draft_id=draft, area=area, person=person, values=values, page=page, now=work.now)


def bulk_rows(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the rows of a file of referrals that somebody has to send."""
    return [json.loads(text) for text in values.get(ROWS, [])]


def listed(call: Call) -> list[dict[str, Any]]:
    """List the forms that somebody has begun, the latest first: id, what to call it, when it was saved, who waits."""
    with call.look() as session:
        rows = store.drafts_of(session, call.actor.person)
        return [_line(call, row) for row in rows if row.page != BULK]


def settle_concern(work: Work, changed: Filled, reference: str) -> None:
    """Say of the concern that a form was begun from, if it was, that it has become this referral."""
    if concern := changed.form.value(CONCERN):
        concerns.referred(work, concern, reference)


def how(work: Work, draft: str) -> domain.FilledIn:
    """Say how a draft came about: minutes spent on it, and who began it; nothing is known once it has been sent."""
    row = store.find_draft(work.session, draft, work.actor.person)
    if row is None and store.reference_of_token(work.session, work.actor.person, draft) is None:
        raise nothing_here()
    if row is None:
        return domain.FilledIn()
    return domain.FilledIn(minutes=max(1, round(row.active_seconds / 60)), drafted_by=row.drafted_by)


# --- a delegate drafts, the SENCO sends -------------------------------------------------------------------------------


def school_of(call: Call) -> Organisation | None:
    """The setting whose SENCO a form may be passed to by this person; None for a SENCO, and where there is none."""
    own = call.parts.area.organisations.get(call.actor.organisation or "")
    if own is None or own.kind not in SETTINGS or "senco" in call.actor.roles:
        return None
    people = call.parts.area.people.values()
    return own if any(one.organisation == own.id and "senco" in one.roles for one in people) else None


def waiting(call: Call) -> list[dict[str, Any]]:
    """List the forms that wait for this SENCO: none for anybody else."""
    if not _is_senco(call.actor):
        return []
    with call.look() as session:
        rows = store.drafts_handed_to(session, call.parts.area.id, str(call.actor.organisation))
        return [_line(call, row) for row in rows]


def passed_on(call: Call) -> list[dict[str, Any]]:
    """List the forms that this person began and another has taken up."""
    with call.look() as session:
        return [_line(call, row) for row in store.drafts_drafted_by(session, call.actor.person)]


def hand_over(work: Work, draft: str, school: str | None) -> None:
    """Pass a draft to the SENCO of a school, or (None) take it back before they have it. Twice is harmless."""
    handlers.claim_draft(work, draft)
    row = store.find_draft(work.session, draft, work.actor.person)
    if row is None:
        raise nothing_here()
    row.handed_to = school


def take_up(call: Call, draft: str) -> None:
    """Let the SENCO have a form that was passed to them: they refer now, and whoever began it asked for consent."""
    if not _is_senco(call.actor):
        raise nothing_here()
    with call.work() as work:
        handlers.claim_draft(work, draft)
        organisation = str(work.actor.organisation)
        row = store.find_handed_draft(work.session, draft, work.area.id, organisation)
        if row is None:
            raise nothing_here()
        values = work.keys.unseal_or(row.values, {})
        by = work.area.people.get(row.person)
        own = {name: said for name, said in first_values(work.actor, work.area).items() if name.startswith("referrer.")}
        kept = {name: said for name, said in values.items() if not name.startswith("referrer.")}
        asked = {"consent.taken_by": by.name} if by and not kept.get("consent.taken_by") else {}
        sent = [str(said) for name, said in values.items() if _is_upload(name)]
        store.give_uploads(work.session, sent, row.person, work.actor.person)
        row.person, row.drafted_by, row.handed_to = work.actor.person, row.person, None
        keep(work, draft, filled(call, {**kept, **own, **asked}), row.page)


def _is_senco(actor: Actor) -> bool:
    return "senco" in actor.roles and actor.organisation is not None


def _is_upload(name: str) -> bool:
    return name.startswith("reports.") and name.endswith(".upload")


def _line(call: Call, row: tables.Draft) -> dict[str, Any]:
    people = call.parts.area.people
    values = call.parts.keys.unseal_or(row.values, {})
    return {
        "id": row.id,
        "at": row.updated_at,
        "name": filled(call, values).name,
        "with": people[row.person].name if row.person in people else "",
        "from": people[row.drafted_by or row.person].name if (row.drafted_by or row.person) in people else "",
        "handed": row.handed_to is not None,
    }
