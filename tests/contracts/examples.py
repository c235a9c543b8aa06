"""Examples of every event, as it stands in a log: `make documents` writes those that are missing, and changes none.

An example that has been published is a promise: every later release reads it. `published.json` holds their hashes.
"""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, StringConstraints

from frontdoor.envelope import DATASCHEMA, encode
from frontdoor.events import EVENTS, Event, Sealed, instant

FOLDER = Path(__file__).parent / "events"
PUBLISHED = FOLDER / "published.json"
NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
SEALED = "s1.C-4MXKQ7PD.AAECAwQFBgcICQoLDA0ODw=="
KNOWN = {
    "reference": "R7K2-9QF4X",
    "child_id": "C-4MXKQ7PD",
    "contact_id": "K-4MXKQ7PD",
    "standard": "triage",
    "organisation": "sample-school",
    "setting": "sample-school",
    "sent_by": "senco",
    "language": "en",
}


def file_of(kind: type[Event]) -> Path:
    """Name the example of an event as it is today."""
    return FOLDER / f"{kind.__name__}.{kind.schema_version}.json"


def envelope(kind: type[Event]) -> bytes:
    """Write an event with every field that it may have, in an envelope with every field that it may have."""
    named = {
        "specversion": "1.0",
        "id": "019a9648-4540-7000-8000-000000000001",
        "source": f"front-door/{kind.source}",
        "type": kind.__name__,
        "subject": "example/R7K2-9QF4X",
        "time": instant(NOW),
        "datacontenttype": "application/json",
        "dataschema": DATASCHEMA.format(type=kind.__name__, version=kind.schema_version),
        "area": "sample",
        "version": 2,
        "epoch": 1,
        "actor": "senco",
        "correlationid": "0f0e0d0c-0b0a-4908-8706-050403020100",
        "causationid": "019a9648-4540-7000-8000-000000000000",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "previous": "ab" * 32,
        "data": example(kind).model_dump(mode="json"),
    }
    return encode(named)


def example(kind: type[BaseModel]) -> BaseModel:
    """Make an event, or a part of one, with a value in every field."""
    fields = {name: value(name, field.annotation, field.metadata) for name, field in kind.model_fields.items()}
    return kind.model_validate(fields)


def value(name: str, kind: Any, metadata: Any = ()) -> Any:  # noqa: PLR0911  a kind of type, a line
    """Make a value for a field of this name and type."""
    origin, parts = get_origin(kind), get_args(kind)
    if any(isinstance(part, StringConstraints) for part in metadata) or kind == Sealed:
        return SEALED
    if origin is Annotated:
        return value(name, parts[0], parts[1:])
    if origin in {Union, UnionType}:
        return value(name, next(part for part in parts if part is not NoneType))
    if origin is Literal:
        return parts[0]
    if origin is tuple:
        return (value(name, parts[0]),)
    if origin is dict:
        return {value(name, parts[0]): value(name, parts[1])}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return example(kind)
    plain = {bool: True, int: 2, date: NOW.date(), str: KNOWN.get(name, f"a-{name}")}
    return plain.get(kind, NOW)


def digest(payload: bytes) -> str:
    """Hash an example."""
    return hashlib.sha256(payload).hexdigest()


def publish() -> None:
    """Write the examples that are missing, and note their hashes."""
    FOLDER.mkdir(exist_ok=True)
    published = json.loads(PUBLISHED.read_text()) if PUBLISHED.exists() else {}
    for kind in EVENTS.values():
        file = file_of(kind)
        if not file.exists() and file.name not in published:
            file.write_bytes(envelope(kind))
            published[file.name] = digest(file.read_bytes())
    PUBLISHED.write_text(json.dumps(published, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    publish()
