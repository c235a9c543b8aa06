"""Walking logs and tables in the order of their keys, a page at a time, and two of them side by side.

Nothing is gathered: what is compared comes at the same moment, however much there is. Text is ordered by its bytes on
either database; one that was made otherwise is noticed, and nothing is proved from it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Row, Select, select
from sqlmodel import Session

from all_in_one.assembly import Assembly
from frontdoor.delivery.positions import Place
from frontdoor.work import Parts

PAGE = 500
Left = TypeVar("Left")
Right = TypeVar("Right")
Thing = TypeVar("Thing")


class OutOfOrder(Exception):
    """A database does not order text by its bytes: make it with `locale 'C'`."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def rows(session: Session, wanted: Select[Any]) -> Iterator[Row[Any]]:
    """Read rows a page at a time."""
    yield from session.connection().execute(wanted.execution_options(yield_per=PAGE))


def pages(things: Iterable[Thing], size: int = PAGE) -> Iterator[list[Thing]]:
    """Take things a page at a time."""
    rest = iter(things)
    while page := list(islice(rest, size)):
        yield page


def by_stream(session: Session, parts: Parts, kind: str = "") -> Iterator[tuple[str, Row[Any]]]:
    """Walk a log stream by stream, each in the order of its versions; `kind`: only `<kind>/…`."""
    table = parts.log.table
    wanted = _of_kind(select(table).order_by(table.c.stream, table.c.version), table.c.stream, kind)
    for row in rows(session, wanted):
        yield row.stream, row


def _of_kind(wanted: Select[Any], stream: Any, kind: str) -> Select[Any]:
    # "0" is the character behind "/".
    return wanted.where(stream >= f"{kind}/", stream < f"{kind}0") if kind else wanted


def side_by_side(
    left: Iterable[tuple[str, Left]], right: Iterable[tuple[str, Right]]
) -> Iterator[tuple[str, list[Left], list[Right]]]:
    """Join two walks by their keys, those that only one of them has included; the left one begins first."""
    lefts, rights = _grouped(left), _grouped(right)
    ours, theirs = next(lefts, None), next(rights, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and ours[0] < theirs[0]):
            assert ours is not None  # noqa: S101  one of them is
            yield ours[0], ours[1], []
            ours = next(lefts, None)
        elif ours is None or theirs[0] < ours[0]:
            yield theirs[0], [], theirs[1]
            theirs = next(rights, None)
        else:
            yield ours[0], ours[1], theirs[1]
            ours, theirs = next(lefts, None), next(rights, None)


def _grouped(walk: Iterable[tuple[str, Thing]]) -> Iterator[tuple[str, list[Thing]]]:
    before = ""
    for key, group in groupby(walk, key=itemgetter(0)):
        if key < before:
            raise OutOfOrder
        before = key
        yield key, [thing for _, thing in group]


def beside(
    assembly: Assembly, hearer: str, source: str, heard: Session, kind: str = ""
) -> Iterator[tuple[str, Place, list[Row[Any]]]]:
    """Walk a source's streams, each with how far the hearer has heard it and the events that the log has.

    `heard` is a session on the hearer's database, where places are looked at before the log: an event that the picture
    does not show as heard may have been heard since, but none is shown as heard that was not.
    """
    owner = assembly.parts[source]
    with owner.database.read() as said:
        places, events = _places(assembly.parts[hearer], heard, source, kind), by_stream(said, owner, kind)
        for stream, known, records in side_by_side(places, events):
            yield stream, known[0] if known else Place(), records


def _places(parts: Parts, session: Session, source: str, kind: str) -> Iterator[tuple[str, Place]]:
    table = parts.log.metadata.tables["stream_position"].c
    wanted = select(table.stream, table.history).where(table.source == source).order_by(table.stream)
    for row in rows(session, _of_kind(wanted, table.stream, kind)):
        yield row.stream, Place(row.history)


class Tally:
    """Counts how often names come: in a file that SQLite drops by itself, for more names than memory holds."""

    def __init__(self, names: Iterable[str]) -> None:
        self._file = sqlite3.connect("")
        self._file.execute("create table tally (name text primary key, times integer not null) without rowid")
        count = "insert into tally values (?, 1) on conflict do update set times = times + 1"
        for page in pages(names):
            self._file.executemany(count, [(name,) for name in page])

    def repeated(self) -> list[tuple[str, int]]:
        """Give what came more than once, and how often."""
        return self._file.execute("select name, times from tally where times > 1 order by name").fetchall()

    def names(self) -> Iterator[list[str]]:
        """Give every name once, a page at a time."""
        for page in pages(self._file.execute("select name from tally order by name")):
            yield [name for (name,) in page]


def there(session: Session, column: Any, values: Sequence[str]) -> set[str]:
    """Say which of these values a column holds."""
    return set(session.connection().scalars(select(column).where(column.in_(values))))
