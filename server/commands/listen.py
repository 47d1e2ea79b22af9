"""Let people listen: a MOS and a MUSHRA test of voices, blind, on a page."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

FOLDER = Path("out/listening")
PORT = 8010
To = Annotated[Path, typer.Option("--to", help="Folder of the test: its sounds and its answers.")]


class _Listen(TyperGroup):
    """`vocoder listen MANIFEST …` is `vocoder listen serve MANIFEST …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_Listen, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Let people listen: a MOS and a MUSHRA test of voices, blind, on a page.

    Example:
      vocoder listen recordings/valid.txt --voice student --voice teacher
      vocoder listen report
    """


@app.command()
def serve(
    manifest: Annotated[Path, typer.Argument(help="A list of recordings, one path a line.")],
    voice: Annotated[list[str] | None, typer.Option(help="A name or a checkpoint; repeat for more.")] = None,
    baseline: Annotated[list[str] | None, typer.Option(help="griffin-lim.")] = None,
    test: Annotated[
        list[str] | None, typer.Option(help="mos or mushra; repeat for both, in that order. [default: both]")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first recordings of the list.", min=1)] = None,
    mid_anchor: Annotated[
        bool, typer.Option("--mid-anchor", help="The 7 kHz anchor, too, in MUSHRA.")
    ] = False,
    title: Annotated[str, typer.Option(help="On the page.")] = "Listening test",
    seed: Annotated[int, typer.Option(help="Of the orders that listeners are given.", min=0)] = 0,
    to: To = FOLDER,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others can take part at 0.0.0.0.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any free one.", min=0, max=65535)] = PORT,
) -> None:
    """Make the sounds, serve the page, and print its address. The same command goes on with the same test.

    Recordings beside what the voices make of their mels: one loudness, one length, random order, no names.

    Example:
      vocoder listen recordings/valid.txt --voice student --voice teacher --baseline griffin-lim --limit 10
    """
    import uvicorn

    from server.listen import bind, url_of
    from server.listening.app import create_app
    from server.listening.prepared import prepare_test
    from server.logs import log_config
    from server.settings import Settings
    from vocoder.commands.console import progress
    from vocoder.evaluation import read_manifest

    kinds = _kinds(test)
    clips = read_manifest(manifest)[:limit]
    with progress("making the sounds", len(clips)) as advance:
        prepare_test(
            to,
            clips,
            voice or [],
            baseline or [],
            title=title,
            kinds=kinds,
            mid_anchor=mid_anchor,
            seed=seed,
            advance=advance,
        )
    service = create_app(to)
    config = uvicorn.Config(service, log_config=log_config("text"), access_log=False, server_header=False)
    with bind(Settings(host=host, port=port)) as listener:
        typer.echo(url_of(listener))
        uvicorn.Server(config).run(sockets=[listener])


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Of the test.")] = FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not the tables.")] = False,
    csv: Annotated[Path | None, typer.Option(help="A file for every rating, a line each.")] = None,
) -> None:
    """What listeners said so far: MOS with 95 % intervals, MUSHRA by medians, who was left out and why.

    Example:
      vocoder listen report out/listening --csv ratings.csv
    """
    from rich.console import Console

    from server.listening.definition import read_test
    from server.listening.report import to_csv, to_json, to_tables
    from server.listening.store import Store
    from vocoder.commands.console import print_json, write_output

    test = read_test(folder)
    ratings = Store(folder).ratings()
    if csv is not None:
        write_output(str(csv), [to_csv(ratings).encode()])
    result = to_json(test, ratings)
    if as_json:
        print_json(result)
        return
    for table in to_tables(result):
        Console().print(table)
    for each in result.get("left_out", []):
        name = each["name"] or f"listener {each['listener'] + 1}"
        typer.echo(f"left out of MUSHRA: {name}: {each['reason']}")
    typer.echo(f"{result['listeners']} listeners, {len(ratings)} ratings")


def _kinds(names: list[str] | None) -> list[Any]:
    from server.listening.definition import Kind
    from vocoder.errors import InputError

    unknown = [name for name in names or [] if name not in list(Kind)]
    if unknown:
        raise InputError(f"--test {unknown[0]}: choose from {', '.join(Kind)}")
    return [kind for kind in Kind if not names or kind in names]
