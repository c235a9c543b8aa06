"""Prometheus metrics of a service: how far behind it hears, what is parked, how much it has said. No personal data."""

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from frontdoor.work import Parts


class _State(Collector):
    def __init__(self, parts: Parts, hearing: Callable[[], dict[str, Any]]) -> None:
        self._parts, self._hearing = parts, hearing

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read the state at the moment of asking."""
        service = self._parts.service
        behind = GaugeMetricFamily("frontdoor_events_behind", "Log rows not heard yet", labels=["service", "source"])
        for source, rows in self._hearing().get("behind", {}).items():
            behind.add_metric([service, source], rows)
        yield behind
        held = GaugeMetricFamily("frontdoor_events_parked", "Parked events that are open", labels=["service"])
        held.add_metric([service], parked_now(self._parts))
        yield held
        oldest = GaugeMetricFamily(
            "frontdoor_parked_oldest_seconds", "Age of the oldest parked event", labels=["service"]
        )
        oldest.add_metric([service], _oldest_parked(self._parts))
        yield oldest
        said = GaugeMetricFamily("frontdoor_events_said", "Rows in the service's log", labels=["service"])
        with self._parts.database.read() as session:
            said.add_metric([service], self._parts.log.last_id(session))
        yield said


def parked_now(parts: Parts) -> int:
    """Count the events that are parked."""
    table = parts.log.metadata.tables["parked"].c
    with parts.database.read() as session:
        return session.connection().scalar(select(func.count()).where(table.state == "open")) or 0


def _oldest_parked(parts: Parts) -> float:
    table = parts.log.metadata.tables["parked"].c
    with parts.database.read() as session:
        first = session.connection().scalar(select(func.min(table.parked_at)).where(table.state == "open"))
    return max((parts.clock() - first).total_seconds(), 0.0) if first else 0.0


def text_of(parts: Parts, hearing: Callable[[], dict[str, Any]]) -> str:
    """Write the metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_State(parts, hearing))
    return generate_latest(registry).decode()
