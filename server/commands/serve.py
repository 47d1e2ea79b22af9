"""Start the HTTP server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from server.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes any free one. [default: 8000]")] = None,
    device: Annotated[str | None, typer.Option(help="A torch device. [default: cpu]")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file of settings.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other setting; repeat for more."),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Serve with Ray: the address of a cluster, or local to start one.")
    ] = None,
    min_replicas: Annotated[
        int | None, typer.Option(help="On a cluster, always. [default: 1]", min=1)
    ] = None,
    max_replicas: Annotated[
        int | None, typer.Option(help="On a cluster, under load. [default: 4]", min=1)
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
      vocoder serve --cluster local --min-replicas 2 --set workers=1
    """
    from server.app import create_app
    from server.listen import bind, make_server, url_of
    from server.settings import load_settings
    from vocoder.errors import ConfigError

    replicas = _given(min_replicas=min_replicas, max_replicas=max_replicas)
    if replicas and not cluster:
        option = "--" + next(iter(replicas)).replace("_", "-")
        raise ConfigError(f"{option} is of a cluster: add --cluster, or leave it out")
    options = _given(host=host, port=port, device=device)
    loaded = load_settings(config, options | dict(map(_pair, settings or [])))
    if cluster:
        _on_cluster(loaded, cluster, replicas)
        return
    app = create_app(loaded)
    with bind(loaded) as listener:
        typer.echo(url_of(listener))
        make_server(app, loaded).run(sockets=[listener])


def _on_cluster(settings: "Settings", address: str, replicas: dict[str, int]) -> None:
    """Until Ctrl-C or SIGTERM, both of which take the application off the cluster."""
    import signal
    import threading

    from server import cluster

    typer.echo(cluster.start(settings, address, replicas))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    cluster.stop()


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _pair(item: str) -> tuple[str, str]:
    from vocoder.errors import ConfigError

    name, equals, value = item.partition("=")
    if not equals:
        raise ConfigError(f"--set {item}: expected FIELD=VALUE, for example --set max_streams=32")
    return name, value
