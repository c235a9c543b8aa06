"""What a setting finds when it screens a child each half-term; a flag opens a concern, so that nobody has to ask."""

import re
from collections.abc import Sequence
from typing import Any

from frontdoor import access
from frontdoor.areas import Organisation
from frontdoor.events import ScreeningRecorded, instant
from frontdoor.identifiers import ALPHABET, short_id
from frontdoor.problems import wrong_fields
from frontdoor.web import FieldError
from frontdoor.web.wording import words
from frontdoor.work import Work
from referral_intake import concerns, screening_rules, store
from referral_intake.concern_forms import ConcernForm, ScreeningForm
from referral_intake.questions import SETTINGS
from referral_intake.tables import Screening


def record(work: Work, form: ScreeningForm, child_id: str, token: str = "") -> dict[str, Any]:
    """Keep what a screening found, and log a concern for each flag; `concerns.prepare` has committed the child's key.

    Twice is two screenings, unless a page's one-use `token` names the same one; the latest of a half-term counts.
    """
    setting = setting_of(work)
    half_term = next((one for one in terms_of(work) if one.id == form.half_term and one.starts <= work.today), None)
    if half_term is None:
        raise wrong_fields([FieldError("half_term", "Select a half-term that has begun")])
    screening = token if re.fullmatch(rf"S-[{ALPHABET}]{{8}}", token) else short_id("S")
    work.claim(f"screening/{screening}")
    known = store.find_screening(work.session, work.area.id, screening)
    if known is not None and known.recorded_by == work.actor.person:
        return {"screening": screening, "concerns": []}
    event = ScreeningRecorded(
        screening=screening,
        child_id=child_id,
        setting=setting.id,
        half_term=half_term.id,
        year=form.year,
        results=form.results.model_dump(),
        recorded_by=work.actor.person,
        told=work.keys.seal(child_id, form.told()),
    )
    work.append(f"screening/{screening}", 0, event)
    opened = [_concern(work, form, half_term, domain) for domain in screening_rules.flagged(form.results.model_dump())]
    return {"screening": screening, "concerns": [concerns.log(work, one, child_id)["concern"] for one in opened]}


def _concern(work: Work, form: ScreeningForm, half_term: screening_rules.HalfTerm, domain: str) -> ConcernForm:
    what = f"Flagged when screened in {words(form.year)}, {half_term.name}."
    said = {"area": domain, "impact": "clearly", "what": f"{what}\n{form.note}" if form.note else what}
    child = form.child.model_dump(mode="json", exclude_none=True)
    return ConcernForm.model_validate({"child": child, "raised_on": work.today.isoformat(), **said})


def setting_of(work: Work) -> Organisation:
    """The setting that the reader works for; `Denied` where it is none."""
    setting = work.area.organisations.get(work.actor.organisation or "")
    if setting is None or setting.kind not in SETTINGS:
        raise access.Denied(access.Deny(403, "relation"))
    return setting


def terms_of(work: Work) -> list[screening_rules.HalfTerm]:
    """The half-terms of the reader's setting."""
    return screening_rules.half_terms(work.area.calendar_of(work.actor.organisation).terms)


def overview(work: Work) -> dict[str, Any]:
    """Say what was found this half-term, who is still to be screened, and which half-terms were missed."""
    setting, known = setting_of(work), terms_of(work)
    rows = store.screenings_of(work.session, work.area.id, setting.id)
    now = screening_rules.latest(known, work.today)
    recorded = {row.half_term for row in rows}
    since = screening_rules.takes_part_since(known, recorded, work.today, always=setting.kind == "early_years")
    seen = [row for row in rows if isinstance(_may(work, row), access.Allow)]
    work.shown("concern.read", [row.screening for row in seen], access.Allow("school"))
    this = _latest_of_each(work, [row for row in seen if now and row.half_term == now.id])
    before = _latest_of_each(work, [row for row in seen if not now or row.half_term != now.id])
    done = {_who(one) for one in this}
    return {
        "half_term": now,
        "found": this,
        "to_do": [one for one in before if _who(one) not in done],
        "overdue": screening_rules.overdue(known, recorded, since, work.today),
    }


def _latest_of_each(work: Work, rows: Sequence[Screening]) -> list[dict[str, Any]]:
    """One line for each child, by their latest screening; a child who was erased has none."""
    lines: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        told = work.keys.unseal_or(row.told, {})
        line = {"screening": row.screening, "year": row.year, "results": row.results, "by": row.recorded_by, **told}
        if told.get("child"):
            lines.setdefault(_who(line), line | {"recorded_at": instant(row.recorded_at)})
    return sorted(lines.values(), key=_who)


def _who(line: dict[str, Any]) -> tuple[str, ...]:
    child = line["child"]
    return child["family_name"].casefold(), child["given_name"].casefold(), child.get("date_of_birth") or ""


def _may(work: Work, row: Screening) -> access.Allow | access.Deny:
    subject = access.Subject(reference=row.screening, area=row.area, sent_by=row.recorded_by, setting=row.setting)
    return access.decide(work.actor, "concern.read", subject, work.area.agreements, work.now)
