"""Rows on their way into tables: statements put together once, and for PostgreSQL many tables' rows in one of them.

Rows that are gathered wait until the session does anything else, so that nobody can look for them before they are
there; then one statement writes them all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import ARRAY, JSON, Connection, Table, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

How = Literal["plain", "absent", "replacing"]
Clash = Callable[[IntegrityError], Exception | None]
"""What a clash of these rows with others means, where it means anything."""
Row = dict[str, Any]


def is_taken(clash: IntegrityError, table: Table) -> bool:
    """Say whether the key of a row of this table was another's already: also one of ours that was drawn by chance."""
    told = getattr(clash.orig, "diag", None)
    if told:
        return bool(told.constraint_name == f"{table.name}_pkey")
    return str(clash.orig) == f"UNIQUE constraint failed: {', '.join(map(str, table.primary_key))}"


@dataclass(frozen=True)
class _Part:
    """What is alike in rows that go together: PostgreSQL is given a list a column where there are `many`."""

    table: Table
    names: tuple[str, ...]
    how: How
    many: bool


@dataclass
class _Gathered:
    table: Table
    how: How
    rows: list[Row]
    clash: Clash | None

    @property
    def part(self) -> _Part:
        return _Part(self.table, tuple(self.rows[0]), self.how, len(self.rows) > 1)


def write_rows(connection: Connection, table: Table, rows: Sequence[Row], how: How) -> int:
    """Write rows of the same columns in one round trip, in this order; give back how many were written."""
    dialect, names = connection.dialect.name, tuple(rows[0])
    if dialect == "sqlite" or len(rows) == 1 or _holds_json(table, names):
        return connection.execute(_writing(table, dialect, names, how), list(rows)).rowcount
    return connection.execute(_together((_Part(table, names, how, many=True),)), _columns(0, rows)).rowcount


class Gathering:
    """Rows that wait for others, to go together."""

    def __init__(self) -> None:
        self._waiting: list[_Gathered] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def takes(self, table: Table, rows: Sequence[Row], how: How, clash: Clash | None) -> bool:
        """Keep these rows until they are written; False where they cannot go with what waits already."""
        same = next((one for one in self._waiting if one.table is table), None)
        if same is None:
            if len(rows) > 1 and _holds_json(table, rows[0]):
                return False
            self._waiting.append(_Gathered(table, how, list(rows), clash))
            return True
        joins = same.how == how != "replacing" and same.rows[0].keys() == rows[0].keys()
        if not joins or _holds_json(table, rows[0]):
            return False
        same.rows.extend(rows)
        return True

    def write(self, connection: Connection) -> None:
        """Write all that waits in one statement of PostgreSQL's."""
        waiting, self._waiting = self._waiting, []
        values: Row = {}
        for at, one in enumerate(waiting):
            values |= _columns(at, one.rows) if len(one.rows) > 1 else _named(at, one.rows[0])
        try:
            connection.execute(_together(tuple(one.part for one in waiting)), values)
        except IntegrityError as clash:
            for one in waiting:
                if one.clash and (meant := one.clash(clash)):
                    raise meant from clash
            raise


def _holds_json(table: Table, names: Sequence[str] | Row) -> bool:
    return any(isinstance(table.c[name].type, JSON) for name in names)


def _columns(at: int, rows: Sequence[Row]) -> Row:
    return {f"r{at}_{name}": [row[name] for row in rows] for name in rows[0]}


def _named(at: int, row: Row) -> Row:
    return {f"r{at}_{name}": value for name, value in row.items()}


# --- statements, each put together once: it costs more than running it -----------------------------------------------


@cache
def _writing(table: Table, dialect: str, names: tuple[str, ...], how: How) -> Any:  # noqa: ARG001  names: a statement each
    statement: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    return _ending(statement, table, how)


@cache
def _together(parts: tuple[_Part, ...]) -> Any:
    """Write all these rows in one statement of PostgreSQL's."""
    *others, last = (_of_part(at, part) for at, part in enumerate(parts))
    return last.add_cte(*(other.cte(f"part_{at}") for at, other in enumerate(others))) if others else last


def _of_part(at: int, part: _Part) -> Any:
    table, kinds = part.table, {name: part.table.c[name].type for name in part.names}
    statement: Any = postgresql.insert(table)
    if part.many:
        lists = [cast(bindparam(f"r{at}_{name}", type_=ARRAY(kind)), ARRAY(kind)) for name, kind in kinds.items()]
        given = func.unnest(*lists).table_valued(*(column(name, kind) for name, kind in kinds.items()), name="given")
        statement = statement.from_select(part.names, select(*given.render_derived().c))
    else:
        statement = statement.values({name: bindparam(f"r{at}_{name}", type_=kind) for name, kind in kinds.items()})
    return _ending(statement, table, part.how)


def _ending(statement: Any, table: Table, how: How) -> Any:
    if how == "absent":
        return statement.on_conflict_do_nothing()
    if how == "replacing":
        keys = [key.name for key in table.primary_key]
        new = {one.name: statement.excluded[one.name] for one in table.columns if one.name not in keys}
        return statement.on_conflict_do_update(index_elements=keys, set_=new)
    return statement
