"""Derived tables are put right on PostgreSQL while the service goes on writing."""

import threading
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import pytest

from child_record.app import service
from cli.rebuild import compare, derived_tables, rebuild
from frontdoor import events
from frontdoor.database import Database
from frontdoor.migrations import migrate
from frontdoor.testing import Stage

pytestmark = pytest.mark.containers


@pytest.fixture
def record(postgres, tmp_path):
    """The record on PostgreSQL, as a command opens it."""
    stage = Stage(service, tmp_path)
    stage.parts.database.dispose()
    database = Database(postgres.fresh())
    migrate(database, service.name)
    stage.parts = replace(stage.parts, database=database)
    name = service.name
    stage.assembly = SimpleNamespace(services={name: service}, parts={name: stage.parts}, folder=tmp_path)
    yield stage
    database.dispose()


def renew(work, recipient):
    work.append(f"link/R1/{recipient}", 0, events.LinkRenewed(reference="R1", recipient=recipient, generation=2))


class Paused:
    """The record's database, where something happens just before a rebuild begins to write."""

    def __init__(self, database, meanwhile):
        self.read, self._write, self._meanwhile = database.read, database.write, meanwhile

    def write(self):
        """Let it happen, and open the transaction."""
        self._meanwhile()
        return self._write()


def test_what_was_begun_before_a_rebuild_and_committed_during_it_stands_in_the_rebuilt_tables(record):
    with record.work("admin") as work:
        renew(work, "K1")
    with record.parts.database.write() as session:
        for table in reversed(derived_tables(service)):
            session.connection().execute(table.delete())
    slow = ExitStack()
    renew(slow.enter_context(record.work("admin")), "K2")
    with record.work("admin") as quick:
        renew(quick, "K3")
    database = Paused(record.parts.database, slow.close)
    paused = SimpleNamespace(parts={service.name: replace(record.parts, database=database)})
    rebuild(SimpleNamespace(**vars(record.assembly) | vars(paused)), service.name)

    found = compare(record.assembly, service.name)
    assert sum(comparison.rows for comparison in found) == 3
    assert not any(comparison.different for comparison in found)


def test_nobody_appends_while_the_tables_are_swapped(record):
    with record.parts.database.write() as session:
        record.parts.log.keep_others_out(session)
        writer = threading.Thread(target=lambda: append(record))
        writer.start()
        writer.join(timeout=1)
        waits = writer.is_alive()
    writer.join(timeout=10)

    assert waits
    assert not writer.is_alive()


def append(record):
    """Append in a transaction of its own."""
    with record.work("admin") as work:
        renew(work, "K4")
