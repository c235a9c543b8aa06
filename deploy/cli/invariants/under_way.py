"""Telling what is on its way from what is lost, while the product runs."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from sqlalchemy import select

from all_in_one.assembly import Assembly, Between, Unheard
from cli.invariants.finding import Finding
from cli.invariants.walks import pages
from frontdoor.delivery.positions import Place

AT_ONCE = 5_000
"""Unheard events that are held together."""


def lost(assembly: Assembly, hearer: str, unheard: Iterable[Unheard], finding: Finding) -> Iterable[Unheard]:
    """Sort out, of events that seemed unheard, those on their way (which are counted) and those heard meanwhile.

    What is on its way is looked at first; what has been heard is looked at again after that: an event that is neither
    is lost.
    """
    for some in pages(unheard, AT_ONCE):
        between: Between = assembly.look_between(assembly.hearers[hearer], some)
        now = _heard(assembly, hearer, some)
        still = [event for event in some if event.version > now.get((event.source, event.stream), 0)]
        finding.on_their_way += sum((event.source, event.log_id) in between.held for event in still)
        yield from (event for event in still if (event.source, event.log_id) not in between.held)


def _heard(assembly: Assembly, hearer: str, unheard: Sequence[Unheard]) -> dict[tuple[str, str], int]:
    parts = assembly.parts[hearer]
    table = parts.log.metadata.tables["stream_position"].c
    found = {}
    with parts.database.read() as session:
        for source, events in groupby(unheard, key=lambda event: event.source):
            streams = {event.stream for event in events}
            wanted = select(table.stream, table.history).where(table.source == source, table.stream.in_(streams))
            for row in session.connection().execute(wanted):
                found[source, row.stream] = Place(row.history).version
    return found
