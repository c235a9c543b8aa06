"""`frontdoor run`: set up, say what is being done, serve."""

from rich.console import Console

from all_in_one.assembly import Assembly, assemble
from all_in_one.settings import Settings
from cli.seed import is_empty, plant
from frontdoor import alone, failpoints
from frontdoor.logs import set_up_logs
from frontdoor.service import data_folder
from frontdoor.settings import only_one


def serve(settings: Settings, say: Console) -> None:
    """Open or make the data folder, fill it where it is new, and serve until stopped."""
    set_up_logs(settings.log_level)
    if settings.failpoint:
        failpoints.arm_from(settings.failpoint)
    say.print(f"Opening the data in {settings.data} …")
    with only_one(data_folder(settings.data), wait=alone.GRACE):
        if settings.seed == "sample" and is_empty(settings):
            plant(settings, say=say)
        _serve(settings, say)


def _serve(settings: Settings, say: Console) -> None:
    assembly = assemble(settings)
    _greet(settings, say, assembly)
    alone.serve(assembly.application(), settings)


def _greet(settings: Settings, say: Console, assembly: Assembly) -> None:
    say.print(f"Front Door, {assembly.area.name}: [bold]{settings.address}[/bold]")
    if settings.env == "demo":
        say.print(
            "Sign in as one of the sample people at /sign-in, or send Authorization: Bearer demo-senco", soft_wrap=True
        )
    say.print("Stop with Ctrl-C; the data stays.")
