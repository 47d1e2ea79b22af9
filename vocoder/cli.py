"""The command `vocoder`; its subcommands are the entry points "vocoder.commands" of all packages."""

import ast
import importlib.util
import inspect
from functools import cache
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vocoder.errors import InputError, VocoderError

GROUP = "vocoder.commands"


@cache
def commands() -> dict[str, EntryPoint]:
    """The entry points by name; their modules are not imported."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


class Commands(TyperGroup):
    """Imports a command when it is used, and turns the project's errors into one line and an exit status.

    Status 2: the input, an option or a file does not fit. 1: anything else that is known to go wrong, and
    what the operating system refuses: a folder that cannot be written to, a server that does not answer.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return list(commands())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in commands():
            return None
        return _load(commands()[cmd_name])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.commands = dict.fromkeys(commands())  # type: ignore[assignment] # names for "did you mean"
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(point)) for name, point in commands().items()])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except VocoderError as error:
            typer.echo(f"vocoder: {error}", err=True)
            raise typer.Exit(2 if isinstance(error, InputError) else 1) from None
        except BrokenPipeError:
            raise  # who reads our output has enough of it
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            typer.echo(f"vocoder: {where}{error.strerror or error}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=Commands, name="vocoder", rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
)


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"vocoder {version('vocoder')}")
        raise typer.Exit
    return wanted


@app.callback(no_args_is_help=True)
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Mel-spectrogram in, speech out: neural vocoding with normalizing flows."""


def main() -> None:
    app()


def _load(point: EntryPoint) -> Any:
    """The command behind an entry point, which names a `typer.Typer` or a plain function."""
    try:
        target = point.load()
    except (ImportError, AttributeError) as error:
        raise VocoderError(
            f"the command {point.name!r} ({point.value}) cannot be loaded: {error}{_shadowed(point)}"
        ) from error
    parent = typer.Typer(rich_markup_mode=None)
    if isinstance(target, typer.Typer):
        parent.add_typer(target, name=point.name)
    else:
        parent.command(point.name)(target)
    return _keep_examples(typer.main.get_group(parent).commands[point.name])


def _shadowed(point: EntryPoint) -> str:
    """What lies in the way, where a package of another's has the name of ours: training, server."""
    top = point.module.partition(".")[0]
    spec = importlib.util.find_spec(top)
    found = [*(spec.submodule_search_locations or [])] if spec else []
    home = Path(__file__).parents[1]
    if not found or any(Path(place).parent.resolve() == home for place in found):
        return ""
    return f". {found[0]} lies in the way of vocoder's own {top!r}: run in another folder, or rename that one"


def _keep_examples(command: Any) -> Any:
    """Mark paragraphs of the help with indented lines, the examples, so that these are not run together."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    command.help = "\n\n".join(f"\b\n{text}" if "\n " in text else text for text in paragraphs)
    for inner in getattr(command, "commands", {}).values():
        _keep_examples(inner)
    return command


def _summary(point: EntryPoint) -> str:
    """The first line of the module's docstring, read without importing it."""
    try:
        spec = importlib.util.find_spec(point.module)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        return f"(cannot be loaded: there is no module {point.module})"
    return (ast.get_docstring(ast.parse(Path(spec.origin).read_text())) or "").partition("\n")[0]
