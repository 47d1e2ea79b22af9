"""Start the HTTP server."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes any free one. [default: 8000]")] = None,
    device: Annotated[str | None, typer.Option(help="A torch device. [default: cpu]")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file of settings.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other setting; repeat for more."),
    ] = None,
) -> None:
    """Start the HTTP server, and print its address on standard output once it listens.

    Every setting is also a key of the YAML file and a variable VOCODER_<FIELD>; options win over variables,
    and those over the file. Ctrl-C ends it gracefully.

    Examples:
      vocoder serve
      vocoder serve --host 0.0.0.0 --port 80 --device cuda
      vocoder serve --config configs/server/default.yaml --set max_streams=32
      VOCODER_VOICES=~/my-voices VOCODER_MAX_SECONDS=600 vocoder serve
    """
    from server.app import create_app
    from server.listen import bind, make_server, url_of
    from server.settings import load_settings

    options = {"host": host, "port": port, "device": device}
    given = {name: value for name, value in options.items() if value is not None}
    loaded = load_settings(config, given | dict(map(_pair, settings or [])))
    app = create_app(loaded)
    with bind(loaded) as listener:
        typer.echo(url_of(listener))
        make_server(app, loaded).run(sockets=[listener])


def _pair(item: str) -> tuple[str, str]:
    from vocoder.errors import ConfigError

    name, equals, value = item.partition("=")
    if not equals:
        raise ConfigError(f"--set {item}: expected FIELD=VALUE, for example --set max_streams=32")
    return name, value
