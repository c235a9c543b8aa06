"""Nothing is said into the void, and each table has one kind and one writer."""

from all_in_one.assembly import services
from frontdoor.events import EVENTS, UNHEARD

KINDS = {"log", "derived", "kept"}


def test_every_event_said_is_heard_or_declared_unheard():
    heard = {kind.__name__ for service in services() for kind in service.subscriptions}
    forgotten = sorted(EVENTS.keys() - heard - UNHEARD)
    assert not forgotten, f"Somebody must hear it, or events.UNHEARD says that nobody need: {forgotten}"
    assert not heard & UNHEARD, f"Declared unheard, and heard all the same: {sorted(heard & UNHEARD)}"


def test_each_table_declares_its_kind():
    undeclared = [
        f"{service.name} {table.name}"
        for service in services()
        for table in service.metadata.tables.values()
        if table.info.get("kind") not in KINDS
    ]
    assert not undeclared, f"log, derived or kept decides who writes a table and whether rebuild may: {undeclared}"


def test_every_stream_has_a_lifecycle():
    """`verify` walks each stream by it."""
    for service in services():
        assert "refusal" in service.lifecycles, f"{service.name}: a refusal is a stream of its own"
        assert service.lifecycles.keys() == {kind.split("/")[0] for kind in service.lifecycles}


def test_no_service_serves_anothers_addresses():
    owners = [(path, service.name) for service in services() for path in service.paths]
    twice = sorted(path for path, _ in owners if sum(path == other for other, _ in owners) > 1)
    assert not twice, f"One address, one service: {twice}"
