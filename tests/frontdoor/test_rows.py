"""Rows wait to be written together, and nobody notices: whoever reads finds them, whatever fails leaves none behind."""

from contextlib import suppress

import pytest
from sqlalchemy import Column, MetaData, String, Table, event, select

from frontdoor.database import Database, undone_alone
from frontdoor.rows import insert_absent, insert_rows, upsert

PLACES = Table("place", MetaData(), Column("name", String, primary_key=True), Column("colour", String))


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path}/rows.sqlite")
    made.create(PLACES.metadata)
    return made


@pytest.fixture
def written(database):
    """What is written, statement by statement: the first word of each, and how many rows."""
    seen = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _note(_connection, _cursor, statement, parameters, _context, many):
        seen.append((statement.split()[0], len(parameters) if many else 1))

    return seen


def place(name, colour="red"):
    return [{"name": name, "colour": colour}]


def places(database):
    with database.read() as session:
        found = session.connection().execute(select(PLACES.c.name, PLACES.c.colour)).all()
    return {row.name: row.colour for row in found}


def test_what_is_written_row_by_row_goes_out_at_once(database, written):
    with database.write() as session:
        for name in "abc":
            insert_rows(session, PLACES, place(name))

    assert written[1:] == [("INSERT", 3)]


@pytest.mark.parametrize(
    "look",
    [
        lambda session, wanted: session.connection().execute(wanted).scalars().all(),
        lambda session, wanted: session.scalars(wanted).all(),
        lambda session, wanted: session.execute(wanted).scalars().all(),
    ],
)
def test_whoever_reads_finds_what_was_written_before(database, look):
    with database.write() as session:
        insert_rows(session, PLACES, place("a"))
        found = look(session, select(PLACES.c.name))

    assert found == ["a"]


def test_of_rows_with_the_same_key_the_last_stays(database):
    with database.write() as session:
        insert_rows(session, PLACES, place("a", "red"))
        for colour in ("green", "blue"):
            upsert(session, PLACES, place("a", colour))
        insert_absent(session, PLACES, place("a", "white") + place("b", "white"))

    assert places(database) == {"a": "blue", "b": "white"}


def test_what_fails_in_a_savepoint_takes_only_its_own_rows_with_it(database):
    with database.write() as session:
        insert_rows(session, PLACES, place("before"))
        with suppress(ZeroDivisionError), undone_alone(session):
            insert_rows(session, PLACES, place("inside"))
            raise ZeroDivisionError
        insert_rows(session, PLACES, place("after"))

    assert places(database) == {"before": "red", "after": "red"}


def test_a_transaction_that_fails_leaves_no_row(database):
    with suppress(ZeroDivisionError), database.write() as session:
        insert_rows(session, PLACES, place("a"))
        raise ZeroDivisionError

    assert places(database) == {}
