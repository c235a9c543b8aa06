"""`frontdoor replay SERVICE`: say a log, or a part of it, to its hearers again; it must change nothing."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from all_in_one.assembly import Assembly
from frontdoor.delivery.hearer import Heard, Hearer
from frontdoor.envelope import Recorded

BATCH = 200
SHUFFLED_AT_ONCE = 20_000
"""Events that are held in memory and mixed with one another when the order is to be lost."""


@dataclass(frozen=True)
class Replay:
    """What to say again, to whom and how badly."""

    service: str
    since: int = 1
    stream: str | None = None
    into: str | None = None
    types: frozenset[str] = frozenset()
    twice: bool = False
    shuffle: bool = False
    seed: int = 0


def replay(assembly: Assembly, wanted: Replay) -> int:
    """Deliver the events again; give back how many were handed over.

    With `types`, the handlers of `into` are run on these types whatever its positions say: a service that has learned
    to hear a type hears the past of it so; `caused_by` keeps it from saying anything twice.
    """
    hearers = [
        hearer
        for name, hearer in assembly.hearers.items()
        if wanted.service in hearer.sources and wanted.into in {None, name}
    ]
    handed = 0
    for records in _portions(_events(assembly, wanted), SHUFFLED_AT_ONCE):
        said = records * 2 if wanted.twice else records
        if wanted.shuffle:
            random.Random(wanted.seed).shuffle(said)  # noqa: S311  an order, not a secret
        for hearer in hearers:
            _hand_over(hearer, wanted, said)
        handed += len(said) * len(hearers)
    return handed


def _events(assembly: Assembly, wanted: Replay) -> Iterator[Recorded]:
    parts = assembly.parts[wanted.service]
    with parts.database.read() as session:
        for _, record in parts.log.all(session, wanted.since):
            if wanted.stream in {None, record.stream} and (not wanted.types or record.type in wanted.types):
                yield record


def _hand_over(hearer: Hearer, wanted: Replay, records: list[Recorded]) -> None:
    for portion in _portions(records, BATCH):
        if wanted.types:
            _run_handlers(hearer, portion)
        else:
            payloads = [record.payload for record in portion]
            while payloads:
                payloads = payloads[hearer.deliver(wanted.service, payloads) :]


def _run_handlers(hearer: Hearer, records: list[Recorded]) -> None:
    with hearer.parts.database.write() as session:
        for record in records:
            handler = hearer.handlers.get(record.type)
            if handler is not None:
                handler(hearer.parts.hearing(session, record), Heard(record))


def _portions(records: Iterable[Recorded], size: int) -> Iterator[list[Recorded]]:
    rest = iter(records)
    while portion := list(islice(rest, size)):
        yield portion
