"""Who the child is: possible matches found as referrals come, decided by a person, linked and un-linked with a log."""

from collections.abc import Mapping, Sequence
from typing import Any

from frontdoor import access
from frontdoor.events import ChildrenKeptApart, ChildrenLinked, ChildrenUnlinked, instant
from frontdoor.identifiers import short_id
from frontdoor.work import Refused, Work
from referral_intake import matching, store, tables

SHOWN = ("given_name", "family_name", "date_of_birth", "postcode", "setting")
"""What a triager compares two children by; numbers are compared by us, and not shown."""


def note_matches(work: Work, child_id: str, identity: Mapping[str, Any]) -> int:
    """Find who this child may be already, as tasks for a person. Twice is harmless: a pair is noted once."""
    facts = matching.facts_of(identity)
    keys = matching.keys_of(work.parts.secret, facts)
    work.claim(*names_of(work, identity))
    others = store.children_with_keys(work.session, work.area.id, keys, child_id)
    noted = store.paired_with(work.session, child_id, [other.child_id for other in others]) if others else set()
    found = 0
    for other in others:
        match = matching.judge(facts, matching.facts_of(work.keys.unseal_or(other.identity, {})))
        if match is not None and other.child_id not in noted:
            store.keep_match(work.session, _row(work, other.child_id, child_id, match))
            found += 1
    store.keep_match_keys(work.session, work.area.id, child_id, keys)
    return found


def names_of(work: Work, identity: Mapping[str, Any]) -> list[str]:
    """Name what is claimed to look for a child, so that of two referrals of one child the later finds the earlier."""
    keys = matching.keys_of(work.parts.secret, matching.facts_of(identity))
    return [f"match-key/{work.area.id}/{key}" for key in keys]


def _row(work: Work, earlier: str, later: str, match: matching.Match) -> tables.PossibleMatch:
    return tables.PossibleMatch(
        id=short_id("M"),
        area=work.area.id,
        earlier=earlier,
        later=later,
        strength=match.strength,
        why=" ".join(match.why),
        found_at=work.now,
    )


def list_matches(work: Work) -> list[dict[str, Any]]:
    """List the open matches of which the reader may see at least one child; of the other, only that there is one."""
    answers, seen, by = [], [], access.Allow("nobody")
    for row in store.open_matches(work.session, work.area.id):
        sides = [_side(work, child_id) for child_id in (row.earlier, row.later)]
        allowed = [side for side in sides if side["allow"] is not None]
        if allowed:
            by = allowed[0]["allow"]
            seen += [reference for side in allowed for reference in side["references"]]
            answers.append(_answer(row, sides))
    work.shown("child.link", seen, by)
    return answers


def _answer(row: tables.PossibleMatch, sides: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    children = [{"references": side["references"], **side["identity"]} for side in sides]
    found = {"match": row.id, "strength": row.strength, "why": row.why.split(), "found_at": instant(row.found_at)}
    return {**found, "children": children}


def _side(work: Work, child_id: str) -> dict[str, Any]:
    """One of two children: what the reader may see of them, and by which permission (None: nothing)."""
    rows = store.referrals_of_children(work.session, work.area.id, [child_id])
    readable, allow = _readable(work, rows)
    child = store.child_of(work.session, child_id)
    identity = work.keys.unseal_or(child.identity if child else None, {}) if readable else {}
    closed = identity.get("address_confidential") and allow is not None and "care" not in (allow.categories or {"care"})
    shown = {name: identity.get(name) for name in SHOWN if readable and not (closed and name == "postcode")}
    return {"allow": allow, "references": readable, "identity": shown}


def _readable(work: Work, rows: Sequence[tables.Referral]) -> tuple[list[str], access.Allow | None]:
    standings = store.standings_of(work.session, [row.reference for row in rows])
    found: list[str] = []
    allow = None
    for row in rows:
        subject = store.subject_of(row, standings[row.reference].agencies)
        answer = access.decide(work.actor, "child.link", subject, work.area.agreements, work.now)
        if isinstance(answer, access.Allow):
            found.append(row.reference)
            allow = answer
    return found, allow


def decide_match(work: Work, match_id: str, *, same: bool) -> dict[str, Any]:
    """Say that two children are one, or are two. Twice is refused: it has been decided."""
    work.claim(f"match/{match_id}")
    row = store.find_match(work.session, work.area.id, match_id)
    if row is None or not any(_side(work, one)["allow"] for one in (row.earlier, row.later)):
        raise access.Denied(access.Deny(404, "unknown"), asked=("child.link", ""))
    if row.decided_at is not None:
        raise Refused("not_allowed", "This has been decided already: look again.")
    if same and row.strength == "conflict":
        sentence = (
            "These children have one number and nothing else in common: ask who sent the referral which is right."
        )
        raise Refused("not_allowed", sentence)
    references = [
        one.reference for one in store.referrals_of_children(work.session, work.area.id, [row.earlier, row.later])
    ]
    link, why = short_id("L"), tuple(row.why.split())
    said: dict[str, Any] = {"link": link, "child_id": row.later, "other_child_id": row.earlier, "why": why}
    event = ChildrenLinked(**said, references=tuple(references)) if same else ChildrenKeptApart(**said)
    work.append(f"child-link/{link}", 0, event)
    row.decided_at, row.decided_by, row.link = work.now, work.actor.person, link
    work.shown("child.link", references, access.Allow("triager"))
    return {"match": row.id, "link": link, "status": "linked" if same else "kept_apart"}


def unlink(work: Work, link_id: str, reason: str) -> dict[str, Any]:
    """Take a link back: both referrals stay as they were. Twice is refused: it has been taken back."""
    work.claim(f"child-link/{link_id}")
    row = store.find_link(work.session, work.area.id, link_id)
    if row is None or not any(_side(work, one)["allow"] for one in (row.child_id, row.other_child_id)):
        raise access.Denied(access.Deny(404, "unknown"), asked=("child.link", ""))
    if row.status != "linked":
        raise Refused("not_allowed", "These children are not linked: there is nothing to take back.")
    event = ChildrenUnlinked(
        link=row.link,
        child_id=row.child_id,
        other_child_id=row.other_child_id,
        reason=work.keys.seal(row.child_id, reason),
    )
    work.append(f"child-link/{row.link}", row.version, event)
    return {"link": row.link, "status": "unlinked"}


def linked_to(work: Work, child_id: str) -> list[dict[str, Any]]:
    """List other referrals of the same child that the reader may see too, with the link that says so."""
    found = []
    for row in store.links_of(work.session, child_id):
        other = row.other_child_id if row.child_id == child_id else row.child_id
        rows = store.referrals_of_children(work.session, work.area.id, [other])
        references, _ = _readable(work, rows)
        found += [{"reference": reference, "link": row.link} for reference in references]
    return found
