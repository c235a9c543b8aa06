"""`frontdoor republish`: say to Kafka again what stands in the logs, a stream, a service's or all; nothing is changed.

The relays send it like anything else that waits, in the order of each log; hearers skip what they know.
"""

from sqlalchemy import func, select
from sqlmodel import Session

from frontdoor.event_log import GREW
from frontdoor.rows import insert_absent
from frontdoor.work import Parts

PAGE = 5_000
"""Events that are noted in one transaction: what is said meanwhile waits for nobody."""


def republish(parts: Parts, stream: str | None = None) -> int:
    """Note all events of a log, or of one stream of it, as not sent; give back how many that are."""
    noted = place = 0
    while True:
        with parts.database.write() as session:
            ids = _behind(session, parts, place, stream)
            insert_absent(session, parts.log.unrelayed, [{"log_id": log_id} for log_id in ids])
            session.connection().execute(select(func.pg_notify(GREW, "")))
        noted += len(ids)
        if len(ids) < PAGE:
            return noted
        place = ids[-1]


def _behind(session: Session, parts: Parts, place: int, stream: str | None) -> list[int]:
    table = parts.log.table.c
    wanted = select(table.id).where(table.id > place).order_by(table.id).limit(PAGE)
    if stream is not None:
        wanted = wanted.where(table.stream == stream)
    return list(session.connection().scalars(wanted))
