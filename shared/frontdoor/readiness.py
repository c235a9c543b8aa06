"""Whether a service can be relied on just now, part by part, for people and for what starts and watches it."""

from collections.abc import Mapping
from typing import Any

from frontdoor import metrics, migrations
from frontdoor.work import Parts


def report(parts: Parts, hearing: Mapping[str, Any]) -> dict[str, Any]:
    """Name each part and how it does; `status` is "ok" where the service answers and hears, else "unavailable".

    `{"service", "status", "database": "ok|away", "keys": "ok|away", "migrations": "ok|behind|unknown",
    "hearing": as Progress.report, "relay": "absent" | {"waiting": count, "oldest_seconds": age}, "parked": {reason:
    count} | null, "redis": "absent|ok|away"}`. Redis, what waits for the relay and what is parked never make a service
    unready: nothing of it is lost, and people are answered all the same.
    """
    database = "ok" if parts.database.answers() else "away"
    parts_of_it = {
        "database": database,
        "keys": "ok" if parts.keys.answers() else "away",
        "migrations": ("ok" if migrations.done(parts.database, parts.service) else "behind")
        if database == "ok"
        else "unknown",
    }
    fine = bool(hearing["ok"]) and all(state == "ok" for state in parts_of_it.values())
    seen = _tables(parts) if database == "ok" else {"relay": None, "parked": None}
    return {
        "service": parts.service,
        "status": "ok" if fine else "unavailable",
        **parts_of_it,
        "redis": parts.replicas.state,
        "hearing": dict(hearing),
        **seen,
    }


def _tables(parts: Parts) -> dict[str, Any]:
    with parts.database.read() as session:
        counts, _ = metrics.parked(session, parts)
        if parts.database.is_sqlite:
            return {"relay": "absent", "parked": counts}
        waiting, oldest = metrics.unrelayed(session, parts)
    return {"relay": {"waiting": waiting, "oldest_seconds": oldest}, "parked": counts}
