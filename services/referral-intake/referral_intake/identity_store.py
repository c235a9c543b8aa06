"""The questions asked of who a child is: possible matches, links, and what is kept to find them."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import bindparam, delete, or_, select, tuple_
from sqlmodel import Session, col

from frontdoor.database import answers_to
from frontdoor.rows import insert_absent, table_of
from referral_intake.tables import Child, ChildLink, MatchKey, PossibleMatch, SearchHash

MOST_MATCHES = 200
MOST_COMPARED = 12
"""Children that a new one is compared with: whoever decides about these finds the others through them."""


def keep_match_keys(session: Session, area: str, child_id: str, hashes: Iterable[str]) -> None:
    """Keep by what the same child would be known again. Twice is harmless."""
    rows = [{"area": area, "hash": value, "child_id": child_id} for value in sorted(set(hashes))]
    insert_absent(session, table_of(MatchKey), rows)


_key = table_of(MatchKey).c
_keyed = select(_key.child_id).where(_key.area == bindparam("area"), _key.hash.in_(bindparam("hashes", expanding=True)))
_keyed_others = _keyed.where(_key.child_id != bindparam("but")).limit(bindparam("most"))


def children_with_keys(session: Session, area: str, hashes: Collection[str], but: str) -> Sequence[Child]:
    """Find other children with one of these keys, at most `MOST_COMPARED`, in the order of their ids.

    One child may have been referred a thousand times; what it costs to find that out must not grow with it.
    """
    most = MOST_COMPARED * len(hashes)
    found = answers_to(session, _keyed_others, area=area, hashes=list(hashes), but=but, most=most)
    known = sorted(set(found.scalars()))[:MOST_COMPARED]
    if not known:
        return []
    return session.scalars(select(Child).where(col(Child.child_id).in_(known)).order_by(col(Child.child_id))).all()


def paired_with(session: Session, child_id: str, others: Collection[str]) -> set[str]:
    """Say which of these it has been noted of that they may be this child, whichever came first."""
    either = [pair for other in others for pair in ((other, child_id), (child_id, other))]
    pairs = tuple_(col(PossibleMatch.earlier), col(PossibleMatch.later)).in_(either)
    known = session.execute(select(col(PossibleMatch.earlier), col(PossibleMatch.later)).where(pairs))
    return {one for pair in known for one in pair} - {child_id}


def forget_how_found(session: Session, child_id: str) -> None:
    """Let nobody find a child any more, by what was known of them or as somebody's possible match."""
    for table in (SearchHash, MatchKey):
        session.connection().execute(delete(table).where(col(table.child_id) == child_id))
    either = or_(col(PossibleMatch.earlier) == child_id, col(PossibleMatch.later) == child_id)
    session.connection().execute(delete(PossibleMatch).where(either))


def keep_match(session: Session, match: PossibleMatch) -> None:
    """Keep a possible match."""
    session.add(match)


def find_match(session: Session, area: str, match_id: str) -> PossibleMatch | None:
    """Give a possible match of this area."""
    row = session.get(PossibleMatch, match_id)
    return row if row is not None and row.area == area else None


def open_matches(session: Session, area: str) -> Sequence[PossibleMatch]:
    """List the possible matches that nobody has decided, the surest first, then the oldest; at most `MOST_MATCHES`."""
    here = select(PossibleMatch).where(col(PossibleMatch.area) == area, col(PossibleMatch.decided_at).is_(None))
    order = (col(PossibleMatch.strength), col(PossibleMatch.found_at), col(PossibleMatch.id))
    return session.scalars(here.order_by(*order).limit(MOST_MATCHES)).all()


def find_link(session: Session, area: str, link_id: str) -> ChildLink | None:
    """Give what was said of two children, in this area."""
    row = session.get(ChildLink, link_id)
    return row if row is not None and row.area == area else None


def links_of(session: Session, child_id: str) -> Sequence[ChildLink]:
    """List the links by which a child is another too."""
    theirs = or_(col(ChildLink.child_id) == child_id, col(ChildLink.other_child_id) == child_id)
    return session.scalars(select(ChildLink).where(col(ChildLink.status) == "linked", theirs)).all()
