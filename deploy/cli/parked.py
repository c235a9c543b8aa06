"""`frontdoor parked`: events that could not be applied, each waiting for a person or for what is missing."""

from typing import Annotated

import typer
from rich.table import Table

from all_in_one.assembly import Assembly
from cli.opening import opened, say, stop
from frontdoor.app import wall_clock
from frontdoor.delivery import parking

parked = typer.Typer(no_args_is_help=True, help="Events that could not be applied.")

Ids = Annotated[list[int] | None, typer.Argument(help="Ids as `parked list` shows them; none: all.")]
ServiceName = Annotated[str, typer.Option("--service", help="The service that parked them.")]


@parked.command("list")
def list_parked() -> None:
    """List what is parked, by service, with reason and age; no personal data."""
    table = Table("service", "id", "stream", "version", "type", "reason", "waits for", "error", "minutes")
    with opened() as assembly:
        for name, parts in assembly.parts.items():
            with parts.database.read() as session:
                for row in parking.of(parts.log.metadata).open(session):
                    age = int((wall_clock() - row.parked_at).total_seconds() // 60)
                    waits = f"{row.waits_source}:{row.waits_stream}" if row.waits_stream else ""
                    shown = (name, row.id, row.stream, row.version, row.type, row.reason, waits, row.error or "", age)
                    table.add_row(*map(str, shown))
    say.print(table if table.row_count else "Nothing is parked.")


@parked.command()
def retry(ids: Ids = None, service: ServiceName = "") -> None:
    """Try parked events again."""
    with opened() as assembly:
        done = sum(assembly.hearers[name].retry_parked(ids) for name in _services(assembly, service, ids))
    say.print(f"{done} applied")


@parked.command()
def discard(ids: Annotated[list[int], typer.Argument()], service: ServiceName) -> None:
    """Give parked events up; their streams go on behind them."""
    with opened() as assembly:
        hearer = assembly.hearers[_services(assembly, service, ids)[0]]
        done = sum(hearer.discard_parked(parked_id) for parked_id in ids)
    say.print(f"{done} discarded")


def _services(assembly: Assembly, service: str, ids: list[int] | None) -> list[str]:
    if service and service not in assembly.hearers:
        stop(f"There is no service {service}.")
    if ids and not service:
        stop("Ids are a service's own: name it with --service.")
    return [service] if service else list(assembly.hearers)
