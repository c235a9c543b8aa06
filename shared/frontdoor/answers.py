"""Idempotent answers: the same key and body from the same person on the same address gets the first answer again."""

import hmac
import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Select, String, Table, bindparam, delete, select
from sqlmodel import Session

from frontdoor.database import UtcDateTime
from frontdoor.problems import Problem
from frontdoor.rows import upsert
from frontdoor.work import Parts, Work

KEPT_FOR = timedelta(days=7)


def define(metadata: MetaData) -> None:
    """Add the table of idempotent answers to a service's metadata."""
    Table(
        "answer",
        metadata,
        Column("person", String, primary_key=True),
        Column("address", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("sent", String, nullable=False),
        Column("status", Integer, nullable=False),
        Column("body", String, nullable=False),
        Column("location", String, nullable=True),
        Column("kept_at", UtcDateTime, nullable=False, index=True),
        info={"kind": "kept"},
    )


def digest(sent: Any, secret: bytes) -> str:
    """Name what was sent, whatever the order of its keys: keyed, so that nobody can guess at names by trying them."""
    return hmac.digest(secret, json.dumps(sent, sort_keys=True).encode(), "sha256").hex()


@cache
def _one_of(table: Table) -> Select[Any]:
    return select(table).where(*(column == bindparam(f"whose_{column.name}") for column in table.primary_key))


class Answers:
    """The kept answers of one person on one address under one key."""

    def __init__(self, metadata: MetaData, person: str, address: str, key: str) -> None:
        self._table = metadata.tables["answer"]
        self._whose = {"person": person, "address": address, "key": key}
        self.name = f"answer/{person}/{address}/{key}"

    def find(self, session: Session, sent: str, now: datetime) -> tuple[dict[str, Any], str | None] | None:
        """Give the first answer (body, location); None where there is none; a `Problem` for another body."""
        whose = {f"whose_{name}": value for name, value in self._whose.items()}
        row = session.connection().execute(_one_of(self._table), whose).one_or_none()
        if row is None or row.kept_at < now - KEPT_FOR:
            return None
        if row.sent != sent:
            raise Problem(
                422, "idempotency_mismatch", "This Idempotency-Key was used for something else: use a new key."
            )
        return json.loads(row.body), row.location

    def keep(self, work: Work, sent: str, status: int, body: Any, location: str | None) -> None:
        """Keep an answer, in the transaction of what it answers; one that is no longer kept makes way."""
        row = {"sent": sent, "status": status, "body": json.dumps(body), "location": location, "kept_at": work.now}
        upsert(work.session, self._table, [self._whose | row])


def forget(parts: Parts) -> int:
    """Throw away the answers that are no longer kept; give back how many."""
    table = parts.log.metadata.tables["answer"]
    with parts.database.write() as session:
        old = delete(table).where(table.c.kept_at < parts.clock() - KEPT_FOR)
        return session.connection().execute(old).rowcount
