"""`frontdoor erasures`: the list of who was erased, kept apart from all backups, and applied again after a restore."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import delete

from all_in_one.assembly import Assembly
from cli.opening import opened, say, stop
from frontdoor.events import EVENTS
from frontdoor.seal import KeyStore

erasures = typer.Typer(no_args_is_help=True, help="Who was erased: the list, and applying it after a restore.")
File = Annotated[Path, typer.Argument(help="A file with a child's id on each line; it names nobody.")]


@erasures.command("list")
def list_erasures() -> None:
    """List the ids of all whose keys were destroyed, one a line. Keep the list apart from every backup."""
    with opened() as assembly:
        for child_id in _keys(assembly).destroyed():
            typer.echo(child_id)


@erasures.command("apply")
def apply_erasures(file: File) -> None:
    """Erase again whoever stands in the list: after a restore, before the services are started."""
    if not file.is_file():
        stop(f"There is no file {file}.")
    with opened(stopped=sorted({kind.source for kind in EVENTS.values()})) as assembly:
        erased = apply(assembly, file.read_text().split())
    say.print(f"{erased} erased again")


def apply(assembly: Assembly, child_ids: list[str]) -> int:
    """Destroy the keys of these children, where they are back, and what they could be found by; count them."""
    keys, intake = _keys(assembly), assembly.parts["referral-intake"]
    found_by = intake.log.metadata.tables["search_hash"]
    gone = set(keys.destroyed())
    for child_id in child_ids:
        keys.create(child_id, intake.clock())  # one that this copy never knew counts as erased all the same
        keys.destroy(child_id, intake.clock())
        with intake.database.write() as session:
            session.connection().execute(delete(found_by).where(found_by.c.child_id == child_id))
    return len(set(child_ids) - gone)


def _keys(assembly: Assembly) -> KeyStore:
    return assembly.parts["referral-intake"].keys
