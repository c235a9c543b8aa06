"""The migrations make the tables that the code expects, and know when there is nothing to do."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from all_in_one.assembly import services
from frontdoor.database import Database
from frontdoor.migrations import migrate, revision

SERVICES = services()


@pytest.mark.parametrize("service", SERVICES, ids=[service.name for service in SERVICES])
def test_the_migrations_make_the_tables_of_the_code(service, tmp_path):
    database = Database(f"sqlite:///{tmp_path}/{service.name}.sqlite")

    assert migrate(database, service.name)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), service.metadata) == []
    assert not migrate(database, service.name)


def test_a_database_of_a_later_release_is_left_as_it_is(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/notification.sqlite")
    migrate(database, "notification")
    with database.write() as session:
        session.connection().exec_driver_sql("update alembic_version set version_num = '9999'")

    assert not migrate(database, "notification")
    assert revision(database) == "9999"
