"""The migrations make the tables that the code expects, and know when there is nothing to do."""

from datetime import date

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from all_in_one.assembly import services
from frontdoor.database import Database
from frontdoor.migrations import config, folder_of, migrate, revision
from frontdoor.testing import NOW

SERVICES = services()


@pytest.mark.parametrize("service", SERVICES, ids=[service.name for service in SERVICES])
def test_the_migrations_make_the_tables_of_the_code(service, tmp_path):
    database = Database(f"sqlite:///{tmp_path}/{service.name}.sqlite")

    assert migrate(database, service.name)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), service.metadata) == []
    assert not migrate(database, service.name)


OLD_WAIT = {"support": "paediatrics", "ready_on": "2027-01-20", "interim": []}


@pytest.mark.parametrize(
    ("name", "before", "table", "column", "was", "now"),
    [
        ("referral-intake", "0011", "waiting_assessment", "ready_on", date(2027, 1, 20), date(2027, 2, 1)),
        ("triage-panel", "0005", "entry", "waits", [OLD_WAIT], [OLD_WAIT | {"ready_on": "2027-02-01"}]),
    ],
)
def test_rows_that_named_a_birthday_become_what_todays_reader_makes_of_their_events(
    name, before, table, column, was, now, tmp_path
):
    database = Database(f"sqlite:///{tmp_path}/{name}.sqlite")
    service = next(service for service in SERVICES if service.name == name)
    rows = service.metadata.tables[table]
    with database.engine.connect() as connection:
        command.upgrade(config(folder_of(name), connection), before)
        connection.commit()
    with database.write() as session:
        session.connection().execute(rows.insert().values({column: was} | filled(rows, {column})))

    migrate(database, name)

    with database.read() as session:
        assert session.connection().scalar(select(rows.c[column])) == now


def filled(rows, known):
    """A value for each of the other columns that must have one."""
    plain = {"BOOLEAN": False, "INTEGER": 1, "JSON": [], "DATETIME": NOW}
    wanted = [column for column in rows.columns if not column.nullable and column.name not in known]
    return {column.name: plain.get(str(column.type), "x") for column in wanted}


def test_a_database_of_a_later_release_is_left_as_it_is(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/notification.sqlite")
    migrate(database, "notification")
    with database.write() as session:
        session.connection().exec_driver_sql("update alembic_version set version_num = '9999'")

    assert not migrate(database, "notification")
    assert revision(database) == "9999"
