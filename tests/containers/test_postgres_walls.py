"""What PostgreSQL itself refuses, waits for and gives up, whatever a program does."""

import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
from sqlalchemy import MetaData, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from all_in_one.assembly import services
from cli import rebuild
from frontdoor import engines, migrations
from frontdoor.database import Database, claim
from frontdoor.event_log import EventLog, Occasion, Saying
from frontdoor.events import LinkRenewed
from frontdoor.migrations import folder_of, migrate
from frontdoor.seal import Erased, KeyStore
from frontdoor.testing import NOW

pytestmark = pytest.mark.containers
SERVICES = {service.name: service for service in services()}
ROLES = [name.replace("-", "_") for name in SERVICES]


@pytest.fixture
def opened():
    """Databases that are closed at the end."""
    made = []

    def open_one(url):
        made.append(Database(url))
        return made[-1]

    yield open_one
    for one in made:
        one.dispose()


@pytest.fixture
def empty(postgres, opened):
    """A database without a table."""
    return opened(postgres.fresh())


def run(database, statement, **values):
    with database.write() as session:
        return session.connection().execute(text(statement), values)


# --- what only grows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["update {} set area = 'x'", "delete from {}", "truncate {}"])
@pytest.mark.parametrize("table", ["log", "audit"])
def test_neither_the_log_nor_the_audit_can_be_rewritten(intake, table, change):
    intake.get(f"/api/referrals/{intake.sent()}")
    with pytest.raises(ProgrammingError, match=f"what stands in {table} is never changed"):
        run(intake.stage.parts.database, change.format(table))
    with intake.stage.look() as session:
        assert session.connection().scalar(text(f"select count(*) from {table}"))


def test_of_8_writers_nothing_is_lost_to_who_sends_what_is_unrelayed(empty):
    """With `id > last` in its place, hundreds of 1,200 are lost: ids are drawn in another order than they commit in."""
    log = EventLog("child-record", MetaData(), lambda _session, _record: None)
    empty.create(log.metadata)
    sent, writing = [], threading.Event()
    writing.set()

    def write(writer):
        for number in range(150):
            with empty.write() as session:
                said = Saying(session, Occasion(NOW, "somebody", "sample", "correlation"))
                renewed = LinkRenewed(reference="R1", recipient="sender", generation=number)
                log.append(session, f"link/{writer}-{number}", 0, [renewed], said)

    def send():
        going = True
        while going:
            going = writing.is_set()
            with empty.write() as session:
                waiting = select(log.unrelayed.c.log_id).order_by(log.unrelayed.c.log_id).limit(100)
                ids = list(session.connection().scalars(waiting))
                session.connection().execute(log.unrelayed.delete().where(log.unrelayed.c.log_id.in_(ids)))
            sent.extend(ids)

    relay = threading.Thread(target=send)
    relay.start()
    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    writing.clear()
    relay.join()

    with empty.read() as session:
        assert sorted(sent) == [log_id for log_id, _ in log.all(session)]
    assert len(sent) == 1_200


# --- roles -----------------------------------------------------------------------------------------------------------


def test_a_role_opens_its_own_database_and_no_other(postgres, opened):
    for role in ROLES:
        assert run(opened(postgres.url_of(role, role)), "select current_user").scalar() == role
        for other in {*ROLES, "postgres"} - {role}:
            with pytest.raises(OperationalError, match="permission denied for database"):
                run(opened(postgres.url_of(role, other)), "select 1")


def test_each_role_makes_its_own_tables_and_that_may_be_said_again(postgres, opened):
    status = postgres.container.exec(["su", "postgres", "-c", "/docker-entrypoint-initdb.d/10-front-door.sh"])
    assert status.exit_code == 0, status.output
    for name, role in zip(SERVICES, ROLES, strict=True):
        migrate(opened(postgres.url_of(role, role)), name)
        assert not migrate(opened(postgres.url_of(role, role)), name)


def test_intake_makes_and_destroys_keys_and_the_others_read_them(postgres, opened):
    intake = KeyStore(opened(postgres.url_of("referral_intake", "keys")))
    others = [KeyStore(opened(postgres.url_of(role, "keys"))) for role in ROLES if role != "referral_intake"]
    intake.create("C-ROLES", NOW)
    sealed = intake.seal("C-ROLES", "Maisie")

    for other in others:
        assert other.unseal(sealed) == "Maisie"
        for forbidden in (partial(other.create, "C-OTHER", NOW), partial(other.destroy, "C-ROLES", NOW)):
            with pytest.raises(ProgrammingError, match="permission denied"):
                forbidden()
    intake.destroy("C-ROLES", NOW)
    with pytest.raises(Erased):
        KeyStore(opened(postgres.url_of("child_record", "keys"))).unseal(sealed)
    for forbidden in ("delete from keys", "truncate keys", "drop table keys"):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            run(opened(postgres.url_of("referral_intake", "keys")), forbidden)


def test_a_destroyed_key_is_forgotten_by_every_process_within_a_minute(empty, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("frontdoor.seal.time.monotonic", lambda: now[0])
    intake, reader = KeyStore(empty), KeyStore(empty)
    intake.create("C-1", NOW)
    sealed = intake.seal("C-1", "Maisie")
    assert reader.unseal(sealed) == "Maisie"
    intake.destroy("C-1", NOW)
    now[0] += 61
    with pytest.raises(Erased):
        reader.unseal(sealed)


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def hurried(postgres, opened, monkeypatch):
    """A database whose limits are short."""
    short = {"statement_timeout": "300ms", "lock_timeout": "200ms", "idle_in_transaction_session_timeout": "500ms"}
    monkeypatch.setattr(engines, "LIMITS", engines.LIMITS | short)
    return opened(postgres.fresh())


def test_a_statement_that_takes_too_long_is_given_up(hurried):
    with pytest.raises(OperationalError, match="statement timeout"):
        run(hurried, "select pg_sleep(5)")
    assert run(hurried, "select 1").scalar() == 1


def test_nobody_waits_for_ever_for_what_somebody_else_has_claimed(postgres, opened, monkeypatch):
    monkeypatch.setattr(engines, "LIMITS", engines.LIMITS | {"lock_timeout": "200ms"})
    database = opened(postgres.fresh())
    with database.write() as first:
        claim(first, "a")
        with pytest.raises(OperationalError, match="lock timeout"), database.write() as second:
            claim(second, "a")
    with database.write() as third:
        claim(third, "a")


def test_a_transaction_that_idles_is_ended_and_the_next_one_works(hurried):
    def idles():
        with hurried.write() as session:
            claim(session, "a")
            time.sleep(1.5)
            claim(session, "b")

    with pytest.raises(DBAPIError):
        idles()
    with hurried.write() as session:
        claim(session, "a")


def test_a_savepoint_that_is_undone_lets_go_of_what_was_claimed_in_it_and_a_new_claim_holds(empty):
    with empty.write() as first:
        savepoint = first.begin_nested()
        claim(first, "a")
        savepoint.rollback()
        claim(first, "a")
        with pytest.raises(OperationalError), empty.write() as second:
            claim(second, "a", patience=0.1)


def test_only_one_of_several_machines_does_what_one_must_do_alone(empty, postgres, opened):
    other = opened(empty.url)
    with empty.alone("sender") as first, other.alone("sender") as second, other.alone("another") as third:
        assert (first, second, third) == (True, False, True)
    with other.alone("sender") as again:
        assert again


# --- migrations ------------------------------------------------------------------------------------------------------

OBJECTS = """
select 'trigger ' || tgname || ' on ' || tgrelid::regclass from pg_trigger where not tgisinternal
union select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
  where connamespace = 'public'::regnamespace
union select 'index ' || indexdef from pg_indexes where schemaname = 'public'
union select 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
  from information_schema.columns where table_schema = 'public'
"""


@pytest.mark.parametrize("name", SERVICES)
def test_the_migrations_make_what_the_code_expects_triggers_and_constraints_too(name, postgres, opened):
    migrated, made = opened(postgres.fresh()), opened(postgres.fresh())
    migrate(migrated, name)
    made.create(SERVICES[name].metadata)
    found = {row[0] for row in run(migrated, OBJECTS) if "alembic_version" not in row[0]}
    assert found ^ {row[0] for row in run(made, OBJECTS)} == set()


def test_a_service_writes_on_while_two_starters_bring_its_tables_to_this_release(postgres, opened, race, monkeypatch):
    from alembic import command  # noqa: PLC0415

    monkeypatch.setattr(migrations, "PATIENCE", 0.2)
    service = SERVICES["therapy-booking"]
    database = opened(postgres.fresh())
    with database.engine.connect() as connection:
        command.upgrade(migrations.config(folder_of(service.name), connection), "0002")
        connection.commit()
    log = EventLog(service.name, MetaData(), lambda _session, _record: None)
    going, waits = threading.Event(), []
    going.set()

    def write():
        number = 0
        while going.is_set():
            number += 1
            began = time.monotonic()
            with database.write() as session:
                said = Saying(session, Occasion(NOW, "somebody", "sample", "correlation"))
                renewed = LinkRenewed(reference="R1", recipient="sender", generation=number)
                log.append(session, f"link/{threading.get_ident()}-{number}", 0, [renewed], said)
            waits.append(time.monotonic() - began)
        return number

    def hold_the_log_for_a_while():
        with database.write() as session:
            session.connection().execute(text("lock table log in row exclusive mode"))
            time.sleep(1.0)

    def start():
        time.sleep(0.2)
        another = Database(database.url)
        try:
            return migrate(another, service.name)
        finally:
            another.dispose()

    def start_and_stop_writing():
        try:
            return start()
        finally:
            going.clear()

    *written, _, first, second = race(write, write, hold_the_log_for_a_while, start, start_and_stop_writing)

    assert (first, second) == (True, True)
    assert all(isinstance(count, int) and count for count in written), written
    with database.read() as session:
        assert session.connection().scalar(select(func.count()).select_from(log.table)) == sum(written)
    assert max(waits) < 5
    assert not migrate(database, service.name)


# --- rebuilding ------------------------------------------------------------------------------------------------------


def test_derived_tables_are_built_again_from_the_log(desk, tmp_path):
    block = desk.block(desk.supply(), seats=1)
    booking = desk.booked(desk.child(), block)
    desk.child()
    desk.cancel(booking)
    stage = desk.stage
    name = stage.service.name
    assembly = SimpleNamespace(services={name: stage.service}, parts={name: stage.parts}, folder=tmp_path)
    assert sum(found.different for found in rebuild.compare(assembly, name)) == 0

    run(stage.parts.database, "update slot set ends_at = ends_at + interval '1 hour'")
    run(stage.parts.database, "delete from booking")
    rebuild.rebuild(assembly, name)

    assert sum(found.different for found in rebuild.compare(assembly, name)) == 0
    assert desk.faults() == {}
