"""What the product says of itself can be derived again, and saying everything twice and shuffled changes nothing."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from all_in_one.testing import FrontDoor
from cli import main
from cli.rebuild import compare, derived_tables, rebuild
from cli.replay import Replay, replay
from cli.verify import verify

pytestmark = pytest.mark.slow

FORM = json.loads((Path(__file__).parent / "examples" / "referral.json").read_text())
SERVICES = ("child-record", "notification", "referral-intake", "therapy-booking", "triage-panel")


@pytest.fixture(scope="module")
def lived_in_once(tmp_path_factory):
    """A folder in which something of everything has happened."""
    front_door = FrontDoor(tmp_path_factory.mktemp("lived-in"), FORM)
    first, second, third = (front_door.refer()["reference"] for _ in range(3))
    front_door.decide("education", first, "return", reason_code="evidence_missing")
    front_door.as_person("senco").post(f"/api/referrals/{first}/additions", json={"text": "The hearing test is here."})
    front_door.decide("education", second, "redirect", redirect_to="care", reason_code="better_met_elsewhere")
    front_door.waiting(first)
    front_door.waiting(second)
    block, _ = front_door.commission(seats=1)
    booking = front_door.book(first, block).json()["booking"]
    cancel = {"reason_code": "family_request"}
    front_door.as_person("booking-coordinator").post(f"/api/bookings/{booking}/cancel", json=cancel)
    front_door.settle()
    front_door.book(second, block)
    front_door.as_person("senco").post(f"/api/referrals/{third}/withdraw", json={"reason": "Moved away."})
    front_door.days_pass(20)
    front_door.assembly.close()
    return front_door


@pytest.fixture
def lived_in(lived_in_once, tmp_path):
    """A copy of it to look at, and to damage."""
    copy = shutil.copytree(lived_in_once.folder, tmp_path / "copy")
    front_door = FrontDoor(copy, FORM)
    front_door.clock.now = lived_in_once.clock.now
    yield front_door
    front_door.assembly.close()


def pictures(front_door):
    """Every row of every derived table, and how much each log holds."""
    found = {}
    for name, parts in front_door.assembly.parts.items():
        with parts.database.read() as session:
            found[name] = parts.log.last_id(session)
            for table in derived_tables(front_door.assembly.services[name]):
                rows = session.connection().execute(table.select().order_by(*table.primary_key.columns))
                found[f"{name} {table.name}"] = [tuple(row) for row in rows]
    return found


def test_every_invariant_holds(lived_in, tmp_path, capsys):
    said = Console(file=(tmp_path / "verify.txt").open("w"))

    assert verify(lived_in.assembly, said, wait=2) == 0


def test_verify_notices_a_row_that_nobody_said(lived_in, tmp_path):
    with lived_in.assembly.parts["triage-panel"].database.write() as session:
        session.connection().exec_driver_sql("update entry set status = 'accepted' where status = 'queued'")

    assert verify(lived_in.assembly, Console(file=(tmp_path / "verify.txt").open("w"))) == 1


@pytest.mark.parametrize(
    ("service", "damage"),
    [
        ("referral-intake", "delete from log where type = 'ReferralAmended'"),
        ("referral-intake", "update log set payload = substr(payload, 1, 40) where id = 3"),
        ("triage-panel", "update log set payload = replace(payload, 'routine', 'urgent!')"),
        ("triage-panel", "update log set hash = x'00' where id = 2"),
        ("triage-panel", "update log set caused_by = 'nobody' where id = 2"),
        ("triage-panel", "delete from log where stream like 'entry/%/care'"),
        ("therapy-booking", "delete from seat"),
        ("notification", "delete from log where stream like 'notice/%'"),
        ("notification", "update log_position set log_id = log_id + 1000"),
        ("child-record", "delete from stream_position where stream like 'entry/%'"),
        ("child-record", "delete from step"),
    ],
)
def test_verify_notices_what_was_damaged(lived_in, tmp_path, service, damage):
    with lived_in.assembly.parts[service].database.write() as session:
        session.connection().exec_driver_sql(damage)

    assert verify(lived_in.assembly, Console(file=(tmp_path / "verify.txt").open("w"))) > 0


def test_verify_notices_a_key_that_is_not_there(lived_in, tmp_path):
    with sqlite3.connect(lived_in.folder / "keys.sqlite") as keys:
        keys.execute("delete from keys where rowid = 1")

    assert verify(lived_in.assembly, Console(file=(tmp_path / "verify.txt").open("w"))) == 1


def test_verify_notices_a_reference_that_was_given_out_and_is_not_there(lived_in, tmp_path):
    journal = tmp_path / "journal.txt"
    journal.write_text("R222-2222P\n")

    assert verify(lived_in.assembly, Console(file=(tmp_path / "verify.txt").open("w")), journal) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_rebuilding_gives_identical_tables(lived_in, name):
    found = compare(lived_in.assembly, name)

    assert found
    assert sum(comparison.rows for comparison in found) > 0
    assert [comparison.table for comparison in found if comparison.different] == []


def test_rebuilding_puts_right_what_was_wrong(lived_in):
    before = pictures(lived_in)
    with lived_in.assembly.parts["triage-panel"].database.write() as session:
        session.connection().exec_driver_sql("update entry set status = 'accepted'")
    rebuild(lived_in.assembly, "triage-panel")

    assert pictures(lived_in) == before


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_event_said_again_twice_changes_nothing_and_tells_nobody(lived_in, shuffle):
    before, told = pictures(lived_in), lived_in.messages()
    for name in SERVICES:
        assert replay(lived_in.assembly, Replay(name, twice=True, shuffle=shuffle)) > 0
    lived_in.settle()

    assert pictures(lived_in) == before
    assert lived_in.messages() == told


def test_a_service_that_lost_everything_but_its_log_of_places_hears_it_all_again_without_telling_anybody(lived_in):
    told = lived_in.messages()
    with lived_in.assembly.parts["notification"].database.write() as session:
        session.connection().exec_driver_sql("delete from stream_position")
        session.connection().exec_driver_sql("delete from log_position")
    heard_again = lived_in.assembly.transport.drain()
    lived_in.settle()

    assert heard_again > 20
    assert lived_in.messages() == told


def test_after_a_restore_nothing_is_sent_until_somebody_releases_it(front_door, monkeypatch):
    monkeypatch.setenv("FRONTDOOR_DATA", str(front_door.folder))
    command(main.app, ["restored", "triage-panel"])
    front_door.refer()
    assert front_door.messages() == []

    command(main.app, ["release"])
    front_door.settle()
    assert len(front_door.messages()) == 1


def command(app, words):
    """Run a command of `frontdoor` in this process."""
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
