"""Bringing a service's tables to this release with Alembic: one history a service, in `services/<name>/migrations`.

Each version's file begins with its number (`0001_…py`), which is its revision; so a database that is up to date is
known by one query, and Alembic is imported only where there is something to do.

A service goes on while its tables are changed: a change that cannot have a table soon lets go, so that nobody queues
behind it, and is tried again. Of several that start at once, one changes the tables and the others wait for it.
"""

import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import structlog
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import OperationalError

from frontdoor.database import Database, UtcDateTime

log = structlog.get_logger()
PATIENCE = 2.0
"""Seconds for which a change waits for a table, and those who use the table wait behind it."""
TRIES = 30
"""How often a change is tried before the start fails."""


class NotMigrated(Exception):
    """The tables could not be brought to this release, because they are in use all the time. Start again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def folder_of(service: str) -> Path:
    """Find a service's migrations, beside its package."""
    return Path(__file__).parents[2] / "services" / service / "migrations"


def head(folder: Path) -> str | None:
    """Name the newest revision; None for a history without one."""
    numbers = sorted(file.name.split("_", 1)[0] for file in (folder / "versions").glob("[0-9]*.py"))
    return numbers[-1] if numbers else None


def migrate(database: Database, service: str) -> bool:
    """Bring a service's database to this release; False where it was there already, or at a later one.

    A release that is put back runs on what the later one has added: migrations only add, until nobody needs the old.
    Raises `NotMigrated` where the tables were in use all the time.
    """
    folder = folder_of(service)
    for attempt in range(TRIES):
        if done(database, service):
            return attempt > 0
        with database.alone("migration") as mine:
            if mine and _upgrade(database, folder):
                return True
        time.sleep(random.uniform(0.1, 0.5) * min(attempt + 1, 4))  # noqa: S311  so that two do not meet again
    raise NotMigrated


def _upgrade(database: Database, folder: Path) -> bool:
    """Change the tables in one transaction; False: somebody else was there, or the tables were in use for too long."""
    if done(database, folder.parent.name):
        return False
    from alembic import command  # noqa: PLC0415  a third of a second, for what is rarely needed

    try:
        with database.engine.execution_options(writer=True).connect() as connection:
            if not database.is_sqlite:
                connection.execute(text(f"set local lock_timeout = '{PATIENCE}s'"))
                connection.execute(text("set local statement_timeout = 0"))
            command.upgrade(config(folder, connection), "head")
            connection.commit()
    except OperationalError as trouble:
        log.warning("migration_waits", service=folder.parent.name, error=type(trouble.orig).__name__)
        return False
    return True


def done(database: Database, service: str) -> bool:
    """Say whether a service's database is at this release, or has been brought to a later one already."""
    return (revision(database) or "") >= (head(folder_of(service)) or "")


def write_next(service: str, message: str) -> Path:
    """Write the next migration of a service: what its tables are now, beside what the history so far makes."""
    from alembic import command  # noqa: PLC0415

    folder = folder_of(service)
    number = int(head(folder) or 0) + 1
    with TemporaryDirectory() as beside:
        database = Database(f"sqlite:///{beside}/{service}.sqlite")
        if number > 1:
            migrate(database, service)
        with database.engine.connect() as connection:
            wanted = config(folder, connection)
            command.revision(wanted, message=message, autogenerate=True, rev_id=f"{number:04d}")
        database.dispose()
    return next((folder / "versions").glob(f"{number:04d}_*.py"))


def config(folder: Path, connection: Any) -> Any:
    """Make Alembic's configuration for one service and one open connection."""
    from alembic.config import Config  # noqa: PLC0415

    made = Config()
    made.set_main_option("script_location", str(folder))
    made.attributes["connection"] = connection
    return made


def run(metadata: MetaData) -> None:
    """Do what a service's `env.py` is there for."""
    from alembic import context  # noqa: PLC0415

    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, render_item=_render, compare_type=False
    )
    with context.begin_transaction():
        context.run_migrations()


def _render(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(thing).__name__ == "AutoString":
        return f"sa.String(length={thing.length})" if thing.length else "sa.String()"
    return False


def revision(database: Database) -> str | None:
    """Name the release that a database's tables are at; None where there are none yet."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("select version_num from alembic_version"))
        return found
