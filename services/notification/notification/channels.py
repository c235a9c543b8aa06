"""Ways to reach people: the port that every provider is put behind, and the demo's, which writes to a file.

A provider knows a message by its notice's id. It can be asked by that id whether it has it, which is what makes a kill
between its answer and our commit harmless.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Accepted = Literal["accepted", "busy", "refused", "broken"]
"""Taken; not just now, and it has not got it; never to this address; not from us as we are set up."""
Known = Literal["found", "absent", "unknown"]
"""It has it; it certainly has not; it cannot say."""
LEDGER = "sent-messages.jsonl"
_BLOCK = 256 * 1024


@dataclass(frozen=True)
class Message:
    """What a provider is given. `kind` is email, sms, letter, or phone for a person to call; `at` is business time."""

    notice: str
    reference: str
    recipient: str
    kind: str
    address: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    at: str


class Channel(Protocol):
    """A provider. Whatever either method raises means that nobody knows what happened."""

    def send(self, message: Message) -> Accepted:
        """Hand over a message under its notice's id."""

    def look_up(self, notice: str) -> Known:
        """Say whether the provider has the message of this notice."""


def masked(kind: str, address: str) -> str:
    """The address as far as somebody may see it who need not: `07700 900••1`, `d•••@example.org`, `SM1 •••`."""
    if kind == "email":
        name, _, host = address.rpartition("@")
        return f"{name[:1]}•••@{host}"
    if kind == "letter":
        return f"{address.rsplit(',', 1)[-1].strip().split(' ')[0]} •••"
    return f"{address[:-3]}••{address[-1:]}"


# --- the demo --------------------------------------------------------------------------------------------------------


class DemoChannel:
    """Everybody's telephone, letterbox and inbox in one: a file with a JSON line for each message, never sent on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / LEDGER
        self._known: set[str] = set()
        self._read_to = 0

    def send(self, message: Message) -> Accepted:
        """Write the message down, safe on disk before it counts as accepted."""
        told = asdict(message) | {"channel": message.kind, "to": masked(message.kind, message.address)}
        line = json.dumps({name: value for name, value in told.items() if name not in {"kind", "address"}})
        with open(self._file, "ab+", opener=_for_its_owner) as ledger:
            if _is_torn(ledger):
                ledger.write(b" (torn)\n")
            ledger.write(line.encode() + b"\n")
            ledger.flush()
            os.fsync(ledger.fileno())
        return "accepted"

    def look_up(self, notice: str) -> Known:
        """Look for the notice in what was written down, by whichever process."""
        for place, message in _lines(self._file, self._read_to):
            self._read_to = place
            self._known |= {message["notice"]} if message else set()
        return "found" if notice in self._known else "absent"


@dataclass(frozen=True)
class Page:
    """Messages, newest first, and the place to read on from; None: these were the oldest."""

    messages: list[dict[str, Any]]
    before: int | None


def sent_messages(folder: Path, before: int | None, limit: int = 20) -> Page:
    """Read the demo's ledger backwards from a place in it, without reading the rest."""
    file = folder / LEDGER
    size = file.stat().st_size if file.exists() else 0
    end = size if before is None else max(min(before, size), 0)
    start = max(end - _BLOCK, 0)
    # Where the block begins inside a line, the rest of that line is no message, and belongs to the next page.
    found = [message for _, message in _lines(file, start, end) if message]
    shown = found[-limit:]
    more = bool(shown) and bool(start or len(found) > limit)
    return Page(shown[::-1], shown[0]["place"] if more else None)


def ledger_counts(folder: Path) -> Counter[str]:
    """How often the demo's provider accepted each notice: more than once is a message too many."""
    return Counter(message["notice"] for message in ledger(folder))


def ledger(folder: Path) -> Iterator[dict[str, Any]]:
    """Everything that the demo's provider accepted, oldest first."""
    return (message for _, message in _lines(folder / LEDGER, 0) if message)


def _lines(file: Path, start: int, end: int | None = None) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Whole lines from a place in the file on, each as (place behind it, message); torn ones give None."""
    if not file.exists():
        return
    with file.open("rb") as ledger:
        ledger.seek(start)
        place = start
        while (line := ledger.readline()).endswith(b"\n") and (end is None or place + len(line) <= end):
            message = _message(line)
            if message:
                message["place"] = place
            place += len(line)
            yield place, message


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "notice" in message else None


def _is_torn(ledger: Any) -> bool:
    """Whether a kill left the last line unfinished; what stands in it was never accepted."""
    if ledger.seek(0, os.SEEK_END) == 0:
        return False
    ledger.seek(-1, os.SEEK_END)
    return bool(ledger.read(1) != b"\n")


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
