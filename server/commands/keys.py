"""Keys for the HTTP server: make, list, revoke."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Keys for the HTTP server. They are kept as hashes and shown once."
)

_FILE = Path("keys.json")
File = Annotated[Path, typer.Option("--file", "-f", help="The file that the setting keys_file names.")]


@app.command()
def create(
    scope: Annotated[list[str], typer.Option(help="synthesis, jobs or admin; repeat for more.")],
    name: Annotated[str, typer.Option(help="Whose it is, for the list.")] = "",
    file: File = _FILE,
) -> None:
    """Make a key and print it, this once; the server takes it from its next request on.

    Examples:
      vocoder keys create --scope synthesis --name "the phone app"
      vocoder keys create --scope synthesis --scope jobs --file /etc/vocoder/keys.json
    """
    from server.keys import KeyFile, Scope
    from vocoder.errors import ConfigError

    unknown = [item for item in scope if item not in list(Scope)]
    if unknown:
        raise ConfigError(f"--scope {unknown[0]}: choose from {', '.join(Scope)}")
    typer.echo(KeyFile(file).create(name, map(Scope, scope)))


@app.command("list")
def list_(file: File = _FILE) -> None:
    """Which keys there are, without their secrets."""
    from server.keys import KeyFile
    from vocoder.errors import InputError

    remedy = f"make a key with vocoder keys create --file {file} --scope synthesis"
    if not file.exists():
        raise InputError(f"there is no file {file}: {remedy}")
    keys = KeyFile(file).keys()
    if not keys:
        typer.echo(f"there are no keys in {file}: {remedy}", err=True)
    for key in keys.values():
        typer.echo(f"{key.id}  {key.created:%Y-%m-%d}  {','.join(key.scopes):<20}  {key.name}")


@app.command()
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")], file: File = _FILE
) -> None:
    """Take a key back; the server refuses it from its next request on."""
    from server.keys import KeyFile

    KeyFile(file).revoke(identity)
