"""Who the child is: possible matches found as referrals come, decided by a person, linked and un-linked with a log."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from frontdoor import access
from frontdoor.events import (
    ChildAdopted,
    ChildrenKeptApart,
    ChildrenLinked,
    ChildrenUnlinked,
    ContactChanged,
    instant,
)
from frontdoor.identifiers import normal_reference, short_id
from frontdoor.work import Refused, Work
from referral_intake import identity_store, matching, store, tables

SHOWN = ("given_name", "family_name", "date_of_birth", "postcode", "setting")
"""What a triager compares two children by; numbers are compared by us, and not shown."""


def note_matches(work: Work, child_id: str, identity: Mapping[str, Any]) -> int:
    """Find who this child may be already, as tasks for a person. Twice is harmless: a pair is noted once."""
    facts = matching.facts_of(identity)
    keys = matching.keys_of(work.parts.secret, facts)
    work.claim(*_names(work, keys))
    others = identity_store.children_with_keys(work.session, work.area.id, keys, child_id)
    noted = (
        identity_store.paired_with(work.session, child_id, [other.child_id for other in others]) if others else set()
    )
    found = 0
    for other in others:
        match = matching.judge(facts, matching.facts_of(work.keys.unseal_or(other.identity, {})))
        if match is not None and other.child_id not in noted:
            identity_store.keep_match(work.session, _row(work, other.child_id, child_id, match))
            found += 1
    identity_store.keep_match_keys(work.session, work.area.id, child_id, keys)
    return found


def names_of(work: Work, identity: Mapping[str, Any]) -> list[str]:
    """Name what is claimed to look for a child, so that of two referrals of one child the later finds the earlier."""
    return _names(work, matching.keys_of(work.parts.secret, matching.facts_of(identity)))


def _names(work: Work, keys: Collection[str]) -> list[str]:
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
    for row in identity_store.open_matches(work.session, work.area.id):
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
    row = identity_store.find_match(work.session, work.area.id, match_id)
    allow = _allowed(work, (row.earlier, row.later)) if row else None
    if row is None or allow is None:
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
    work.shown("child.link", references, allow)
    return {"match": row.id, "link": link, "status": "linked" if same else "kept_apart"}


def unlink(work: Work, link_id: str, reason: str) -> dict[str, Any]:
    """Take a link back: both referrals stay as they were. Twice is refused: it has been taken back."""
    work.claim(f"child-link/{link_id}")
    row = identity_store.find_link(work.session, work.area.id, link_id)
    allow = _allowed(work, (row.child_id, row.other_child_id)) if row else None
    if row is None or allow is None:
        raise access.Denied(access.Deny(404, "unknown"), asked=("child.link", ""))
    if row.status != "linked":
        raise Refused("not_allowed", "These children are not linked, so there is nothing to take back: look again.")
    _take_back(work, row, reason)
    children = [row.child_id, row.other_child_id]
    rows = store.referrals_of_children(work.session, work.area.id, children)
    work.shown("child.link", [one.reference for one in rows], allow)
    return {"link": row.link, "status": "unlinked"}


def _take_back(work: Work, row: tables.ChildLink, reason: str) -> None:
    pair = {"child_id": row.child_id, "other_child_id": row.other_child_id}
    event = ChildrenUnlinked(link=row.link, reason=work.keys.seal(row.child_id, reason), **pair)
    work.append(f"child-link/{row.link}", row.version, event)


def adopt(work: Work, reference: str, new_reference: str) -> dict[str, Any]:
    """Say that a child lives on under another identity, to whoever may see both referrals. Twice is harmless.

    The old referral stays as it was and is found by nothing; nobody on it is told anything from now on; that the two
    are one is sealed, and shown to nobody. All in one transaction.
    """
    names = [normal_reference(one) or "" for one in (reference, new_reference)]
    work.claim(*(f"referral/{name}" for name in names))
    old, new = (_readable_referral(work, name) for name in names)
    if old.child_id == new.child_id:
        raise Refused("not_allowed", "Give the reference of the referral that was made under the new identity.")
    # Nobody changes a contact without the referral, which is claimed; a link may be taken back meanwhile.
    contacts = store.contacts_of(work.session, old)
    links = [f"child-link/{link.link}" for link in identity_store.links_of(work.session, old.child_id)]
    work.claim(*(f"contact/{row.contact_id}" for row in contacts), *links)
    became, adoption = work.keys.seal(old.child_id, {"child_id": new.child_id}), short_id("T")
    work.append(f"adoption/{adoption}", 0, ChildAdopted(adoption=adoption, child_id=old.child_id, became=became))
    for link in identity_store.links_of(work.session, old.child_id):
        _take_back(work, link, "Not to be shown together")
    for contact in contacts:
        state = {name: getattr(contact, name) for name in ContactChanged.model_fields} | {"safe_to_contact": False}
        work.append(f"contact/{contact.contact_id}", None, ContactChanged(**state))
    identity_store.forget_how_found(work.session, old.child_id)
    return {"status": "sealed"}


def _readable_referral(work: Work, reference: str) -> tables.Referral:
    row = store.find_referral(work.session, work.area.id, reference)
    found, allow = _readable(work, [row] if row else [])
    if row is None or allow is None:  # the same answer for both: nobody learns which references there are
        raise access.Denied(access.Deny(404, "unknown"), asked=("child.link", reference))
    work.shown("child.link", found, allow)
    return row


def _allowed(work: Work, child_ids: Sequence[str]) -> access.Allow | None:
    """Say by which permission the actor may decide about these children: they may see one of them."""
    sides = (_side(work, child_id)["allow"] for child_id in child_ids)
    return next((allow for allow in sides if allow is not None), None)


def linked_to(work: Work, child_id: str) -> list[dict[str, Any]]:
    """List other referrals of the same child that the reader may see too, with the link that says so."""
    found = []
    for row in identity_store.links_of(work.session, child_id):
        other = row.other_child_id if row.child_id == child_id else row.child_id
        rows = store.referrals_of_children(work.session, work.area.id, [other])
        references, _ = _readable(work, rows)
        found += [{"reference": reference, "link": row.link} for reference in references]
    return found
