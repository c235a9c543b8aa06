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
from frontdoor.delivery import parking

pytestmark = pytest.mark.slow

FORM = json.loads((Path(__file__).parent / "examples" / "referral.json").read_text())
FORM["child"]["nhs_number"] = "9990004005"
SCREENED = {
    "token": "S-22222222",
    "child.given_name": "Robin",
    "child.family_name": "Aldous",
    "half_term": "2026-autumn-2",
    "year": "reception",
    **{f"results.{domain}": "on_track" for domain in ("communication", "cognition", "emotional")},
    "results.physical": "flag",
}
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
    too_young = FORM["child"] | {"date_of_birth": "2022-11-30", "nhs_number": "9992004002"}
    fourth = front_door.refer(child=too_young, support=["educational_psychology"])["reference"]
    front_door.decide("education", fourth, "accept")
    front_door.as_person("teacher").post("/screening/new", data=SCREENED)
    front_door.days_pass(20)
    front_door.as_person("senco").post("/api/referrals", json=FORM, headers={"Idempotency-Key": "the-fourth"})
    front_door.settle()
    assert front_door.queue("education")[fourth]["old_enough_for"] == ["educational_psychology"]
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


def failing(front_door, tmp_path, journal=None):
    """The numbers of the invariants that do not hold, and what was said."""
    with (tmp_path / "verify.txt").open("w+") as file:
        failed = verify(front_door.assembly, Console(file=file), journal)
        file.seek(0)
        said = file.read()
    numbers = {line.split()[0] for line in said.splitlines() if "FAILED" in line}
    assert len(numbers) == failed
    return numbers


def damage(front_door, service, *statements):
    """Change what stands in a service's database, past the service."""
    with front_door.assembly.parts[service].database.write() as session:
        for statement in statements:
            session.connection().exec_driver_sql(statement)


def test_every_invariant_holds(lived_in, tmp_path):
    said = Console(file=(tmp_path / "verify.txt").open("w"))

    assert verify(lived_in.assembly, said, wait=2) == 0


def test_verify_looks_at_something_for_each_invariant(lived_in, tmp_path):
    journal = tmp_path / "journal.txt"
    journal.write_text("\n".join(message["reference"] for message in lived_in.messages()))
    failing(lived_in, tmp_path, journal)
    lines = (tmp_path / "verify.txt").read_text().splitlines()[:-1]

    # Without Kafka, nothing waits for it.
    assert [line.split()[0] for line in lines if " ok 0 " in line] == ["I6"]


def test_verify_changes_nothing(lived_in, tmp_path):
    before = pictures(lived_in)
    failing(lived_in, tmp_path)

    assert pictures(lived_in) == before


CASES = [
    ("I1", "triage-panel", "delete from log where stream like 'entry/%/health' and type = 'ReferralQueued'"),
    ("I1", "referral-intake", "delete from log where stream like 'referral/%'"),
    ("I1", "triage-panel", "delete from log where stream like 'entry/%/care'"),
    ("I3", "referral-intake", "update answer set body = replace(body, 'R', 'r')"),
    (
        "I3",
        "referral-intake",
        "insert into answer select person, address, 'b', sent, status, body, location, kept_at from answer",
    ),
    ("I4", "referral-intake", "delete from log where type = 'ReferralAmended'"),
    ("I4", "referral-intake", "update log set payload = substr(payload, 1, 40) where id = 3"),
    ("I4", "triage-panel", "update log set payload = replace(payload, 'routine', 'urgent!')"),
    ("I4", "triage-panel", "update log set hash = x'00' where id = 2"),
    ("I4", "triage-panel", "update entry set status = 'accepted' where status = 'queued'"),
    ("I4", "child-record", "delete from step"),
    ("I5", "triage-panel", "update log set type = 'EntryReopened' where type = 'StandardMet'"),
    ("I5", "triage-panel", "update log set stream = replace(stream, 'entry/', 'untold/')"),
    ("I6", "referral-intake", "insert into unrelayed (log_id) values (1)"),
    ("I7", "triage-panel", "update log set caused_by = 'nobody' where id = 2"),
    (
        "I7",
        "child-record",
        "update stream_position set history = x'00' || substr(history, 2) where stream like 'entry/%'",
    ),
    ("I7", "referral-intake", "delete from log where stream like 'child/%'"),
    ("I8", "notification", "update log_position set log_id = log_id + 1000"),
    ("I8", "child-record", "delete from stream_position where stream like 'entry/%'"),
    ("I9", "therapy-booking", "update slot set ends_at = '2027-03-01 09:00:00.000000'"),
    ("I9", "therapy-booking", "update seat set ends_at = '2027-03-01 09:00:00.000000'"),
    ("I10", "therapy-booking", "update seat set seat = 2"),
    ("I10", "therapy-booking", "update block set seats = 0"),
    ("I11", "therapy-booking", "delete from seat"),
    ("I11", "therapy-booking", "delete from seat where rowid = (select min(rowid) from seat)"),
    ("I11", "therapy-booking", "delete from booking where status = 'booked'"),
    ("I11", "therapy-booking", "update block set price_pence = price_pence + 1"),
    ("I12", "notification", "delete from notice where status = 'delivered'"),
    ("I12", "notification", "update notice set status = 'sending' where status = 'delivered'"),
    ("I15", "triage-panel", "update audit set agreement = null where id = 1"),
    ("I15", "triage-panel", "update audit set person = '' where id = 1"),
    ("I15", "triage-panel", "update audit set \"references\" = 'R1' where id = 1"),
    ("I15", "referral-intake", "delete from audit where action = 'referral.add'"),
    ("I16", "triage-panel", "update audit set person = 'somebody' where id = 1"),
    ("I16", "triage-panel", "delete from audit where id = 1"),
    ("I16", "triage-panel", "delete from audit_seal where first_id = 1"),
    ("I16", "triage-panel", "update audit_seal set digest = x'00' where first_id = 1"),
]


@pytest.mark.parametrize(("number", "service", "change"), CASES)
def test_verify_names_the_invariant_that_was_damaged(lived_in, tmp_path, number, service, change):
    damage(lived_in, service, change)

    assert number in failing(lived_in, tmp_path)


def test_verify_notices_what_one_cause_led_to_twice(lived_in, tmp_path):
    columns = "area, event_id, stream, version, type, topic, time, caused_by, ordinal, hash, payload"
    again = columns.replace("event_id", "event_id || 'x'").replace("version", "version + 1000")
    twice = f"insert into log ({columns}) select {again} from log where caused_by is not null"
    damage(lived_in, "triage-panel", "drop index log_once_per_cause", twice)

    assert "I7" in failing(lived_in, tmp_path)


def test_verify_notices_a_message_that_went_out_twice_or_that_nobody_made(lived_in, tmp_path):
    ledger = lived_in.folder / "sent-messages.jsonl"
    lines = ledger.read_text().splitlines()
    ledger.write_text("\n".join([*lines, lines[0], ""]))
    assert failing(lived_in, tmp_path) == {"I12"}

    ledger.write_text("\n".join([*lines, json.dumps(json.loads(lines[0]) | {"notice": "unknown"}), ""]))
    assert failing(lived_in, tmp_path) == {"I12"}


CHILD = FORM["child"]


@pytest.mark.parametrize(
    "slip",
    [
        f"{CHILD['given_name']} can come",
        f"the {CHILD['family_name'].upper()} family",
        f"NHS number {CHILD['nhs_number'][:3]} {CHILD['nhs_number'][3:6]} {CHILD['nhs_number'][6:]}",
        f"born {CHILD['date_of_birth']}",
    ],
)
def test_verify_notices_a_message_that_says_who_the_child_is_and_does_not_repeat_it(lived_in, tmp_path, slip):
    ledger = lived_in.folder / "sent-messages.jsonl"
    first, *lines = ledger.read_text().splitlines()
    ledger.write_text("\n".join([json.dumps(json.loads(first) | {"text": slip}), *lines, ""]))

    assert failing(lived_in, tmp_path) == {"I14"}
    assert slip not in (tmp_path / "verify.txt").read_text()


@pytest.mark.parametrize(
    ("service", "change"),
    [
        ("notification", f"update notice set facts = json_object('who', '{CHILD['given_name']}')"),
        ("child-record", f"update log set stream = stream || '/{CHILD['given_name']}' where stream like 'record/%'"),
    ],
)
def test_verify_notices_a_name_in_a_notice_and_in_what_a_stream_is_called(lived_in, tmp_path, service, change):
    damage(lived_in, service, change)

    assert "I14" in failing(lived_in, tmp_path)


def tell_the_birthday(version):
    """Let the log say of the child who came of age on which day, as an event of this version."""
    told = '\'"ready_on":"2026-12-01"\', \'"ready_on":"2026-11-30"\''
    said = f"replace(replace(cast(payload as text), {told}), 'ReferralSubmitted/2', 'ReferralSubmitted/{version}')"
    return f"update log set payload = cast({said} as blob) where type = 'ReferralSubmitted'"


def test_verify_notices_a_birthday_in_the_log(lived_in, tmp_path):
    damage(lived_in, "referral-intake", tell_the_birthday(2))

    assert "I14" in failing(lived_in, tmp_path)


def test_verify_counts_the_birthdays_that_an_earlier_release_said(lived_in, tmp_path):
    damage(lived_in, "referral-intake", tell_the_birthday(1))

    assert "I14" not in failing(lived_in, tmp_path)
    assert "1 events of an earlier release in referral-intake name a birthday" in (tmp_path / "verify.txt").read_text()


def park(front_door, service, payload, why=None):
    """Put something into a service's parked table, as hearing would; `payload`: bytes, or a record that failed."""
    parts = front_door.assembly.parts[service]
    with parts.database.write() as session:
        parked = parking.of(parts.log.metadata)
        if isinstance(payload, bytes):
            parked.park_bytes(session, "referral-intake", payload, parts.clock())
        else:
            parked.park(session, "referral-intake", payload, why, parts.clock())


def test_what_a_stranger_sent_is_said_and_is_no_fault(lived_in, tmp_path):
    park(lived_in, "triage-panel", parking.STRANGER + b"hello")

    assert failing(lived_in, tmp_path) == set()
    assert "1 from strangers parked" in (tmp_path / "verify.txt").read_text()


def test_what_we_sent_and_cannot_read_is_a_fault(lived_in, tmp_path):
    park(lived_in, "triage-panel", b"hello")

    assert failing(lived_in, tmp_path) == {"I8"}


def a_record(front_door):
    with front_door.assembly.parts["referral-intake"].database.read() as session:
        return next(record for _, record in front_door.assembly.parts["referral-intake"].log.all(session))


def test_what_still_waits_for_an_event_that_was_heard_is_a_fault(lived_in, tmp_path):
    record = a_record(lived_in)
    park(lived_in, "triage-panel", record, parking.Why("not_yet", waits_for=("referral-intake", record.stream)))

    assert failing(lived_in, tmp_path) == {"I8"}


def test_verify_notices_a_name_in_why_something_was_parked(lived_in, tmp_path):
    why = parking.Why("poison", error=f"ValueError: {CHILD['given_name']}")
    park(lived_in, "triage-panel", a_record(lived_in), why)

    assert failing(lived_in, tmp_path) == {"I8", "I14"}
    assert CHILD["given_name"] not in (tmp_path / "verify.txt").read_text()


def test_audit_rows_that_nobody_seals_for_a_day_are_noticed(lived_in, tmp_path):
    damage(lived_in, "triage-panel", "delete from audit_seal")
    lived_in.clock.forward(days=1, hours=1)

    assert failing(lived_in, tmp_path) == {"I16"}


def test_verify_notices_a_key_that_is_not_there(lived_in, tmp_path):
    with sqlite3.connect(lived_in.folder / "keys.sqlite") as keys:
        keys.execute("delete from keys where rowid = 1")

    assert failing(lived_in, tmp_path) == {"I24"}


def test_verify_notices_a_reference_that_was_given_out_and_is_not_there(lived_in, tmp_path):
    journal = tmp_path / "journal.txt"
    journal.write_text("R222-2222P\n")

    assert failing(lived_in, tmp_path, journal) == {"I2"}


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
