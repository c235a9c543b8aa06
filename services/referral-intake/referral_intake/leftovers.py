"""What is kept beside the referrals and may tell of a child: found, to be erased with them, and forgotten after a time.

Forms that nobody has sent, alerts, concerns and screenings are sealed with keys of their own, so a child's key does not
reach them. Whoever erases a child opens them, and compares whom they are about with who the child is.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from frontdoor import access, files
from frontdoor.web import Form
from frontdoor.work import Parts
from referral_intake import drafts, leftover_store, matching, reports

KEPT_FOR = {"draft": timedelta(days=90), "upload": timedelta(days=90), "alert": timedelta(days=365)}
"""How long a form is kept after it was saved last; a file that no referral has, whose sender fills in no form; an alert
after the duty team has read it, and until then for as long as it takes."""

# --- forgotten after a time -------------------------------------------------------------------------------------------


def expire(parts: Parts) -> int:
    """Forget what has been kept for long enough, with its key; count it. What is taken up again meanwhile stays."""
    note_old_files(parts)
    gone = 0
    for kind, long_enough in KEPT_FOR.items():
        with parts.database.read() as session:
            found = leftover_store.kept_since(session, kind, parts.clock() - long_enough)
        gone += sum(_forget(parts, kind, one) for one in found)
    return gone


def _forget(parts: Parts, kind: str, one: str) -> bool:
    with parts.work(access.machine(parts.service, parts.area.id)) as work:
        work.claim(f"{kind}/{one}")
        row = leftover_store.still_kept_since(work.session, kind, one, work.now - KEPT_FOR[kind])
        if row is None:
            return False
        # The key first: a row that stays behind says nothing any more, and is found again.
        parts.keys.destroy(one, work.now)
        files.forget(parts.folder / files.FOLDER, one)
        work.session.delete(row)
    return True


# --- files from before it was noted whom they are about ---------------------------------------------------------------


def note_old_files(parts: Parts) -> None:
    """Note whom the files are about that were sent before this was noted, from the referrals that name them: once."""
    with parts.database.read() as session:
        old = leftover_store.old_files(session)
        if not old:
            return
        about = {(one, child) for child, evidence in _evidence(parts, session) for one in old.intersection(evidence)}
    with parts.database.write() as session:
        leftover_store.note_files(session, about)


def _evidence(parts: Parts, session: Session) -> Iterator[tuple[str, list[str]]]:
    for child, story in leftover_store.stories(session):
        yield child, reports.uploads_in(parts.keys.unseal_or(story, {}))
    for child, added in leftover_store.additions(session):
        yield child, added.split()


# --- what tells of a child --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """Who somebody is, by their referrals, and who sent those: people, organisations, settings."""

    facts: Sequence[matching.Facts]
    near: Collection[str]

    def are_in(self, children: Iterable[Any], by: Iterable[str]) -> bool:
        """Say whether one of these children, as people of these places named them, is surely the one who is known."""
        said = [facts for child in children if (facts := matching.facts_of_any(child))]
        near = any(one in self.near for one in by)
        return any(matching.is_about(one, known, near=near) for one in said for known in self.facts)


def written_about(parts: Parts, children: Collection[str]) -> set[str]:
    """Name the keys of what was written about these children outside their referrals.

    They are those of forms and their files, of alerts, and of the children whom concerns and screenings made.
    """
    found: set[str] = set()
    uploads: set[str] = set()
    with parts.database.read() as session:
        known = _known(parts, session, children)
        for key, named, by, files_of_it in _written(parts, session):
            if known.are_in(named, [*by, *_organisations(parts, by)]):
                found.add(key)
                uploads.update(files_of_it)
        return found | (uploads - leftover_store.evidence_of(session, uploads))


def _known(parts: Parts, session: Session, children: Collection[str]) -> Known:
    said = [parts.keys.unseal_or(sealed, None) for sealed in leftover_store.identities(session, children)]
    near = leftover_store.senders(session, children)
    for _, setting, sealed in leftover_store.seen_by_settings(session, children):
        said.append(parts.keys.unseal_or(sealed, {}).get("child"))
        near.add(setting)
    known = [facts for one in said if (facts := matching.facts_of_any(one))]
    # Where a day of birth is known, whoever has the same name and another day is somebody else.
    return Known([facts for facts in known if facts.born] or known, near)


def unread_alerts(parts: Parts, ids: Collection[str]) -> list[str]:
    """Name those of these alerts that nobody of the duty team has read."""
    with parts.database.read() as session:
        return leftover_store.unread(session, ids)


def _written(parts: Parts, session: Session) -> Iterator[tuple[str, list[Any], list[str], list[str]]]:
    """Go through it all: the key that it is sealed with, the children it names, who wrote it, and its files."""
    for draft, page, person, sealed in leftover_store.drafts(session):
        forms = _forms_in(page, parts.keys.unseal_or(sealed, {}))
        uploads = [one for form in forms for one in reports.uploads_in(form)]
        yield draft, [form.get("child") for form in forms], [person], uploads
    for alert, person, sealed in leftover_store.alerts(session):
        yield alert, [parts.keys.unseal_or(sealed, {}).get("child")], [person], []
    for child, setting, sealed in leftover_store.seen_by_settings(session):
        yield child, [parts.keys.unseal_or(sealed, {}).get("child")], [setting], []


def _forms_in(page: str, values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if page == drafts.BULK:
        return [row["data"] for row in drafts.bulk_rows(values)]
    return [Form(values=dict(values)).data()]


def _organisations(parts: Parts, people: Iterable[str]) -> list[str]:
    known = [parts.area.people.get(person) for person in people]
    return [one.organisation for one in known if one and one.organisation]
