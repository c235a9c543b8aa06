"""`frontdoor erasures`: erase somebody; list who was erased, apart from all backups; erase again after a restore."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Select, Table, delete, or_, select
from sqlmodel import Session

from all_in_one.assembly import Assembly
from cli.opening import opened, say, stop
from frontdoor import files
from frontdoor.events import EVENTS
from frontdoor.identifiers import normal_reference
from frontdoor.seal import KeyStore
from referral_intake import leftovers

erasures = typer.Typer(no_args_is_help=True, help="Who was erased: erasing, the list, and applying it after a restore.")
File = Annotated[Path, typer.Argument(help="A file with an id on each line; it names nobody.")]
Reference = Annotated[str, typer.Argument(help="The reference of a referral of the child, a concern or a screening.")]


@erasures.command("erase")
def erase(reference: Reference) -> None:
    """Erase the child of a referral, and of every referral linked to it: for good. Then write the list anew."""
    with opened() as assembly:
        ids = all_of(assembly, normal_reference(reference) or reference)
        if not ids:
            stop(f"There is no referral, concern or screening {reference}.")
        if unread := leftovers.unread_alerts(assembly.parts["referral-intake"], ids):
            stop(f"The duty team has not read {', '.join(unread)}, which may be about this child: let them read it.")
        apply(assembly, ids)
    say.print(f"{len(ids)} erased: write the list anew, and keep it apart from every backup")


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


def apply(assembly: Assembly, ids: list[str]) -> int:
    """Destroy the keys of these children and files, where they are back, and all they could be known by; count them."""
    gone = set(_keys(assembly).destroyed())
    for one in ids:
        for id_ in [*_files_of(assembly, one), one]:
            _erase(assembly, id_)
    return len(set(ids) - gone)


def _erase(assembly: Assembly, id_: str) -> None:
    keys, intake = _keys(assembly), assembly.parts["referral-intake"]
    keys.create(id_, intake.clock())  # one that this copy never knew counts as erased all the same
    keys.destroy(id_, intake.clock())
    for name, service in assembly.services.items():
        with assembly.parts[name].database.write() as session:
            for table in erased_tables(service.metadata.tables.values()):
                session.connection().execute(delete(table).where(names(table, [id_])))
    files.forget(intake.folder / files.FOLDER, id_)


def erased_tables(tables: Iterable[Table]) -> list[Table]:
    """List the tables by which somebody could be known again, and which erasing empties."""
    return [table for table in tables if table.info.get("erased_by")]


def names(table: Table, ids: Collection[str]) -> Any:
    """Give the condition under which a row of such a table names one of these ids."""
    return or_(*(table.c[column].in_(ids) for column in table.info["erased_by"]))


# --- what belongs to a child ------------------------------------------------------------------------------------------


def all_of(assembly: Assembly, reference: str) -> list[str]:
    """Name the child of a referral, a concern or a screening, whoever is the same, and all else that is surely theirs.

    That is concerns and screenings, forms that nobody has sent, alerts, and the files that belong to these.
    """
    intake = assembly.parts["referral-intake"]
    leftovers.note_old_files(intake)
    tables = intake.log.metadata.tables
    referral, concern, screening = (tables[name].c for name in ("referral", "concern", "screening"))
    names = (referral.reference, concern.concern, screening.screening)
    with intake.database.read() as session:
        ids = {one for name in names for one in _found(session, select(name.table.c.child_id).where(name == reference))}
        while more := _linked(session, tables["child_link"], ids) - ids:
            ids |= more
        theirs = select(referral.reference).where(referral.child_id.in_(ids))
        ids |= _found(session, select(concern.child_id).where(concern.reference.in_(theirs)))
    return sorted(ids | leftovers.written_about(intake, ids))


def _linked(session: Session, link: Table, ids: Collection[str]) -> set[str]:
    pairs = ((link.c.child_id, link.c.other_child_id), (link.c.other_child_id, link.c.child_id))
    is_linked = link.c.status == "linked"
    return {one for ours, other in pairs for one in _found(session, select(other).where(is_linked, ours.in_(ids)))}


def _files_of(assembly: Assembly, child_id: str) -> list[str]:
    """Name the files that are about nobody but this child."""
    intake = assembly.parts["referral-intake"]
    of = intake.log.metadata.tables["upload_of"].c
    with intake.database.read() as session:
        theirs = _found(session, select(of.upload).where(of.child_id == child_id))
        others = _found(session, select(of.upload).where(of.upload.in_(theirs), of.child_id != child_id))
    return sorted(theirs - others)


def _found(session: Session, wanted: Select[tuple[str]]) -> set[str]:
    return set(session.connection().scalars(wanted))


def _keys(assembly: Assembly) -> KeyStore:
    return assembly.parts["referral-intake"].keys
