"""`frontdoor set-up`: what an installation needs before its services start, once.

Its secrets are made. Where it is to begin with the invented term, that is made beside, in the data folder, and copied
into the services' databases while they are still empty; interrupted, it goes on where it was. Each service's relay then
sends the term to Kafka like anything else that was said, and its hearers know it already.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from sqlalchemy import Table, func, insert, select, text
from sqlmodel import Session

from all_in_one.assembly import services
from cli.composed import databases
from cli.seed import AlreadyFilled, plant
from cli.settings import Settings
from frontdoor import seal
from frontdoor.database import Database
from frontdoor.migrations import migrate, revision
from frontdoor.service import Service, data_folder
from frontdoor.settings import SECRETS, kept_secret

PAGE = 500
ITS_OWN = {"unrelayed", "log_position", "kafka_position"}
"""Tables that are not copied: PostgreSQL notes itself what Kafka has not got; each transport keeps its own place."""


def set_up(settings: Settings, say: Console) -> None:
    """Make the secrets and, in a product that has never started, the invented term where it is wanted."""
    for name in SECRETS:
        kept_secret(data_folder(settings.secrets_folder), name)
    if not settings.is_composed:
        return
    known, folder = _known(), data_folder(settings.data)
    into = databases(settings, known)
    never_started = all(revision(database) is None for database in into.values())
    if settings.seed == "sample" and never_started and not _planted(folder).exists():
        _plant_beside(settings, say)
    if _planted(folder).exists():
        _fill(settings, known, into)
        say.print("The databases are filled.")


def fill_anew(settings: Settings, say: Console, children: int, number: int) -> None:
    """Fill empty databases with an invented term; raises `AlreadyFilled` for others."""
    known = _known()
    into = databases(settings, known)
    for name, database in into.items():
        migrate(database, name)
        with database.read() as session:
            if known[name].log.last_id(session):
                raise AlreadyFilled
    _plant_beside(settings, say, children, number)
    _fill(settings, known, into)


def migrate_all(settings: Settings) -> int:
    """Bring every service's tables to this release; give back how many services there are."""
    into = databases(settings, _known())
    for name, database in into.items():
        migrate(database, name)
    return len(into)


def _known() -> dict[str, Service]:
    return {service.name: service for service in services()}


def _planted(folder: Path) -> Path:
    """Name the folder that holds the term from when it is whole until it has been copied everywhere."""
    return folder / "planted"


def _plant_beside(settings: Settings, say: Console, children: int = 60, number: int = 1) -> None:
    beside = settings.data.resolve() / "being-planted"
    shutil.rmtree(beside, ignore_errors=True)
    secrets = settings.secrets_folder
    plant(settings.model_copy(update={"data": data_folder(beside), "secrets": secrets}), children, number, say)
    beside.rename(_planted(settings.data.resolve()))


def _fill(settings: Settings, known: Mapping[str, Service], into: Mapping[str, Database]) -> None:
    folder = settings.data.resolve()
    planted = _planted(folder)
    _copy(planted / "keys.sqlite", Database(str(settings.keys_url)), [seal.TABLE], seal.TABLE)
    for name, database in into.items():
        migrate(database, name)
        tables = [table for table in known[name].metadata.sorted_tables if table.name not in ITS_OWN]
        _copy(planted / f"{name}.sqlite", database, tables, known[name].log.table)
    for file in planted.glob("*.jsonl"):
        file.rename(folder / file.name)
    shutil.rmtree(planted)


def _copy(file: Path, into: Database, tables: list[Table], filled_with: Table) -> None:
    """Copy tables in one transaction, unless it has been done: `filled_with` is not empty any more."""
    source = Database(f"sqlite:///{file}")
    with source.read() as ours, into.write() as theirs:
        if not theirs.connection().scalar(select(func.count()).select_from(filled_with)):
            for table in tables:
                _copy_table(table, ours, theirs)
    source.dispose()


def _copy_table(table: Table, ours: Session, theirs: Session) -> None:
    rows = ours.connection().execute(select(table).order_by(*table.primary_key).execution_options(yield_per=PAGE))
    for page in rows.mappings().partitions(PAGE):
        theirs.connection().execute(insert(table), [dict(row) for row in page])
    column = table.autoincrement_column
    if column is not None:
        last = f"select setval(pg_get_serial_sequence('{table.name}', '{column.name}'), max({column.name}))"
        theirs.connection().execute(text(f"{last} from {table.name} having max({column.name}) is not null"))
