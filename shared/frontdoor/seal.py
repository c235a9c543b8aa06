"""Personal data sealed with the child's own key: destroying the key erases the person in every log and copy at once.

AES-256-GCM by `cryptography`; the key's id is bound in as associated data, so that a value cannot be moved to another
child. A key is committed before the transaction that uses it, and kept apart from the logs and their backups.
"""

import base64
import json
import os
import threading
import time
from collections.abc import Collection
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, bindparam, select, update

from frontdoor.database import Database, UtcDateTime
from frontdoor.rows import insert_new

_MARK = "s1"
_NONCE_BYTES = 12
REMEMBERED = 60.0
"""Seconds of machine time after which a key is looked up again: another process may have destroyed it."""
MOST_REMEMBERED = 10_000
"""Keys that are remembered at once: whoever goes through all children needs no room for all their keys."""
_metadata = MetaData()
_keys = Table(
    "keys",
    _metadata,
    Column("child_id", String, primary_key=True),
    Column("secret", LargeBinary, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("destroyed_at", UtcDateTime, nullable=True),
)
TABLE = _keys
"""The one table of the key store, for whoever moves it."""


class Erased(Exception):
    """This person's data has been erased."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class KeyMissing(Exception):
    """A key is not there and was not destroyed: the key store is an older copy than the logs. Restore it."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


_one_key = select(_keys.c.secret).where(_keys.c.child_id == bindparam("child"))


class KeyStore:
    """The children's data keys: intake makes and destroys them, entitled services read them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._database.create(_metadata)
        self._known: dict[str, tuple[bytes, float]] = {}
        self._guard = threading.Lock()

    def answers(self) -> bool:
        """Say whether the key store answers just now."""
        return self._database.answers()

    def create(self, child_id: str, now: datetime) -> None:
        """Make and commit a key for this child; twice is harmless."""
        secret = AESGCM.generate_key(bit_length=256)
        with self._database.write(one_statement=True) as session:
            is_new = insert_new(session, _keys, {"child_id": child_id, "secret": secret, "created_at": now})
        if is_new:
            self._remember(child_id, secret)

    def destroy(self, child_id: str, now: datetime) -> None:
        """Erase the person: the row stays as the list of what was destroyed, the secret does not."""
        with self._database.write() as session:
            gone = update(_keys).where(_keys.c.child_id == child_id).values(secret=None, destroyed_at=now)
            session.connection().execute(gone)
        with self._guard:
            self._known.pop(child_id, None)

    def destroyed(self) -> list[str]:
        """List the ids whose key was destroyed."""
        with self._database.read() as session:
            gone = select(_keys.c.child_id).where(_keys.c.destroyed_at.is_not(None)).order_by(_keys.c.child_id)
            return list(session.connection().scalars(gone))

    def _secret(self, child_id: str) -> bytes:
        secret, until = self._known.get(child_id, (b"", 0.0))
        if time.monotonic() >= until:
            with self._database.glance() as session:
                key = session.connection().execute(_one_key, {"child": child_id}).one_or_none()
            if key is None:
                raise KeyMissing
            if key.secret is None:
                raise Erased
            secret = bytes(key.secret)
            self._remember(child_id, secret)
        return secret

    def _remember(self, child_id: str, secret: bytes) -> None:
        with self._guard:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[child_id] = secret, time.monotonic() + REMEMBERED

    def known(self, child_ids: Collection[str]) -> set[str]:
        """Say of which of these children a key is there, or was destroyed."""
        wanted = list(set(child_ids))
        found: set[str] = set()
        with self._database.read() as session:
            for at in range(0, len(wanted), 500):
                some = select(_keys.c.child_id).where(_keys.c.child_id.in_(wanted[at : at + 500]))
                found |= set(session.connection().scalars(some))
        return found

    def seal(self, child_id: str, value: Any) -> str:
        """Seal any JSON value for this child: `s1.<child id>.<base64url of nonce and ciphertext>`."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        sealed = AESGCM(self._secret(child_id)).encrypt(nonce, plain, child_id.encode())
        return f"{_MARK}.{child_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str) -> Any:
        """Give the value back, or raise `Erased` where the child's key is gone."""
        mark, child_id, body = sealed.split(".", 2)
        if mark != _MARK:
            msg = "not a sealed value"
            raise ValueError(msg)
        raw = base64.urlsafe_b64decode(body)
        try:
            plain = AESGCM(self._secret(child_id)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], child_id.encode())
        except InvalidTag as broken:
            msg = "a sealed value has been changed"
            raise ValueError(msg) from broken
        return json.loads(plain)

    def unseal_or(self, sealed: str | None, otherwise: Any) -> Any:
        """Give the value back, or `otherwise` where there is none or the person has been erased."""
        if sealed is None:
            return otherwise
        try:
            return self.unseal(sealed)
        except Erased:
            return otherwise
