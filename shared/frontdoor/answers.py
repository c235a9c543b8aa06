"""Idempotent answers: the same key and body from the same person on the same address gets the first answer again."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select, tuple_
from sqlmodel import Session

from frontdoor.database import UtcDateTime
from frontdoor.problems import Problem
from frontdoor.work import Work

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
    return hmac.new(secret, json.dumps(sent, sort_keys=True).encode(), hashlib.sha256).hexdigest()


class Answers:
    """The kept answers of one person on one address under one key."""

    def __init__(self, metadata: MetaData, person: str, address: str, key: str) -> None:
        self._table = metadata.tables["answer"]
        self._whose = {"person": person, "address": address, "key": key}
        self.name = f"answer/{person}/{address}/{key}"

    def find(self, session: Session, sent: str, now: datetime) -> tuple[dict[str, Any], str | None] | None:
        """Give the first answer (body, location); None where there is none; a `Problem` for another body."""
        row = session.connection().execute(select(self._table).filter_by(**self._whose)).one_or_none()
        if row is None or row.kept_at < now - KEPT_FOR:
            return None
        if row.sent != sent:
            raise Problem(
                422, "idempotency_mismatch", "This Idempotency-Key was used for something else: use a new key."
            )
        return json.loads(row.body), row.location

    def keep(self, work: Work, sent: str, status: int, body: Any, location: str | None) -> None:
        """Keep an answer, in the transaction of what it answers."""
        connection = work.session.connection()
        key = tuple_(*self._table.primary_key.columns)
        old = select(*self._table.primary_key.columns).where(self._table.c.kept_at < work.now - KEPT_FOR)
        # Somebody else may be throwing the same ones away: nobody waits for that.
        connection.execute(delete(self._table).where(key.in_(old.with_for_update(skip_locked=True))))
        connection.execute(delete(self._table).filter_by(**self._whose))
        row = {"sent": sent, "status": status, "body": json.dumps(body), "location": location, "kept_at": work.now}
        connection.execute(insert(self._table).values(**self._whose, **row))
