"""Opening the product's data for a command."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import typer
from pydantic import ValidationError
from rich.console import Console

from all_in_one.assembly import Assembly, assemble
from all_in_one.settings import Settings
from frontdoor.settings import only_one

say = Console(highlight=False)


@contextmanager
def opened(*, alone: bool = False) -> Iterator[Assembly]:
    """Open the data of the product, which must be there; `alone`: only while nobody serves it."""
    wanted = settings()
    if not any(wanted.data.glob("*.sqlite")):
        say.print(f"There is no data in {wanted.data}: set FRONTDOOR_DATA to the folder that is meant.", style="red")
        raise typer.Exit(2)
    with only_one(wanted.data) if alone else nullcontext():
        assembly = assemble(wanted)
        try:
            yield assembly
        finally:
            assembly.close()


def settings() -> Settings:
    """Read the settings, or stop with what is wrong with them, a line each."""
    try:
        return Settings()
    except ValidationError as wrong:
        for error in wrong.errors():
            say.print(f"Setting {'.'.join(map(str, error['loc']))}: {error['msg']}", style="red")
        raise typer.Exit(2) from None


def known(assembly: Assembly, name: str) -> str:
    """Check a service's name."""
    if name not in assembly.services:
        say.print(f"There is no service {name}: choose one of {', '.join(assembly.services)}.", style="red")
        raise typer.Exit(2)
    return name
