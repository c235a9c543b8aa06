"""What is inserted in one transaction goes to PostgreSQL in one statement, and nobody can tell by looking."""

import pytest
from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, event, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from frontdoor.database import Database, claim, undone_alone
from frontdoor.rows import insert_absent, insert_last, insert_rows, upsert

pytestmark = pytest.mark.containers
_METADATA = MetaData()
ONE = Table("one", _METADATA, Column("name", String, primary_key=True), Column("number", Integer))
OTHER = Table("other", _METADATA, Column("name", String, primary_key=True), Column("said", JSON))


class Taken(Exception):
    """Somebody has taken this name."""


@pytest.fixture
def database(postgres):
    made = Database(postgres.fresh())
    made.create(_METADATA)
    yield made
    made.dispose()


@pytest.fixture
def sent(database):
    """The statements that reach the server."""
    seen = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement))
    return seen


def named(*names):
    return [{"name": name, "number": at} for at, name in enumerate(names)]


def names_in(database):
    with database.read() as session:
        return sorted(session.scalars(select(ONE.c.name)))


def test_all_that_a_transaction_inserts_goes_in_one_statement(database, sent):
    with database.write() as session:
        insert_rows(session, ONE, named("a"))
        insert_rows(session, ONE, named("b", "c"))
        insert_last(session, OTHER, [{"name": "a", "said": {"x": [1, None]}}])
    assert len(sent) == 1
    assert names_in(database) == ["a", "b", "c"]
    with database.read() as session:
        assert session.scalars(select(OTHER.c.said)).all() == [{"x": [1, None]}]


def test_a_referral_is_accepted_in_seven_statements_and_a_child_booked_in_fourteen(intake, desk):
    """Each is a round trip for which a thread waits; a beginning, an end and the child's key come to these."""
    stranger = {"given_name": "Ottoline", "family_name": "Quayle", "date_of_birth": "2018-02-03", "postcode": "SS1 1AA"}
    forms = [intake.form(), intake.form() | {"child": stranger}]
    block = desk.block(desk.supply(), seats=5)
    wishes = [{"reference": desk.child(), "block": block} for _ in range(2)]
    coordinator = desk.stage.as_person("booking-coordinator")
    asks = (
        (intake.stage, lambda at: intake.send(forms[at], key=f"key-{at}"), 7),
        (
            desk.stage,
            lambda at: coordinator.post("/api/bookings", json=wishes[at], headers={"Idempotency-Key": f"{at}"}),
            14,
        ),
    )
    for stage, ask, most in asks:
        assert ask(0).status_code == 201
        sent = []
        event.listen(
            stage.parts.database.engine, "before_cursor_execute", lambda _c, _u, one, *_, to=sent: to.append(one)
        )
        assert ask(1).status_code == 201
        assert len(sent) <= most, "\n".join(one[:150] for one in sent)


def test_whoever_looks_in_the_same_transaction_finds_what_was_inserted_before(database):
    looks = (
        lambda session: session.execute(select(func.count()).select_from(ONE)).scalar(),
        lambda session: session.scalar(select(func.count()).select_from(ONE)),
        lambda session: len(session.scalars(select(ONE.c.name)).all()),
        lambda session: len(session.exec(select(ONE.c.name)).all()),
        lambda session: session.connection().scalar(text("select count(*) from one")),
    )
    with database.write() as session:
        for number, look in enumerate(looks, 1):
            insert_rows(session, ONE, named(f"n{number}"))
            assert look(session) == number


def test_a_row_is_replaced_or_left_as_it_was_in_the_order_in_which_that_was_asked(database):
    with database.write() as session:
        insert_rows(session, ONE, [{"name": "a", "number": 1}])
        insert_absent(session, ONE, [{"name": "a", "number": 2}, {"name": "b", "number": 2}])
        upsert(session, ONE, [{"name": "b", "number": 3}])
        upsert(session, ONE, [{"name": "b", "number": 4}])
    with database.read() as session:
        assert dict(session.execute(select(ONE)).all()) == {"a": 1, "b": 4}


def test_a_clash_is_told_in_the_words_of_the_rows_that_clash_and_leaves_nothing_behind(database):
    def clash(meaning):
        with database.write() as session:
            insert_rows(session, OTHER, [{"name": "x", "said": None}])
            insert_rows(session, ONE, named("a"), meaning)

    with database.write() as session:
        insert_rows(session, ONE, named("a"))
    with pytest.raises(Taken):
        clash(lambda _clash: Taken())
    with pytest.raises(IntegrityError):
        clash(None)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(OTHER)) == 0


def test_what_was_inserted_before_a_savepoint_stays_when_that_is_undone(database):
    def undone(session):
        with undone_alone(session):
            insert_rows(session, ONE, named("within"))
            insert_last(session, OTHER, [{"name": "within", "said": None}])
            raise Taken

    with database.write() as session:
        insert_rows(session, ONE, named("before"))
        with pytest.raises(Taken):
            undone(session)
        insert_rows(session, ONE, named("after"))
        savepoint = session.begin_nested()
        insert_rows(session, ONE, named("undone"))
        savepoint.rollback()
    assert names_in(database) == ["after", "before"]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(OTHER)) == 0


def test_one_statement_is_committed_by_itself_and_a_glance_sees_it(database, sent):
    with database.write(one_statement=True) as session:
        session.connection().execute(ONE.insert().values(name="a", number=1))
    with database.glance() as session:
        assert session.connection().scalar(select(ONE.c.number)) == 1
    with database.write() as session, pytest.raises(IntegrityError):
        session.connection().execute(ONE.insert().values(name="a", number=1))
    assert len(sent) == 3


def test_a_connection_that_the_server_has_ended_is_replaced_before_anybody_uses_it(database, postgres):
    with database.write() as first, database.write() as second:
        assert first.scalar(text("select 1")) == second.scalar(text("select 1"))
    other = Database(database.url)
    with other.write() as session:
        ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database()"
        assert session.scalar(text(f"{ended} and pid <> pg_backend_pid()")) == 2
    other.dispose()
    for _ in range(3):
        with database.write() as session:
            insert_absent(session, ONE, named("a"))
    assert names_in(database) == ["a"]


def test_who_claims_with_patience_of_their_own_waits_so_long_and_for_what_follows_as_long_as_usual(database):
    with database.write() as first:
        claim(first, "a")
        with pytest.raises(OperationalError, match="lock timeout"), database.write() as second:
            claim(second, "a", patience=0.1)
    with database.write() as third:
        claim(third, "a", patience=0.1)
        assert third.scalar(text("show lock_timeout")) == "10s"
