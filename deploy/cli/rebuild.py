"""`frontdoor rebuild SERVICE`: build the derived tables again from the log, beside; compare; swap."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Table, delete, insert, select
from sqlmodel import Session

from all_in_one.assembly import Assembly
from frontdoor.database import Database
from frontdoor.service import Service

PAGE = 500


@dataclass(frozen=True)
class Comparison:
    """A derived table as it stands beside what the log says: rows compared, and rows that differ."""

    table: str
    rows: int
    different: int


def compare(assembly: Assembly, name: str) -> list[Comparison]:
    """Replay a service's log into empty tables, in one picture of its database, and compare them with those in use."""
    service, parts = assembly.services[name], assembly.parts[name]
    with _beside(assembly, service) as beside, parts.database.read() as session:
        _replay(service, session, beside, _Replayed())
        with beside.read() as fresh:
            return [_compare(table, session, fresh) for table in derived_tables(service)]


def rebuild(assembly: Assembly, name: str) -> list[Comparison]:
    """Replay a service's log into empty tables, compare, and put the new ones in the place of those that differ.

    The log is replayed without holding anybody up; only what was appended meanwhile is replayed with writers waiting.
    """
    service, parts = assembly.services[name], assembly.parts[name]
    with _beside(assembly, service) as beside:
        done = _Replayed()
        with parts.database.read() as session:
            _replay(service, session, beside, done)
        with parts.database.write() as session:
            parts.log.keep_others_out(session)
            _replay(service, session, beside, done)
            with beside.read() as fresh:
                found = [_compare(table, session, fresh) for table in derived_tables(service)]
                if any(comparison.different for comparison in found):
                    _swap(service, session, fresh)
        return found


@contextmanager
def _beside(assembly: Assembly, service: Service) -> Iterator[Database]:
    with TemporaryDirectory(prefix="beside-", dir=assembly.folder) as folder:
        beside = Database(f"sqlite:///{folder}/{service.name}.sqlite")
        beside.create(service.metadata)
        try:
            yield beside
        finally:
            beside.dispose()


def derived_tables(service: Service) -> list[Table]:
    """List the service's derived tables, each after those that it refers to."""
    return [table for table in service.metadata.sorted_tables if table.info.get("kind") == "derived"]


@dataclass
class _Replayed:
    """How far a log has been replayed, and which ids before that were not there: they may be committed later."""

    place: int = 0
    gaps: set[int] = field(default_factory=set)

    def note(self, log_id: int) -> None:
        """Note that this row has been replayed."""
        if log_id > self.place:
            self.gaps.update(range(self.place + 1, log_id))
            self.place = log_id
        else:
            self.gaps.discard(log_id)


def _replay(service: Service, session: Session, beside: Database, done: _Replayed) -> None:
    since = min(done.gaps, default=done.place + 1)
    rows = (row for row in service.log.all(session, since) if row[0] > done.place or row[0] in done.gaps)
    while page := list(islice(rows, PAGE)):
        with beside.write() as fresh:
            for log_id, record in page:
                service.log.apply(fresh, record)
                done.note(log_id)


def _compare(table: Table, session: Session, fresh: Session) -> Comparison:
    rows = different = 0
    for ours, theirs in zip_longest(_rows(table, session), _rows(table, fresh)):
        rows += 1
        different += ours != theirs
    return Comparison(table.name, rows, different)


def _rows(table: Table, session: Session) -> Iterator[tuple[Any, ...]]:
    ordered = select(table).order_by(*table.primary_key.columns)
    for row in session.connection().execute(ordered.execution_options(yield_per=PAGE)):
        yield tuple(row)


def _swap(service: Service, session: Session, fresh: Session) -> None:
    tables = derived_tables(service)
    for table in reversed(tables):
        session.connection().execute(delete(table))
    for table in tables:
        rows = fresh.connection().execute(select(table).execution_options(yield_per=PAGE))
        for page in rows.mappings().partitions(PAGE):
            session.connection().execute(insert(table), [dict(row) for row in page])
