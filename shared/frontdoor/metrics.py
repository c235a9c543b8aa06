"""Prometheus metrics of a service. Labels are services, sources, routes' templates and reasons: nothing personal.

`docs/observing.md` says what each means and which deserves an alarm.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from frontdoor import logs
from frontdoor.work import Parts

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds in which requests are answered."""
STARTED = time.monotonic()


Backlog = Callable[[Session, Parts], Mapping[str, int]]
"""Counts a service's rows that are due and not done, or wait for a person, by a name for each kind."""


def no_backlog(_session: Session, _parts: Parts) -> Mapping[str, int]:
    """Nothing is ever due."""
    return {}


class Counts:
    """What a service has counted since this process started."""

    def __init__(self, service: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        requests = Histogram(
            "frontdoor_request_seconds",
            "How long requests took to be answered",
            ["service", "method", "route", "status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        trouble = Counter(
            "frontdoor_hearing_trouble",
            "Times that hearing had to begin again: a failed batch, a failed event, a failed round, a lost connection",
            ["service", "source", "what"],
            registry=self.registry,
        )
        refused = Counter(
            "frontdoor_limited",
            "Requests refused because there were too many",
            ["service", "limit"],
            registry=self.registry,
        )
        self._request = cache(lambda *about: requests.labels(service, *about))
        self._trouble = cache(lambda *about: trouble.labels(service, *about))
        self._limited = cache(lambda *about: refused.labels(service, *about))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._request(method, route, status).observe(seconds)

    def trouble(self, what: str, source: str = "") -> None:
        """Count that delivery had to begin again: `batch`, `event`, `round`, `connection`, `relay`."""
        self._trouble(source, what).inc()

    def limited(self, limit: str) -> None:
        """Count a request that was refused because there were too many."""
        self._limited(limit).inc()


@cache
def counts_of(service: str) -> Counts:
    """Give a service's counts in this process."""
    return Counts(service)


class _State(Collector):
    def __init__(self, parts: Parts, hearing: Mapping[str, Any], backlog: Backlog) -> None:
        self._parts, self._hearing, self._backlog = parts, hearing, backlog

    def collect(self) -> Iterable[Metric]:
        """Read the state at the moment of asking."""
        hearing = self._hearing
        behind = {source: count for source, count in hearing.get("behind", {}).items() if count is not None}
        yield self._gauge("events_behind", "Events not heard yet; nothing where nobody can say", behind, "source")
        yield self._gauge("hearing_ok", "1 where the service hears", {"": hearing.get("ok", False)})
        still = hearing.get("still_for", 0.0)
        yield self._gauge("hearing_still_seconds", "Since when a hearer that is behind has not moved", {"": still})
        redis = self._parts.replicas.state
        up = {} if redis == "absent" else {"": redis == "ok"}
        yield self._gauge("redis_up", "1 where Redis answers, 0 where it is away; nothing where none is used", up)
        left_out = {"": logs.left_out["fields"]}
        yield self._gauge("log_fields_left_out", "Fields of log lines that stand on no list and were dropped", left_out)
        yield self._gauge("up_seconds", "Since when this process runs", {"": time.monotonic() - STARTED})
        try:
            tables = list(self._tables())
        except OperationalError:
            tables = []
        yield self._gauge("database_up", "1 where the service's database answers", {"": bool(tables)})
        yield from tables

    def _tables(self) -> Iterable[Metric]:
        parts = self._parts
        with parts.database.read() as session:
            counts, oldest = parked(session, parts)
            waiting, age = unrelayed(session, parts)
            said = parts.log.last_id(session)
            due = self._backlog(session, parts)
        yield self._gauge("events_parked", "Parked events that are open", counts, "reason")
        yield self._gauge("parked_oldest_seconds", "Age of the oldest parked event", {"": oldest})
        yield self._gauge("events_unrelayed", "Events said that Kafka has not got", {"": waiting})
        yield self._gauge("unrelayed_oldest_seconds", "Age of the oldest event that Kafka has not got", {"": age})
        yield self._gauge("events_said", "Rows in the service's log", {"": said})
        yield self._gauge("due", "Rows that are due and not done, or wait for a person", due, "what")

    def _gauge(self, name: str, help_text: str, values: Mapping[str, float], label: str = "") -> GaugeMetricFamily:
        labels = ["service", label] if label else ["service"]
        family = GaugeMetricFamily(f"frontdoor_{name}", help_text, labels=labels)
        for key, value in values.items():
            family.add_metric([self._parts.service, key] if label else [self._parts.service], float(value))
        return family


def parked(session: Session, parts: Parts) -> tuple[dict[str, int], float]:
    """Count the events that are parked by reason; give the age of the oldest, in seconds of business time."""
    table = parts.log.metadata.tables["parked"].c
    rows = select(table.reason, func.count(), func.min(table.parked_at)).where(table.state == "open")
    found = session.connection().execute(rows.group_by(table.reason)).all()
    oldest = min((first for _, _, first in found), default=None)
    return {reason: count for reason, count, _ in found}, _age(parts, oldest)


def unrelayed(session: Session, parts: Parts) -> tuple[int, float]:
    """Count the events that Kafka has not got; give the age of the oldest. Without Kafka there are none."""
    table, log = parts.log.unrelayed.c, parts.log.table.c
    count = session.connection().scalar(select(func.count()).select_from(parts.log.unrelayed)) or 0
    first = select(log.time).join(parts.log.unrelayed, table.log_id == log.id).order_by(log.id).limit(1)
    return count, _age(parts, session.connection().scalar(first) if count else None)


def _age(parts: Parts, since: Any) -> float:
    return max((parts.clock() - since).total_seconds(), 0.0) if since else 0.0


def text_of(parts: Parts, hearing: Mapping[str, Any], backlog: Backlog = no_backlog) -> str:
    """Write the metrics in Prometheus' text format; without a database, what is known without it."""
    registry = CollectorRegistry()
    registry.register(_State(parts, hearing, backlog))
    return generate_latest(registry).decode() + generate_latest(counts_of(parts.service).registry).decode()


def merged(answers: Mapping[str, tuple[int, Any]]) -> str:
    """Merge services' answers (status, text) into one text, in which each family is described once."""
    up = GaugeMetricFamily("frontdoor_service_up", "1 where the service gave its metrics", labels=["service"])
    families: dict[str, Metric] = {up.name: up}
    for service, (status, text) in answers.items():
        up.add_metric([service], float(status == HTTPStatus.OK))
        for family in text_string_to_metric_families(str(text) if status == HTTPStatus.OK else ""):
            known = families.setdefault(family.name, family)
            if known is not family:
                known.samples += family.samples
    return generate_latest(_Given(families.values())).decode()


class _Given(CollectorRegistry):
    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Give what was given."""
        return iter(self._families)
