"""Writing rows: what is written row by row goes out together, by statements that were put together once.

Rows wait in their session until somebody reads through it, or until what they belong to ends: its transaction, or its
savepoint. PostgreSQL then writes those of all tables in one statement. What nobody looks for before the end can be put
off until then.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from sqlalchemy import ARRAY, JSON, Connection, Table, Text, bindparam, cast, column, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from frontdoor.failpoints import reach

How = Literal["plain", "absent", "replacing"]
Clash = Callable[[IntegrityError], Exception | None]
"""What a clash of these rows with others means, where it means anything."""
Row = dict[str, Any]
Rows = Sequence[Row]
_WAITING = "frontdoor_waiting_rows"
_PUT_OFF = "frontdoor_put_off"


def insert_rows(session: Session, table: Table, rows: Rows, clash: Clash | None = None) -> None:
    """Insert these rows, all of the same columns, in this order; `clash` says what it means where others clash."""
    _put_down(session, table, rows, "plain", clash)


def insert_absent(session: Session, table: Table, rows: Rows) -> None:
    """Insert these rows, but for those whose primary key is there already."""
    _put_down(session, table, rows, "absent")


def upsert(session: Session, table: Table, rows: Rows) -> None:
    """Insert these rows, or replace those that have the same primary key; the last of the same key stays."""
    _put_down(session, table, rows, "replacing")


def put(session: Session, kind: type[SQLModel], /, **values: Any) -> None:
    """Insert a row of this kind, or replace the one that has the same primary key."""
    mapper = inspect(kind)
    upsert(session, table_of(kind), [values])
    key = mapper.identity_key_from_primary_key([values[column.key] for column in mapper.primary_key])
    known = session.identity_map.get(key)
    if known is not None:
        session.expire(known)


def insert_last(session: Session, table: Table, rows: Rows) -> None:
    """Insert these rows when the transaction ends: nobody looks for them before."""
    if session.in_nested_transaction():
        insert_rows(session, table, rows)
    else:
        put_off(session, lambda: insert_rows(session, table, rows))


def insert_new(session: Session, table: Table, row: Row) -> bool:
    """Insert this row at once, unless its primary key is there already; say whether it was not."""
    connection = session.connection()
    statement = _together((_Part(table, tuple(row), "absent"),), connection.dialect.name)
    return connection.execute(statement, _one(0, row)).rowcount == 1


def is_taken(clash: IntegrityError, table: Table) -> bool:
    """Say whether the key of a row of this table was another's already: also one of ours that was drawn by chance."""
    told = getattr(clash.orig, "diag", None)
    if told:
        return bool(told.constraint_name == f"{table.name}_pkey")
    return str(clash.orig) == f"UNIQUE constraint failed: {', '.join(map(str, table.primary_key))}"


def table_of(kind: type[SQLModel]) -> Table:
    """Give the table of a class of rows."""
    table: Table = inspect(kind).local_table
    return table


# --- waiting ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """What is alike in rows that go together: PostgreSQL is given a list a column where there are `many`."""

    table: Table
    names: tuple[str, ...]
    how: How
    many: bool = False


@dataclass
class _Waiting:
    """Rows that wait: `rows` by their keys where the last of the same key stays, else by their numbers."""

    part: _Part
    rows: dict[Any, Row] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)

    def take(self, rows: Rows, clash: Clash | None) -> None:
        keys = [key.name for key in self.part.table.primary_key] if self.part.how == "replacing" else []
        for row in rows:
            key = tuple(row[name] for name in keys) or len(self.rows)
            self.rows.pop(key, None)
            self.rows[key] = row
        if clash is not None:
            self.clashes.append(clash)

    def meaning(self, error: IntegrityError) -> Exception | None:
        """What a clash means to whoever put these rows down."""
        return next((meant for clash in self.clashes if (meant := clash(error))), None)


def put_off(session: Session, write: Callable[[], None]) -> None:
    """Have something written later, before the transaction or what is undone alone in it ends: many rows at once."""
    session.info.setdefault(_PUT_OFF, []).append(write)


def write_put_off(session: Session) -> None:
    """Write what was put off: its time has come."""
    for write in session.info.pop(_PUT_OFF, ()):
        write()


def _put_down(session: Session, table: Table, rows: Rows, how: How, clash: Clash | None = None) -> None:
    if not rows:
        return
    part = _Part(table, tuple(rows[0]), how)
    waiting: dict[Table, _Waiting] = session.info.get(_WAITING, {})
    if table in waiting and waiting[table].part != part:
        write_waiting(session)
    waiting = session.info.setdefault(_WAITING, {})
    waiting.setdefault(table, _Waiting(part)).take(rows, clash)
    if session.in_nested_transaction():
        write_waiting(session)


def write_waiting(session: Session) -> None:
    """Write the rows that wait, before somebody reads."""
    waiting: dict[Table, _Waiting] = session.info.pop(_WAITING, {})
    if not waiting:
        return
    connection, those = session.connection(), list(waiting.values())
    try:
        if connection.dialect.name == "postgresql":
            _write_together(connection, those)
        else:
            _write_apart(connection, those)
    except IntegrityError as error:
        meant = next((meant for one in those if (meant := one.meaning(error))), None)
        if meant is None:
            raise
        raise meant from error
    reach("rows.written")


def _write_apart(connection: Connection, those: Sequence[_Waiting]) -> None:
    for one in those:
        connection.execute(_together((one.part,), "sqlite"), [_one(0, row) for row in one.rows.values()])


def _write_together(connection: Connection, those: Sequence[_Waiting]) -> None:
    parts: list[_Part] = []
    values: Row = {}
    for at, one in enumerate(those):
        rows = list(one.rows.values())
        parts.append(_Part(one.part.table, one.part.names, one.part.how, many=len(rows) > 1))
        values |= _columns(at, one.part, rows) if len(rows) > 1 else _one(at, rows[0])
    connection.execute(_together(tuple(parts), "postgresql"), values)


def _one(at: int, row: Row) -> Row:
    return {f"r{at}_{name}": value for name, value in row.items()}


def _columns(at: int, part: _Part, rows: Rows) -> Row:
    return {f"r{at}_{name}": _listed(part.table.c[name].type, [row[name] for row in rows]) for name in part.names}


def _listed(kind: Any, values: list[Any]) -> list[Any]:
    return [json.dumps(value) for value in values] if isinstance(kind, JSON) else values


# --- statements, each put together once: it costs more than running it -----------------------------------------------


@cache
def _together(parts: tuple[_Part, ...], dialect: str) -> Any:
    """Write the rows of all these parts in one statement."""
    *others, last = (_of_part(at, part, dialect) for at, part in enumerate(parts))
    return last.add_cte(*(other.cte(f"part_{at}") for at, other in enumerate(others))) if others else last


def _of_part(at: int, part: _Part, dialect: str) -> Any:
    statement: Any = (sqlite if dialect == "sqlite" else postgresql).insert(part.table)
    if part.many:
        statement = statement.from_select(part.names, _given(at, part))
    else:
        kinds = {name: part.table.c[name].type for name in part.names}
        statement = statement.values({name: bindparam(f"r{at}_{name}", type_=kind) for name, kind in kinds.items()})
    return _ending(statement, part)


def _given(at: int, part: _Part) -> Any:
    # JSON travels as text: a list of it has no form of its own.
    columns = part.table.c
    kinds = {name: Text() if isinstance(columns[name].type, JSON) else columns[name].type for name in part.names}
    lists = [cast(bindparam(f"r{at}_{name}", type_=ARRAY(kind)), ARRAY(kind)) for name, kind in kinds.items()]
    given = func.unnest(*lists).table_valued(*(column(name, kind) for name, kind in kinds.items()), name="given")
    rendered = given.render_derived().c
    return select(*(cast(rendered[name], columns[name].type) for name in part.names))


def _ending(statement: Any, part: _Part) -> Any:
    if part.how == "absent":
        return statement.on_conflict_do_nothing()
    if part.how == "replacing":
        keys = [key.name for key in part.table.primary_key]
        new = {one.name: statement.excluded[one.name] for one in part.table.columns if one.name not in keys}
        return statement.on_conflict_do_update(index_elements=keys, set_=new)
    return statement
