"""Opening the product's data for a command: one folder, or service by service."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import typer
from rich.console import Console

from all_in_one.assembly import Assembly, assemble
from cli.settings import Settings
from frontdoor.settings import only_one, read

say = Console(highlight=False)


@contextmanager
def opened(*, stopped: Sequence[str] = ()) -> Iterator[Assembly]:
    """Open the data of the product, which must be there; `stopped`: only while none of these services runs."""
    wanted = settings()
    if wanted.is_composed:
        from cli.composed import must_not_run, stand_in

        must_not_run(wanted, stopped)
        assembly: Assembly = stand_in(wanted)
        with _closed_afterwards(assembly):
            yield assembly
        return
    if not any(wanted.data.glob("*.sqlite")):
        stop(f"There is no data in {wanted.data}: set FRONTDOOR_DATA to the folder that is meant.")
    with only_one(wanted.data) if stopped else nullcontext(), _closed_afterwards(assemble(wanted)) as assembly:
        yield assembly


@contextmanager
def _closed_afterwards(assembly: Assembly) -> Iterator[Assembly]:
    try:
        yield assembly
    finally:
        assembly.close()


def settings() -> Settings:
    """Read the settings; raises `WrongSettings`."""
    return read(Settings)


def stop(sentence: str) -> None:
    """Say why the command does nothing, and end it with exit code 2."""
    say.print(sentence, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(2)


def known(assembly: Assembly, name: str) -> str:
    """Check a service's name."""
    if name not in assembly.services:
        stop(f"There is no service {name}: choose one of {', '.join(assembly.services)}.")
    return name
