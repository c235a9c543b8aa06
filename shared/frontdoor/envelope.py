"""The envelope: CloudEvents 1.0 in JSON, in the bytes that are hashed, stored and sent."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic_core import from_json, to_json

from frontdoor.events import Event, instant, read_event

MOST = 2**31
"""No version, epoch or schema version is as large as this: databases keep them in 32 bits."""
DATASCHEMA = "https://front-door.example.org/events/{type}/{version}"


class Undecodable(Exception):
    """These bytes are not an event in our envelope."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True)
class Recorded:
    """An event as it stands in a log, with its envelope."""

    id: str
    source: str
    type: str
    schema_version: int
    stream: str
    version: int
    time: datetime
    area: str
    epoch: int
    actor: str
    correlation: str
    causation: str | None
    traceparent: str | None
    previous: str | None
    data: dict[str, Any]
    payload: bytes = field(repr=False)

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of the payload, 32 bytes."""
        return hashlib.sha256(self.payload).digest()

    @cached_property
    def event(self) -> Event:
        """The event itself, lifted to today's version."""
        return read_event(self.type, self.schema_version, self.data)


def decode(payload: bytes) -> Recorded:
    """Read an envelope's bytes; `Undecodable` for anything else."""
    try:
        envelope = from_json(payload, allow_inf_nan=False)
        return Recorded(
            id=_text(envelope["id"]),
            source=_text(envelope["source"]),
            type=_text(envelope["type"]),
            schema_version=_number(int(envelope["dataschema"].rsplit("/", 1)[1])),
            stream=_text(envelope["subject"]),
            version=_number(envelope["version"]),
            time=datetime.fromisoformat(envelope["time"]),
            area=_text(envelope["area"]),
            epoch=_number(envelope["epoch"]),
            actor=_text(envelope["actor"]),
            correlation=_text(envelope["correlationid"]),
            causation=_text(envelope.get("causationid", "")) or None,
            traceparent=_text(envelope.get("traceparent", "")) or None,
            previous=_text(envelope.get("previous", "")) or None,
            data=dict(envelope["data"]),
            payload=payload,
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as wrong:
        raise Undecodable from wrong


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < MOST:
        raise ValueError
    return value


def encode(envelope: dict[str, Any]) -> bytes:
    """Write an envelope as the bytes that are hashed, stored and sent; absent extensions are left out."""
    return to_json({name: value for name, value in envelope.items() if value is not None})


def envelope_of(record: Recorded) -> dict[str, Any]:
    """Give what is hashed and sent of an event, by the names that CloudEvents gives it."""
    return {
        "specversion": "1.0",
        "id": record.id,
        "source": record.source,
        "type": record.type,
        "subject": record.stream,
        "time": instant(record.time),
        "datacontenttype": "application/json",
        "dataschema": DATASCHEMA.format(type=record.type, version=record.schema_version),
        "area": record.area,
        "version": record.version,
        "epoch": record.epoch,
        "actor": record.actor,
        "correlationid": record.correlation,
        "causationid": record.causation,
        "traceparent": record.traceparent,
        "previous": record.previous,
        "data": record.data,
    }
