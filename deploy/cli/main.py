"""The `frontdoor` command: the product's own hands for those who run it."""

from pathlib import Path
from typing import Annotated

import typer

from cli.erasures import erasures
from cli.opening import known, opened, say, settings, stop
from cli.parked import parked
from frontdoor.events import EVENTS
from frontdoor.service import data_folder
from frontdoor.settings import only_one

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Front Door: run it, look after it, prove it.")
app.add_typer(parked, name="parked")
app.add_typer(erasures, name="erasures")

ServiceName = Annotated[str, typer.Argument(help="One of the five services, such as triage-panel.")]
SERVICES = sorted({kind.source for kind in EVENTS.values()})


@app.command()
def run() -> None:
    """Serve the whole product from this one process."""
    from cli.serve import serve

    wanted = settings()
    if wanted.is_composed:
        stop("Each service runs by itself here, as in `docker compose up`; `frontdoor run` serves a data folder.")
    serve(wanted, say)


@app.command()
def seed(
    children: Annotated[int, typer.Option(help="How many invented children.")] = 60,
    number: Annotated[int, typer.Option("--seed", help="Another number makes other children.")] = 1,
) -> None:
    """Fill an empty product with an invented area's term: a data folder, or every service's database."""
    from cli.seed import AlreadyFilled, plant

    wanted = settings()
    try:
        if wanted.is_composed:
            from cli import set_up as setting_up
            from cli.composed import must_not_run

            must_not_run(wanted, SERVICES)
            setting_up.fill_anew(wanted, say, children, number)
        else:
            with only_one(data_folder(wanted.data)):
                plant(wanted, children, number, say)
    except AlreadyFilled as filled:
        say.print(str(filled), style="red")
        raise typer.Exit(1) from None


@app.command("set-up")
def set_up() -> None:
    """Make the installation's secrets and, at the very first start, fill it as FRONTDOOR_SEED says. Again: nothing."""
    from cli.set_up import set_up as make_ready

    make_ready(settings(), say)


@app.command()
def simulate(
    area: Annotated[str, typer.Option(help="county: one authority's year; england: a sample of the whole country's.")],
    speed: Annotated[str, typer.Option(help="max, or days of the year a second.")] = "max",
    referrals: Annotated[int | None, typer.Option(help="How many (county: 13,072; england: 100,000).", min=1)] = None,
    days: Annotated[int, typer.Option(help="How many days, from 1 September.", min=1, max=365)] = 365,
    number: Annotated[int, typer.Option("--seed", help="Another number makes another year.")] = 1,
    into: Annotated[Path, typer.Option(help="An empty or a new folder for its data.")] = Path("simulated"),
    report: Annotated[Path | None, typer.Option(help="Where the plot goes; else into that folder.")] = None,
    areas: Annotated[
        int | None, typer.Option(help="Front doors side by side (county: 1; england: one a core).", min=1)
    ] = None,
) -> None:
    """Live through an invented year at full speed, prove it, and say what England's would take."""
    from cli.simulate.run import BadWish, simulate, wish_of

    try:
        wish = wish_of(area, speed, referrals, days, number, into, report, areas)
        failed = simulate(settings(), wish, say)
    except BadWish as wrong:
        say.print(str(wrong), style="red")
        raise typer.Exit(2) from None
    raise typer.Exit(1 if failed else 0)


@app.command()
def verify(
    journal: Annotated[Path | None, typer.Option(help="References that were given out, one a line.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds in which what is on its way must arrive.")] = 0.0,
) -> None:
    """Prove from the logs and tables that nothing is lost, doubled or half done; read only."""
    from cli.verify import verify as prove

    with opened() as assembly:
        failed = prove(assembly, say, journal, wait)
    raise typer.Exit(1 if failed else 0)


@app.command()
def rebuild(
    service: ServiceName,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit 1 where they differ.")] = False,
) -> None:
    """Build a service's derived tables again from its log, compare, and swap."""
    from cli import rebuild as building

    with opened() as assembly:
        found = (building.compare if check else building.rebuild)(assembly, known(assembly, service))
    for comparison in found:
        say.print(f"{comparison.table}: {comparison.rows} rows, {comparison.different} different")
    different = sum(comparison.different for comparison in found)
    say.print("identical" if not different else "different" if check else "different: rebuilt")
    raise typer.Exit(1 if check and different else 0)


@app.command()
def replay(
    service: ServiceName,
    since: Annotated[int, typer.Option("--from", help="The log id to begin with.")] = 1,
    stream: Annotated[str | None, typer.Option(help="Only this stream.")] = None,
    into: Annotated[str | None, typer.Option(help="Only to this service.")] = None,
    types: Annotated[str | None, typer.Option(help="With --into: run its handlers on these types, by comma.")] = None,
    twice: Annotated[bool, typer.Option("--twice", help="Each event twice.")] = False,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="In another order.")] = False,
) -> None:
    """Say a service's events to its hearers again; they must change nothing."""
    from cli.replay import Replay
    from cli.replay import replay as say_again

    chosen = frozenset(filter(None, (types or "").split(",")))
    if chosen and into is None:
        say.print("--types needs --into: it runs the handlers of one service.", style="red")
        raise typer.Exit(2)
    with opened() as assembly:
        wanted = Replay(known(assembly, service), since, stream, into, chosen, twice=twice, shuffle=shuffle)
        handed = say_again(assembly, wanted)
    say.print(f"{handed} events handed over")


@app.command()
def republish(
    service: Annotated[str | None, typer.Argument(help="One of the five services; none: all of them.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream of the service.")] = None,
) -> None:
    """Say to Kafka again what stands in the logs: after it was lost, or a topic was; hearers skip what they know."""
    from cli import republish as saying

    if not settings().is_composed:
        stop("There is no Kafka here: each service reads the logs themselves. `frontdoor replay` says them again.")
    if stream and service is None:
        stop("A stream is a service's own: name the service too.")
    with opened() as assembly:
        names = [known(assembly, service)] if service else list(assembly.services)
        noted = sum(saying.republish(assembly.parts[name], stream) for name in names)
    say.print(f"{noted} events will be sent again.")


@app.command()
def due() -> None:
    """Do what is due now, once: standards that were missed, notices to send. A running product does so by itself."""
    with opened(stopped=SERVICES) as assembly:
        say.print(f"{assembly.chores.once()} done")


@app.command()
def restored(service: ServiceName) -> None:
    """Say that a service's database was put back from an older copy: a new epoch begins, and nothing is sent."""
    from notification import store as notices

    with opened(stopped=[service]) as assembly:
        parts = assembly.parts[known(assembly, service)]
        with parts.database.write() as session:
            number = parts.log.open_epoch(session, parts.clock())
        with assembly.parts["notification"].database.write() as session:
            notices.hold(session, assembly.area.id, parts.clock())
    say.print(f"{service} is in epoch {number}. No message is sent until you run: frontdoor release")


@app.command()
def release() -> None:
    """Let messages be sent again, after a restore."""
    from notification import store as notices

    with opened() as assembly, assembly.parts["notification"].database.write() as session:
        notices.release(session, assembly.area.id)
    say.print("Messages are sent again.")


@app.command()
def migrate() -> None:
    """Bring every service's tables to this release. Services do so for themselves when they start."""
    wanted = settings()
    if wanted.is_composed:
        from cli.set_up import migrate_all

        count = migrate_all(wanted)
    else:
        with opened() as assembly:
            count = len(assembly.services)
    say.print(f"The tables of {count} services are at this release.")


@app.command()
def revise(service: ServiceName, message: str) -> None:
    """Write the next migration of a service, from its tables as they are in the code."""
    from frontdoor.migrations import write_next

    if settings().is_composed:
        stop("Migrations are written in a working copy of the source, without FRONTDOOR_KAFKA.")
    with opened() as assembly:
        say.print(str(write_next(known(assembly, service), message)))


@app.command("documents")
def write_documents(folder: Annotated[Path, typer.Argument(help="Where to.")] = Path("docs/api")) -> None:
    """Write OpenAPI and AsyncAPI as files: what may be asked, and what is said."""
    from cli.documents import write

    for file in write(folder):
        say.print(str(file))


@app.command()
def allocate(
    instance: Annotated[Path, typer.Argument(help="A therapy-blocks/1 file, JSON, plain or gzipped.")],
    out: Annotated[Path, typer.Option(help="The result is written here.")],
    seconds: Annotated[float | None, typer.Option(help="Stop searching after this long.", min=0.0)] = None,
    seed: Annotated[int, typer.Option(help="Another number searches in another order.", min=0)] = 0,
    method: Annotated[str, typer.Option(help="plan, flow, priority or first-come.")] = "plan",
    order: Annotated[str | None, typer.Option(help="The levels by comma, most important first.")] = None,
    explain: Annotated[list[int] | None, typer.Option(help="Say why this request got what it got.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with pictures here.")] = None,
) -> None:
    """Find the best plan for a waiting list and the blocks that could be opened for it."""
    from cli.allocate import Asked, allocate

    asked = Asked(instance, out, seconds, seed, method, order, tuple(explain or ()), report)
    raise typer.Exit(allocate(asked, say))


def main() -> None:
    """Run the command line; what is in its way is said in a sentence, with exit code 2."""
    try:
        app()
    except Exception as wrong:
        from cli.trouble import sentence

        said = sentence(wrong)
        if said is None:
            raise
        say.print(said, style="red", markup=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
