"""What the environment says to every service; each service's `settings.py` adds its own."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal, TextIO, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`FRONTDOOR_…` variables, and `PORT`. A wrong value stops the start with one line, never falls back.

    `secrets` is the folder of the installation's own secrets, the data folder where none is named: all services of an
    installation read the same. A service alone is told its database and the keys' (`postgresql+psycopg://…`), Kafka's
    bootstrap servers, Redis (`redis://…`; it may be missing), which `member` of its service it is (each replica
    another, the same after each start), and where the other services are (`peers`, with `{service}` for the name).
    `scanner` is where files are scanned (`clamd://host:port`); without one no file is.
    `otlp` is the address of an OpenTelemetry collector, named as all programs name it; without one nothing is traced.
    """

    model_config = SettingsConfigDict(env_prefix="FRONTDOOR_", populate_by_name=True)

    env: Literal["demo", "production"] = "demo"
    data: Path = Path("data")
    secrets: Path | None = None
    host: str = "127.0.0.1"
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
    otlp: str | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    port: int = Field(8000, validation_alias="PORT", ge=1, le=65535)

    @property
    def address(self) -> str:
        """The address that people use, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def secrets_folder(self) -> Path:
        """The folder of the installation's secrets."""
        return (self.secrets or self.data).resolve()

    def secret(self, name: str) -> bytes:
        """Read one of the installation's secrets; raises `SecretMissing`."""
        file = self.secrets_folder / f"{name}.secret"
        try:
            return bytes.fromhex(file.read_text())
        except (OSError, ValueError):
            raise SecretMissing(file) from None


def postgresql(url: str) -> str:
    """Check that this is the address of a PostgreSQL database."""
    if not url.startswith("postgresql+psycopg://"):
        raise ValueError("set it to a PostgreSQL database, such as postgresql+psycopg://role:password@host/database")
    return url


def bootstrap(servers: str) -> str:
    """Check that Kafka's servers are named."""
    if not servers:
        raise ValueError("set it to Kafka's bootstrap servers, such as kafka:9092")
    return servers


class AloneSettings(Settings):
    """What a service in a process of its own must be told: such a one is on PostgreSQL and Kafka, and nothing else.

    `kafka_groups` begins the names of the consumer groups; another one makes new groups, which lose nothing.
    """

    database_url: Annotated[str, AfterValidator(postgresql)] = Field("", validate_default=True)
    keys_url: Annotated[str, AfterValidator(postgresql)] = Field("", validate_default=True)
    kafka: Annotated[str, AfterValidator(bootstrap)] = Field("", validate_default=True)
    kafka_groups: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,100}$")


Kind = TypeVar("Kind", bound=Settings)


class WrongSettings(Exception):
    """What is wrong with the environment: a sentence for each setting, which repeats no value."""

    def __init__(self, wrong: ValidationError) -> None:
        super().__init__("\n".join(map(_sentence, wrong.errors())))


def read(kind: type[Kind]) -> Kind:
    """Read the settings from the environment; raises `WrongSettings`."""
    try:
        return kind()
    except ValidationError as wrong:
        raise WrongSettings(wrong) from None


def _sentence(error: ErrorDetails) -> str:
    name = ".".join(map(str, error["loc"])).upper()
    shown = name if name in {"PORT", ""} else f"FRONTDOOR_{name}"
    return f"{shown}: {error['msg'].removeprefix('Value error, ')}".removeprefix(": ")


SECRETS = ("sessions", "family_links", "receipts")
"""What an installation keeps to itself: what signs sessions and calls between services; what signs families' links; and
the token that it shares with the provider of messages alone, whose receipts carry it."""


class SecretMissing(Exception):
    """A secret of the installation cannot be read: a service that made one of its own would understand nobody."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} cannot be read: all services share the installation's secrets, which `frontdoor set-up` makes"
            " (32 random bytes in hexadecimal digits, for their owner alone)."
        )


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
