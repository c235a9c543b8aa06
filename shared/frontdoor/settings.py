"""What the environment says to every service; each service's `settings.py` adds its own."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal, TextIO

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`FRONTDOOR_…` variables, and `PORT`. A wrong value stops the start with one line, never falls back.

    A service alone is told its database and the keys' (`postgresql+psycopg://…`), Kafka's bootstrap servers, Redis
    (`redis://…`; it may be missing), the scanner of files (`clamd://host:port`; none is asked without it), which
    `member` of its service it is (each replica another, the same after each
    start), and where the other services are (`peers`, with `{service}` for the name).
    """

    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", populate_by_name=True)

    env: Literal["demo", "production"] = "demo"
    data: Path = Path("data")
    area: str = "sample"
    areas: Path | None = None
    failpoint: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    public_url: str | None = None
    database_url: str | None = None
    keys_url: str | None = None
    kafka: str | None = None
    redis: str | None = None
    scanner: str | None = None
    member: str = "1"
    peers: str = "http://{service}:8000"
    port: int = Field(8000, validation_alias="PORT", ge=1, le=65535)

    @property
    def address(self) -> str:
        """The address that people use, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")


def kept_secret(folder: Path, name: str) -> bytes:
    """Read one of the installation's own secrets, made at the first start; only its owner may read the file.

    Two processes that start at the same moment get the same one: whose file is linked into place first, wins.
    """
    file = folder / f"{name}.secret"
    if not file.exists():
        with NamedTemporaryFile("w", dir=folder, prefix=name) as fresh:
            fresh.write(secrets.token_hex(32))
            fresh.flush()
            os.fsync(fresh.fileno())
            with suppress(FileExistsError):
                os.link(fresh.name, file)
    return bytes.fromhex(file.read_text())


class AlreadyRunning(Exception):
    """Another process serves this data folder: stop it first, or set FRONTDOOR_DATA to another folder."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@contextmanager
def only_one(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold a data folder for this process alone, once the one before has let go of it within `wait` seconds.

    Raises `AlreadyRunning`. A killed process holds nothing any more.
    """
    until = time.monotonic() + wait
    with (folder / "running.lock").open("a") as file:
        while not _locked(file):
            if time.monotonic() > until:
                raise AlreadyRunning
            time.sleep(0.1)
        yield


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
