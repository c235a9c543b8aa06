"""Pathways as they live in the product: in force, previewed on last term's referrals, adopted; and minimum ages.

They start from the area's folder. Each adoption is an event with a version of its own, and each referral says which
version sent it where.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from frontdoor.areas import Area
from frontdoor.events import AGENCIES, AssessmentReady, MinimumAge, PathwaysAdopted, instant
from frontdoor.problems import wrong_fields
from frontdoor.web import FieldError
from frontdoor.work import Refused, Work
from referral_intake import domain, store, tables
from referral_intake.commands import PathwayChange

LOOKED_BACK = timedelta(weeks=16)
"""How far a preview looks back: about a term."""
MOST_SHOWN = 50


@dataclass(frozen=True)
class InForce:
    """The pathways by which referrals are sent now, and their version."""

    version: str
    rules: domain.Pathways


def in_force(work: Work) -> InForce:
    """Give the pathways that were adopted last; the area's own where nobody has adopted any."""
    adopted = store.latest_pathways(work.session, work.area.id)
    return InForce(adopted[0], _read(adopted[1])) if adopted else _of_area(work.area)


def _of_area(area: Area) -> InForce:
    own = area.pathways
    ages = {code: domain.MinimumAge(age.from_age, age.interim) for code, age in own.minimum_ages.items()}
    return InForce(own.version, domain.Pathways(own.support, own.needs, own.catch_all, ages))


@lru_cache(maxsize=8)
def _read(rules: str) -> domain.Pathways:
    said = json.loads(rules)
    ages = {code: domain.MinimumAge(age["from_age"], age["interim"]) for code, age in said["minimum_ages"].items()}
    return domain.Pathways(said["support"], said["needs"], said["catch_all"], ages)


def show(work: Work) -> dict[str, Any]:
    """Show the pathways in force, and every version before with who adopted it and why."""
    now = in_force(work)
    history = [
        {"version": row.version, "adopted_at": instant(row.adopted_at), "adopted_by": row.adopted_by, "note": row.note}
        for row in store.pathway_versions(work.session, work.area.id)
    ]
    return {"version": now.version, **_said(now.rules), "history": history}


def _said(rules: domain.Pathways) -> dict[str, Any]:
    ages = {code: {"from_age": age.from_age, "interim": list(age.interim)} for code, age in rules.minimum_ages.items()}
    plain = {"support": dict(rules.support), "needs": dict(rules.needs), "catch_all": list(rules.catch_all)}
    return {**plain, "minimum_ages": ages}


def preview(work: Work, change: PathwayChange) -> dict[str, Any]:
    """Say where last term's referrals would have gone under other pathways; no child's data is read for it."""
    rules = _checked(change)
    before: dict[str, dict[str, list[str]]] = {}
    for row in store.routes_since(work.session, work.area.id, work.now - LOOKED_BACK):
        before.setdefault(row.reference, {})[row.agency] = row.rules.split()
    changed = []
    for reference, sent in before.items():
        needs, support = _codes(sent)
        after = [route.agency for route in domain.find_routes(rules, needs, support)]
        if after != sorted(sent):
            changed.append({"reference": reference, "before": sorted(sent), "after": after})
    return {"referrals": len(before), "changed": len(changed), "examples": changed[:MOST_SHOWN]}


def _codes(sent: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """What a referral named, from the rules that sent it: needs are in capitals, supports in small letters."""
    named = {rule.partition(":")[2] for rules in sent.values() for rule in rules if not rule.startswith("interim:")}
    return sorted(code for code in named if code.isupper()), sorted(code for code in named if not code.isupper())


def adopt(work: Work, change: PathwayChange) -> dict[str, Any]:
    """Let other pathways be in force from now on. Twice is refused: what they change is in force no longer."""
    work.claim(f"pathways/{work.area.id}")
    rules, now = _checked(change), in_force(work)
    if change.based_on != now.version:
        raise Refused("stale", "Somebody else changed the pathways in the meantime: look again.", version=now.version)
    number = len(store.pathway_versions(work.session, work.area.id)) + 1
    version = f"{work.area.pathways.version}-{number}"
    event = PathwaysAdopted(
        version=version,
        based_on=now.version,
        support={code: tuple(agencies) for code, agencies in change.support.items()},
        needs={code: tuple(agencies) for code, agencies in change.needs.items()},
        catch_all=tuple(change.catch_all),
        minimum_ages={
            code: MinimumAge(from_age=age.from_age, interim=tuple(age.interim))
            for code, age in rules.minimum_ages.items()
        },
        note=change.note,
    )
    work.append(f"pathways/{version}", 0, event)
    return {"version": version, "based_on": now.version}


def _checked(change: PathwayChange) -> domain.Pathways:
    named = [(f"minimum_ages.{code}", code) for code in change.minimum_ages]
    named += [
        (f"minimum_ages.{code}.interim.{at}", interim)
        for code, age in change.minimum_ages.items()
        for at, interim in enumerate(age.interim)
    ]
    sentence = "Give this support a pathway of its own first"
    if wrong := [FieldError(path, sentence) for path, code in named if code not in change.support]:
        raise wrong_fields(wrong)
    ages = {code: domain.MinimumAge(age.from_age, age.interim) for code, age in change.minimum_ages.items()}
    needs = {str(code): agencies for code, agencies in change.needs.items()}
    return domain.Pathways(_in_order(change.support), _in_order(needs), change.catch_all, ages)


def _in_order(table: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {code: [agency for agency in AGENCIES if agency in agencies] for code, agencies in table.items()}


def bring_up_ready(work: Work) -> int:
    """Say of each child who is old enough by today for what they waited for. Twice is harmless: each is said once."""
    seen = {row.reference for row in store.ready_assessments(work.session, work.today)}
    work.claim(*map(_referral_stream, seen))
    ready = [row for row in store.ready_assessments(work.session, work.today) if row.reference in seen]
    for row in ready:
        _bring_up(work, row)
    return len(ready)


def _bring_up(work: Work, row: tables.WaitingAssessment) -> None:
    referral = store.find_referral(work.session, row.area, row.reference)
    if referral is None:
        return
    sent = store.standings_of(work.session, [row.reference])[row.reference].rules
    event = AssessmentReady(
        reference=row.reference,
        child_id=row.child_id,
        support=row.support,
        agencies=domain.asked_again(row.support, {agency: rules.split() for agency, rules in sent.items()}),
        ready_on=row.ready_on,
    )
    stream = _referral_stream(row.reference)
    with work.following(stream):
        work.append(stream, referral.version, event)


def _referral_stream(reference: str) -> str:
    return f"referral/{reference}"
