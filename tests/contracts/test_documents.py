"""What is written down for partners is what is served and said, and what was once said can be read for ever."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from child_record.app import service
from frontdoor import events
from frontdoor.documents import asyncapi, written
from frontdoor.envelope import decode, encode
from frontdoor.events import EVENTS, LIFTS, Event, UnknownEvent
from frontdoor.testing import Stage

ROOT = Path(__file__).parents[2]
EXAMPLES = Path(__file__).parent / "events"
FILES = sorted(file.name for file in EXAMPLES.glob("*.*.json"))
HOW = "Run `make documents`, read what has changed, and commit it."


def test_the_openapi_document_in_the_repository_is_the_one_that_is_served(case):
    served = case.front_door.as_person(None).get("/openapi.json").json()
    assert (ROOT / "docs/api/openapi.json").read_text(encoding="utf-8") == written(served), HOW


def test_the_asyncapi_document_in_the_repository_is_the_one_that_is_served(case):
    served = case.front_door.as_person(None).get("/asyncapi.json").json()
    assert (ROOT / "docs/api/asyncapi.json").read_text(encoding="utf-8") == written(served), HOW


def test_the_asyncapi_document_names_every_event_once_and_refers_to_nothing_that_is_not_there():
    document = asyncapi()
    named = [name for channel in document["channels"].values() for name in channel["messages"]]
    assert sorted(named) == sorted(EVENTS)

    def references(part):
        if isinstance(part, dict):
            yield from ([part["$ref"]] if "$ref" in part else [])
        for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from references(below)

    for reference in references(document):
        there = document
        for step in reference.removeprefix("#/").split("/"):
            there = there[step]


def test_every_event_has_an_example_of_each_version_that_was_ever_published():
    wanted = {
        f"{name}.{version}.json" for name, kind in EVENTS.items() for version in range(1, kind.schema_version + 1)
    }
    assert wanted <= set(FILES), f"{HOW} It writes an example of {wanted - set(FILES)}"


def test_a_published_example_never_changes():
    published = json.loads((EXAMPLES / "published.json").read_text())
    found = {name: hashlib.sha256((EXAMPLES / name).read_bytes()).hexdigest() for name in FILES}
    assert found == published, "What was published is read by others: write a new version beside it, and a lift."


@pytest.mark.parametrize("name", FILES)
def test_todays_reader_reads_every_example_and_leaves_nothing_of_it_out(name):
    record = decode((EXAMPLES / name).read_bytes())
    assert f"{record.type}.{record.schema_version}.json" == name
    assert type(record.event) is EVENTS[record.type]
    assert record.source == f"front-door/{EVENTS[record.type].source}"
    if record.schema_version == EVENTS[record.type].schema_version:
        assert record.event.model_dump(mode="json", exclude_unset=True) == record.data


@pytest.mark.parametrize("name", FILES)
def test_an_older_reader_leaves_aside_what_a_later_release_has_added(name):
    payload = (EXAMPLES / name).read_bytes()
    envelope = json.loads(payload)
    later = envelope | {"added": {"later": 1}, "data": envelope["data"] | {"added_later": ["something"]}}
    assert decode(encode(later)).event == decode(payload).event


@pytest.mark.parametrize("name", FILES)
def test_an_older_reader_does_not_read_a_version_that_is_newer_than_it_knows(name):
    envelope = json.loads((EXAMPLES / name).read_bytes())
    newer = envelope | {"dataschema": envelope["dataschema"].rpartition("/")[0] + "/9"}
    record = decode(encode(newer))
    with pytest.raises(UnknownEvent):
        _ = record.event


def test_a_hearer_parks_a_newer_version_and_takes_it_up_once_it_knows_it(tmp_path, monkeypatch):
    stage = Stage(service, tmp_path)
    said = stage.owners.say("notice/N1", events.NoticeSent(notice="N1", reference="R1", child_id="C1"))[0]
    envelope = json.loads(said.payload)
    newer = encode(envelope | {"dataschema": envelope["dataschema"][:-1] + "2"})
    stage.hearer.deliver("notification", [newer])
    assert reasons(stage) == ["unknown"]

    monkeypatch.setattr(events.NoticeSent, "schema_version", 2)
    stage.hearer.handlers.pop("NoticeSent")  # what becomes of it is not the question here
    stage.hearer.recover()
    assert reasons(stage) == []
    stage.parts.database.dispose()


def reasons(stage):
    with stage.look() as session:
        rows = session.connection().exec_driver_sql("select reason from parked where state = 'open'").all()
    return [row.reason for row in rows]


OLD = b"""{"specversion":"1.0","id":"019a9648-4540-7000-8000-000000000001","source":"front-door/triage-panel",\
"type":"RoomMoved","subject":"room/1","time":"2026-11-18T09:30:00.000000Z","datacontenttype":"application/json",\
"dataschema":"https://front-door.example.org/events/RoomMoved/1","area":"sample","version":1,"epoch":1,\
"actor":"senco","correlationid":"c","data":{"room":"2","minutes":"45"}}"""
"""An event of a type that was never ours, as its first version wrote it."""


@pytest.fixture
def room_moved() -> Iterator[type[Event]]:
    """A later release in which that event has a second and a third version."""

    class RoomMoved(Event, source="triage-panel", schema_version=3):
        """A room was moved."""

        place: str
        seconds: int

    LIFTS["RoomMoved", 1] = lambda data: {"place": data["room"], "minutes": int(data["minutes"])}
    LIFTS["RoomMoved", 2] = lambda data: {"place": data["place"], "seconds": data["minutes"] * 60}
    yield RoomMoved
    del EVENTS["RoomMoved"], LIFTS["RoomMoved", 1], LIFTS["RoomMoved", 2]


def test_what_an_older_release_said_is_lifted_version_by_version_and_its_bytes_stay(room_moved):
    record = decode(OLD)
    assert record.event == room_moved(place="2", seconds=2700)
    assert record.payload == OLD
    assert record.data == {"room": "2", "minutes": "45"}
