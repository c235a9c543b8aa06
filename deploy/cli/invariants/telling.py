"""I12: families are told once of what they are told of, and the provider took each message at most once."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlmodel import Session

from all_in_one.assembly import Assembly
from cli.invariants.finding import Finding
from cli.invariants.walks import Tally, beside, there
from frontdoor.envelope import Recorded, decode
from notification import channels, domain, store

KINDS = {kind.__name__ for kind in domain.TELLING}
NOTICE = store.log.metadata.tables["notice"]


def told_once(assembly: Assembly) -> Finding:
    """I12: an event that families are told of has one notice for each of them; the provider took it at most once."""
    finding = Finding("I12 told once")
    notification = assembly.parts["notification"]
    for source in assembly.hearers["notification"].sources:
        # How far it has heard and what it has told are one picture.
        with notification.database.read() as session:
            finding.fault_each(store.untold(session, _heard(assembly, source, session)))
    with notification.database.read() as session:
        finding.checked = session.connection().scalar(select(func.count()).select_from(NOTICE)) or 0
        finding.fault_each(store.notice_faults(session))
        finding.on_their_way += store.unsettled(session)
    _look_at_ledger(assembly, finding)
    return finding


def _heard(assembly: Assembly, source: str, session: Session) -> Iterator[Recorded]:
    for _, place, events in beside(assembly, "notification", source, session):
        for row in events:
            if row.version <= place.version and row.type in KINDS:
                yield decode(row.payload)


def _look_at_ledger(assembly: Assembly, finding: Finding) -> None:
    """Compare what the demo's provider took with the notices: each once, and none that nobody made."""
    sent = Tally(message["notice"] for message in channels.ledger(assembly.folder))
    finding.fault_each(f"notice {notice} sent {times} times" for notice, times in sent.repeated())
    with assembly.parts["notification"].database.read() as session:
        unknown: list[str] = []
        for page in sent.names():
            made = there(session, NOTICE.c.notice, page)
            unknown += (notice for notice in page if notice not in made)
        if unknown and store.was_restored(session):
            # Sent by a history that is gone: known again once their causes are said again, under the same ids.
            finding.remarks.append(f"{len(unknown)} sent before a restore")
        else:
            finding.fault_each(f"notice {notice} was sent, and nobody made it" for notice in unknown)
