"""Writing rows: a statement is put together once, and what is written row by row goes out many rows at a time.

Rows wait in their session until somebody reads through it, or until what they belong to ends: its transaction, or its
savepoint.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from sqlalchemy import ARRAY, JSON, Table, Text, bindparam, cast, column, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

How = Literal["plain", "absent", "replacing"]
Rows = Sequence[dict[str, Any]]
_WAITING = "frontdoor_waiting_rows"


def insert_rows(session: Session, table: Table, rows: Rows) -> None:
    """Insert these rows, all of the same columns, in this order."""
    _put_down(session, table, rows, "plain")


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


def table_of(kind: type[SQLModel]) -> Table:
    """Give the table of a class of rows."""
    table: Table = inspect(kind).local_table
    return table


def _put_down(session: Session, table: Table, rows: Rows, how: How) -> None:
    if not rows:
        return
    group = (table, how, tuple(rows[0]))
    waiting: dict[Any, dict[Any, dict[str, Any]]] = session.info.setdefault(_WAITING, {})
    if any(other[0] is table and other != group for other in waiting):
        write_waiting(session)
        waiting = session.info.setdefault(_WAITING, {})
    same = waiting.setdefault(group, {})
    keys = [key.name for key in table.primary_key] if how == "replacing" else []
    for row in rows:
        key = tuple(row[name] for name in keys) or len(same)
        same.pop(key, None)
        same[key] = row
    if session.in_nested_transaction():
        write_waiting(session)


def write_waiting(session: Session) -> None:
    """Write the rows that wait, before somebody reads."""
    for (table, how, _), rows in session.info.pop(_WAITING, {}).items():
        write_rows(session, table, list(rows.values()), how)


def write_rows(session: Session, table: Table, rows: Rows, how: How = "plain") -> None:
    """Write these rows, all of the same columns and no two of the same key, at once and in one round trip."""
    connection = session.connection()
    dialect, names = connection.dialect.name, tuple(rows[0])
    if dialect == "sqlite" or len(rows) == 1:
        connection.execute(_writing(table, dialect, names, how), list(rows))
    else:
        lists = {name: _listed(table.c[name].type, [row[name] for row in rows]) for name in names}
        connection.execute(_writing(table, "columns", names, how), lists)


def _listed(kind: Any, values: list[Any]) -> list[Any]:
    return [json.dumps(value) for value in values] if isinstance(kind, JSON) else values


@cache
def _writing(table: Table, into: Literal["sqlite", "postgresql", "columns"], names: tuple[str, ...], how: How) -> Any:
    """Put a statement together, once: it costs more than running it. `columns`: PostgreSQL, given a list a column."""
    statement: Any = (sqlite if into == "sqlite" else postgresql).insert(table)
    if into == "columns":
        # JSON travels as text: a list of it has no form of its own.
        kinds = {name: Text() if isinstance(table.c[name].type, JSON) else table.c[name].type for name in names}
        lists = [cast(bindparam(name, type_=ARRAY(kind)), ARRAY(kind)) for name, kind in kinds.items()]
        given = func.unnest(*lists).table_valued(*(column(name, kind) for name, kind in kinds.items()), name="given")
        given_columns = given.render_derived().c
        chosen = [cast(given_columns[name], table.c[name].type) for name in names]
        statement = statement.from_select(names, select(*chosen))
    if how == "absent":
        return statement.on_conflict_do_nothing()
    if how == "replacing":
        keys = [key.name for key in table.primary_key]
        new = {one.name: statement.excluded[one.name] for one in table.columns if one.name not in keys}
        return statement.on_conflict_do_update(index_elements=keys, set_=new)
    return statement
